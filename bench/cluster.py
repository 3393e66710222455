"""Several nodes on one PostgreSQL: revocations, creations, a check, a start, an idle node."""

import concurrent.futures
import contextlib
import http.client
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

from processes import ROOT, Exact, Failed, Keywright, get, wrk

sys.path.insert(0, str(ROOT / "tests" / "support"))

NODES = 3
REVOCATIONS = 300
CREATING_CLIENTS = 30  # over all nodes
CREATING_SECONDS = 5
CHECKS = 16_000
CHECKING_CONNECTIONS = 16
IDLE_SECONDS = 10
PLAIN_SECONDS = 5


class Node(Keywright):
    """A node of the cluster: the store comes by the environment."""

    def __init__(self, data, url, **more):
        os.environ["KEYWRIGHT_STORE"] = url
        try:
            super().__init__(data, **more)
        finally:
            del os.environ["KEYWRIGHT_STORE"]


class Caller:
    """One connection with a session or a key."""

    def __init__(self, port, credential):
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        self.headers = {"Authorization": "Bearer " + credential,
                        "Content-Type": "application/json"}

    def post(self, path, body):
        self.connection.request("POST", "/api/v1" + path, json.dumps(body), self.headers)
        answer = self.connection.getresponse()
        text = answer.read()
        if answer.status // 100 != 2:
            raise Failed(f"{path}: {answer.status} {text[:300]!r}")
        return json.loads(text)


def sign_in(server, seed):
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)
    connection.request("POST", "/api/v1/session",
                       json.dumps({"email": seed.email, "password": seed.password,
                                   "transport": "bearer"}),
                       {"Content-Type": "application/json"})
    answer = connection.getresponse()
    made = json.loads(answer.read())
    connection.close()
    if answer.status != 200:
        raise Failed(f"sign-in: {made}")
    return made["token"]


@contextlib.contextmanager
def postgres_of(seed):
    """PostgreSQL with the keys of the seed, and its URL."""
    from postgres import Postgres
    started = Postgres.start()
    try:
        started.sql("ALTER SYSTEM SET shared_buffers = '512MB'")
        started.sql("ALTER SYSTEM SET max_wal_size = '8GB'")
        started.stop("fast")
        started.again()
        done = subprocess.run([str(Keywright.binary), "migrate", "--data", str(seed.data),
                               "--from", "sqlite", "--to", "postgres"], text=True,
                              capture_output=True, timeout=1800, check=False,
                              env={**os.environ, "KEYWRIGHT_STORE": started.url})
        if done.returncode != 0:
            raise Failed(f"migrate: {done.stderr[-500:]}")
        started.sql("VACUUM ANALYZE")
        yield started
    finally:
        started.remove()


@contextlib.contextmanager
def nodes_on(postgres, seed, count, cores=None):
    """So many nodes, each with a directory of its own."""
    with contextlib.ExitStack() as stack:
        nodes = []
        for _ in range(count):
            data = pathlib.Path(tempfile.mkdtemp(prefix="keywright-bench-node-"))
            stack.callback(shutil.rmtree, data, ignore_errors=True)
            shutil.copy(seed.data / "digest.key", data / "digest.key")
            nodes.append(stack.enter_context(Node(data, postgres.url, threads=1, cores=cores)))
        yield nodes


def revocations(nodes, seed, count):
    """Milliseconds of each, as the caller sees it. Made here, revoked there."""
    callers = [Caller(node.port, sign_in(node, seed)) for node in nodes]
    took = []
    for number in range(count):
        key = callers[number % NODES].post("/keys", {"kind": "access", "name": f"bench {number}"})
        started = time.monotonic()
        done = callers[(number + 1) % NODES].post(f"/keys/{key['id']}/revoke", {})
        took.append((time.monotonic() - started) * 1000)
        if done["effective_on"]["nodes"] != NODES:
            raise Failed(f"only {done['effective_on']}")
    return took


def plain_commits(postgres):
    """Single rows, each committed by itself, over as many connections. Rows a second."""
    postgres.sql("CREATE TABLE plain (id bigserial PRIMARY KEY, body text NOT NULL)")
    bin_folder = sorted(pathlib.Path("/usr/lib/postgresql").glob("*/bin"))[-1]
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write("INSERT INTO plain (body) VALUES (repeat('x', 500));\n")
        script.flush()
        done = subprocess.run([str(bin_folder / "pgbench"), "-n", "-M", "prepared", "-c", "1",
                               "-T", str(PLAIN_SECONDS), "-f", script.name, postgres.url],
                              text=True, capture_output=True, timeout=120, check=False)
    postgres.sql("DROP TABLE plain")
    for line in done.stdout.splitlines():
        if line.startswith("tps = "):
            return float(line.split()[2])
    raise Failed(f"pgbench: {done.stdout[-300:]}{done.stderr[-300:]}")


def creations(nodes, seed, seconds):
    """Keys a second, over all nodes at once: one wrk for each node."""
    with concurrent.futures.ThreadPoolExecutor(NODES) as pool:
        loads = [pool.submit(wrk, node, "create", seed.keyspace_id, seed.writer,
                             CREATING_CLIENTS // NODES, seconds) for node in nodes]
        return sum(load.result().rate for load in loads)


def transactions(postgres):
    """That the database has ended so far, this question's included."""
    time.sleep(1.2)  # until sessions have told
    return int(postgres.sql("SELECT xact_commit + xact_rollback FROM pg_stat_database WHERE "
                            "datname = current_database()")[0][0])


def connections(postgres):
    return int(postgres.sql("SELECT count(*) FROM pg_stat_activity WHERE application_name = "
                            "'keywright'")[0][0])


def cpu_of_a_check(server, load, rounds):
    before = server.cpu_nanoseconds()
    done = load.run(rounds)
    return (server.cpu_nanoseconds() - before) / done


def checks(bench, postgres, seed):
    """CPU of a check on a node and on SQLite, slices in turn; and what the database saw of it."""
    tokens = seed.tokens()[:2_000]
    rounds = CHECKS // CHECKING_CONNECTIONS // 2
    ratios, seen = [], 0
    with nodes_on(postgres, seed, 1, cores="0") as (node,), bench.copy_of(seed) as data, \
            Keywright(data, threads=1, cores="0") as alone:
        loads = {server: Exact(server.port, seed.verifier, tokens, CHECKING_CONNECTIONS)
                 for server in (node, alone)}
        for number in range(bench.rounds + 1):
            cpu = {}
            for server in (node, alone) if number % 2 else (alone, node):
                cpu[server] = cpu_of_a_check(server, loads[server], rounds)
            if number:
                ratios.append(cpu[node] / cpu[alone])
        idle_from = transactions(postgres)
        began = time.monotonic()
        time.sleep(3)
        idle = (transactions(postgres) - idle_from) / (time.monotonic() - began)
        busy_from = transactions(postgres)
        began = time.monotonic()
        checked = 0
        while time.monotonic() - began < 3:
            checked += loads[node].run(50)
        busy = transactions(postgres) - busy_from - idle * (time.monotonic() - began)
        seen = max(0.0, busy) / checked
        for load in loads.values():
            load.close()
    return ratios, seen, checked


def cluster(bench, row):
    """bench/cluster.py: three nodes and PostgreSQL on this machine."""
    small = bench.seed(min(bench.keys, 10_000))
    with postgres_of(small) as postgres:
        with nodes_on(postgres, small, NODES) as nodes:
            took = sorted(revocations(nodes, small, 60 if bench.quick else REVOCATIONS))
            middle, worst = statistics.median(took), took[int(len(took) * 0.99)]
            yield row("revoke, 3 nodes, until all have applied, p50 ms", f"{middle:.1f}", "≤ 15",
                      middle <= 15, f"{len(took)} revocations, keys made on another node")
            yield row("revoke, 3 nodes, p99 ms", f"{worst:.0f}", "≤ 250", worst <= 250)
            plain = plain_commits(postgres)
            rate = creations(nodes, small, 2 if bench.quick else CREATING_SECONDS)
            yield row("creations over 3 nodes ÷ plain commits", f"{rate / plain:.2f}", "≥ 0.5",
                      rate >= 0.5 * plain,
                      f"{rate:,.0f} keys/s by {CREATING_CLIENTS} clients; pgbench {plain:,.0f} "
                      "single-row commits a second on one connection")
            most = connections(postgres) / NODES
            yield row("connections of a node under load", f"{most:.1f}", "≤ 8", most <= 8)
            time.sleep(IDLE_SECONDS + 2)  # an idle session tells what it did within 10 s
            before, began = transactions(postgres), time.monotonic()
            time.sleep(IDLE_SECONDS)
            each = (transactions(postgres) - before) / (time.monotonic() - began) / NODES
            yield row("transactions of an idle node a second", f"{each:.1f}", "≤ 8", each <= 8,
                      "pg_stat_database")
        ratios, seen, checked = checks(bench, postgres, small)
        middle = statistics.median(ratios)
        yield row("verify on a node ÷ on SQLite, CPU", f"{middle:.3f}", "≤ 1.05", middle <= 1.05)
        yield row("verify on a node, database queries a check", f"{seen:.5f}", "0", seen < 0.001,
                  f"{checked:,} checks, beside what an idle node asks")
    seed = bench.seed(bench.keys)
    with postgres_of(seed) as postgres:
        seconds = []
        for _ in range(2 if bench.quick else 4):
            with nodes_on(postgres, seed, 1) as (node,):
                seconds.append(node.ready_seconds)
                get(node.port, "/readyz")
        middle = statistics.median(seconds)
        yield row("cold start of a node from PostgreSQL, s",
                  f"{middle:.2f} (max {max(seconds):.2f})", "≤ 10", middle <= 10,
                  f"{bench.keys:,} keys")
