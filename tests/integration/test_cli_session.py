"""Signing in and out on the command line, help, version, completion."""

import json
import pathlib
import shutil
import stat
import subprocess
import tempfile
import unittest

from command_line import CommandLine
from keywright import PASSWORD, Server, binary, wait_until


class Session(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server.start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def setUp(self):
        self.cli = CommandLine(self.server)
        self.addCleanup(self.cli.close)

    def session_files(self):
        return [path for path in (self.cli.directory / "config").rglob("*") if path.is_file()]

    def test_login_keeps_a_private_file_until_logout(self):
        self.cli.expect("whoami", code=4)
        signed_in = self.cli.sign_in(self.server.email, PASSWORD)
        self.assertEqual("", signed_in.stdout)
        (path,) = self.session_files()
        self.assertEqual(0o600, stat.S_IMODE(path.stat().st_mode))
        self.assertEqual(0o700, stat.S_IMODE(path.parent.stat().st_mode))
        kept = path.read_text()
        self.assertNotIn(PASSWORD, kept)
        token = json.loads(kept)["token"]
        me = json.loads(self.cli.expect("whoami", "--json").stdout)
        self.assertEqual(self.server.email, me["email"])
        self.cli.expect("logout")
        self.assertEqual([], self.session_files())
        self.assertEqual(401, self.server.client(token).get("/api/v1/me").status)
        self.cli.expect("logout")

    def test_login_and_logout_say_in_json_where_and_as_whom(self):
        secret = self.cli.directory / "password.txt"
        secret.write_text(PASSWORD)
        where = {"server": self.server.url, "email": self.server.email}
        told = self.cli.expect("login", "--email", self.server.email, "--password-file", secret,
                               "--json")
        self.assertEqual(where, json.loads(told.stdout))
        self.assertEqual(where, json.loads(self.cli.expect("logout", "--json").stdout))
        again = json.loads(self.cli.expect("logout", "--json").stdout)
        self.assertEqual({**where, "email": ""}, again)

    def test_sessions_are_listed_and_ended(self):
        self.cli.sign_in(self.server.email, PASSWORD)
        sessions = json.loads(self.cli.expect("sessions", "list", "--json").stdout)["items"]
        current = next(session["id"] for session in sessions if session["current"])
        self.assertIn(current, self.cli.run_on_terminal("sessions", "list").text)
        self.cli.expect("sessions", "delete", current)
        self.cli.expect("whoami", code=4)

    def test_a_session_stays_with_its_server(self):
        self.cli.sign_in(self.server.email, PASSWORD)
        other = self.cli.expect("whoami", "--url", "http://127.0.0.1:9", code=4)
        self.assertIn("not signed in", other.stderr)
        self.cli.expect("whoami", "--url", self.server.url + "/")

    def test_a_session_file_that_others_may_read_is_refused(self):
        self.cli.sign_in(self.server.email, PASSWORD)
        (path,) = self.session_files()
        path.chmod(0o644)
        refused = self.cli.run("whoami")
        self.assertNotEqual(0, refused.returncode)
        self.assertIn(str(path), refused.stderr)

    def test_the_terminal_is_asked_and_does_not_echo(self):
        shown = self.cli.run_on_terminal("login", answers=[self.server.email, PASSWORD])
        self.assertEqual(0, shown.returncode, shown.text)
        self.assertIn("Signed in", shown.text)
        self.assertNotIn(PASSWORD, shown.text)
        self.assertIn(self.server.email, self.cli.run_on_terminal("whoami").text)

    def test_an_interrupted_password_prompt_ends_with_130(self):
        shown = self.cli.run_on_terminal("login", "--email", "x@example.org", interrupt=True)
        self.assertEqual(130, shown.returncode)

    def test_a_wrong_password_ends_with_4(self):
        secret = self.cli.file("wrong", "not the password\n")
        refused = self.cli.expect("login", "--email", "nobody@example.org", "--password-file",
                                  secret, code=4)
        self.assertNotIn("not the password", refused.stderr)
        self.assertEqual([], self.session_files())

    def test_the_password_comes_from_input_and_is_not_in_the_process_list(self):
        running = subprocess.Popen(
            [binary(), "login", "--email", self.server.email, "--password-file", "-"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env=self.cli.environment_with({}))
        try:
            command_line = pathlib.Path(f"/proc/{running.pid}/cmdline")
            wait_until(lambda: b"login" in command_line.read_bytes())
            self.assertNotIn(PASSWORD.encode(), command_line.read_bytes())
        finally:
            _, messages = running.communicate(PASSWORD.encode() + b"\n")
        self.assertEqual(0, running.returncode, messages)
        refused = self.cli.expect("login", "--email", "a@b.c", "--password", "hunter2", code=2)
        self.assertIn("--password-file", refused.stderr)
        self.assertNotIn("hunter2", refused.stderr)

    def test_without_a_terminal_nothing_is_asked(self):
        self.assertIn("--email", self.cli.expect("login", code=2).stderr)
        missing = self.cli.expect("login", "--email", self.server.email, code=2)
        self.assertIn("--password-file", missing.stderr)


class TooManyTries(unittest.TestCase):
    def test_throttled_sign_ins_end_with_6_and_say_when_to_try_again(self):
        server = Server.start()
        self.addCleanup(server.stop)
        cli = CommandLine(server)
        self.addCleanup(cli.close)
        wrong = cli.file("wrong", "not the password\n")
        for _ in range(10):
            cli.expect("login", "--email", server.email, "--password-file", wrong, code=4)
        refused = cli.expect("login", "--email", server.email, "--password-file", wrong, code=6)
        self.assertRegex(refused.stderr, r"next: try again in \d+ s")


class Tls(unittest.TestCase):
    def test_https_is_spoken_to_servers_whose_certificate_is_trusted(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="keywright-tls-"))
        self.addCleanup(shutil.rmtree, folder, ignore_errors=True)
        certificate, key = folder / "cert.pem", folder / "key.pem"
        subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt",
                        "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out",
                        certificate, "-days", "2", "-subj", "/CN=localhost", "-addext",
                        "subjectAltName=IP:127.0.0.1"], check=True, capture_output=True)
        server = Server.start(["--tls-cert", str(certificate), "--tls-key", str(key)])
        self.addCleanup(server.stop)
        cli = CommandLine(url=f"https://127.0.0.1:{server.port}")
        self.addCleanup(cli.close)
        secret = cli.file("password", PASSWORD)
        login = ("login", "--email", server.email, "--password-file", secret)
        self.assertIn("https://", cli.expect(*login, code=7).stderr)
        cli.expect(*login, "--ca-file", certificate)
        cli.expect("whoami", environment={"KEYWRIGHT_CA_FILE": str(certificate)})


class Help(unittest.TestCase):
    def setUp(self):
        self.cli = CommandLine()
        self.addCleanup(self.cli.close)

    def test_help_goes_to_standard_output_and_ends_with_0(self):
        whole = self.cli.expect("--help")
        self.assertEqual(whole.stdout, self.cli.expect("help").stdout)
        self.assertEqual(whole.stdout, self.cli.expect().stdout)
        one = self.cli.expect("keys", "create", "--help")
        self.assertEqual(one.stdout, self.cli.expect("help", "keys", "create").stdout)
        self.assertIn("--expires-at TIME", one.stdout)
        for topic in ("exit-codes", "environment", "formatting"):
            self.assertIn(f"help {topic}", whole.stdout)
            self.assertTrue(self.cli.expect("help", topic).stdout)
        self.assertIn("did you mean 'keys'?", self.cli.expect("help", "kyes", code=2).stderr)

    def test_a_group_without_a_command_shows_its_commands(self):
        done = self.cli.expect("keys", code=2)
        self.assertEqual("", done.stdout)
        self.assertIn("rotate", done.stderr)

    def test_the_version_is_the_same_however_it_is_asked_for(self):
        version = json.loads(self.cli.expect("version", "--json").stdout)["version"]
        self.assertEqual(f"keywright {version}\n", self.cli.expect("version").stdout)
        self.assertEqual(f"keywright {version}\n", self.cli.expect("--version").stdout)

    def test_completion_scripts_are_accepted_by_their_shell(self):
        script = self.cli.expect("completion", "bash").stdout
        program = pathlib.Path(binary())
        directory = self.cli.directory / "bin"
        directory.mkdir()
        (directory / "keywright").symlink_to(program)
        asked = subprocess.run(
            ["bash", "--norc", "-c",
             script + "\nCOMP_WORDS=(keywright keys ro); COMP_CWORD=2; _keywright; "
                      "echo \"${COMPREPLY[@]}\""],
            text=True, capture_output=True,
            env=self.cli.environment_with({"PATH": f"{directory}:/usr/bin:/bin"}))
        self.assertEqual("rotate\n", asked.stdout, asked.stderr)
        for shell in ("zsh", "fish"):
            self.assertIn("complete-words", self.cli.expect("completion", shell).stdout)
        self.cli.expect("completion", "tcsh", code=2)

    def test_the_man_page_is_made_by_the_program(self):
        page = self.cli.expect("help", "--man").stdout
        self.assertTrue(page.startswith(".TH KEYWRIGHT 1"))
        self.assertIn(".SH EXIT CODES", page)


if __name__ == "__main__":
    unittest.main()
