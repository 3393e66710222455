"""Traces: how fast they are stored, what a span costs, how much memory a flood takes, how fast
lists are.

One trace in each POST stands beside PostgreSQL committing rows of that size (its defaults: fsync
and synchronous_commit on), in a cluster of its own on the same file system; 100 spans in each POST
stand beside SQLite alone, with `synchronous=FULL`, batches of 1,000 and the store's own table of
spans. Both are measured on PostgreSQL, too, without a bar. What is compared runs in turns, so that
a disk that changes its mind meets both.
"""

import contextlib
import json
import os
import pathlib
import random
import shutil
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import processes
from processes import HERE, ROOT, Failed, on_cores

SECONDS = 4
CONNECTIONS = 64
POSTGRES_CLIENTS = 16
POSTGRES = pathlib.Path("/usr/lib/postgresql/15/bin")
BAR = 1.5
LISTED = 50
SPANS = 100  # in a batch
BATCH_BAR = 0.7
SPAN_MICROSECONDS = 15
PARSING_BAR = 0.15
FLOOD_SECONDS = 20
FLOOD_CONNECTIONS = 1024
MANY = 1_000_000
MANY_SECONDS = 240

INSERT = """\\set n random(1, 1000000000)
INSERT INTO traces (body) VALUES (:n || repeat('some words of a trace ', 45));
"""


def as_postgres(command):
    """PostgreSQL refuses to run as root."""
    return ["runuser", "-u", "postgres", "--", *map(str, command)] if os.geteuid() == 0 else \
        [str(part) for part in command]


@contextlib.contextmanager
def postgres(scratch):
    """A directory with a socket to a fresh cluster."""
    if not (POSTGRES / "initdb").exists():
        raise Failed("PostgreSQL 15 is not installed")
    folder = pathlib.Path(tempfile.mkdtemp(prefix="postgres-", dir=scratch))
    try:
        folder.chmod(0o755)
        if os.geteuid() == 0:
            shutil.chown(folder, "postgres")
        run = lambda *command: subprocess.run(as_postgres(command), check=True, timeout=120,
                                              cwd=folder, stdin=subprocess.DEVNULL,
                                              stdout=subprocess.DEVNULL)
        run(POSTGRES / "initdb", "-D", folder / "data", "-U", "bench", "--auth=trust")
        run(POSTGRES / "pg_ctl", "-D", folder / "data", "-w", "-l", folder / "log", "-o",
            f"-c listen_addresses='' -c unix_socket_directories={folder}", "start")
        try:
            run(POSTGRES / "psql", "-h", folder, "-U", "bench", "-d", "postgres", "-c",
                "CREATE TABLE traces (id bigserial PRIMARY KEY, body text NOT NULL)")
            run(POSTGRES / "createdb", "-h", folder, "-U", "bench", "keywright")
            script = folder / "insert.sql"
            script.write_text(INSERT)
            yield folder
        finally:
            run(POSTGRES / "pg_ctl", "-D", folder / "data", "-m", "fast", "-w", "stop")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def commits_of_postgres(folder):
    done = subprocess.run(
        as_postgres([POSTGRES / "pgbench", "-h", folder, "-U", "bench", "-n", "-M", "prepared",
                     "-c", POSTGRES_CLIENTS, "-j", 2, "-T", SECONDS, "-f", folder / "insert.sql",
                     "postgres"]), check=True, capture_output=True, text=True, timeout=60,
        cwd=folder, stdin=subprocess.DEVNULL)
    line = next(line for line in done.stdout.splitlines() if line.startswith("tps = "))
    return float(line.split()[2])


def load(server, *arguments, connections=CONNECTIONS, seconds=SECONDS, refused=False, cores=None):
    """What wrk tells of requests that traces.lua makes."""
    done = subprocess.run(
        on_cores(cores, ["wrk", "-t1", f"-c{connections}", f"-d{seconds}s", "--timeout", "30s",
                         "-s", HERE / "traces.lua", f"http://127.0.0.1:{server.port}/", "--",
                         *arguments]),
        check=True,
        capture_output=True, text=True, timeout=seconds + 60, stdin=subprocess.DEVNULL)
    told = json.loads(done.stdout.splitlines()[-1])
    if told["socket"] or (told["status"] and not refused):
        raise Failed(f"traces were refused: {told}")
    return told["requests"] / told["microseconds"] * 1e6, told


class Cpu:
    """What the server spends meanwhile."""

    def __init__(self, server):
        self.pid = server.process.pid

    def __enter__(self):
        self.before = processes.cpu_nanoseconds(self.pid)
        return self

    def __exit__(self, *_):
        self.microseconds = (processes.cpu_nanoseconds(self.pid) - self.before) / 1000


@contextlib.contextmanager
def on_core(server, core):
    """Every thread of the server on one core meanwhile, as nginx is."""
    everywhere = os.sched_getaffinity(0)
    tasks = pathlib.Path(f"/proc/{server.process.pid}/task")
    threads = [int(task.name) for task in tasks.iterdir()]
    for thread in threads:
        os.sched_setaffinity(thread, {core})
    try:
        yield
    finally:
        for thread in threads:
            os.sched_setaffinity(thread, everywhere)


TABLE = """
CREATE TABLE spans (
  id INTEGER PRIMARY KEY, trace INTEGER NOT NULL, span_id TEXT NOT NULL, start INTEGER NOT NULL,
  context INTEGER NOT NULL, size INTEGER NOT NULL, checksum INTEGER NOT NULL,
  compressed INTEGER NOT NULL, body BLOB NOT NULL, UNIQUE (trace, span_id)) STRICT;
"""


def rows_of_sqlite(scratch):
    """Rows a second of SQLite alone, 1 KB each."""
    folder = pathlib.Path(tempfile.mkdtemp(prefix="sqlite-", dir=scratch))
    try:
        database = sqlite3.connect(folder / "raw.db", isolation_level=None)
        database.executescript("PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;" + TABLE)
        bodies = [random.randbytes(512).hex().encode() for _ in range(1000)]
        rows, batch, began = 0, 0, time.perf_counter()
        while time.perf_counter() - began < SECONDS:
            database.execute("BEGIN")
            database.executemany(
                "INSERT INTO spans (trace, span_id, start, context, size, checksum, compressed, "
                "body) VALUES (?,?,?,?,?,?,?,?)",
                [(batch * 10 + i // SPANS, f"{i % SPANS:016x}", i, 1, 1024, 1, 0, body)
                 for i, body in enumerate(bodies)])
            database.execute("COMMIT")
            rows += len(bodies)
            batch += 1
        rate = rows / (time.perf_counter() - began)
        database.close()
        return rate
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def resident_bytes(server):
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


class Senders:
    """A server with a project, and keys of it; on PostgreSQL if it has the socket of one."""

    def __init__(self, bench, cluster=None):
        sys.path.insert(0, str(ROOT / "tests/support"))
        os.environ["KEYWRIGHT_BIN"] = str(processes.Keywright.binary)
        from keywright import Server
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="traces-", dir=bench.scratch))
        environment = {}
        if cluster:
            environment["KEYWRIGHT_STORE"] = f"postgres://bench@/keywright?host={cluster}"
        self.server = Server(self.folder / "data", environment=environment)
        self.server.set_up()
        self.server.serve()
        owner = self.server.sign_in()
        self.project = owner.create("projects", name="Bench")["id"]
        self.platform = owner.create(f"projects/{self.project}/platforms", name="p",
                                     type="http_api")["id"]
        make = lambda **fields: owner.create_key(
            "ingest", owner={"type": "project", "id": self.project}, **fields)["key"]
        self.everywhere = make()  # what names no platform is refused
        self.key = make(scope={"ids": [self.platform]})
        self.idle = resident_bytes(self.server)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.discard()
        shutil.rmtree(self.folder, ignore_errors=True)


def traces(bench, Row):
    """The rows of the table."""
    rounds = max(3, bench.rounds // 3)
    with Senders(bench) as senders:
        yield from single(bench, Row, senders, rounds)
        yield from batched(bench, Row, senders, rounds)
        yield from parsed(bench, Row, senders, rounds)
        yield from flooded(bench, Row, senders)
    with Senders(bench) as senders:
        yield from listing(bench, Row, senders)
    yield from on_postgres(bench, Row)


def single(bench, Row, senders, rounds):
    ours, theirs, loads = [], [], []
    with postgres(bench.scratch) as cluster:
        for _ in range(rounds):
            theirs.append(commits_of_postgres(cluster))
            rate, told = load(senders.server, "one", senders.everywhere, senders.platform)
            ours.append(rate)
            loads.append(told)
    ratio = statistics.median(a / b for a, b in zip(ours, theirs))
    yield Row("one trace a POST, ÷ PostgreSQL commits", f"{ratio:.2f}", f"≥ {BAR}", ratio >= BAR,
              f"aim 3; {statistics.median(ours):,.0f} traces/s on {CONNECTIONS} connections, "
              f"durable; PostgreSQL {statistics.median(theirs):,.0f} rows/s on {POSTGRES_CLIENTS}")
    yield Row("one trace a POST, p50 and p99, ms",
              f"{statistics.median(x['p50'] for x in loads) / 1000:.1f}, "
              f"{statistics.median(x['p99'] for x in loads) / 1000:.1f}")


def batched(bench, Row, senders, rounds):
    ours, theirs, costs = [], [], []
    for _ in range(rounds):
        theirs.append(rows_of_sqlite(bench.scratch))
        with Cpu(senders.server) as cpu:
            rate, told = load(senders.server, "batch", senders.key, connections=16)
        ours.append(rate * SPANS)
        costs.append(cpu.microseconds / told["requests"] / SPANS)
    ratio = statistics.median(a / b for a, b in zip(ours, theirs))
    yield Row("100 spans a POST, ÷ SQLite alone", f"{ratio:.2f}", f"≥ {BATCH_BAR}",
              ratio >= BATCH_BAR,
              f"{statistics.median(ours):,.0f} spans/s of 1 KB, durable; SQLite with "
              f"synchronous=FULL in batches of 1,000: {statistics.median(theirs):,.0f} rows/s")
    cost = statistics.median(costs)
    yield Row("a span of a batch, CPU µs", f"{cost:.1f}", f"≤ {SPAN_MICROSECONDS}",
              cost <= SPAN_MICROSECONDS, "all threads of the server")


def on_postgres(bench, Row):
    """The first two once more, as one node of a cluster stores them. No bar: both the server and
    PostgreSQL have two cores."""
    with postgres(bench.scratch) as cluster, Senders(bench, cluster) as senders:
        theirs = commits_of_postgres(cluster)
        rate, told = load(senders.server, "one", senders.everywhere, senders.platform)
        yield Row("one trace a POST on PostgreSQL, traces/s", f"{rate:,.0f}", "", None,
                  f"{CONNECTIONS} connections, durable, p99 {told['p99'] / 1000:.1f} ms; "
                  f"{theirs:,.0f} plain rows/s on {POSTGRES_CLIENTS}")
        with Cpu(senders.server) as cpu:
            rate, told = load(senders.server, "batch", senders.key, connections=16)
        yield Row("100 spans a POST on PostgreSQL, spans/s", f"{rate * SPANS:,.0f}", "", None,
                  f"1 KB each, durable; {cpu.microseconds / told['requests'] / SPANS:.1f} µs of "
                  "the server's CPU for each")


def parsed(bench, Row, senders, rounds):
    """Batches that no platform takes: they are read whole, routed, and refused. The server stands
    on core 0 as nginx does, the load on core 1."""
    costs, static = {"protobuf": [], "batch": []}, []
    with processes.Nginx(400, "0") as nginx, on_core(senders.server, 0):
        for _ in range(rounds):
            before = nginx.cpu_nanoseconds()
            done = subprocess.run(
                on_cores("1", ["wrk", "-t1", "-c64", "-d2s", f"http://127.0.0.1:{nginx.port}/"]),
                check=True, capture_output=True, text=True, timeout=60)
            requests = int(done.stdout.split(" requests in ")[0].split()[-1])
            static.append((nginx.cpu_nanoseconds() - before) / 1000 / requests)
            for form, values in costs.items():
                with Cpu(senders.server) as cpu:
                    _, told = load(senders.server, form, senders.everywhere, connections=16,
                                   seconds=2, refused=True, cores="1")
                values.append(cpu.microseconds / told["requests"] / SPANS)
    for form, name in (("protobuf", "protobuf"), ("batch", "JSON")):
        ratio = statistics.median(a / b for a, b in zip(costs[form], static))
        yield Row(f"accepting and parsing a span, {name}, ÷ nginx static 200", f"{ratio:.2f}",
                  f"≤ {PARSING_BAR}", ratio <= PARSING_BAR,
                  f"batches of 100 spans of 1 KB that no platform takes: "
                  f"{statistics.median(costs[form]):.2f} µs a span with HTTP and the key check, "
                  f"nginx {statistics.median(static):.2f} µs")


def flooded(bench, Row, senders):
    """Far more than is taken: 1,024 connections that send 100 KB each, all the time."""
    most, stop = [resident_bytes(senders.server)], threading.Event()

    def watch():
        while not stop.wait(0.1):
            most[0] = max(most[0], resident_bytes(senders.server))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        rate, told = load(senders.server, "batch", senders.key, connections=FLOOD_CONNECTIONS,
                          seconds=FLOOD_SECONDS, refused=True)
    finally:
        stop.set()
        watcher.join()
    grown = (most[0] - senders.idle) / 2**20
    refused = told["status"] / told["requests"]
    yield Row("memory under a flood, MiB over idle", f"{grown:.0f}", "≤ 256", grown <= 256,
              f"{FLOOD_SECONDS} s of {FLOOD_CONNECTIONS} connections with batches of 100 KB: "
              f"{rate:,.0f} requests/s, {refused:.0%} told to come again")


def stored(server):
    text = server.client().get("/metrics").expect(200).text
    return int(float(text.split("keywright_traces_stored_total ")[-1].split()[0]))


def listing(bench, Row, senders):
    wanted = MANY // 10 if bench.quick else MANY
    deadline = time.monotonic() + MANY_SECONDS
    while stored(senders.server) < wanted and time.monotonic() < deadline:
        load(senders.server, "many", senders.key, connections=8)
    client = senders.server.client(senders.everywhere, "x-api-key")
    path = f"/public/traces?platformId={senders.platform}&limit={LISTED}"
    times = []
    for _ in range(50):
        began = time.perf_counter()
        client.get(path).expect(200)
        times.append((time.perf_counter() - began) * 1000)
    middle = statistics.median(times)
    yield Row(f"the newest {LISTED} of a platform, ms", f"{middle:.1f}", "≤ 10", middle <= 10,
              f"of {stored(senders.server):,} traces, HTTP included")
