#!/usr/bin/env python3
"""Measures everything that has a bar, and writes bench/RESULTS.md.

    bench/run.py                     # everything, about 10 minutes on a quiet machine
    bench/run.py --quick             # 3 rounds, 100,000 keys: build/bench/quick.md only
    bench/run.py --only verify,start # these; the other rows of RESULTS.md stay as they are

`make bench` builds first. Numbers of a busy machine are not worth much: end other work before. Ends
with 0 if every bar is met, 1 if one is not, 2 if something could not be measured. Standard library
only; needs wrk, h2load, nginx, valgrind and strace (tools/setup.sh bench). Traffic stays on
127.0.0.1.
"""

import argparse
import contextlib
import dataclasses
import datetime
import json
import os
import pathlib
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile

import processes
from measures import MEASURES, Row
from processes import ROOT, Failed

SEED_SECONDS = 900


class Seed:
    """A data directory with many keys, and their tokens (bench/seed.cc)."""

    def __init__(self, folder):
        self.folder = folder
        self.data = folder / "data"
        self.__dict__.update(json.loads((folder / "seed.json").read_text()))

    def file(self, name):
        return self.folder / f"{name}.txt"

    def lines(self, name):
        return self.file(name).read_text().split()

    def tokens(self):
        return self.lines("tokens")


class Bench:
    """What the measurements work with."""

    def __init__(self, tools, quick):
        self.quick = quick
        self.rounds = 3 if quick else 12
        self.keys = 100_000 if quick else 1_000_000
        self.directory_bench = tools / "directory_bench"
        self.bench_seed = tools / "bench_seed"
        self.less_room = tools / "bench_less_room.so"
        self.scratch = ROOT / "build/bench"
        self.scratch.mkdir(parents=True, exist_ok=True)

    def seed(self, keys, people=10_000):
        folder = self.scratch / f"seed-{keys}-{people}"
        sheet = folder / "seed.json"
        made_with = self.bench_seed.stat().st_mtime
        if not sheet.exists() or sheet.stat().st_mtime < made_with:
            shutil.rmtree(folder, ignore_errors=True)
            folder.mkdir()
            print(f"bench: making a store with {keys:,} keys", flush=True)
            subprocess.run([self.bench_seed, folder, str(keys), str(people)], check=True,
                           stdin=subprocess.DEVNULL, timeout=SEED_SECONDS)
        return Seed(folder)

    @contextlib.contextmanager
    def copy_of(self, seed):
        """Its data directory once more, to be changed."""
        folder = pathlib.Path(tempfile.mkdtemp(prefix="copy-", dir=self.scratch))
        try:
            shutil.copytree(seed.data, folder / "data")
            yield folder / "data"
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def machine():
    information = pathlib.Path("/proc/cpuinfo").read_text()
    model = re.search(r"^model name\s*: (.+)$", information, re.M)
    memory = int(re.search(r"MemTotal:\s+(\d+)", pathlib.Path("/proc/meminfo").read_text())[1])
    return (f"{os.cpu_count()} × {model[1] if model else platform.machine()}, "
            f"{memory / 2**20:.0f} GiB, Linux {platform.release()}")


METHOD = """\
How: the server stands on one core and the load (wrk, 64 keep-alive connections, a random token of
the whole set in each request) on another. What is compared is not throughput but the CPU time that
the server spent (`/proc/PID/task/*/schedstat`) for each answer, in slices of one second. Each round
runs every target once, nginx twice; a ratio is the median over the rounds of the ratio within one
round, with the middle half of the rounds (IQR) beside it. nginx gets the same requests and answers
a fixed 200 with as many body bytes: one worker, no access log, `keepalive_requests 1000000`. If
nginx divided by itself is not within 0.9 to 1.1, the machine was too busy and the ratios are void.
Every answer is counted by both sides, and one that is not 2xx ends the run.

The keys: 65 % access keys of 10,000 people, 25 % customer keys with permissions, 10 % connect keys
that list servers; 100 distinct policies, names of 20 characters, no metadata
([workload.h](workload.h)). `make bench` measures it all again.
"""


def verdict(row):
    if not row["bar"]:
        return ""
    return {True: "met", False: "**not met**", None: "–"}[row["passed"]]


def table(results):
    lines = ["| what | bar | measured | | how and what else |", "|---|---|---|---|---|"]
    for name in MEASURES:
        for row in results.get(name, {}).get("rows", []):
            lines.append(f"| {row['name']} | {row['bar']} | {row['measured']} | {verdict(row)} | "
                         f"{row['note']} |")
    return "\n".join(lines) + "\n"


def document(results):
    runs = {}
    for name in MEASURES:
        if name in results:
            runs.setdefault((results[name]["date"], results[name]["machine"]), []).append(name)
    where = "\n".join(f"- {date}, {where}: {', '.join(names)}"
                      for (date, where), names in sorted(runs.items()))
    return f"# Measured speed and memory\n\n{where}\n\n{METHOD}\n{table(results)}"


def measure(bench, name):
    rows = []
    for row in MEASURES[name](bench):
        rows.append(dataclasses.asdict(row))
        mark = verdict(rows[-1]).replace("*", "")
        print(f"  {row.name:<42} {row.bar:>8}  {row.measured:<28} {mark:<8} {row.note}",
              flush=True)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="3 rounds, 100,000 keys")
    parser.add_argument("--only", default=",".join(MEASURES), metavar="NAME,..",
                        help="of " + ", ".join(MEASURES))
    parser.add_argument("--server", type=pathlib.Path, default=processes.Keywright.binary,
                        help="the keywright program")
    parser.add_argument("--tools", type=pathlib.Path, default=ROOT / "build/rel-bench/bin",
                        help="where directory_bench and bench_seed are")
    options = parser.parse_args()
    names = options.only.split(",")
    if unknown := set(names) - set(MEASURES):
        parser.error(f"unknown: {', '.join(sorted(unknown))}")
    for needed in (options.server, options.tools / "directory_bench", options.tools / "bench_seed"):
        if not needed.exists():
            parser.error(f"{needed} is not there: run `make bench`")
    processes.Keywright.binary = options.server
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(2))

    bench = Bench(options.tools, options.quick)
    store = bench.scratch / ("quick.json" if options.quick else "results.json")
    results = json.loads(store.read_text()) if store.exists() else {}
    date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    code = 0
    for name in names:
        print(f"bench: {name} (load average {os.getloadavg()[0]:.1f})", flush=True)
        try:
            rows = measure(bench, name)
        except (Failed, OSError, subprocess.SubprocessError) as problem:
            print(f"  could not be measured: {problem}", file=sys.stderr, flush=True)
            code = 2
            continue
        if any(row["passed"] is False for row in rows):
            code = max(code, 1)
        results[name] = {"date": date, "machine": machine(), "rows": rows}
        store.write_text(json.dumps(results, indent=1))
    path = bench.scratch / "quick.md" if options.quick else ROOT / "bench/RESULTS.md"
    path.write_text(document(results))
    print(f"bench: written to {path}")
    return code


if __name__ == "__main__":
    sys.exit(main())
