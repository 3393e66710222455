#!/usr/bin/env python3
"""make check: the house format, the repository rules, and clang-tidy on src/.

    tools/check.py [--jobs N] [--fix-format] [--all] [--without-clang-tidy]

clang-tidy is slow, so a file that passed is not looked at again until it, a header it includes or
.clang-tidy changes; the record is build/check/passed. `--all` forgets the record. It needs
build/dev configured, not built.
"""

import argparse
import concurrent.futures
import hashlib
import json
import os
import pathlib
import re
import subprocess
import sys
import time

import repository

ROOT = repository.ROOT
RECORD = ROOT / "build" / "check" / "passed"
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', re.M)


def say(text):
    print(text, flush=True)


def check_format(fix):
    mode = ["-i"] if fix else ["--dry-run", "-Werror"]
    files = [name for name in repository.files() if name.endswith((".h", ".cc"))]
    if not files:
        return True
    done = subprocess.run(["clang-format-19", *mode, *files], cwd=ROOT, stderr=subprocess.PIPE,
                          text=True)
    wrong = sorted({line.split(":")[0] for line in done.stderr.splitlines() if "error:" in line})
    for name in wrong:
        say(f"{name}: not in the house format; run make format")
    return done.returncode == 0


def run_python(*arguments):
    return subprocess.run([sys.executable, *arguments], cwd=ROOT).returncode == 0


def content_key(path, seen):
    """Adds `path` and every project header it includes, directly or not, to `seen`."""
    if path in seen:
        return
    try:
        text = path.read_text(errors="replace")
    except OSError:
        return
    seen[path] = text
    for name in INCLUDE.findall(text):
        content_key(ROOT / "src" / name, seen)


def stamp(path, settings):
    seen = {}
    content_key(path, seen)
    digest = hashlib.sha256(settings)
    for name in sorted(seen):
        digest.update(f"{name.relative_to(ROOT)}\0{len(seen[name])}\0{seen[name]}".encode())
    return digest.hexdigest()


def lint_one(path):
    done = subprocess.run(
        ["clang-tidy-19", "--quiet", "-p", "build/dev", str(path.relative_to(ROOT))], cwd=ROOT,
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    return path, done.returncode == 0, done.stdout


def lint(jobs, forget):
    commands = json.loads((ROOT / "build" / "dev" / "compile_commands.json").read_text())
    settings = (ROOT / ".clang-tidy").read_bytes()
    passed = set()
    if RECORD.exists() and not forget:
        passed = set(RECORD.read_text().split())
    files = sorted({pathlib.Path(entry["file"]) for entry in commands})
    files = [path for path in files if path.suffix == ".cc" and not path.name.endswith("_test.cc")
             and path.is_relative_to(ROOT / "src")]
    stamps = {path: stamp(path, settings) for path in files}
    todo = [path for path in files if stamps[path] not in passed]
    say(f"clang-tidy: {len(todo)} of {len(files)} files changed")
    ok = True
    with concurrent.futures.ThreadPoolExecutor(max_workers=jobs) as pool:
        for path, clean, output in pool.map(lint_one, todo):
            if clean:
                passed.add(stamps[path])
            else:
                ok = False
                say(output)
    RECORD.parent.mkdir(parents=True, exist_ok=True)
    RECORD.write_text("\n".join(sorted(passed & set(stamps.values()))) + "\n")
    return ok


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--fix-format", action="store_true", help="rewrite the sources and stop")
    parser.add_argument("--all", action="store_true", help="clang-tidy every file again")
    parser.add_argument("--without-clang-tidy", action="store_true", help="only what is quick")
    arguments = parser.parse_args()
    if arguments.fix_format:
        return 0 if check_format(fix=True) else 1
    steps = [
        ("format", lambda: check_format(fix=False)),
        ("repository rules", lambda: run_python("tools/tidy.py")),
        ("tests of the tools",
         lambda: run_python("-m", "unittest", "discover", "-q", "-s", "tools", "-p", "*_test.py")),
        ("clang-tidy", lambda: lint(arguments.jobs, arguments.all)),
    ]
    if arguments.without_clang_tidy:
        steps = [step for step in steps if step[0] != "clang-tidy"]
    failed = []
    for name, step in steps:
        started = time.monotonic()
        if not step():
            failed.append(name)
        say(f"check: {name} {'FAILED' if name in failed else 'ok'} "
            f"({time.monotonic() - started:.1f} s)")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
