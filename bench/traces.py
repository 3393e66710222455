"""Traces: one durable 1 KB trace in each POST, beside PostgreSQL committing rows of that size.

PostgreSQL (its defaults: fsync and synchronous_commit on) is started for the measurement in a
cluster of its own, on the same file system, and ended again. Both run in turns, so that a disk that
changes its mind meets both.
"""

import contextlib
import json
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile

import processes
from processes import HERE, ROOT, Failed

SECONDS = 4
CONNECTIONS = 64
POSTGRES_CLIENTS = 16
POSTGRES = pathlib.Path("/usr/lib/postgresql/15/bin")
BAR = 1.5
LISTED = 50

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


def traces_a_second(server, key, platform):
    done = subprocess.run(
        ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{SECONDS}s", "-s", HERE / "traces.lua",
         f"http://127.0.0.1:{server.port}/", "--", key, platform], check=True,
        capture_output=True, text=True, timeout=60, stdin=subprocess.DEVNULL)
    told = json.loads(done.stdout.splitlines()[-1])
    if told["status"] or told["socket"]:
        raise Failed(f"traces were refused: {told}")
    return told["requests"] / told["microseconds"] * 1e6, told


def resident_bytes(server):
    status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


def traces(bench, Row):
    """The rows of the table."""
    sys.path.insert(0, str(ROOT / "tests/support"))
    os.environ["KEYWRIGHT_BIN"] = str(processes.Keywright.binary)
    from keywright import Server
    folder = pathlib.Path(tempfile.mkdtemp(prefix="traces-", dir=bench.scratch))
    server = Server(folder / "data")
    try:
        server.set_up()
        server.serve()
        owner = server.sign_in()
        project = owner.create("projects", name="Bench")["id"]
        platform = owner.create(f"projects/{project}/platforms", name="p", type="http_api")["id"]
        key = owner.create_key("ingest", owner={"type": "project", "id": project})["key"]
        idle = resident_bytes(server)
        ours, theirs, loads = [], [], []
        with postgres(bench.scratch) as cluster:
            for _ in range(max(3, bench.rounds // 3)):
                theirs.append(commits_of_postgres(cluster))
                rate, load = traces_a_second(server, key, platform)
                ours.append(rate)
                loads.append(load)
        flooded = resident_bytes(server)
        ratio = statistics.median(a / b for a, b in zip(ours, theirs))
        yield Row("one trace a POST, ÷ PostgreSQL commits", f"{ratio:.2f}", f"≥ {BAR}",
                  ratio >= BAR,
                  f"{statistics.median(ours):,.0f} traces/s on {CONNECTIONS} connections, durable; "
                  f"PostgreSQL {statistics.median(theirs):,.0f} rows/s on {POSTGRES_CLIENTS}")
        yield Row("one trace a POST, p50 and p99, ms",
                  f"{statistics.median(x['p50'] for x in loads) / 1000:.1f}, "
                  f"{statistics.median(x['p99'] for x in loads) / 1000:.1f}")
        grown = (flooded - idle) / 2**20
        yield Row("memory under this load, MiB over idle", f"{grown:.0f}", "≤ 256", grown <= 256)
        client = server.client(key, "x-api-key")
        yield from listing(bench, Row, client, platform, sum(load["requests"] for load in loads))
    finally:
        server.discard()
        shutil.rmtree(folder, ignore_errors=True)


def listing(bench, Row, client, platform, stored):
    import time
    times = []
    for _ in range(50):
        began = time.perf_counter()
        client.get(f"/public/traces?platformId={platform}&limit={LISTED}").expect(200)
        times.append((time.perf_counter() - began) * 1000)
    middle = statistics.median(times)
    yield Row(f"the newest {LISTED} of a platform, ms", f"{middle:.1f}", "≤ 10", middle <= 10,
              f"of {stored:,} traces, HTTP included")
