#!/usr/bin/env python3
"""How large an installation has to be: the model of docs/operating/sizing.md.

    tools/sizing.py --nodes 3 --keys 10000000 --checks 20000 --changes 5
    tools/sizing.py --tables          # the tables of the page, which a test compares

The constants were measured: those of a check, of memory and of a start in bench/RESULTS.md, those
of the database on PostgreSQL 15 with tests/integration/test_sizing.py, which measures them again.
They are the measured values rounded up, on the machine that RESULTS.md names. Everything else
follows.
"""

import argparse
import math

# A node.
BASE_MEMORY_BYTES = 36e6
MEMORY_BYTES_A_KEY = 240       # each key used once; keys that were never used need 40 fewer
CHECK_SECONDS = 7.5e-6         # of one core, HTTP/1.1, keep-alive
CHECK_SECONDS_HTTP2 = 3.5e-6   # many streams on a connection
CHECK_SECONDS_BATCH = 1.0e-6   # a key of verify-batch
SQLITE_START_SECONDS_A_KEY = 1.9e-6
POSTGRES_START_SECONDS_A_KEY = 5e-6
SQLITE_BYTES_A_KEY = 520
POSTGRES_BYTES_A_KEY = 900

# The database. A turn is one commit of the log: up to 512 changes that came together.
IDLE_STATEMENTS_A_NODE = 6.5   # a second
TURN_STATEMENTS = 6            # of the node that makes the change
TURN_STATEMENTS_A_NODE = 6.5   # of each node that follows, itself included
TURN_LOG_BYTES = 2100          # write-ahead log
TURN_LOG_BYTES_A_NODE = 160
CHANGES_A_TURN_MAX = 512
CONNECTIONS_A_NODE = 7         # at most; 2 or 3 when idle
# What PostgreSQL is trusted with here: small statements a second. A machine with two cores, shared
# with its clients, committed 12,600 single rows a second (bench/RESULTS.md has the like).
DATABASE_STATEMENTS = 10_000
CONNECTIONS_MAX = 800

STALENESS_MARGIN_SECONDS = 0.5


def memory(keys):
    return BASE_MEMORY_BYTES + MEMORY_BYTES_A_KEY * keys


def idle_statements(nodes):
    return IDLE_STATEMENTS_A_NODE * nodes


def statements_a_turn(nodes):
    return TURN_STATEMENTS + TURN_STATEMENTS_A_NODE * nodes


def turns_max(nodes):
    """Turns a second that leave the database within what it is trusted with."""
    return max(0.0, (DATABASE_STATEMENTS - idle_statements(nodes)) / statements_a_turn(nodes))


def is_within(nodes):
    return turns_max(nodes) >= 10 and CONNECTIONS_A_NODE * nodes <= CONNECTIONS_MAX


def rounded(value):
    """Two digits that count, with a comma for thousands."""
    if value == 0:
        return "0"
    digits = max(0, 1 - int(math.floor(math.log10(abs(value)))))
    step = 10 ** (int(math.floor(math.log10(abs(value)))) - 1)
    return f"{round(value / step) * step:,.{digits}f}" if value >= 1 else f"{value:.2g}"


def in_bytes(value):
    for unit, size in (("TB", 1e12), ("GB", 1e9), ("MB", 1e6)):
        if value >= size:
            return f"{rounded(value / size)} {unit}"
    return f"{rounded(value / 1e3)} kB"


def in_time(seconds):
    if seconds < 120:
        return f"{rounded(seconds)} s"
    return f"{rounded(seconds / 60)} min" if seconds < 7200 else f"{rounded(seconds / 3600)} h"


def row(*cells):
    return "| " + " | ".join(cells) + " |"


def keys_table():
    yield row("keys", "memory of each node", "SQLite file", "start", "tables in PostgreSQL",
              "start")
    yield row("---", "---", "---", "---", "---", "---")
    for keys in (100_000, 1_000_000, 10_000_000, 100_000_000, 1_000_000_000):
        yield row(f"{keys:,}", in_bytes(memory(keys)), in_bytes(SQLITE_BYTES_A_KEY * keys),
                  in_time(SQLITE_START_SECONDS_A_KEY * keys),
                  in_bytes(POSTGRES_BYTES_A_KEY * keys),
                  in_time(POSTGRES_START_SECONDS_A_KEY * keys))


def nodes_table():
    yield row("nodes", "statements a second, idle", "statements a turn",
              "turns a second within 10,000", "log a turn", "connections", "")
    yield row("---", "---", "---", "---", "---", "---", "---")
    for nodes in (1, 3, 10, 30, 100, 300, 1000):
        verdict = "" if is_within(nodes) else "divide"
        yield row(f"{nodes:,}", rounded(idle_statements(nodes)),
                  rounded(statements_a_turn(nodes)), rounded(turns_max(nodes)),
                  in_bytes(TURN_LOG_BYTES + TURN_LOG_BYTES_A_NODE * nodes),
                  f"≤ {CONNECTIONS_A_NODE * nodes:,}", verdict)


def checks_table():
    yield row("checks a second", "HTTP/1.1", "HTTP/2", "`verify-batch`")
    yield row("---", "---", "---", "---")
    for checks in (1_000, 10_000, 100_000, 1_000_000):
        yield row(f"{checks:,}", *(f"{rounded(checks * each)} cores" for each in (
            CHECK_SECONDS, CHECK_SECONDS_HTTP2, CHECK_SECONDS_BATCH)))


TABLES = {"keys": keys_table, "nodes": nodes_table, "checks": checks_table}


def report(nodes, keys, checks, changes, max_staleness):
    turns = changes  # none that share a turn: the worst case
    statements = idle_statements(nodes) + turns * statements_a_turn(nodes)
    yield f"memory of each node      {in_bytes(memory(keys))}"
    yield f"cores for checks         {rounded(checks * CHECK_SECONDS)} in all, " \
          f"{rounded(checks * CHECK_SECONDS / nodes)} on each node"
    if nodes == 1:
        yield f"SQLite file              {in_bytes(SQLITE_BYTES_A_KEY * keys)}"
        yield f"start with SQLite        {in_time(SQLITE_START_SECONDS_A_KEY * keys)}"
    yield f"tables in PostgreSQL     {in_bytes(POSTGRES_BYTES_A_KEY * keys)}"
    yield f"start with PostgreSQL    {in_time(POSTGRES_START_SECONDS_A_KEY * keys)}"
    yield f"statements a second      {rounded(idle_statements(nodes))} idle, " \
          f"{rounded(statements)} with these changes one by one"
    yield f"changes a second         {rounded(turns_max(nodes))} one by one, more when they come " \
          f"together ({CHANGES_A_TURN_MAX} share a turn)"
    yield f"connections              at most {CONNECTIONS_A_NODE * nodes:,}"
    yield f"revocation, a node silent  at most {max_staleness + STALENESS_MARGIN_SECONDS:g} s, once"
    if not is_within(nodes) or statements > DATABASE_STATEMENTS:
        yield "too much for one PostgreSQL: divide by organizations, see docs/operating/sizing.md"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--nodes", type=int, default=1)
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--checks", type=float, default=1000, help="a second, all nodes")
    parser.add_argument("--changes", type=float, default=1, help="a second, all nodes")
    parser.add_argument("--max-staleness", type=float, default=5, help="seconds")
    parser.add_argument("--tables", action="store_true", help="the tables of the page")
    given = parser.parse_args()
    if given.tables:
        for name, table in TABLES.items():
            print(f"<!-- sizing: {name} -->", *table(), "", sep="\n")
    else:
        print(*report(given.nodes, given.keys, given.checks, given.changes, given.max_staleness),
              sep="\n")


if __name__ == "__main__":
    main()
