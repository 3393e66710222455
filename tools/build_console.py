#!/usr/bin/env python3
"""Builds the console (web/) and packs its files, and those of /docs, for the binary.

    tools/build_console.py --out FOLDER [--page FILE PATH]...

FOLDER receives files.S and table.cc, which src/console compiles. The console itself is built once
for all presets, in build/web, and only when something in web/ or the API description has changed:
content decides, not times. The npm of Debian 12 installs a newer Node and npm (web/toolchain),
pinned, and these do the rest, so that every machine builds the same files.
"""

import argparse
import fcntl
import hashlib
import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
WEB = ROOT / "web"
TOOLCHAIN = WEB / "toolchain"
BUILT = ROOT / "build" / "web"
API = ROOT / "tests" / "golden" / "openapi.json"

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


def run(command, **options):
    """A step of the build: silent if it works, all it said if it does not."""
    done = subprocess.run([str(part) for part in command], text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, **options)
    if done.returncode != 0:
        sys.exit(f"console: {command[0]} failed:\n{done.stdout}")


def digest_of(paths):
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(f"{path.relative_to(ROOT)}\0{path.stat().st_size}\0".encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()


def sources():
    """Everything the built files depend on; schema.d.ts is itself built."""
    ours = [path for folder in ("src", "public") for path in (WEB / folder).rglob("*")
            if path.is_file() and path.name != "schema.d.ts"]
    ours += [WEB / name for name in ("index.html", "package.json", "package-lock.json",
                                     "vite.config.ts", "tsconfig.json")]
    return [*ours, API, pathlib.Path(__file__).resolve()]


def is_built(stamp, digest):
    return stamp.exists() and stamp.read_text() == digest


def install(folder, command):
    """What folder/package-lock.json names, if it is not there yet."""
    stamp = folder / "node_modules" / ".keywright-installed"
    digest = digest_of([folder / "package-lock.json"])
    if is_built(stamp, digest):
        return
    print(f"console: installing {folder.relative_to(ROOT)} (once)", flush=True)
    # Not `npm ci`: that refuses the lock where a registry lacks the packages of other platforms.
    run([*command, "install", "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=folder)
    stamp.write_text(digest)


def install_packages():
    """The toolchain with the npm that is here, everything else with the toolchain."""
    npm = shutil.which("npm")
    if npm is None:
        sys.exit("console: npm is missing; tools/setup.sh build installs it")
    install(TOOLCHAIN, [npm])
    install(WEB, pinned_npm())


def pinned_npm():
    """The npm of the toolchain. Its Node carries its own certificates; the system's count, too."""
    flags = ["--use-system-ca"] if node().startswith(str(TOOLCHAIN)) else []
    return [node(), *flags, TOOLCHAIN / "node_modules" / "npm" / "bin" / "npm-cli.js"]


def node():
    """The pinned one where npm has it for this processor; else the one of the system."""
    machine = {"x86_64": "x64", "aarch64": "arm64"}.get(platform.machine(), "none")
    pinned = TOOLCHAIN / "node_modules" / f"node-linux-{machine}" / "bin" / "node"
    return str(pinned) if pinned.exists() else (shutil.which("node") or "node")


def build_console():
    """build/web/dist, fresh or as it was."""
    stamp = BUILT / "built"
    digest = digest_of(sources())
    if is_built(stamp, digest):
        return
    install_packages()
    print("console: building", flush=True)
    modules = WEB / "node_modules"
    environment = {**os.environ, "KEYWRIGHT_CONSOLE_OUT": str(BUILT / "dist"), "NO_COLOR": "1"}
    for command in (
            [modules / "openapi-typescript" / "bin" / "cli.js", API,
             "-o", WEB / "src" / "api" / "schema.d.ts"],
            [modules / "typescript" / "bin" / "tsc", "--noEmit"],
            [modules / "vite" / "bin" / "vite.js", "build", "--logLevel", "error"]):
        run([node(), *command], cwd=WEB, env=environment)
    stamp.write_text(digest)


# Brotli at its best is slow for the large files of /docs: a file is compressed once.
COMPRESS = """
const { readFileSync, writeFileSync } = require("node:fs");
const { brotliCompressSync, gzipSync, constants } = require("node:zlib");
for (const [from, to] of JSON.parse(process.argv[1])) {
  const bytes = readFileSync(from);
  writeFileSync(`${to}.gz`, gzipSync(bytes, { level: 9 }));
  writeFileSync(`${to}.br`, brotliCompressSync(bytes, {
    params: {
      [constants.BROTLI_PARAM_QUALITY]: 11,
      [constants.BROTLI_PARAM_SIZE_HINT]: bytes.length,
    },
  }));
}
"""


def compress(files):
    """{file: name without .gz and .br of its compressed forms}"""
    folder = BUILT / "packed"
    folder.mkdir(parents=True, exist_ok=True)
    packed = {path: folder / hashlib.sha256(path.read_bytes()).hexdigest()[:24] for path in files}
    missing = [(str(path), str(to)) for path, to in packed.items()
               if not to.with_name(to.name + ".br").exists()]
    if missing:
        run([node(), "-e", COMPRESS, json.dumps(missing)])
    return packed


def pages_of_console():
    dist = BUILT / "dist"
    for path in sorted(dist.rglob("*")):
        if path.is_file():
            served = "/console/" + path.relative_to(dist).as_posix()
            yield path, served.removesuffix("index.html"), TYPES[path.suffix]


def write_if_changed(path, text):
    if not path.exists() or path.read_text() != text:
        path.write_text(text)
    else:
        path.touch()


def write_sources(out, pages):
    packed = compress([path for path, _, _ in pages])
    assembler = ["  .section .rodata"]
    declarations, rows = [], []
    for index, (path, served, content_type) in enumerate(pages):
        base = packed[path]
        forms = (("plain", path), ("gzip", f"{base}.gz"), ("brotli", f"{base}.br"))
        spans = []
        for form, file in forms:
            symbol = f"keywright_asset_{index}_{form}"
            assembler += [f"  .global {symbol}, {symbol}_end", "  .balign 16", f"{symbol}:",
                          f'  .incbin "{file}"', f"{symbol}_end:"]
            declarations.append(f"extern const char {symbol}[], {symbol}_end[];")
            spans.append(f"     {{{symbol}, {symbol}_end}}")
        assembler.append(f"# {base.name}")  # other content, other text: compiled again
        rows.append(f'    {{"{served}", "{content_type}",\n' + ",\n".join(spans) + "},")
    assembler += ['  .section .note.GNU-stack,"",%progbits', ""]
    table = [
        '#include "console/assets.h"', "", "#include <array>", "", 'extern "C" {', *declarations,
        "}", "", "namespace keywright::console {", "", "std::span<const Asset> all_assets() {",
        f"  static const std::array<Asset, {len(pages)}> assets{{{{", *rows, "  }};",
        "  return assets;", "}", "", "}  // namespace keywright::console", ""]
    out.mkdir(parents=True, exist_ok=True)
    write_if_changed(out / "files.S", "\n".join(assembler))
    write_if_changed(out / "table.cc", "\n".join(table))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--page", nargs=2, action="append", default=[], metavar=("FILE", "PATH"))
    arguments = parser.parse_args()
    BUILT.mkdir(parents=True, exist_ok=True)
    with open(BUILT / "lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # two presets may be built at once
        build_console()
        pages = [(ROOT / file, path, TYPES[pathlib.Path(file).suffix])
                 for file, path in arguments.page]
        write_sources(arguments.out.absolute(), [*pages_of_console(), *pages])


if __name__ == "__main__":
    main()
