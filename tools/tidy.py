#!/usr/bin/env python3
"""Repository rules that neither the compiler nor clang-tidy knows. Prints `path:line: what`.

    tools/tidy.py [FILE ...]      without files: everything git knows or could add

Which room may include which is read from src/rooms.txt, the table the build enforces too; the build
lets a room see what its dependencies depend on, this does not. Which room owns a third-party header
and which calls are banned is in the tables below. Limits: a file over 500 lines or a function over
70 is mentioned, over 600 or 90 refused.
"""

import re
import sys
from dataclasses import dataclass

import repository

ROOT = repository.ROOT

COLUMNS_MAX = 100
FILE_LINES_ASKED, FILE_LINES_MAX = 500, 600
FUNCTION_LINES_ASKED, FUNCTION_LINES_MAX = 70, 90

# Third-party headers: which files may include them. A header that is not listed is refused.
HEADER_OWNERS = [
    (r"openssl/(ssl|err|bio|pem|x509\w*)\.h", r"src/(crypto|net)/.*\.cc"),
    (r"openssl/.*", r"src/crypto/"),
    (r"sodium\.h", r"src/crypto/"),
    (r"crypt\.h", r"src/crypto/"),
    (r"argon2\.h", r"src/crypto/"),
    (r"sqlite3\.h", r"src/store/sqlite/"),
    (r"libpq-fe\.h", r"src/store/postgres/"),
    (r"simdjson\.h", r"src/json/"),
    (r"nghttp2/nghttp2\.h", r"src/http/.*\.cc"),
    (r"zlib\.h", r"src/(http|console|ingest|forwarding)/.*\.cc"),
    (r"zstd\.h", r"src/traces/.*\.cc"),
    (r"fmt/(core|format|ranges|chrono)\.h", r"(src|apps|bench|tests)/"),
    (r"tl/expected\.hpp", r"src/base/"),
    (r"gtest/.*", r"(src/.*_test\.(cc|h)|src/(store|traces)/conformance/|tests/)"),
    (r"benchmark/.*", r"bench/"),
    # The operating system.
    (r"(sys|linux|netinet|arpa|net)/.*\.h", r"(src/(base|net|store/sqlite|cluster|app|server|cli)/|bench/)"),
    (r"(unistd|fcntl|poll|termios|signal|netdb|pthread|sched|dirent|dlfcn|endian|ifaddrs)\.h",
     r"(src/(base|net|store/(sqlite|postgres)|cluster|app|server|cli)/|bench/|tests/)"),
    (r"(immintrin|x86intrin|nmmintrin|wmmintrin)\.h", r"src/(base|crypto|app|json)/"),
    (r"emmintrin\.h", r"src/(json/writer|traces/(span_text|otlp_json_values))\.cc"),
]

# The pure core has no threads, files, streams or operating system.
IMPURE_HEADERS = re.compile(
    r"(thread|mutex|shared_mutex|condition_variable|future|fstream|iostream|filesystem|cstdio)$")

IN_SRC = r"src/"


@dataclass
class Ban:
    pattern: str      # searched in code without comments and strings
    where: str        # files it applies to
    except_in: str    # files that may
    instead: str


BANS = [
    Ban(r"\b(SHA1|SHA256|SHA512|MD5)\s*\(", IN_SRC, r"src/crypto/", "crypto/digest.h"),
    Ban(r"\bHMAC\s*\(", IN_SRC, r"^$", "crypto/mac.h (HMAC() looks its algorithm up in each call)"),
    Ban(r"\bEVP_(sha\w+|md5|aes_\w+)\s*\(\)", IN_SRC, r"^$", "the fetched algorithms of crypto/"),
    Ban(r"\bRAND_bytes\b", IN_SRC, r"^$", "base/random.h"),
    Ban(r"\b(system_clock|steady_clock|high_resolution_clock)::now\b", IN_SRC,
        r"src/base/|_test\.cc$", "the Clock of base/clock.h that was passed in"),
    Ban(r"\b(std::time|gettimeofday)\s*\(", IN_SRC, r"src/base/", "base/clock.h"),
    Ban(r"\b(random_device|mt19937\w*|default_random_engine)\b", IN_SRC, r"src/base/",
        "base/random.h"),
    Ban(r"(?<![\w:])s?rand\s*\(\)?", IN_SRC, r"^$", "base/random.h"),
    Ban(r"\bstd::w?(regex|smatch|cmatch)\b", r"(src|apps)/", r"^$",
        "a small hand parser (std::regex recurses on its input)"),
    Ban(r"\b(sleep_for|sleep_until|usleep|nanosleep)\b", r"(src|tests)/.*\.(cc|h)$", r"^$",
        "TestClock in tests, a timer of net/loop.h elsewhere"),
    Ban(r"\bstd::(cout|cerr|clog)\b", IN_SRC, r"src/(server|cli)/|_test\.cc$", "base/log.h"),
    Ban(r"(?<![\w:.>])f?printf\s*\(", IN_SRC, r"src/(server|cli|base)/", "fmt, or base/log.h"),
    Ban(r"(?<![\w:.>])(strcpy|strcat|sprintf|gets|strtok|atoi|atol|atof)\s*\(", IN_SRC, r"^$",
        "std::string_view and std::from_chars"),
    Ban(r"\bstd::(stoi|stol|stoll|stoul|stoull|stod)\s*\(", IN_SRC, r"^$",
        "std::from_chars (no exceptions, no locale)"),
    Ban(r"\batomic<\s*std::shared_ptr", IN_SRC, r"^$", "a snapshot guarded by an epoch"),
    Ban(r"\bvolatile\b", IN_SRC, r"src/(base|crypto)/", "std::atomic"),
    Ban(r"\busing\s+namespace\s+(?!std::(chrono;|chrono_literals|literals|string_view_literals))", IN_SRC,
        r"_test\.cc$", "the qualified name"),
    Ban(r"\bstd::(getenv)\s*\(", IN_SRC, r"src/(server|cli|base)/|_test\.cc$",
        "the configuration read once by server/"),
    Ban(r"\bassert\s*\(", IN_SRC, r"_test\.cc$", "an Error for input, std::abort() for a bug"),
]

# Shapes of real keys, and of private keys. Tests and docs may show examples.
SECRETS = re.compile(
    r"\b(?:kw[pmar]_|mibo_)[0-9A-Za-z]{43}|\bok1-\d+-\d+-[0-9A-Za-z]{43}"
    r"|-----BEGIN [A-Z ]*PRIVATE KEY-----|\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{20,}")
SECRETS_ALLOWED = re.compile(r"^(tests|docs)/|_test\.(cc|py)$")

UNFINISHED = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
CODE_FILE = re.compile(r"\.(h|cc|py|sh|cmake)$|CMakeLists\.txt$")
CPP_FILE = re.compile(r"\.(h|cc)$")


def read_rooms(text):
    """({room: folder}, {room: rooms it may include}), in the order of the table."""
    folders, may_include = {}, {}
    for line in text.splitlines():
        match = re.match(r"([a-z_]+) +([a-z_/]+) *:(.*)$", line)
        if match:
            folders[match[1]] = match[2]
            may_include[match[1]] = match[3].split()
    return folders, may_include


def room_of(path, folders):
    """The room whose folder is the longest prefix of `path` (relative to src/), or None."""
    holding = [room for room, folder in folders.items() if path.startswith(folder + "/")]
    return max(holding, key=lambda room: len(folders[room]), default=None)


def blank(text):
    """The code with comments and the insides of literals replaced by spaces, same length."""
    def spaces(match):
        whole = match[0]
        if match["include"]:
            return whole
        if match["comment"]:
            return re.sub(r"[^\n]", " ", whole)
        return whole[0] + re.sub(r"[^\n]", " ", whole[1:-1]) + whole[-1]
    return re.sub(
        r'(?P<include>^[ \t]*#[ \t]*include[^\n]*)'
        r'|(?P<comment>//[^\n]*|/\*.*?\*/)'
        r'|(?P<raw>R"(?P<mark>[^(\s]*)\(.*?\)(?P=mark)")'
        r'|(?P<string>"(?:\\.|[^"\\\n])*")'
        r"|(?P<character>(?<![0-9A-Za-z_])'(?:\\.|[^'\\\n])+')",
        spaces, text, flags=re.S | re.M)


def line_of(text, position):
    return text.count("\n", 0, position) + 1


class Tidy:
    """Collects what is wrong (`problems`) and what is only mentioned (`notes`)."""

    def __init__(self, rooms_text):
        self.folders, self.may_include = read_rooms(rooms_text)
        self.problems = []
        self.notes = []

    def check(self, path, text):
        lines = text.splitlines()
        self.check_lines(path, lines)
        if CPP_FILE.search(path):
            code = blank(text)
            self.check_includes(path, text)
            self.check_bans(path, code)
            self.check_co_await(path, code)
            self.check_functions(path, code.splitlines())
            if path.endswith(".h"):
                self.check_header(path, lines, code)

    def problem(self, path, line, what):
        self.problems.append(f"{path}:{line}: {what}")

    def check_lines(self, path, lines):
        is_code = CODE_FILE.search(path) and path != "tools/tidy.py"
        for number, line in enumerate(lines, 1):
            if is_code and len(line) > COLUMNS_MAX and "http" not in line:
                self.problem(path, number, f"{len(line)} columns, more than {COLUMNS_MAX}")
            if is_code and path != "tools/tidy_test.py" and UNFINISHED.search(line):
                self.problem(path, number, "unfinished work: do it, or write it down as an issue")
            if not SECRETS_ALLOWED.search(path) and SECRETS.search(line):
                self.problem(path, number, "looks like a real secret")
        if is_code and len(lines) > FILE_LINES_MAX:
            self.problem(path, 1, f"{len(lines)} lines, more than {FILE_LINES_MAX}: make it two")
        elif is_code and len(lines) > FILE_LINES_ASKED:
            self.notes.append(f"{path}:1: {len(lines)} lines, over {FILE_LINES_ASKED}")

    def check_header(self, path, lines, code):
        name = path.removeprefix("src/")
        if not lines or not lines[0].startswith(f"// {name} - "):
            self.problem(path, 1, f"a header opens with '// {name} - what it is'")
        if "#pragma once" not in code:
            self.problem(path, 1, "#pragma once is missing")

    def check_includes(self, path, text):
        first = True
        for match in re.finditer(r'^[ \t]*#[ \t]*include[ \t]+(["<])([^">]+)[">]', text, re.M):
            number = line_of(text, match.start())
            if match[1] == '"':
                self.check_own_include(path, number, match[2], first)
            else:
                self.check_third_party(path, number, match[2])
            first = False

    def check_own_include(self, path, number, name, first):
        if name.startswith("../") or "/../" in name:
            self.problem(path, number, "includes are written from the src/ root")
            return
        target = room_of(name, self.folders)
        if not path.startswith("src/"):
            return
        inside = path.removeprefix("src/")
        own = room_of(inside, self.folders)
        if own is None:
            self.problem(path, number, "this folder is not a room of src/rooms.txt")
        elif target is None:
            self.problem(path, number, f'"{name}" is in no room: write it from the src/ root')
        elif target != own and not self.allowed(own, target, path):
            self.problem(path, number, f"room {own} may not include {target} (src/rooms.txt)")
        if path.endswith(".cc") and not path.endswith("_test.cc") and not first:
            if name == inside.removesuffix(".cc") + ".h":
                self.problem(path, number, "a source includes its own header first")

    def allowed(self, own, target, path):
        """A test may include every room that stands above its own in the table."""
        if target in self.may_include[own]:
            return True
        order = list(self.folders)
        in_test = re.search(r"_test\.(cc|h)$", path) or own == "store_conformance"
        return bool(in_test) and order.index(target) < order.index(own)

    def check_third_party(self, path, number, name):
        if path.startswith("src/domain/") and not path.endswith("_test.cc"):
            if IMPURE_HEADERS.match(name):
                self.problem(path, number, f"<{name}>: domain/ has no I/O and no threads")
        if re.fullmatch(r"[a-z_0-9]+", name):
            return  # the standard library
        owners = [owner for header, owner in HEADER_OWNERS if re.fullmatch(header, name)]
        if not owners:
            self.problem(path, number, f"<{name}> has no owner in tools/tidy.py")
        elif not any(re.match(owner, path) for owner in owners):
            self.problem(path, number, f"<{name}> belongs to {owners[0]}")

    def check_bans(self, path, code):
        for ban in BANS:
            if not re.match(ban.where, path) or re.search(ban.except_in, path):
                continue
            for match in re.finditer(ban.pattern, code):
                self.problem(path, line_of(code, match.start()),
                             f"{match[0].strip()}: use {ban.instead}")

    def check_co_await(self, path, code):
        """g++ 12 destroys an aggregate or closure made inside co_await twice: docs/adr/0001."""
        for match in re.finditer(r"\b(?<!operator )co_await\b", code):
            depth = 0
            for position in range(match.end(), len(code)):
                character = code[position]
                if character in "([":
                    depth += 1
                elif character in ")]":
                    depth -= 1
                if depth < 0 or (depth == 0 and character in ";,"):
                    break
                if character == "{":
                    self.problem(path, line_of(code, match.start()),
                                 "a '{' inside a co_await expression: name the value first")
                    break

    def check_functions(self, path, lines):
        """Finds functions by shape, in formatted code: `... (...) ... {` to `}` at one indent."""
        number = 0
        while number < len(lines):
            end = function_end(lines, number)
            if end is None:
                number += 1
                continue
            length = end - number + 1
            if length > FUNCTION_LINES_MAX:
                self.problem(path, number + 1, f"a function of {length} lines, more than "
                             f"{FUNCTION_LINES_MAX}: make it two")
            elif length > FUNCTION_LINES_ASKED:
                self.notes.append(f"{path}:{number + 1}: a function of {length} lines, over "
                                  f"{FUNCTION_LINES_ASKED}")
            number = end + 1


NOT_A_FUNCTION = re.compile(
    r"\s*(namespace|class|struct|enum|union|extern|template\s*<[^>]*>\s*(class|struct)|#|\}|//)")


def function_end(lines, start):
    """The index of the line that closes the function opened at `start`, or None."""
    line = lines[start]
    if not line.strip() or NOT_A_FUNCTION.match(line):
        return None
    indent = len(line) - len(line.lstrip())
    opening = start
    while not lines[opening].rstrip().endswith("{"):
        stripped = lines[opening].rstrip()
        if stripped.endswith((";", "}", ":")) or not stripped or opening - start > 12:
            return None
        opening += 1
        if opening == len(lines):
            return None
    head = " ".join(lines[start:opening + 1])
    if "(" not in head or re.search(r"=\s*\{$", head.rstrip()):
        return None
    closing = re.compile(r" {%d}\}" % indent)
    for end in range(opening + 1, len(lines)):
        if closing.match(lines[end]):
            return end
    return None


def main(arguments):
    tidy = Tidy((ROOT / "src" / "rooms.txt").read_text())
    for name in arguments or repository.files():
        path = ROOT / name
        if path.is_symlink():
            continue
        try:
            tidy.check(name, path.read_text())
        except UnicodeDecodeError:
            continue  # not text: a fuzz input, a picture
    for note in tidy.notes:
        print("note:", note)
    for problem in tidy.problems:
        print(problem)
    return 1 if tidy.problems else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
