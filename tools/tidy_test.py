"""Tests of tools/tidy.py: each rule finds what it is for, and leaves its neighbour alone."""

import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
import tidy  # noqa: E402

ROOMS = """
# room   folder  : may include
base     base    :
crypto   crypto  : base
store    store   : base
store_memory store/memory : base store
net      net     : base
"""


def problems(path, text):
    checker = tidy.Tidy(ROOMS)
    checker.check(path, text)
    return [problem.split(": ", 1)[1] for problem in checker.problems]


def notes(path, text):
    checker = tidy.Tidy(ROOMS)
    checker.check(path, text)
    return checker.notes


class Layering(unittest.TestCase):
    def test_a_room_may_include_what_the_table_lists(self):
        self.assertEqual([], problems("src/crypto/mac.cc", '#include "base/result.h"\n'))

    def test_a_room_may_not_include_what_stands_below_it(self):
        self.assertEqual(["room base may not include crypto (src/rooms.txt)"],
                         problems("src/base/result.cc", '#include "crypto/mac.h"\n'))

    def test_what_a_dependency_depends_on_is_not_allowed_with_it(self):
        self.assertEqual(["room net may not include crypto (src/rooms.txt)"],
                         problems("src/net/tls.cc", '#include "crypto/mac.h"\n'))

    def test_a_nested_room_is_a_room_of_its_own(self):
        self.assertEqual(["room store may not include store_memory (src/rooms.txt)"],
                         problems("src/store/open.cc", '#include "store/memory/memory.h"\n'))
        self.assertEqual([], problems("src/store/memory/memory.cc", '#include "store/store.h"\n'))

    def test_a_test_may_include_every_room_above_its_own(self):
        include = '#include "crypto/mac.h"\n'
        self.assertEqual([], problems("src/net/tls_test.cc", include))
        self.assertEqual(1, len(problems("src/base/result_test.cc", include)))

    def test_an_include_that_climbs_is_refused(self):
        self.assertEqual(["includes are written from the src/ root"],
                         problems("src/net/tls.cc", '#include "../crypto/mac.h"\n'))

    def test_an_include_beside_the_file_is_written_from_the_root(self):
        self.assertEqual(['"loop.h" is in no room: write it from the src/ root'],
                         problems("src/net/tls.cc", '#include "loop.h"\n'))

    def test_a_folder_outside_the_table_is_refused(self):
        self.assertEqual(["this folder is not a room of src/rooms.txt"],
                         problems("src/misc/a.cc", '#include "base/result.h"\n'))

    def test_a_source_includes_its_own_header_first(self):
        text = '#include <string>\n#include "net/tls.h"\n'
        self.assertEqual(["a source includes its own header first"],
                         problems("src/net/tls.cc", text))

    def test_third_party_headers_stay_with_their_owner(self):
        self.assertEqual([], problems("src/crypto/mac.cc", "#include <openssl/evp.h>\n"))
        self.assertEqual(["<openssl/evp.h> belongs to src/crypto/"],
                         problems("src/net/tls.cc", "#include <openssl/evp.h>\n"))
        self.assertEqual([], problems("src/net/tls.cc", "#include <openssl/ssl.h>\n"))
        self.assertEqual(1, len(problems(
            "src/net/tls.h", "// net/tls.h - x\n#pragma once\n#include <openssl/ssl.h>\n")))

    def test_an_unknown_library_is_refused(self):
        self.assertEqual(["<curl/curl.h> has no owner in tools/tidy.py"],
                         problems("src/net/a.cc", "#include <curl/curl.h>\n"))

    def test_the_domain_has_no_threads(self):
        self.assertEqual(["<mutex>: domain/ has no I/O and no threads"],
                         problems("src/domain/keys/a.cc", "#include <mutex>\n"))
        self.assertEqual([], problems("src/domain/keys/a_test.cc", "#include <thread>\n"))


class BannedCalls(unittest.TestCase):
    def test_the_replacement_is_named(self):
        self.assertEqual(["SHA256(: use crypto/digest.h"],
                         problems("src/net/a.cc", "auto d = SHA256(data, size, out);\n"))

    def test_each_ban_finds_its_call(self):
        for call in ["HMAC(a, b);", "std::chrono::system_clock::now();", "std::random_device seed;",
                     "std::regex r;", "std::cout << 1;", 'printf("x");', "std::stoi(text);",
                     "std::this_thread::sleep_for(x);", "std::atomic<std::shared_ptr<int>> p;",
                     "using namespace std;", "assert(x);", "EVP_sha256();"]:
            with self.subTest(call):
                self.assertEqual(1, len(problems("src/net/a.cc", call + "\n")))

    def test_comments_and_strings_are_not_code(self):
        self.assertEqual([], problems("src/net/a.cc", '// not SHA256(x)\nlog("HMAC(x)");\n'))
        self.assertEqual([], problems("src/net/a.cc", 'auto q = R"(std::regex "x)";\n'))

    def test_similar_names_are_left_alone(self):
        for call in ["crypto::sha256(x);", "fmt::print(x);", "static_assert(x);", "snprintf(a);",
                     "operand(x);", "writer.printf(x);"]:
            with self.subTest(call):
                self.assertEqual([], problems("src/net/a.cc", call + "\n"))

    def test_owners_may(self):
        self.assertEqual([], problems("src/base/clock.cc", "std::chrono::system_clock::now();\n"))
        self.assertEqual([], problems("src/cli/a.cc", "std::cout << 1;\n"))


class CoAwait(unittest.TestCase):
    def test_an_aggregate_inside_is_refused(self):
        for code in ["co_await create({.name = n});", "KW_TRY(auto x, co_await f(Request{1}));",
                     "auto r = co_await submit([a] { return a; });"]:
            with self.subTest(code):
                self.assertEqual(["a '{' inside a co_await expression: name the value first"],
                                 problems("src/net/a.cc", code + "\n"))

    def test_a_block_after_it_is_fine(self):
        for code in ["if (co_await ready(x)) {\n}", "co_await std::move(t); { }",
                     "auto operator co_await() && noexcept {", "f(co_await g(), Request{1});"]:
            with self.subTest(code):
                self.assertEqual([], problems("src/net/a.cc", code + "\n"))


class Limits(unittest.TestCase):
    def test_columns_are_characters(self):
        self.assertEqual([], problems("src/net/a.cc", "//" + "é" * 98 + "\n"))
        self.assertEqual(["101 columns, more than 100"],
                         problems("src/net/a.cc", "//" + "x" * 99 + "\n"))

    def test_a_long_file_is_mentioned_and_a_longer_one_refused(self):
        self.assertEqual([], problems("src/net/a.cc", "\n" * 550))
        self.assertEqual(1, len(notes("src/net/a.cc", "\n" * 550)))
        self.assertEqual(1, len(problems("src/net/a.cc", "\n" * 601)))

    def test_a_long_function_is_refused(self):
        for opening in ["int f(int a) {", "Task<void> C::f(\n    int a, int b) const {",
                        "TEST(A, B) {"]:
            with self.subTest(opening):
                body = opening + "\n" + "  x();\n" * 95 + "}\n"
                self.assertEqual(1, len(problems("src/net/a.cc", body)))

    def test_the_length_of_each_member_function_counts_by_itself(self):
        member = "  void f() {\n" + "    x();\n" * 40 + "  }\n"
        self.assertEqual([], problems("src/net/a.cc", "class A {\n" + member * 4 + "};\n"))

    def test_tables_are_not_functions(self):
        table = "constexpr Row kRows[] = {\n" + "    {row(1)},\n" * 120 + "};\n"
        self.assertEqual([], problems("src/net/a.cc", table))
        self.assertEqual([], problems("src/net/a.cc", "namespace a {\n" + "\n" * 120 + "}\n"))


class Text(unittest.TestCase):
    def test_a_header_opens_with_its_name(self):
        self.assertEqual([], problems("src/net/a.h", "// net/a.h - sockets.\n#pragma once\n"))
        self.assertEqual(["a header opens with '// net/a.h - what it is'",
                          "#pragma once is missing"],
                         problems("src/net/a.h", "int f();\n"))

    def test_unfinished_work_is_refused(self):
        self.assertEqual(1, len(problems("src/net/a.cc", "// TODO: later\n")))

    def test_real_secrets_are_refused_outside_tests_and_docs(self):
        body = "a1B2" * 10 + "xyz"
        for secret in ["kwp_" + body + "0abcde", "mibo_" + body, "ok1-2-32-" + body,
                       "-----BEGIN " + "PRIVATE KEY-----"]:
            with self.subTest(secret[:5]):
                self.assertEqual(["looks like a real secret"], problems("README.md", secret))
                self.assertEqual([], problems("tests/integration/test_a.py", secret))

    def test_the_mask_of_a_key_is_no_secret(self):
        self.assertEqual([], problems("README.md", "kwp_a1B2c3D4…"))


if __name__ == "__main__":
    unittest.main()
