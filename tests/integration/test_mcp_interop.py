"""Real MCP clients and the official conformance suite against Keywright's own MCP server.

Everything comes from npm with pinned versions, into tests/interop/mcp/node_modules, Node 22
included. The first run downloads it; without npm, or without a network and an earlier run, these
tests are skipped, unless KEYWRIGHT_LONG asks for them.
"""

import fcntl
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from keywright import ROOT, Server, binary

HERE = ROOT / "tests" / "interop" / "mcp"
MODULES = HERE / "node_modules"
NODE = MODULES / "node" / "bin" / "node"
SUITE = MODULES / "@modelcontextprotocol" / "conformance" / "dist" / "index.js"
INSPECTOR = MODULES / ".bin" / "mcp-inspector"
PATH = "/api/mcp/v1"
# What must pass, whatever else the suite learns to ask.
MUST_PASS = {
    "2025-11-25": {"server-initialize", "ping", "tools-list", "server-sse-multiple-streams",
                   "dns-rebinding-protection"},
    "2026-07-28": {"tools-list", "server-sse-multiple-streams", "dns-rebinding-protection"},
}


def install():
    """npm ci, if this lock file has not been installed yet; by one test file at a time."""
    with open(HERE / "package.json", encoding="utf-8") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        install_once()


def install_once():
    lock = (HERE / "package-lock.json").read_bytes()
    stamp = MODULES / ".keywright-installed"
    if stamp.exists() and stamp.read_bytes() == lock and NODE.exists():
        return
    if shutil.which("npm") is None:
        raise unittest.SkipTest("there is no npm")
    done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--loglevel=error"], cwd=HERE,
                          text=True, capture_output=True, timeout=600)
    if done.returncode != 0 or not NODE.exists():
        message = f"npm ci: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        if os.environ.get("KEYWRIGHT_LONG"):
            raise AssertionError(message)
        raise unittest.SkipTest(message)
    stamp.write_bytes(lock)


class Interop(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        install()
        cls.server = Server.start()
        cls.owner = cls.server.sign_in(transport="bearer")
        cls.key = cls.owner.create_key("mcp")["key"]

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def node(self, *arguments, timeout=180, check=True):
        environment = {**os.environ, "KEY": self.key,
                       "PATH": f"{NODE.parent}:{os.environ['PATH']}"}
        done = subprocess.run([NODE, *map(str, arguments)], cwd=HERE, text=True, env=environment,
                              capture_output=True, timeout=timeout)
        if check:
            self.assertEqual(0, done.returncode, done.stdout[-3000:] + done.stderr[-3000:])
        return done

    # -- clients

    def check_client(self, *arguments, removes=False):
        seen = json.loads(self.node("clients.mjs", *arguments).stdout.splitlines()[-1])
        self.assertEqual("keywright", seen["server"])
        self.assertLessEqual({"whoami", "create_target", "list_targets"}, set(seen["tools"]))
        self.assertEqual(("mcp", True, True, -32602),
                         (seen["kind"], seen["listed"], seen["wrong"], seen["unknown"]))
        self.assertEqual(removes, seen["removed"])
        self.assertLessEqual({"whoami", "get_target", "get_project", "list_platforms",
                              "list_mcp_servers", "list_audit_events", "list_organizations"},
                             set(seen["validated"]))

    def test_typescript_sdk_v1(self):
        self.check_client("v1", self.server.url + PATH)

    def test_typescript_sdk_v2_in_the_legacy_era(self):
        self.check_client("v2", self.server.url + PATH)

    def test_typescript_sdk_v2_in_the_modern_era(self):
        self.check_client("v2-modern", self.server.url + PATH)

    def test_typescript_sdk_v2_asks_its_person(self):
        self.check_client("v2-elicit", self.server.url + PATH, removes=True)

    def test_stdio_client_of_sdk_v1_with_keywright_mcp(self):
        self.check_client("stdio", binary(), self.server.url)

    def test_stdio_client_of_sdk_v2_with_keywright_mcp(self):
        self.check_client("stdio-v2", binary(), self.server.url)

    def inspect(self, *arguments, key=None):
        environment = {**os.environ, "PATH": f"{NODE.parent}:{os.environ['PATH']}",
                       "HOME": tempfile.gettempdir()}
        return subprocess.run(
            [INSPECTOR, "--cli", self.server.url + PATH, "--transport", "http", "--header",
             f"Authorization: Bearer {key or self.key}", "--stored-auth-only", *arguments],
            cwd=HERE, text=True, env=environment, capture_output=True, timeout=120)

    def test_inspector(self):
        for era in ([], ["--protocol-era", "modern"]):
            with self.subTest(era):
                done = self.inspect("--method", "tools/call", "--tool-name", "whoami", "--format",
                                    "json", *era)
                self.assertEqual(0, done.returncode, done.stdout + done.stderr)
                self.assertIn('"kind"', done.stdout)
        refused = self.inspect("--method", "tools/list", key="kwm_no")
        self.assertEqual(3, refused.returncode, refused.stdout + refused.stderr)

    # -- the official suite

    def run_suite(self, *arguments):
        shim = subprocess.Popen([NODE, "shim.mjs", self.server.url], cwd=HERE, text=True,
                                stdout=subprocess.PIPE, env={**os.environ, "KEY": self.key})
        self.addCleanup(shim.stdout.close)
        self.addCleanup(shim.wait)
        self.addCleanup(shim.kill)
        port = shim.stdout.readline().strip()
        output = pathlib.Path(tempfile.mkdtemp(prefix="keywright-mcp-suite-"))
        self.addCleanup(shutil.rmtree, output, True)
        done = self.node(SUITE, "server", "--url", f"http://127.0.0.1:{port}{PATH}", "-o", output,
                         *arguments, check=False)
        return done, output

    @staticmethod
    def failures(output):
        """By scenario, the checks that failed."""
        found = {}
        for path in output.rglob("checks.json"):
            name = re.sub(r"^server-|-\d{4}-\d\d-\d\dT.*$", "", path.parent.name)
            if path.parent.name.startswith("server-server-"):
                name = "server-" + name.removeprefix("server-")
            checks = json.loads(path.read_text())
            found[name] = [check["id"] for check in checks
                           if check["status"] in ("FAILURE", "WARNING")]
        return found

    def check_revision(self, revision):
        done, output = self.run_suite("--requirements", revision, "--expected-failures",
                                      HERE / f"baseline-{revision}.yml")
        found = self.failures(output)
        passed = sorted(name for name, failed in found.items() if not failed)
        print(f"RESULT: own MCP server, official suite {revision}: {len(passed)} of {len(found)} "
              f"scenarios pass, the others are in baseline-{revision}.yml with the reason",
              flush=True)
        self.assertEqual(0, done.returncode, done.stdout[-4000:] + done.stderr[-2000:])
        self.assertLessEqual(MUST_PASS[revision], set(passed))

    def test_scenarios_of_2025_11_25(self):
        self.check_revision("2025-11-25")

    def test_scenarios_of_2026_07_28(self):
        self.check_revision("2026-07-28")

    def test_header_validation_passes_in_full(self):
        done, output = self.run_suite("--scenario", "http-header-validation", "--spec-version",
                                      "2026-07-28")
        self.assertEqual([[]], list(self.failures(output).values()), done.stdout[-3000:])


if __name__ == "__main__":
    unittest.main()
