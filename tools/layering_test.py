"""Tests of cmake/keywright_room.cmake: an include outside the table does not compile.

Each test configures a tiny tree of rooms with the real function, in a temporary folder.
"""

import pathlib
import shutil
import subprocess
import tempfile
import unittest

ROOT = pathlib.Path(__file__).resolve().parent.parent

TOP = """
cmake_minimum_required(VERSION 3.25)
project(rooms LANGUAGES CXX)
set(KEYWRIGHT_TESTS OFF)
add_library(fmt::fmt INTERFACE IMPORTED)
add_library(tl::expected INTERFACE IMPORTED)
include(cmake/keywright_room.cmake)
keywright_add_rooms()
"""

ROOMS = """
base          base          :
json          json          : base
store         store         : base
store_sqlite  store/sqlite  : base store
"""


class Layering(unittest.TestCase):
    def setUp(self):
        self.tree = pathlib.Path(tempfile.mkdtemp(prefix="keywright-rooms-"))
        self.addCleanup(shutil.rmtree, self.tree)
        (self.tree / "cmake").mkdir()
        shutil.copy(ROOT / "cmake" / "keywright_room.cmake", self.tree / "cmake")
        self.write("CMakeLists.txt", TOP)
        self.write("src/rooms.txt", ROOMS)
        self.room("base", "base", "")
        self.room("json", "json", "base")
        self.room("store", "store", "base")
        self.room("store_sqlite", "store/sqlite", "base store")

    def write(self, name, text):
        path = self.tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def room(self, name, folder, depends, includes=()):
        lines = [f'#include "{include}"\n' for include in includes]
        self.write(f"src/{folder}/{name}.h", f"#pragma once\ninline int {name}() {{ return 1; }}\n")
        self.write(f"src/{folder}/{name}.cc",
                   "".join(lines) + f"int use_{name}() {{ return 1; }}\n")
        self.write(f"src/{folder}/CMakeLists.txt",
                   f"keywright_room({name} DIR {folder} SOURCES {name}.cc DEPENDS {depends})\n")

    def run_cmake(self, *arguments):
        done = subprocess.run(["cmake", *arguments], cwd=self.tree, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        return done.returncode, done.stdout

    def build(self, target):
        code, output = self.run_cmake("-B", "build", "-G", "Ninja",
                                      "-DCMAKE_CXX_COMPILER=clang++-19")
        self.assertEqual(0, code, output)
        return self.run_cmake("--build", "build", "--target", target)

    def assert_builds(self, target):
        code, output = self.build(target)
        self.assertEqual(0, code, output)

    def assert_finds_no(self, header, target):
        code, output = self.build(target)
        self.assertNotEqual(0, code, output)
        self.assertIn(f"'{header}' file not found", output)

    def test_a_listed_room_can_be_included(self):
        self.room("json", "json", "base", ["json/json.h", "base/base.h"])
        self.assert_builds("kw_json")

    def test_an_include_that_climbs_does_not_compile(self):
        self.room("base", "base", "", ["json/json.h"])
        self.assert_finds_no("json/json.h", "kw_base")

    def test_an_include_of_a_sibling_does_not_compile(self):
        self.room("json", "json", "base", ["store/store.h"])
        self.assert_finds_no("store/store.h", "kw_json")

    def test_a_room_does_not_publish_the_rooms_nested_in_it(self):
        self.room("store", "store", "base", ["store/store.h", "store/sqlite/store_sqlite.h"])
        self.assert_finds_no("store/sqlite/store_sqlite.h", "kw_store")

    def test_a_nested_room_sees_the_room_around_it(self):
        self.room("store_sqlite", "store/sqlite", "base store",
                  ["store/sqlite/store_sqlite.h", "store/store.h"])
        self.assert_builds("kw_store_sqlite")

    def test_a_dependency_outside_the_table_is_refused(self):
        self.room("base", "base", "json")
        code, output = self.run_cmake("-B", "build", "-G", "Ninja",
                                      "-DCMAKE_CXX_COMPILER=clang++-19")
        self.assertNotEqual(0, code, output)
        self.assertIn("room base may not depend on json", output)


if __name__ == "__main__":
    unittest.main()
