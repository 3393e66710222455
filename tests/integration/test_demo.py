"""`keywright serve --demo`: what it prints works, and each start makes it fresh."""

import json
import pathlib
import re
import shutil
import subprocess
import tempfile
import time
import unittest

from keywright import Server, binary, wait_until

KINDS = ["personal", "access", "mcp", "connect", "ingest", "ingest", "account", "target",
         "customer", "management"]


class Demo(Server):
    """A server whose output is the demo's sheet."""

    def __init__(self, data):
        super().__init__(data, ["--demo"])

    def serve(self):
        super().serve()
        wait_until(lambda: "Ctrl-C" in self.sheet(), what="the sheet")
        return self

    def sheet(self):
        return "".join(self.output)

    def commands(self):
        return [line.strip() for line in self.output if line.strip().startswith("curl ")]

    def said(self, name):
        return re.search(rf"^  {name} +(\S+)$", self.sheet(), re.M).group(1)


def paste(line):
    """What a shell makes of the line; its JSON."""
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, timeout=60)
    return json.loads(done.stdout)


def token_in(line):
    found = re.search(r'"key":"([^"]+)"|(?:Bearer|JWT) ([^\']+)|(?i:X-API-Key): ([^\']+)', line)
    keys = re.findall(r'"key":"([^"]+)"', line)
    return keys[0] if keys else next(group for group in found.groups() if group)


class DemoTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = tempfile.mkdtemp(prefix="keywright-demo-")
        cls.demo = Demo(pathlib.Path(cls.folder) / "demo").serve()

    @classmethod
    def tearDownClass(cls):
        try:
            cls.demo.end()
        finally:
            cls.demo.discard()
            shutil.rmtree(cls.folder, ignore_errors=True)

    def ids(self):
        """The key ids by the order of the sheet, asked through the management key."""
        management = self.demo.client(
            token_in(self.demo.commands()[KINDS.index("management")]))
        found = []
        for line in self.demo.commands()[:len(KINDS)]:
            asked = management.post("/api/v1/keys/verify", {"key": token_in(line)}).expect(200)
            found.append(asked.json()["key_id"])
        return found

    def test_1_sheet_is_plain_text_that_fits(self):
        self.assertNotIn("\033", self.demo.sheet())
        for line in self.demo.sheet().splitlines():
            if "curl " not in line:
                self.assertLessEqual(len(line), 100, line)

    def test_2_each_line_works_as_pasted(self):
        commands = self.demo.commands()[:len(KINDS)]
        self.assertEqual(len(KINDS), len(commands))
        for kind, line in zip(KINDS, commands):
            with self.subTest(kind=kind):
                answer = paste(line)
                if "/keys/verify" in line:
                    self.assertTrue(answer["valid"], answer)
                    self.assertEqual(kind, answer["kind"])
                elif kind == "connect":
                    self.assertEqual(kind, answer["api_key"]["kind"])
                elif kind == "account":
                    self.assertGreaterEqual(answer["count"], 2)
                elif kind == "target":
                    self.assertIn(answer["id"], line)
                elif "/public/traces" in line:
                    self.assertTrue(answer["success"], answer)
                    self.assertEqual("platformId" if "platformId" in line else "keyScope",
                                     answer["data"]["routing"]["by"])
                elif "/api/mcp/v1" in line:
                    self.assertEqual(kind, answer["result"]["structuredContent"]["kind"])
                else:
                    self.assertEqual(kind, answer["kind"])

    def test_3_sign_in_works_for_every_role(self):
        for role in ["owner", "admin", "member", "viewer", "auditor"]:
            person = self.demo.sign_in(f"{role}@example.com", self.demo.said("Password"))
            me = person.get("/api/v1/me").expect(200).json()
            self.assertEqual([role], [o["role"] for o in me["organizations"]])

    def test_4_organization_is_full_of_examples(self):
        owner = self.demo.sign_in("owner@example.com", self.demo.said("Password"))
        for collection, least in {"users": 6, "projects": 2, "targets": 2, "mcp-servers": 2,
                                  "registries": 2, "services": 1, "keyspaces": 1}.items():
            items = owner.all_items(f"/api/v1/{collection}")
            self.assertGreaterEqual(len(items), least, collection)
        project = [p for p in owner.all_items("/api/v1/projects") if "Support" in p["name"]][0]
        self.assertEqual({"flowise", "n8n", "http_api"},
                         {p["type"] for p in
                          owner.all_items(f"/api/v1/projects/{project['id']}/platforms")})
        kinds = {key["kind"] for key in owner.all_items("/api/v1/keys?owner=all")}
        self.assertEqual(set(KINDS), kinds)

    def test_5_each_start_rotates_keys_and_password(self):
        lines, password, ids = self.demo.commands(), self.demo.said("Password"), self.ids()
        self.demo.end()
        self.demo.serve()
        self.assertEqual(ids, self.ids())
        self.assertNotEqual(password, self.demo.said("Password"))
        refused = self.demo.client().post("/api/v1/session", {"email": "owner@example.com",
                                                              "password": password})
        self.assertEqual(401, refused.status)
        management = self.demo.client(
            token_in(self.demo.commands()[KINDS.index("management")]))
        for line in lines[:len(KINDS)]:
            asked = management.post("/api/v1/keys/verify", {"key": token_in(line)}).expect(200)
            self.assertFalse(asked.json()["valid"], line)
        self.test_2_each_line_works_as_pasted()

    def test_6_revoked_key_is_refused_as_shown_and_made_anew_by_the_next_start(self):
        revoke, again = self.demo.commands()[len(KINDS):]
        paste(revoke)
        done = subprocess.run(["bash", "-c", again], capture_output=True, text=True, timeout=60)
        self.assertTrue(done.stdout.startswith("HTTP/1.1 401"), done.stdout)
        self.demo.end()
        self.demo.serve()
        self.test_2_each_line_works_as_pasted()


class DemoRefusals(unittest.TestCase):
    def test_other_addresses_than_loopback_are_refused(self):
        with tempfile.TemporaryDirectory() as folder:
            done = subprocess.run(
                [binary(), "serve", "--demo", "--data", folder, "--listen", "0.0.0.0:0"],
                capture_output=True, text=True, timeout=60)
        self.assertNotEqual(0, done.returncode)
        self.assertIn("loopback", done.stderr)
        self.assertEqual("", done.stdout)

    def test_real_installation_is_not_made_a_demo(self):
        server = Server.start()
        try:
            server.end()
            done = server.run("serve", "--demo", "--data", server.data, "--listen", "127.0.0.1:0")
            self.assertNotEqual(0, done.returncode)
            self.assertIn("not a demo", done.stderr)
            server.serve()
            server.sign_in()
        finally:
            server.discard()

    def test_first_start_that_was_killed_is_taken_up_again(self):
        with tempfile.TemporaryDirectory() as folder:
            demo = Demo(pathlib.Path(folder) / "demo")
            for milliseconds in range(100, 2000, 300):
                process = subprocess.Popen(
                    [binary(), "serve", "--demo", "--data", str(demo.data),
                     "--listen", "127.0.0.1:0"],
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
                time.sleep(milliseconds / 1000)
                process.kill()
                process.wait()
            try:
                demo.serve()
                self.assertEqual(len(KINDS) + 2, len(demo.commands()))
                owner = demo.sign_in("owner@example.com", demo.said("Password"))
                self.assertEqual(6, len(owner.all_items("/api/v1/users")))
            finally:
                demo.discard()


if __name__ == "__main__":
    unittest.main()
