"""Keys on the command line: secrets are shown once, never given as arguments, never lost."""

import hashlib
import json
import pathlib
import stat
import subprocess
import unittest

from command_line import CommandLineTest
from keywright import binary, wait_until


class Keys(CommandLineTest):
    def create(self, *arguments):
        """(id, token) of a new access key."""
        made = json.loads(self.cli.expect("keys", "create", "--kind", "access", "--name", "test",
                                          *arguments, "--json").stdout)
        return made["id"], made["key"]

    def works(self, token):
        return self.server.client(token).get("/api/v1/whoami").status == 200

    def test_a_pipe_gets_the_secret_alone(self):
        made = self.cli.expect("keys", "create", "--kind", "access", "--name", "ci")
        self.assertRegex(made.stdout, r"^kwa_[0-9A-Za-z]{49}\n$")
        self.assertIn("Created key ci", made.stderr)
        self.assertNotIn(made.stdout.strip(), made.stderr)
        self.assertTrue(self.works(made.stdout.strip()))

    def test_a_terminal_shows_it_in_one_piece(self):
        shown = self.cli.run_on_terminal("keys", "create", "--kind", "access", "--name", "ci",
                                         columns=40)
        self.assertRegex(shown.text, r"\n kwa_[0-9A-Za-z]{49}\n")
        self.assertIn("only time", shown.text)

    def test_a_file_is_private_and_never_overwritten(self):
        path = self.cli.directory / "key.txt"
        made = self.cli.expect("keys", "create", "--kind", "access", "--name", "file", "--out",
                               path)
        self.assertEqual(0o600, stat.S_IMODE(path.stat().st_mode))
        self.assertTrue(self.works(path.read_text().strip()))
        self.assertNotIn("kwa_" + path.read_text()[4:], made.stdout + made.stderr)
        before = path.read_text()
        count = len(self.cli.expect("keys", "list", "--all", "-q").stdout.splitlines())
        self.cli.expect("keys", "create", "--kind", "access", "--name", "file", "--out", path,
                        code=5)
        self.assertEqual(before, path.read_text())
        self.assertEqual(
            count, len(self.cli.expect("keys", "list", "--all", "-q").stdout.splitlines()))

    def test_a_refused_key_leaves_no_file(self):
        path = self.cli.directory / "refused.txt"
        self.cli.expect("keys", "create", "--kind", "access", "--name", " ", "--out", path, code=2)
        self.assertFalse(path.exists())

    def test_rotation_gives_a_new_secret(self):
        key, token = self.create()
        fresh = self.cli.expect("keys", "rotate", key, "--overlap-seconds", "1h").stdout.strip()
        self.assertNotEqual(token, fresh)
        self.assertTrue(self.works(token) and self.works(fresh))
        last = self.cli.expect("keys", "rotate", key).stdout.strip()
        self.assertTrue(self.works(last))

    def test_revoking_says_what_it_means_and_works_at_once(self):
        key, token = self.create()
        asked = self.cli.run_on_terminal("keys", "revoke", key, answers=["n"])
        self.assertIn("stops at once", asked.text)
        self.assertTrue(self.works(token))
        done = self.cli.expect("keys", "revoke", key, "--reason", "left in a log")
        self.assertIn("In effect on 1 node", done.stderr)
        self.assertFalse(self.works(token))
        shown = json.loads(self.cli.expect("keys", "get", key, "--json").stdout)
        self.assertEqual("revoked", shown["status"])
        self.assertNotIn(key, self.cli.expect("keys", "list", "-q", "--all").stdout)
        self.assertIn(key, self.cli.expect("keys", "list", "-q", "--all", "--include",
                                           "revoked").stdout)

    def test_a_key_is_disabled_enabled_and_edited_by_its_id(self):
        key, token = self.create("--expires-at", "90d")
        self.cli.expect("keys", "disable", key)
        self.assertFalse(self.works(token))
        self.cli.expect("keys", "enable", key)
        self.assertTrue(self.works(token))
        self.cli.expect("keys", "edit", key, "--expires-at", "never", "--metadata", "team=red",
                        "--idle-timeout-seconds", "7d")
        shown = json.loads(self.cli.expect("keys", "get", key, "--json").stdout)
        self.assertIsNone(shown["expires_at"])
        self.assertEqual({"team": "red"}, shown["metadata"])
        self.assertEqual(7 * 86400, shown["idle_timeout_seconds"])
        self.cli.expect("keys", "edit", key, code=2)

    def test_verify_reads_the_key_from_input_or_file(self):
        _, token = self.create()
        good = self.cli.expect("keys", "verify", "-", stdin=token + "\n")
        self.assertIn("code\tVALID\n", good.stdout)
        path = self.cli.file("token", token)
        self.assertEqual("VALID\n",
                         self.cli.expect("keys", "verify", "--key-file", path, "-q").stdout)
        bad = self.cli.expect("keys", "verify", "-", "--json", stdin="kwa_nothing", code=8)
        self.assertFalse(json.loads(bad.stdout)["valid"])
        prompted = self.cli.run_on_terminal("keys", "verify", answers=[token])
        self.assertEqual(0, prompted.returncode, prompted.text)
        self.assertNotIn(token, prompted.text)

    def test_a_token_as_an_argument_is_refused_and_not_repeated(self):
        _, token = self.create()
        for arguments in (("keys", "verify", token), ("keys", "get", token),
                          ("keys", "list", "--q", token), (token,),
                          ("keys", "verify", "--key-file", token)):
            done = self.cli.expect(*arguments, code=2)
            self.assertNotIn(token, done.stdout + done.stderr, arguments)
        customer = self.cli.expect("keys", "verify", "acme_live_0123456789", code=2)
        self.assertIn("leaked", customer.stderr)

    def test_no_secret_is_ever_in_the_process_list(self):
        _, token = self.create()
        running = subprocess.Popen([binary(), "keys", "verify", "-"], stdin=subprocess.PIPE,
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                   env=self.cli.environment_with({"KEYWRIGHT_API_KEY": token}))
        try:
            proc = pathlib.Path(f"/proc/{running.pid}")
            wait_until(lambda: b"verify" in (proc / "cmdline").read_bytes())
            self.assertNotIn(token.encode(), (proc / "cmdline").read_bytes())
        finally:
            running.communicate((token + "\n").encode())

    def test_a_key_may_act_instead_of_a_session(self):
        key, token = self.create()
        me = self.cli.expect("whoami", "--json", environment={"KEYWRIGHT_API_KEY": token})
        self.assertEqual(key, json.loads(me.stdout)["id"])
        self.cli.expect("whoami", environment={"KEYWRIGHT_API_KEY": "kwa_wrong"}, code=4)

    def import_line(self, token, **fields):
        return json.dumps({"kind": "customer", "name": "imported", "algorithm": "sha256",
                           "owner": {"type": "external", "id": "c1"}, "keyspace_id": self.keyspace,
                           "hash": hashlib.sha256(token.encode()).hexdigest(), **fields})

    def test_import_in_part_ends_with_9_and_keeps_what_was_refused(self):
        self.keyspace = self.cli.expect("keyspaces", "create", "--name", "Import", "--prefix",
                                        "imp_", "-q").stdout.strip()
        good = [self.import_line(f"imp_{i:04d}") for i in range(1203)]
        bad = [self.import_line("imp_bad", kind="nonsense"), "not json", "[1]"]
        path = self.cli.file("keys.jsonl", "\n".join(good[:700] + bad + good[700:]) + "\n")
        done = self.cli.expect("keys", "import", "--file", path, code=9, timeout=120)
        self.assertIn("Imported 1203 of 1206", done.stderr)
        for line in ("line 701:", "line 702:", "line 703:"):
            self.assertIn(line, done.stderr)
        rejects = pathlib.Path(f"{path}.rejected")
        self.assertEqual(sorted(bad), sorted(rejects.read_text().splitlines()))
        self.assertEqual(0o600, stat.S_IMODE(rejects.stat().st_mode))
        self.cli.expect("keys", "verify", "-", stdin="imp_1202")
        again = self.cli.file("again.jsonl", self.import_line("imp_other"))
        self.assertEqual(1, json.loads(self.cli.expect("keys", "import", "--file", again,
                                                       "--json").stdout)["imported"])
        self.cli.expect("keys", "import", "--file", self.cli.file("bad.jsonl", "x"), code=1)


if __name__ == "__main__":
    unittest.main()
