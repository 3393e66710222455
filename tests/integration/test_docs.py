"""Every example in the README and the docs runs, as it stands, against a real server.

An example is a ```sh block right after a line `<!-- example: name -->`. All of them run in a shell
that stops at the first failure, in a folder where `password.txt` and `build/keywright` are, with
KEYWRIGHT_URL, DATA, UPSTREAM_URL and MCP_URL set, for the person who set the server up.
"""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

from keywright import PASSWORD, ROOT, Server, binary
from mcp_upstream import McpUpstream
from upstreams import Recorder

EXAMPLE = re.compile(r"^<!-- example: ([a-z-]+) -->\n```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
# Instead of a sleep that is long enough for a person.
COUNTED = """for _ in $(seq 600); do
  keywright keys usage "$id" --json | grep -q '"accepted":1' && break
  sleep 0.1
done"""

# What an example must print, in this order.
EXPECTED = {
    "tour": ['"code":"VALID"', '"code":"REVOKED"'],
    "kinds": ['"kind":"access"', '"kind":"access"', '"kind":"access"', '"status":"revoked"'],
    "import": ["VALID"],
    "traces": ['"by":"keyScope"', '"by":"platformId"', '"by":"metadata"', '"nextCursor"'],
    "traces-why": ["PLATFORM_REQUIRED"],
    "traces-batch": ['"tracesPerBatch":500', '"rejected":1', '"id":"first","status":201',
                     '"id":"second","status":400', "PLATFORM_REQUIRED"],
    "traces-forward": ['"whsec_', '"delivered":true', '"by":"keyScope"', '"enabled":true',
                       '"items":[]'],
    "usage": ["\t1\t0\t", '"accepted":1,"refused":0}'],
    "backup": ["intact"],
    "protect": ["ok", "credential_missing"],
    "ci": ["ok"],
    "protocols": ['"status":"ok"'],
    "jwt-account": ['{"id":"', "200", '"count":1,"page_total":1', '{"detail":', "403"],
    "graphql": ['"email":"', '"role":"OWNER"', '"name":"Web shop"', '"totalCount":', "FORBIDDEN"],
    "mcp": ['"structuredContent"', '"name":"whoami"'],
    "mcp-connect": ['"tools":[{"name":"echo"', '"id": 2, "result": {"content"'],
}


def documents():
    yield ROOT / "README.md"
    yield from sorted((ROOT / "docs").rglob("*.md"))


def examples():
    return {name: (path, text) for path in documents()
            for name, text in EXAMPLE.findall(path.read_text())}


class Examples(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server.start(["--allow-upstream", "127.0.0.0/8"])
        cls.upstream = Recorder()
        cls.mcp = McpUpstream.start()

    @classmethod
    def tearDownClass(cls):
        cls.upstream.close()
        cls.mcp.stop()
        cls.server.stop()

    def run_example(self, name, folder):
        environment = dict(os.environ, KEYWRIGHT_URL=self.server.url, NO_COLOR="1",
                           DATA=str(self.server.data), UPSTREAM_URL=self.upstream.url,
                           MCP_URL=self.mcp.url, XDG_CONFIG_HOME=str(folder / "config"),
                           PATH=f"{folder / 'build'}:{os.environ['PATH']}")
        text = examples()[name][1].replace("robin@example.com", self.server.email)
        text = re.sub(r"^sleep 2 .*$", COUNTED, text, flags=re.M)
        if name != "tour":
            login = f"keywright login --email {self.server.email} --password-file password.txt"
            text = f"{login}\n{text}"
        done = subprocess.run(["bash", "-euo", "pipefail", "-c", text], cwd=folder, text=True,
                              env=environment, capture_output=True, timeout=120)
        self.assertEqual(0, done.returncode, f"{done.stdout}\n{done.stderr}")
        return done.stdout + done.stderr

    def test_every_example_does_what_the_page_says(self):
        for name in examples():
            with self.subTest(name), tempfile.TemporaryDirectory() as made:
                folder = pathlib.Path(made)
                (folder / "password.txt").write_text(PASSWORD)
                (folder / "build").mkdir()
                (folder / "build" / "keywright").symlink_to(binary())
                printed = self.run_example(name, folder)
                at = 0
                for fragment in EXPECTED[name]:
                    found = printed.find(fragment, at)
                    self.assertGreaterEqual(found, 0, f"{fragment!r} is not in {printed}")
                    at = found + len(fragment)

    def test_every_example_is_known_and_expected_to_print_something(self):
        self.assertEqual(set(EXPECTED), set(examples()))


if __name__ == "__main__":
    unittest.main()
