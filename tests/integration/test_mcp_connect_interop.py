"""Real MCP servers behind /mcp-connect, with real clients and the official suite in front.

Everything comes from npm with pinned versions, as in test_mcp_interop.py; without npm, or without a
network and an earlier run, these tests are skipped, unless KEYWRIGHT_LONG asks for them.
"""

import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import unittest

from keywright import Server, free_port, wait_until
from test_mcp_interop import HERE, INSPECTOR, MODULES, NODE, SUITE, install

SCENARIOS = {"2025-11-25": 30, "2026-07-28": 37}
HEADERS = ("http-header-validation", "http-custom-header-server-validation")
EVERYTHING = MODULES / "@modelcontextprotocol/server-everything/dist/index.js"
MEMORY = MODULES / "@modelcontextprotocol/server-memory/dist/index.js"
SUPERGATEWAY = MODULES / "supergateway/dist/index.js"
# Reported by the suite, but no part of its score.
NOT_REQUIRED = {"server-session-lifecycle", "server-sse-polling", "json-schema-2020-12", *HEADERS}
# Of each server: a tool, its arguments, a tool to hide, and what the first one says.
CALLS = {
    "fixture": ("test_simple_text", "{}", "test_error_handling", "simple text response"),
    "everything": ("echo", '{"message": "hello"}', "get-env", "Echo: hello"),
    "memory": ("read_graph", "{}", "create_entities", "entities"),
}


def node_environment(**more):
    return {**os.environ, "PATH": f"{NODE.parent}:{os.environ['PATH']}", **more}


class Process:
    """A program of Node's on a free port, ended by stop()."""

    def __init__(self, *arguments, port=None, **environment):
        self.folder = tempfile.mkdtemp(prefix="keywright-mcp-upstream-")
        with open(os.path.join(self.folder, "log"), "wb") as log:
            self.process = subprocess.Popen(
                [NODE, *map(str, arguments)], cwd=HERE, stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE if port is None else log, stderr=log,
                env=node_environment(**environment))
        self.port = port or int(self.process.stdout.readline())

    def stop(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        if self.process.stdout:
            self.process.stdout.close()
        shutil.rmtree(self.folder, True)


def run_suite(url, *arguments):
    """What the suite found: by scenario, the ids of the checks that did not succeed."""
    output = pathlib.Path(tempfile.mkdtemp(prefix="keywright-mcp-suite-"))
    try:
        subprocess.run([NODE, SUITE, "server", "--url", url, "-o", output, *arguments], cwd=HERE,
                       env=node_environment(), capture_output=True, timeout=180, check=False)
        found = {}
        for path in output.rglob("checks.json"):
            name = re.sub(r"-\d{4}-\d\d-\d\dT.*$", "", path.parent.name).removeprefix("server-")
            found[name] = sorted((check["id"], check["status"])
                                 for check in json.loads(path.read_text()))
        return found
    finally:
        shutil.rmtree(output, True)


def passed(found):
    return {name for name, checks in found.items()
            if checks and all(status not in ("FAILURE", "WARNING") for _, status in checks)}


def is_open(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Upstreams:
    """The fixture of both eras, an ordinary older server, and one that speaks over stdio only."""

    def __init__(self):
        self.fixture = Process("fixture.mjs")
        port = free_port()
        self.everything = Process(EVERYTHING, "streamableHttp", port=port, PORT=str(port))
        port = free_port()
        self.memory = Process(SUPERGATEWAY, "--stdio", f"{NODE} {MEMORY}", "--outputTransport",
                              "streamableHttp", "--port", port, port=port)
        self.all = {"fixture": self.fixture, "everything": self.everything, "memory": self.memory}
        wait_until(lambda: all(is_open(one.port) for one in self.all.values()), 60, "the servers")

    def stop(self):
        for one in self.all.values():
            one.stop()


class ConnectInterop(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        install()
        cls.upstreams = Upstreams()
        cls.addClassCleanup(cls.upstreams.stop)
        cls.home = tempfile.mkdtemp(prefix="keywright-mcp-home-")
        cls.addClassCleanup(shutil.rmtree, cls.home, True)
        cls.server = Server.start(options=["--allow-upstream", "127.0.0.0/8"])
        cls.addClassCleanup(cls.server.stop)
        cls.owner = cls.server.sign_in()
        for name, upstream in cls.upstreams.all.items():
            cls.owner.create("mcp-servers", name=name, slug=name,
                             url=f"http://127.0.0.1:{upstream.port}/mcp")
        cls.key = cls.owner.create_key("connect")["key"]

    def url(self, name):
        return f"{self.server.url}/mcp-connect/{name}"

    # -- what they are

    def test_the_era_of_each_server_is_found_and_no_session_stays(self):
        found = {}
        for server in self.owner.all_items("/api/v1/mcp-servers"):
            path = f"/api/v1/mcp-servers/{server['id']}/probe"
            found[server["name"]] = self.owner.post(path).expect(200).json()
        for name, health in found.items():
            self.assertTrue(health["reachable"], (name, health))
            self.assertGreater(health["tools_count"], 5, name)
            self.assertTrue(health["server_name"], name)
            self.assertLess(health["latency_ms"], 60_000, name)
        self.assertEqual(("modern", "2026-07-28"), (found["fixture"]["era"],
                                                    found["fixture"]["protocol_version"]))
        self.assertEqual(("legacy", "2025-11-25"), (found["everything"]["era"],
                                                    found["everything"]["protocol_version"]))

    # -- the official suite

    def suite_through_keywright(self, *arguments):
        shim = Process("shim.mjs", self.server.url, KEY=self.key)
        try:
            return run_suite(f"http://127.0.0.1:{shim.port}/mcp-connect/fixture", *arguments)
        finally:
            shim.stop()

    def check_revision(self, revision):
        direct = run_suite(f"http://127.0.0.1:{self.upstreams.fixture.port}/mcp", "--requirements",
                           revision)
        through = self.suite_through_keywright("--requirements", revision)
        required = {name for name in direct if not name.startswith("tasks-")} - NOT_REQUIRED
        good = [len(passed(found) & required) for found in (direct, through)]
        print(f"RESULT: /mcp-connect, official suite {revision}: {good[1]} of {len(required)} "
              f"scenarios pass, {good[0]} without Keywright between", flush=True)
        self.assertEqual({}, {name: through.get(name) for name in
                              required & passed(direct) - passed(through)})
        self.assertEqual([SCENARIOS[revision]] * 2, good)
        self.assertEqual(SCENARIOS[revision], len(required))
        self.assertEqual(direct, through)  # each check, those of extensions too
        return through

    def test_the_suite_of_2025_11_25_finds_no_difference(self):
        through = self.check_revision("2025-11-25")
        self.assertLessEqual({"server-session-lifecycle", "server-sse-polling"}, passed(through))

    def test_the_suite_of_2026_07_28_finds_no_difference(self):
        through = self.check_revision("2026-07-28")
        self.assertLessEqual(set(HEADERS), passed(through))

    # -- clients

    def keys_for(self, tool):
        narrow = self.owner.create_key("connect", permissions=[f"tools/call:{tool}"])["key"]
        return self.key, narrow, "ok1-1-1-" + "x" * 43

    def look(self, client, name):
        """What the client saw with a key for everything, with one for one tool, with a bad one."""
        tool, arguments, hidden = CALLS[name][:3]
        done = subprocess.run(
            [NODE, "connect_clients.mjs", client, self.url(name), tool, arguments, hidden],
            cwd=HERE, text=True, capture_output=True, timeout=180, check=False,
            env=node_environment(KEYS=",".join(self.keys_for(tool)), HOME=self.home,
                                 MCP_REMOTE_CONFIG_DIR=self.home))
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        self.assertEqual(3, len(lines), done.stdout[-2000:] + done.stderr[-2000:])
        return *lines, done.stderr

    def check_client(self, client):
        for name, (tool, _, hidden, said) in CALLS.items():
            with self.subTest(name):
                everything, narrow, bad, log = self.look(client, name)
                self.assertNotIn("error", everything)
                self.assertLessEqual({tool, hidden}, set(everything["tools"]))
                self.assertNotIn("error", narrow)
                self.assertEqual(([tool], -32602), (narrow["tools"], narrow["hidden"]))
                for seen in (everything, narrow):
                    self.assertFalse(seen["failed"])
                    self.assertIn(said, seen["text"])
                # mcp-remote tells its host nothing but the end, and its log the reason.
                self.assertIn("401", log if client == "mcp-remote" else bad["error"])

    def test_typescript_sdk_v1(self):
        self.check_client("v1")

    def test_typescript_sdk_v2(self):
        self.check_client("v2")

    def test_typescript_sdk_v2_that_asks_for_the_era(self):
        self.check_client("v2-auto")

    def test_the_ai_sdk(self):
        self.check_client("ai-sdk")

    def test_mcp_remote(self):
        self.check_client("mcp-remote")

    def inspect(self, name, key, *arguments):
        return subprocess.run(
            [INSPECTOR, "--cli", self.url(name), "--transport", "http", "--header",
             f"Authorization: Bearer {key}", "--stored-auth-only", "--format", "json", *arguments],
            cwd=HERE, text=True, env=node_environment(HOME=self.home), capture_output=True,
            timeout=120, check=False)

    def test_inspector(self):
        full, narrow, bad = self.keys_for("test_simple_text")
        for era in ([], ["--protocol-era", "modern"]):
            with self.subTest(era):
                done = self.inspect("fixture", full, "--method", "tools/call", "--tool-name",
                                    "test_simple_text", *era)
                self.assertEqual(0, done.returncode, done.stdout + done.stderr)
                self.assertIn("simple text response", done.stdout)
                listed = self.inspect("fixture", narrow, "--method", "tools/list", *era)
                self.assertEqual(1, listed.stdout.count('"inputSchema"'), listed.stdout)
                refused = self.inspect("fixture", bad, "--method", "tools/list", *era)
                self.assertEqual(3, refused.returncode, refused.stdout + refused.stderr)


if __name__ == "__main__":
    unittest.main()
