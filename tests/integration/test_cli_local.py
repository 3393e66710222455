"""Commands on a data directory: setup, backup, restore, reset-password, audit verify."""

import json
import pathlib
import shutil
import socket
import subprocess
import tempfile
import unittest

from command_line import CommandLine
from keywright import PASSWORD, Server, binary


class Local(unittest.TestCase):
    def setUp(self):
        self.cli = CommandLine()
        self.addCleanup(self.cli.close)
        self.data = pathlib.Path(tempfile.mkdtemp(prefix="keywright-local-"))
        self.addCleanup(shutil.rmtree, self.data, ignore_errors=True)

    def set_up(self):
        secret = self.cli.file("password", PASSWORD + "\n")
        return self.cli.expect("setup", "--data", self.data, "--organization", "Acme", "--email",
                               "owner@example.org", "--password-file", secret, "--json")

    def test_setup_happens_once(self):
        made = json.loads(self.set_up().stdout)
        self.assertEqual({"organization_id", "user_id"}, set(made))
        secret = self.cli.file("password", PASSWORD)
        again = self.cli.expect("setup", "--data", self.data, "--organization", "B", "--email",
                                "b@example.org", "--password-file", secret, "--json", code=5)
        self.assertEqual("", again.stdout)

    def test_setup_names_the_flag_that_is_wrong(self):
        secret = self.cli.file("password", PASSWORD)
        for arguments, named in (
                (("--organization", "A", "--password-file", secret), "--email"),
                (("--organization", "A", "--email", "nonsense", "--password-file", secret),
                 "--email"),
                (("--organization", " ", "--email", "a@example.org", "--password-file", secret),
                 "--organization"),
                (("--organization", "A", "--email", "a@example.org", "--password-file",
                  self.cli.file("short", "x")), "--password-file"),
                (("--organization", "A", "--email", "a@example.org"), "--password-file")):
            refused = self.cli.expect("setup", "--data", self.data, *arguments, code=2)
            self.assertIn(named, refused.stderr)
        self.assertIn("--data", self.cli.expect("setup", "--organization", "A", code=2).stderr)

    def test_setup_asks_on_a_terminal(self):
        shown = self.cli.run_on_terminal(
            "setup", "--data", self.data,
            answers=["Acme", "owner@example.org", PASSWORD, PASSWORD])
        self.assertEqual(0, shown.returncode, shown.text)
        self.assertNotIn(PASSWORD, shown.text)

    def test_the_audit_log_is_verified(self):
        self.set_up()
        seen = json.loads(self.cli.expect("audit", "verify", "--data", self.data, "--json").stdout)
        self.assertTrue(seen["intact"])
        self.assertGreater(seen["events"], 0)
        self.assertIn("intact", self.cli.expect("audit", "verify", "--data", self.data).stdout)

    def test_a_locked_out_owner_gets_a_link_or_a_password(self):
        self.set_up()
        link = self.cli.expect("users", "reset-password", "--data", self.data)
        self.assertRegex(link.stdout, r"^http://\S+\n$")
        secret = self.cli.file("new", "another good password\n")
        self.cli.expect("users", "reset-password", "--data", self.data, "--password-file", secret)
        self.cli.expect("users", "reset-password", "--data", self.data, "--email",
                        "stranger@example.org", "--password-file", secret, code=3)
        server = Server(self.data)
        server.serve()
        self.addCleanup(server.discard)
        server.sign_in("owner@example.org", "another good password")

    def test_what_is_backed_up_is_restored_and_never_overwrites_a_copy(self):
        self.set_up()
        copy = self.cli.directory / "copy.db"
        self.cli.expect("backup", "--data", self.data, copy)
        self.assertTrue(copy.exists())
        self.assertNotEqual(0, self.cli.run("backup", "--data", self.data, copy).returncode)
        self.assertIn("FILE", self.cli.expect("backup", "--data", self.data, code=2).stderr)
        self.cli.expect("restore", "--data", self.data, "--from", copy)
        restored = json.loads(
            self.cli.expect("restore", "--data", self.data, copy, "--json").stdout)
        self.assertEqual(0, restored["keys_revoked"])
        self.cli.expect("audit", "verify", "--data", self.data)

    def test_a_password_in_a_url_is_crossed_out_where_ps_shows_it(self):
        with socket.create_server(("127.0.0.1", 0)) as silent:
            url = f"postgres://keywright:hunter2@127.0.0.1:{silent.getsockname()[1]}/keywright"
            process = subprocess.Popen([binary(), "serve", "--data", self.data, "--store", url],
                                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
            try:
                with silent.accept()[0]:  # it has read its command line, and waits for an answer
                    shown = pathlib.Path(f"/proc/{process.pid}/cmdline").read_bytes()
            finally:
                process.kill()
                process.wait()
        self.assertNotIn(b"hunter2", shown)
        self.assertIn(b"postgres://keywright:xxxxxxx@127.0.0.1", shown)

    def test_what_is_no_installation_is_said(self):
        refused = self.cli.run("audit", "verify", "--data", self.data)
        self.assertNotEqual(0, refused.returncode)
        self.assertIn(str(self.data), refused.stderr)


if __name__ == "__main__":
    unittest.main()
