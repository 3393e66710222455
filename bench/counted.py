"""What is counted, not timed: system calls and instructions. It repeats under load."""

import contextlib
import pathlib
import random
import re
import signal
import subprocess
import time

from processes import Exact, Failed, Keywright, end, spawn
from rows import Row


def system_calls_in(path):
    """The table of strace -c: calls by name."""
    calls = {}
    for line in path.read_text().splitlines():
        parts = line.split()
        if len(parts) >= 5 and re.fullmatch(r"[\d.]+", parts[0]) and parts[-1] != "total":
            calls[parts[-1]] = int(parts[3])
    return calls


@contextlib.contextmanager
def counting_system_calls(pid, path):
    """strace -c on every thread of a process that already runs."""
    tracer = spawn(["strace", "-f", "-c", "-o", path, "-p", pid], stdout=subprocess.DEVNULL,
                   stderr=subprocess.DEVNULL)
    tasks = list(pathlib.Path(f"/proc/{pid}/task").iterdir())
    deadline = time.monotonic() + 10
    while not all(is_traced(task) for task in tasks):
        if tracer.poll() is not None or time.monotonic() > deadline:
            raise Failed("strace could not attach")
        time.sleep(0.05)
    try:
        yield
    finally:
        end(tracer, signal.SIGINT)


def is_traced(task):
    return "TracerPid:\t0\n" not in (task / "status").read_text()


RECEIVING = {"recvfrom", "recvmsg"}
SENDING = {"sendto", "sendmsg"}
STRAYING = {"read", "readv", "write", "writev"}  # on what is no socket: between threads, to files
STRAY_CALLS_MAX = 0.01
WAITING = {"epoll_wait", "epoll_pwait", "epoll_pwait2", "rt_sigtimedwait", "restart_syscall"}
READING = {"read", "readv", "pread64", "preadv", "preadv2", "open", "openat", "lseek", "mmap"}


def system_calls(bench):
    """strace -c around exactly 3200 requests over 16 open connections."""
    seed = bench.seed(min(bench.keys, 100_000))
    counts = bench.scratch / "calls.txt"
    with Keywright(seed.data, threads=1) as server:
        for file in ("tokens", "unknown", "malformed"):
            load = Exact(server.port, seed.verifier, random.sample(seed.lines(file), 5000))
            load.run(2)
            with counting_system_calls(server.pid, counts):
                requests = load.run(200)
            load.close()
            calls = system_calls_in(counts)
            if file == "tokens":
                yield from row_of_calls(calls, requests)
            else:
                reads = sum(calls.get(name, 0) for name in READING)
                yield Row(f"verify, store reads for {file} tokens", str(reads), "0", reads == 0,
                          f"{requests:,} requests: no call that reads or maps a file")


def row_of_calls(calls, requests):
    received = sum(calls.get(name, 0) for name in RECEIVING)
    sent = sum(calls.get(name, 0) for name in SENDING)
    others = {name: count for name, count in calls.items()
              if name not in RECEIVING | SENDING | WAITING}
    waited = sum(calls.get(name, 0) for name in WAITING)
    # A connection is only received from and sent to. Other threads wake each other now and then, by
    # a read and a write: that is no call of a request, as long as it is seldom.
    strays = sum(calls.get(name, 0) for name in STRAYING)
    exact = received == requests and sent == requests
    yield Row("verify, system calls a request",
              f"{received / requests:.3f} recv + {sent / requests:.3f} send", "1 + 1",
              exact and strays / requests < STRAY_CALLS_MAX,
              f"{requests:,} requests, {received:,} recv, {sent:,} send; "
              f"waits {waited / requests:.3f}; "
              f"others {sum(others.values()) / requests:.3f} {dict(sorted(others.items())) or ''}; "
              f"of them read and write, with which threads wake each other, must be below "
              f"{STRAY_CALLS_MAX}")


def callgrind_totals(bench, seed, rounds, binary):
    """User instructions by function of a whole life of the server with so many requests."""
    out = bench.scratch / f"callgrind.{rounds}"
    out.unlink(missing_ok=True)
    wrapper = ["env", f"LD_PRELOAD={bench.less_room}", "valgrind", "--tool=callgrind", "-q",
               f"--callgrind-out-file={out}"]
    with Keywright(seed.data, threads=1, wrapper=wrapper, binary=binary) as server:
        load = Exact(server.port, seed.verifier, seed.tokens()[:100], connections=8)
        requests = load.run(rounds)
        load.close()
    text = subprocess.run(["callgrind_annotate", "--threshold=100", out], check=True,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout
    functions = {}
    for count, name in re.findall(r"^ *([\d,]+) \( *[\d.]+%\)  (.+)$", text, re.M):
        name = re.sub(r"^\S*?:(?=\S)", "", name.strip(), count=1) if ":" in name else name
        functions[name] = functions.get(name, 0) + int(count.replace(",", ""))
    total = functions.pop("PROGRAM TOTALS", None)
    if total is None:
        raise Failed("callgrind_annotate gave no total")
    return requests, total, functions


def instructions(bench):
    """valgrind --tool=callgrind: the difference of two lives that differ by 2000 requests."""
    seed = bench.seed(1000, people=100)
    plain = bench.scratch / "keywright.stripped"  # valgrind chokes on newer debug information
    subprocess.run(["strip", "--strip-debug", "-o", plain, Keywright.binary], check=True,
                   stdin=subprocess.DEVNULL)
    few, total_few, functions_few = callgrind_totals(bench, seed, 25, plain)
    many, total_many, functions_many = callgrind_totals(bench, seed, 275, plain)
    requests = many - few
    each = {name: (count - functions_few.get(name, 0)) / requests
            for name, count in functions_many.items()}
    total = (total_many - total_few) / requests
    # The blocks of SHA-256 are the one function of libcrypto without a public name that runs here.
    hashing = sum(count for name, count in each.items()
                  if name.startswith("0x") and "libcrypto" in name)
    yield Row("verify, user instructions a request", f"{total - hashing:,.0f}",
              note=f"without the {hashing:,.0f} of SHA-256 blocks, for which valgrind hides the "
                   "processor's own instructions; 1000 keys")
    top = sorted(each.items(), key=lambda item: -item[1])[:40]
    (bench.scratch / "instructions.txt").write_text(
        "".join(f"{count:10.1f}  {name}\n" for name, count in top))
