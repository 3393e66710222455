"""The measurements. Each takes the Bench (what to measure with) and yields Rows.

A Row is a bar, what was measured, and whether it is met; rows without a bar only inform. How each
number comes about stands beside it, and in the head of RESULTS.md.
"""

import contextlib
import http.client
import json
import os
import random
import sqlite3
import statistics
import subprocess
import time

import cluster
import gateway
import graphql
import ingest
import mcp
from counted import instructions, system_calls, system_calls_in
from processes import Failed, Keywright, Nginx, h2load, post, wrk
from rows import Row, quartiles, spread

CONNECTIONS = 64
SLICE_SECONDS = 1
BATCH_ITEMS = 1000
CREATING_CLIENTS = 32
A_A_RANGE = (0.9, 1.1)
H2_STREAMS = 100
H2_REQUESTS = 100_000  # about a second


# -- decide()


def decide(bench):
    """app::Directory in one process: bench/directory_bench.cc."""
    repetitions = 3 if bench.quick else 12
    result = bench.scratch / "directory_bench.json"
    subprocess.run([bench.directory_bench, f"--benchmark_repetitions={repetitions}",
                    "--benchmark_enable_random_interleaving=true", "--benchmark_min_time=0.2",
                    f"--benchmark_out={result}", "--benchmark_out_format=json"],
                   check=True, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, timeout=1200,
                   env={**os.environ, "KEYWRIGHT_BENCH_KEYS": str(bench.keys)})
    runs = {}
    for run in json.loads(result.read_text())["benchmarks"]:
        if run.get("run_type") == "iteration":
            if run.get("error_occurred"):
                raise Failed(f"{run['name']}: {run['error_message']}")
            runs.setdefault(run["run_name"], []).append(run)
    cpu = {name: [run["cpu_time"] for run in all_runs] for name, all_runs in runs.items()}
    middle = {name: statistics.median(values) for name, values in cpu.items()}
    hmac = middle["Hmac"]

    yield Row("decide(), random tokens, ns", spread(cpu["Decide"], 0), "≤ 600",
              middle["Decide"] <= 600, f"{bench.keys:,} keys, app::Directory")
    yield Row("decide() ÷ bare HMAC", f"{middle['Decide'] / hmac:.2f}", "≤ 4",
              middle["Decide"] <= 4 * hmac,
              f"HMAC {hmac:.0f} ns, SHA-256 and HMAC {middle['TokenDigest']:.0f} ns")
    yield Row("decide(), 64 hot keys, ns", spread(cpu["DecideHot"], 0))
    for counter, what in (("allocations", "allocations"), ("locks", "locks")):
        most = max(run[counter] for name, all_runs in runs.items() if name.startswith("Decide")
                   for run in all_runs)
        yield Row(f"decide(), {what}", f"{most:g}", "0", most == 0)
    for name, what in (("DecideUnknown", "unknown"), ("DecideMalformed", "malformed")):
        ratio = middle[name] / middle["Decide"]
        yield Row(f"decide(), {what} ÷ valid", f"{ratio:.2f}", "≤ 1.05", ratio <= 1.05,
                  f"{middle[name]:.0f} ns")
    rates = {threads: statistics.median(
        run["items_per_second"] for run in runs[f"DecideThreads/real_time/threads:{threads}"])
        for threads in (1, 2)}
    yield Row("decide(), two threads ÷ one", f"{rates[2] / rates[1]:.2f}", "≥ 1.8",
              rates[2] >= 1.8 * rates[1], f"{rates[2] / 1e6:.2f} M/s; needs two free cores")


# -- HTTP


def mean_body_bytes(server, seed):
    """Of the answers to random tokens; every one of them must be VALID."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    sizes = []
    for token in random.sample(seed.tokens(), 500):
        answer, size = post(connection, "/keys/verify", seed.verifier, {"key": token})
        if answer["code"] != "VALID":
            raise Failed(f"a good token was answered {answer['code']}")
        sizes.append(size)
    connection.close()
    return round(statistics.mean(sizes))


def slice_of(served, mode, source, credential, connections=CONNECTIONS, cores="1"):
    """CPU nanoseconds of the server for each answer, and what the load saw."""
    before = served.cpu_nanoseconds()
    load = wrk(served, mode, source, credential, connections, SLICE_SECONDS, cores)
    return (served.cpu_nanoseconds() - before) / load.requests, load


def verify(bench):
    """Server on core 0, wrk on core 1, slices of 1 s, nginx in every round, twice."""
    seed = bench.seed(bench.keys)
    with Keywright(seed.data, threads=1, cores="0") as server:
        body_bytes = mean_body_bytes(server, seed)
        use_every_key(server, seed, bench.keys)  # else each first use pays for a page of its own
        with Nginx(body_bytes, cores="0") as nginx:
            targets = {
                "nginx": lambda: slice_of(nginx, "verify", seed.file("tokens"), seed.verifier),
                "valid": lambda: slice_of(server, "verify", seed.file("tokens"), seed.verifier),
                "again": lambda: slice_of(nginx, "verify", seed.file("tokens"), seed.verifier),
                "unknown": lambda: slice_of(server, "verify", seed.file("unknown"),
                                            seed.verifier),
                "malformed": lambda: slice_of(server, "verify", seed.file("malformed"),
                                              seed.verifier),
            }
            cpu, loads = {name: [] for name in targets}, {name: [] for name in targets}
            for number in range(bench.rounds + 1):
                names = list(targets) if number % 2 else list(targets)[::-1]
                for name in names:
                    nanoseconds, load = targets[name]()
                    if number == 0:  # warm-up
                        continue
                    cpu[name].append(nanoseconds)
                    loads[name].append(load)

    def ratios(above, below):
        return [a / b for a, b in zip(cpu[above], cpu[below])]

    a_a = statistics.median(ratios("again", "nginx"))
    is_good = A_A_RANGE[0] <= a_a <= A_A_RANGE[1]
    yield Row("A/A: nginx ÷ nginx", spread(ratios("again", "nginx")), "0.9–1.1", is_good,
              "" if is_good else "outside: the ratios of this run are void")
    rate = statistics.median(load.rate for load in loads["valid"])
    p99 = statistics.median(load.p99_us for load in loads["valid"])
    replies = sum(load.requests for load in loads["valid"])
    ratio = statistics.median(ratios("valid", "nginx"))
    yield Row("verify, CPU ÷ nginx static 200", spread(ratios("valid", "nginx")), "≤ 1.5",
              ratio <= 1.5 if is_good else None,
              f"{bench.keys:,} keys, {body_bytes} body bytes, {bench.rounds} rounds, "
              f"{replies:,} replies counted on both sides, 0 not 2xx")
    yield Row("verify, CPU µs a request", spread([n / 1000 for n in cpu["valid"]]),
              note=f"nginx {spread([n / 1000 for n in cpu['nginx']])}; {rate:,.0f} requests/s, "
                   f"p99 {p99 / 1000:.1f} ms at {CONNECTIONS} connections")
    for name in ("unknown", "malformed"):
        low, middle, _ = quartiles(ratios(name, "valid"))
        yield Row(f"verify, {name} ÷ valid", spread(ratios(name, "valid")), "≤ 1.05",
                  low <= 1.05 if is_good else None,
                  "met when the lower quartile is" if middle > 1.05 >= low else "")


def h2(bench):
    """One connection with 100 streams, beside nginx answering HTTP/1.1 as for `verify`. h2load asks
    about one token in each slice, another one in the next."""
    seed = bench.seed(bench.keys)
    body = bench.scratch / "h2_body.json"
    with Keywright(seed.data, threads=1, cores="0") as server:
        body_bytes = mean_body_bytes(server, seed)
        use_every_key(server, seed, bench.keys)
        with Nginx(body_bytes, cores="0") as nginx:
            cpu, rates = {"nginx": [], "again": [], "h1": [], "h2": []}, []
            for number in range(bench.rounds + 1):
                body.write_text(json.dumps({"key": random.choice(seed.tokens())}))
                for name in list(cpu) if number % 2 else list(cpu)[::-1]:
                    served = nginx if name in ("nginx", "again") else server
                    before = served.cpu_nanoseconds()
                    if name == "h2":
                        seconds = h2load(served, "/api/v1/keys/verify", seed.verifier, body,
                                         H2_REQUESTS, H2_STREAMS, "1")
                        nanoseconds = (served.cpu_nanoseconds() - before) / H2_REQUESTS
                    else:
                        nanoseconds, _ = slice_of(served, "verify", seed.file("tokens"),
                                                  seed.verifier)
                    if number == 0:  # warm-up
                        continue
                    cpu[name].append(nanoseconds)
                    if name == "h2":
                        rates.append(H2_REQUESTS / seconds)

    def ratios(above, below):
        return [a / b for a, b in zip(cpu[above], cpu[below])]

    a_a = statistics.median(ratios("again", "nginx"))
    is_good = A_A_RANGE[0] <= a_a <= A_A_RANGE[1]
    yield Row("h2c: nginx ÷ nginx", spread(ratios("again", "nginx")), "0.9–1.1", is_good,
              "" if is_good else "outside: the ratio of this run is void")
    ratio = statistics.median(ratios("h2", "nginx"))
    yield Row("verify over h2c, CPU ÷ nginx static 200", spread(ratios("h2", "nginx")), "≤ 0.8",
              ratio <= 0.8 if is_good else None,
              f"aim 0.6; {H2_STREAMS} streams on one connection, one token a slice, nginx over "
              f"HTTP/1.1; {bench.keys:,} keys")
    yield Row("verify over h2c, CPU µs a request", spread([n / 1000 for n in cpu["h2"]]),
              note=f"HTTP/1.1 {spread([n / 1000 for n in cpu['h1']])}; "
                   f"{statistics.median(rates):,.0f} requests/s")


def batch(bench):
    """POST /keys/verify-batch with 1000 tokens each, 8 connections."""
    seed = bench.seed(bench.keys)
    each = []
    with Keywright(seed.data, threads=1, cores="0") as server:
        for number in range(bench.rounds + 1):
            nanoseconds, _ = slice_of(server, "batch", seed.file("tokens"), seed.verifier, 8)
            if number:
                each.append(nanoseconds / BATCH_ITEMS / 1000)
    yield Row("verify-batch of 1000, CPU µs a key", spread(each), "≤ 1",
              statistics.median(each) <= 1, f"{bench.keys:,} keys")


def scaling(bench):
    """One io thread and two on the same two cores, beside the load, slices in turn."""
    seed = bench.seed(min(bench.keys, 100_000))
    cores = "0,1"
    cpu, rates = {1: [], 2: []}, {1: [], 2: []}
    with bench.copy_of(seed) as second, \
            Keywright(seed.data, threads=1, cores=cores) as one, \
            Keywright(second, threads=2, cores=cores) as two:
        for number in range(bench.rounds + 1):
            order = ((1, one), (2, two)) if number % 2 else ((2, two), (1, one))
            for threads, server in order:
                nanoseconds, load = slice_of(server, "verify", seed.file("tokens"),
                                             seed.verifier, cores=cores)
                if number:
                    cpu[threads].append(nanoseconds)
                    rates[threads].append(load.rate)
    ratios = [b / a for a, b in zip(cpu[1], cpu[2])]
    yield Row("verify, CPU of 2 threads ÷ 1", spread(ratios), "≤ 1.15",
              statistics.median(ratios) <= 1.15, "100,000 keys")
    ratio = statistics.median(b / a for a, b in zip(rates[1], rates[2]))
    enough_cores = (os.cpu_count() or 1) >= 4
    yield Row("verify, throughput of 2 threads ÷ 1", f"{ratio:.2f}", "≥ 1.7",
              ratio >= 1.7 if enough_cores else None,
              "" if enough_cores else "no bar here: the load needs one of the two cores")


# -- Memory, start, creation


def use_every_key(server, seed, keys):
    """Verifies `keys` tokens once each, and checks that every one is good."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port)
    tokens = seed.tokens()
    for begin in range(0, keys, BATCH_ITEMS):
        items = [{"key": tokens[number % len(tokens)]}
                 for number in range(begin, begin + BATCH_ITEMS)]
        answer, _ = post(connection, "/keys/verify-batch", seed.verifier, {"items": items})
        if any(item["code"] != "VALID" for item in answer["items"]):
            raise Failed("a good token was refused")
    connection.close()


def memory(bench):
    """Resident memory with all keys minus the same with 10 keys, after each key was used once."""
    loaded, used, mapped = {}, {}, {}
    for keys in (10, bench.keys):
        seed = bench.seed(keys)
        with contextlib.suppress(FileNotFoundError):
            (seed.data / "usage.map").unlink()  # so that no page of it is in use yet
        with Keywright(seed.data, threads=1) as server:
            loaded[keys], _ = server.memory_bytes()
            use_every_key(server, seed, bench.keys)
            used[keys], mapped[keys] = server.memory_bytes()
    count = bench.keys - 10
    each = (used[bench.keys] - used[10]) / count
    at_start = (loaded[bench.keys] - loaded[10]) / count
    yield Row("memory, bytes a key", f"{each:.0f}", "≤ 250", each <= 250,
              f"{bench.keys:,} keys, each used once; of it "
              f"{(mapped[bench.keys] - mapped[10]) / count:.0f} in mapped files; "
              f"{at_start:.0f} right after the start; whole process "
              f"{used[bench.keys] / 1e6:.0f} MB, with 10 keys {used[10] / 1e6:.0f} MB")


def start(bench):
    """From spawn to "listening on"; the files are in the page cache."""
    seed = bench.seed(bench.keys)
    seconds, cpu = [], []
    for number in range(3 if bench.quick else 6):
        with Keywright(seed.data, threads=1) as server:
            if number:
                seconds.append(server.ready_seconds)
                cpu.append(server.cpu_nanoseconds() / 1e9)
    middle = statistics.median(seconds)
    yield Row("start, s", f"{middle:.2f} (max {max(seconds):.2f})", "≤ 4", middle <= 4,
              f"{bench.keys:,} keys in SQLite; {statistics.median(cpu):.2f} s of CPU")


def raw_commits(folder, seconds):
    """Single rows, each committed by itself, WAL and synchronous=FULL. Rows a second."""
    path = folder / "raw.db"
    database = sqlite3.connect(path, isolation_level=None)
    database.execute("PRAGMA journal_mode=WAL")
    database.execute("PRAGMA synchronous=FULL")
    database.execute("CREATE TABLE IF NOT EXISTS row (number INTEGER PRIMARY KEY, body BLOB)")
    body = os.urandom(300)
    rows, started = 0, time.monotonic()
    while time.monotonic() - started < seconds:
        database.execute("INSERT INTO row (body) VALUES (?)", (body,))
        rows += 1
    rate = rows / (time.monotonic() - started)
    database.close()
    return rate


def creation(bench):
    """32 clients create customer keys over HTTP; between the slices, raw commits on that disk."""
    seed = bench.seed(bench.keys)
    seconds = 2 if bench.quick else 4
    created, raw = [], []
    with bench.copy_of(seed) as data, Keywright(data, threads=1, cores="0") as server:
        for number in range(bench.rounds // 3 + 1):
            raw_rate = raw_commits(data.parent, seconds)
            load = wrk(server, "create", seed.keyspace_id, seed.writer, CREATING_CLIENTS, seconds,
                       "1")
            if number:
                created.append(load.rate)
                raw.append(raw_rate)
    rate = statistics.median(created)
    yield Row("creation, durable keys a second", f"{rate:,.0f}", "≥ 1,500", rate >= 1500,
              f"{CREATING_CLIENTS} clients, {bench.keys:,} keys there already")
    ratios = [a / b for a, b in zip(created, raw)]
    yield Row("creation ÷ raw single-row commits", spread(ratios), "≥ 1.5",
              statistics.median(ratios) >= 1.5,
              f"raw {statistics.median(raw):,.0f}/s: WAL, synchronous=FULL, 300 bytes, same disk")
    yield from syncs(bench, seconds)


def syncs(bench, seconds):
    """The server under strace that stops at syncs only (seccomp), so that it keeps its speed."""
    seed = bench.seed(10)
    counts = bench.scratch / "syncs.txt"
    wrapper = ["strace", "-f", "--seccomp-bpf", "-c", "-o", counts, "-e", "trace=fdatasync,fsync"]
    with bench.copy_of(seed) as data:
        with Keywright(data, threads=1, wrapper=wrapper) as server:
            load = wrk(server, "create", seed.keyspace_id, seed.writer, CREATING_CLIENTS, seconds)
    calls = system_calls_in(counts)
    each = sum(calls.values()) / load.requests
    yield Row("creation, syncs a key", f"{each:.3f}", "≤ 0.25", each <= 0.25,
              f"strace -c of fdatasync and fsync over the server's whole life: "
              f"{sum(calls.values()):,} for {load.requests:,} keys")


MEASURES = {
    "decide": decide,
    "verify": verify,
    "h2": h2,
    "batch": batch,
    "scaling": scaling,
    "memory": memory,
    "start": start,
    "creation": creation,
    "instructions": instructions,
    "system-calls": system_calls,
    "graphql": lambda bench: graphql.graphql(bench, Row, slice_of, spread),
    "traces": lambda bench: ingest.traces(bench, Row),
    "forward_auth": lambda bench: gateway.forward_auth(bench, Row),
    "gateway": lambda bench: gateway.gateway(bench, Row),
    "mcp": lambda bench: mcp.mcp(bench, Row),
    "cluster": lambda bench: cluster.cluster(bench, Row),
}
