"""Starting and stopping: settings, set-up, one server for each directory, signals, certificates."""

import http.client
import json
import os
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import tempfile
import time
import unittest

from keywright import PASSWORD, Server, binary, wait_until


def run(*arguments, environment=None, stdin=None):
    return subprocess.run([binary(), *map(str, arguments)], capture_output=True, text=True,
                          timeout=60, input=stdin, env={**os.environ, **(environment or {})})


class FolderTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="keywright-life-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)


class Settings(FolderTest):
    def test_everything_that_is_wrong_is_said_at_once_and_nothing_listens(self):
        config = self.folder / "keywright.toml"
        config.write_text("thread = 4\n")
        done = run("serve", "--config", config)
        self.assertNotEqual(0, done.returncode)
        self.assertIn("keywright.toml:1:1: thread", done.stderr)
        done = run("serve", "--data", self.folder / "data", "--listen", "nowhere",
                   environment={"KEYWRIGHT_THREADS": "none"})
        self.assertNotEqual(0, done.returncode)
        self.assertIn("--listen", done.stderr)
        self.assertIn("KEYWRIGHT_THREADS", done.stderr)
        self.assertNotIn("listening", done.stdout)
        self.assertFalse((self.folder / "data").exists())

    def test_file_environment_and_flags_are_taken_together(self):
        config = self.folder / "keywright.toml"
        config.write_text(f'data = "{self.folder}/wrong"\nlisten = ["127.0.0.1:0", "[::1]:0"]\n'
                          'public_url = "https://keys.example.com"\n')
        server = Server(self.folder / "data", ["--config", str(config), "--listen", "127.0.0.1:0"],
                        {"KEYWRIGHT_PUBLIC_URL": "https://other.example.com"})
        try:
            server.serve()
            wait_until(lambda: "token=" in "".join(server.output), what="the link")
            self.assertEqual(1, len(server.ports))
            self.assertIn("https://other.example.com/console/setup#token=", "".join(server.output))
            self.assertFalse((self.folder / "wrong").exists())
        finally:
            server.stop()

    def test_each_address_gets_its_line(self):
        server = Server(self.folder / "data", ["--listen", "127.0.0.1:0", "--listen", "[::1]:0"])
        try:
            server.serve()
            self.assertEqual(2, len(server.ports))
            self.assertTrue(any(line.startswith("listening on http://[::1]:")
                                for line in server.output))
            with socket.create_connection(("::1", server.ports[1]), timeout=60) as connection:
                connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n")
                self.assertIn(b" 200 ", connection.recv(4096))
        finally:
            server.stop()

    def test_address_in_use_is_said_and_nothing_is_served(self):
        server = Server(self.folder / "one")
        try:
            server.serve()
            done = run("serve", "--data", self.folder / "two", "--listen",
                       f"127.0.0.1:{server.port}")
            self.assertNotEqual(0, done.returncode)
            self.assertIn(f"127.0.0.1:{server.port}", done.stderr)
        finally:
            server.stop()

    def test_a_store_that_is_not_there_is_named_without_its_password(self):
        for url in ("postgres://u:hunter2@127.0.0.1:1/k", "postgres://u:hunter2@[broken/k"):
            done = run("serve", "--data", self.folder, "--store", url)
            self.assertNotEqual(0, done.returncode)
            self.assertIn("store", done.stderr)
            self.assertNotIn("hunter2", done.stderr + done.stdout)

    def test_access_log_has_no_queries_and_no_secrets(self):
        server = Server.start(["--access-log", "on"])
        try:
            owner = server.sign_in()
            key = owner.create_key("access")["key"]
            server.client(key).get("/api/v1/whoami").expect(200)
            server.client().get(f"/api/v1/whoami?api_key={key}").expect(400)
            lines = wait_until(lambda: [json.loads(line) for line in server.log().splitlines()
                                        if '"whoami' in line or "/whoami" in line],
                               what="the access log")
            self.assertEqual({"/api/v1/whoami"}, {line["path"] for line in lines})
            for secret in (key, PASSWORD, "api_key", owner.csrf_token):
                self.assertNotIn(secret, server.log())
        finally:
            server.stop()


class FirstRun(FolderTest):
    def test_link_sets_up_once_and_nothing_is_open_before(self):
        server = Server(self.folder / "data")
        try:
            server.serve()
            sheet = wait_until(lambda: re.search(r"(http://\S+)/console/setup#token=(\S+)",
                                                 "".join(server.output)), what="the link")
            self.assertEqual(server.url, sheet.group(1))
            anybody = server.client()
            for path in ("users", "keys", "organizations", "me"):
                self.assertEqual(401, anybody.get(f"/api/v1/{path}").status, path)
            self.assertEqual(401, anybody.post("/api/v1/keys", {"kind": "access",
                                                                "name": "a"}).status)
            fields = {"token": "wrong" + sheet.group(2)[5:], "organization": "Acme",
                      "email": "ada@example.org", "password": PASSWORD}
            self.assertEqual("link_spent", anybody.post("/api/v1/setup", fields).code)
            fields["token"] = sheet.group(2)
            anybody.post("/api/v1/setup", fields).expect(201)
            server.sign_in("ada@example.org")
            fields["email"] = "eve@example.org"
            self.assertEqual("link_spent", server.client().post("/api/v1/setup", fields).code)
            server.restart()
            self.assertNotIn("token=", "".join(server.output))
            server.sign_in("ada@example.org")
        finally:
            server.stop()

    def test_setup_is_refused_a_second_time_and_while_a_server_runs(self):
        server = Server(self.folder / "data")
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        command = ["setup", "--data", server.data, "--organization", "Acme", "--email",
                   "ada@example.org", "--password-file"]
        first = run(*command, secret, "--json")
        self.assertEqual(0, first.returncode, first.stderr)
        self.assertEqual({"organization_id", "user_id"}, set(json.loads(first.stdout)))
        again = run(*command, "-", "--json", stdin=PASSWORD)
        self.assertNotEqual(0, again.returncode)
        self.assertEqual("", again.stdout)
        self.assertIn("set up already", again.stderr)
        try:
            server.serve()
            running = run(*command, secret)
            self.assertNotEqual(0, running.returncode)
            self.assertIn("Another keywright", running.stderr)
        finally:
            server.stop()


class OneServer(FolderTest):
    def test_second_server_on_the_same_directory_is_refused(self):
        server = Server.start()
        try:
            done = run("serve", "--data", server.data, "--listen", "127.0.0.1:0")
            self.assertNotEqual(0, done.returncode)
            self.assertIn(str(server.data), done.stderr)
            self.assertNotIn("listening", done.stdout)
            server.sign_in()
        finally:
            server.stop()

    def test_wrong_digest_key_is_refused(self):
        server = Server.start()
        other = Server(self.folder / "other")
        other.set_up()
        try:
            server.end()
            done = run("serve", "--data", server.data, "--listen", "127.0.0.1:0",
                       "--digest-key-file", other.data / "digest.key")
            self.assertNotEqual(0, done.returncode)
            self.assertIn("digest key", done.stderr)
            (server.data / "digest.key").rename(self.folder / "moved.key")
            missing = run("serve", "--data", server.data, "--listen", "127.0.0.1:0")
            self.assertNotEqual(0, missing.returncode)
            self.assertIn("--digest-key-file", missing.stderr)
            server.options = ["--digest-key-file", str(self.folder / "moved.key")]
            server.serve()
            server.sign_in()
        finally:
            server.stop()


class Stopping(unittest.TestCase):
    def test_sigterm_ends_idle_connections_at_once(self):
        server = Server.start()
        owner = server.sign_in()
        started = time.monotonic()
        server.stop()
        self.assertLess(time.monotonic() - started, 9)  # what is at work gets ten seconds
        owner.close()

    def test_sigterm_cuts_what_does_not_end_and_exits_with_0(self):
        server = Server.start()
        owner = server.sign_in()
        with socket.create_connection(("127.0.0.1", server.port), timeout=30) as slow:
            slow.sendall(b"POST /api/v1/projects HTTP/1.1\r\nHost: a\r\nContent-Type: "
                         b"application/json\r\nContent-Length: 1000\r\n\r\n{")
            # The server has seen it: later requests are answered.
            owner.get("/api/v1/me").expect(200)
            started = time.monotonic()
            server.stop()
            self.assertLess(time.monotonic() - started, 40)
            slow.settimeout(30)
            try:
                self.assertNotIn(b" 201 ", slow.recv(65536))
            except ConnectionResetError:
                pass

    def test_changes_that_were_answered_survive_sigterm(self):
        server = Server.start()
        try:
            key = server.sign_in().create_key("access")["key"]
            server.client(key).get("/api/v1/whoami").expect(200)
            server.restart()
            server.client(key).get("/api/v1/whoami").expect(200)
            seen = server.sign_in().get("/api/v1/keys").expect(200).json()["items"][0]
            self.assertIsNotNone(seen["last_used_at"])
        finally:
            server.stop()

    def test_every_address_for_probes_answers_without_a_key(self):
        server = Server.start()
        try:
            for path in ("/healthz", "/health", "/readyz", "/metrics"):
                self.assertEqual(200, server.client().get(path).status, path)
        finally:
            server.stop()


class Certificates(FolderTest):
    def make(self, name):
        """A pair for 127.0.0.1 in the two files that the server reads."""
        done = subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "2", "-subj", f"/CN={name}", "-addext",
             "subjectAltName=IP:127.0.0.1", "-keyout", self.folder / f"{name}.key", "-out",
             self.folder / f"{name}.pem"], capture_output=True, text=True, timeout=60)
        self.assertEqual(0, done.returncode, done.stderr)

    def install(self, certificate, key):
        shutil.copy(self.folder / f"{certificate}.pem", self.folder / "cert.pem")
        shutil.copy(self.folder / f"{key}.key", self.folder / "cert.key")

    def presented(self):
        context = ssl.create_default_context()
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection("127.0.0.1", self.server.port, timeout=30,
                                                 context=context)
        try:
            connection.request("GET", "/healthz")
            self.assertEqual(200, connection.getresponse().status)
            return ssl.DER_cert_to_PEM_cert(connection.sock.getpeercert(True))
        finally:
            connection.close()

    def pem(self, name):
        return (self.folder / f"{name}.pem").read_text()

    def test_sighup_reads_the_pair_again_and_a_bad_one_keeps_the_old(self):
        for name in ("first", "second"):
            self.make(name)
        self.install("first", "first")
        self.server = Server(self.folder / "data",
                             ["--tls-cert", str(self.folder / "cert.pem"),
                              "--tls-key", str(self.folder / "cert.key")])
        self.server.set_up()
        self.server.serve()
        try:
            self.assertTrue(self.server.output[0].startswith("listening on https://"))
            self.assertEqual(self.pem("first"), self.presented())
            self.install("second", "first")
            self.server.process.send_signal(1)
            wait_until(lambda: "tls_reload_failed" in self.server.log(), what="the refusal")
            self.assertEqual(self.pem("first"), self.presented())
            self.install("second", "second")
            self.server.process.send_signal(1)
            wait_until(lambda: self.presented() == self.pem("second"), what="the new pair")
        finally:
            self.server.stop()

    def test_pair_that_does_not_fit_refuses_to_start(self):
        for name in ("first", "second"):
            self.make(name)
        self.install("first", "second")
        done = run("serve", "--data", self.folder / "data", "--listen", "127.0.0.1:0",
                   "--tls-cert", self.folder / "cert.pem", "--tls-key", self.folder / "cert.key")
        self.assertNotEqual(0, done.returncode)
        self.assertIn("cert", done.stderr)
        self.assertFalse((self.folder / "data").exists())


if __name__ == "__main__":
    unittest.main()
