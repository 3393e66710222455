#!/usr/bin/env python3
"""Runs the project's tests and ends with the line `N passed, N failed`.

    tests/run.py [--jobs N] [--only TEXT] STAGE ...

Stages, in the order given: unit-asan, unit-tsan (build a preset, run its unit tests and fuzz
replays), integration (build the release, run tests/integration/test_*.py against it), fuzz (every
fuzz target for a while), gcc12 (build with the second compiler), check (make check), rules (the
same without clang-tidy). A stage that cannot be built counts as one failure; the rest still run.

Integration tests find the program in KEYWRIGHT_BIN and may import from tests/support. A line that
one prints and that begins with `RESULT: ` (the totals of somebody else's suite) is told again at
the end, also when it passes. `--only` keeps the tests whose file or executable name contains TEXT.
"""

import argparse
import concurrent.futures
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import time
import xml.etree.ElementTree as ElementTree

ROOT = pathlib.Path(__file__).resolve().parent.parent
BUILD = ROOT / "build"
# Of one file; the long ones kill and fail over hundreds of times.
INTEGRATION_TIMEOUT_SECONDS = 5400 if os.environ.get("KEYWRIGHT_LONG") else 900
FUZZ_SECONDS = 60
RESULT = "RESULT: "


class Tally:
    """What passed and failed so far, the names of the failures, and what is told at the end."""

    def __init__(self):
        self.passed = 0
        self.failed = 0
        self.failures = []
        self.results = []

    def add(self, name, passed, failed):
        self.passed += passed
        self.failed += failed
        if failed:
            self.failures.append(name)


def say(text):
    print(text, flush=True)


def run(command, **options):
    return subprocess.run([str(part) for part in command], cwd=ROOT, **options)


def build(preset, jobs, tally, target=None):
    """True if the preset is built; a failure is counted."""
    started = time.monotonic()
    say(f"== building {preset} (minutes the first time, seconds later)")
    configured = run(["cmake", "--preset", preset, "--log-level=WARNING"],
                     stdout=subprocess.DEVNULL)
    command = ["cmake", "--build", BUILD / preset, "-j", jobs]
    if target:
        command += ["--target", target]
    built = configured.returncode == 0 and run(command).returncode == 0
    say(f"   {preset} {'built' if built else 'DOES NOT BUILD'} "
        f"in {time.monotonic() - started:.0f} s")
    if not built:
        tally.add(f"build of {preset}", 0, 1)
    return built


def gtest_counts(report):
    """(passed, failed) of one GoogleTest JSON report; skipped and disabled tests are neither."""
    tests = [test for suite in json.loads(report.read_text())["testsuites"]
             for test in suite["testsuite"]]
    failed = sum(1 for test in tests if test.get("failures"))
    passed = sum(1 for test in tests
                 if not test.get("failures") and test["result"] == "COMPLETED")
    return passed, failed


def unit(preset, jobs, only, tally):
    if not build(preset, jobs, tally):
        return
    results = BUILD / preset / "test-results"
    shutil.rmtree(results, ignore_errors=True)
    results.mkdir(parents=True)
    junit = results / "ctest.xml"
    environment = dict(os.environ, GTEST_OUTPUT=f"json:{results}/",
                       UBSAN_OPTIONS="print_stacktrace=1",
                       TSAN_OPTIONS="halt_on_error=1:second_deadlock_stack=1")
    say(f"== unit tests and fuzz replays ({preset})")
    command = ["ctest", "--test-dir", BUILD / preset, "-j", jobs, "--output-on-failure",
               "--timeout", "600", "--output-junit", junit]
    if only:
        command += ["-R", re.escape(only)]
    run(command, env=environment)
    cases = list(ElementTree.parse(junit).iter("testcase")) if junit.exists() else []
    if not cases and not only:
        tally.add(f"{preset}: no unit test ran", 0, 1)
    for case in cases:
        name = case.get("name")
        ok = case.get("status") == "run"
        report = results / f"{name}.json"
        passed, failed = gtest_counts(report) if report.exists() else (int(ok), 0)
        if not ok and failed == 0:
            failed = 1  # it crashed, leaked or ran out of time
        tally.add(f"{name} ({preset})", passed, failed)


def run_integration_file(path, environment):
    started = time.monotonic()
    try:
        done = subprocess.run([sys.executable, "-m", "unittest", "-q", f"{path.stem}"],
                              cwd=path.parent, env=environment, text=True, errors="replace",
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              timeout=INTEGRATION_TIMEOUT_SECONDS)
        output, code = done.stdout, done.returncode
    except subprocess.TimeoutExpired as expired:
        output = (expired.stdout or b"").decode(errors="replace") + "\ntimed out"
        code = 1
    return path, output, code, time.monotonic() - started


def unittest_counts(output, code):
    """(passed, failed, skipped) from what unittest printed; a file without tests has failed."""
    ran = re.search(r"^Ran (\d+) tests? in", output, re.M)
    total = int(ran.group(1)) if ran else 0
    numbers = {key: int(value)
               for key, value in re.findall(r"(failures|errors|skipped)=(\d+)", output)}
    failed = numbers.get("failures", 0) + numbers.get("errors", 0)
    skipped = numbers.get("skipped", 0)
    if failed == 0 and (code != 0 or total == 0):
        failed = 1
    return max(0, total - failed - skipped), failed, skipped


def integration(jobs, only, tally):
    if not build("release", jobs, tally, target="keywright"):
        return
    link = BUILD / "keywright"
    link.unlink(missing_ok=True)
    link.symlink_to("release/bin/keywright")
    paths = ":".join([str(ROOT / "tests" / "support"), str(ROOT / "tests")])
    environment = dict(os.environ, KEYWRIGHT_BIN=str(link), PYTHONPATH=paths,
                       PYTHONDONTWRITEBYTECODE="1", NO_PROXY="127.0.0.1,localhost,::1",
                       no_proxy="127.0.0.1,localhost,::1")
    files = [path for path in sorted((ROOT / "tests" / "integration").glob("test_*.py"))
             if not only or only in path.name]
    say(f"== integration tests ({len(files)} files)")
    if not files and not only:
        tally.add("integration: no test file", 0, 1)
    with concurrent.futures.ThreadPoolExecutor(max_workers=min(jobs, 2)) as pool:
        work = [pool.submit(run_integration_file, path, environment) for path in files]
        for finished in concurrent.futures.as_completed(work):
            path, output, code, seconds = finished.result()
            passed, failed, skipped = unittest_counts(output, code)
            tally.add(path.name, passed, failed)
            tally.results += [f"{path.name}: {line}" for line in results_in(output)]
            if failed:
                say(output)
            note = f", {skipped} skipped" if skipped else ""
            say(f"   {path.name}: {passed} passed, {failed} failed{note} in {seconds:.1f} s")


def results_in(output):
    """What a test file wants told, passed or not."""
    return [line.removeprefix(RESULT) for line in output.splitlines() if line.startswith(RESULT)]


def fuzz(jobs, only, tally):
    if not build("fuzz", jobs, tally, target="fuzz_targets"):
        return
    for target in sorted((BUILD / "fuzz" / "bin").glob("*_fuzz")):
        if only and only not in target.name:
            continue
        say(f"== {target.name} for {FUZZ_SECONDS} s")
        done = run([ROOT / "tools" / "fuzz.sh", target,
                    ROOT / "tests" / "fuzz" / "corpus" / target.name, FUZZ_SECONDS])
        tally.add(target.name, int(done.returncode == 0), int(done.returncode != 0))


def gcc12(jobs, tally):
    if build("gcc12", jobs, tally):
        tally.add("build of gcc12", 1, 0)


def rules(tally):
    say("== format, repository rules, tests of the tools")
    done = run([sys.executable, "tools/check.py", "--without-clang-tidy"])
    tally.add("repository rules", int(done.returncode == 0), int(done.returncode != 0))


def check(jobs, tally):
    say("== make check")
    done = run(["make", "check", f"JOBS={jobs}"])
    tally.add("make check", int(done.returncode == 0), int(done.returncode != 0))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--only", default="")
    stages = ["unit-asan", "unit-tsan", "integration", "fuzz", "gcc12", "rules", "check"]
    parser.add_argument("stages", nargs="+", choices=stages, metavar="STAGE")
    arguments = parser.parse_args()
    tally = Tally()
    started = time.monotonic()
    for stage in arguments.stages:
        if stage.startswith("unit-"):
            unit(stage.removeprefix("unit-"), arguments.jobs, arguments.only, tally)
        elif stage == "integration":
            integration(arguments.jobs, arguments.only, tally)
        elif stage == "fuzz":
            fuzz(arguments.jobs, arguments.only, tally)
        elif stage == "gcc12":
            gcc12(arguments.jobs, tally)
        elif stage == "rules":
            rules(tally)
        else:
            check(arguments.jobs, tally)
    for line in sorted(tally.results):
        say(line)
    for name in tally.failures:
        say(f"FAILED: {name}")
    say(f"everything took {time.monotonic() - started:.0f} s")
    say(f"{tally.passed} passed, {tally.failed} failed")
    return 1 if tally.failed or not tally.passed else 0


if __name__ == "__main__":
    sys.exit(main())
