"""The image and the compose file, as far as they go without a container engine.

The secrets are made by the script, and every service is started with the command and the settings
that the compose file and the Dockerfile give it: on loopback, with places of this machine where
they name places inside containers. The form of the compose file is checked by compose's own library
in test_chart.py.
"""

import http.client
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from compose import HERE, Compose, Image, make_programs, on_this_machine
from keywright import ROOT, Client, Server, free_port, wait_until
from postgres import Postgres

NODES = ("node1", "node2", "node3")


class ImageTest(unittest.TestCase):
    image = Image()

    def test_it_is_not_root_and_says_so_by_number(self):
        self.assertEqual("10001:10001", self.image.one("USER"))
        self.assertIn("--uid 10001", self.image.one("RUN") + str(self.image.lines))

    def test_everything_it_copies_is_there_and_can_be_run(self):
        for name, rest in self.image.lines:
            if name == "COPY":
                source = ROOT / rest.split()[-2]
                self.assertTrue(source.stat().st_mode & 0o111, source)

    def test_the_programs_it_starts_are_the_ones_it_copied(self):
        copied = {rest.split()[-1] for name, rest in self.image.lines if name == "COPY"}
        self.assertIn(self.image.entrypoint[0], copied)
        self.assertIn(self.image.healthcheck[0], copied)

    def test_secrets_and_builds_stay_out_of_the_image(self):
        ignored = (ROOT / ".dockerignore").read_text().split()
        for name in (".git", "build", "data", "packaging/compose/secrets"):
            self.assertIn(name, ignored)


class ComposeTest(unittest.TestCase):
    """Three nodes, PostgreSQL and the balancer."""

    @classmethod
    def setUpClass(cls):
        cls.addClassCleanup(cls.clean)
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="keywright-compose-"))
        cls.postgres = cls.compose = None
        cls.postgres = Postgres.start()
        cls.ports = {name: free_port() for name in (*NODES, "balancer")}
        database_port = re.search(r":(\d+)/", cls.postgres.url).group(1)
        cls.secrets = cls.folder / "secrets"
        subprocess.run([ROOT / "packaging/container/make-secrets", cls.secrets,
                        f"127.0.0.1:{database_port}/keywright"], check=True)
        cls.make_database()
        cls.programs = make_programs(cls.folder / "bin")
        cls.write_balancer()
        cls.compose = Compose(HERE / "compose.yaml", {"OWNER_EMAIL": "ada@example.org"},
                              cls.programs, cls.mapped)
        cls.first = cls.compose.run("setup")
        for name in NODES:
            cls.compose.start(name, cls.folder / f"{name}.log")
        for name in NODES:
            wait_until(lambda: cls.compose.run(name, cls.compose.image.healthcheck).returncode == 0,
                       what=name)
        cls.compose.start("balancer", cls.folder / "balancer.log")
        wait_until(lambda: cls.status(cls.ports["balancer"]) == 200, what="the balancer")

    @classmethod
    def clean(cls):
        if cls.compose:
            cls.compose.stop_all()
        if cls.postgres:
            cls.postgres.remove()
        shutil.rmtree(cls.folder, ignore_errors=True)

    @classmethod
    def make_database(cls):
        """What the image of PostgreSQL does with its environment."""
        password = (cls.secrets / "database_password").read_text()
        cls.postgres.sql("CREATE DATABASE keywright")
        cls.postgres.sql(f"ALTER ROLE keywright PASSWORD '{password}'")

    @classmethod
    def write_balancer(cls):
        """What is mounted into it."""
        text = (HERE / "haproxy.cfg").read_text().replace("bind :8080",
                                                          f"bind 127.0.0.1:{cls.ports['balancer']}")
        for name in NODES:
            text = text.replace(f"{name}:8080", f"127.0.0.1:{cls.ports[name]}")
        (cls.folder / "haproxy.cfg").write_text(text)

    @classmethod
    def mapped(cls, name, text):
        return on_this_machine(text, cls.folder / name, cls.programs, {
            "/run/secrets": cls.secrets, "/etc/keywright": cls.folder,
            "172.30.88.0/24": "127.0.0.1/32",
            "0.0.0.0:8080": f"127.0.0.1:{cls.ports.get(name, 0)}"})

    @classmethod
    def status(cls, port, path="/readyz", token="none", source="127.0.0.1"):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60,
                                                source_address=(source, 0))
        try:
            connection.request("GET", path, headers={"Authorization": f"Bearer {token}"})
            return connection.getresponse().status
        except OSError:
            return None
        finally:
            connection.close()

    def at(self, name):
        server = Server(self.folder / "unused")
        server.port = self.ports[name]
        server.email = "ada@example.org"
        server.password = (self.secrets / "owner_password").read_text().strip()
        return server

    def test_setup_succeeds_once_and_is_quiet_the_next_time(self):
        self.assertEqual(0, self.first.returncode, self.first.stderr)
        self.assertIn("ada@example.org", self.first.stdout)
        again = self.compose.run("setup")
        self.assertEqual(0, again.returncode, again.stderr)
        self.assertIn("set up already", again.stderr)

    def test_a_setup_that_fails_for_another_reason_stops_what_depends_on_it(self):
        self.compose.services["setup"]["environment"]["OWNER_EMAIL"] = "nobody"
        try:
            self.assertNotEqual(0, self.compose.run("setup").returncode)
        finally:
            self.compose.services["setup"]["environment"]["OWNER_EMAIL"] = "ada@example.org"

    def test_the_nodes_share_the_store_and_the_key_and_revoke_together(self):
        owner = self.at("balancer").sign_in()
        key = owner.create_key("access")
        for name in NODES:
            Client(self.at(name), key["key"]).get("/api/v1/whoami").expect(200)
        done = owner.post(f"/api/v1/keys/{key['id']}/revoke", {}).expect(200).json()
        self.assertEqual(3, done["effective_on"]["nodes"])
        for name in NODES:
            self.assertEqual(401, Client(self.at(name), key["key"]).get("/api/v1/whoami").status)

    def test_the_key_that_a_node_uses_is_private(self):
        for name in NODES:
            copy = self.folder / name / "run" / "digest.key"
            self.assertEqual(0o600, copy.stat().st_mode & 0o777)
            self.assertEqual((self.secrets / "digest.key").read_bytes(), copy.read_bytes())

    def test_the_balancer_tells_a_node_who_called_and_keeps_metrics_inside(self):
        owner = self.at("balancer").sign_in()
        key = owner.create_key("access", allowed_cidrs=["127.0.0.2/32"])
        self.assertEqual(200, self.status(self.ports["balancer"], "/api/v1/whoami",
                                          key["key"], "127.0.0.2"))
        self.assertEqual(403, self.status(self.ports["balancer"], "/api/v1/whoami",
                                          key["key"], "127.0.0.3"))
        self.assertEqual(404, self.status(self.ports["balancer"], "/metrics"))
        self.assertEqual(200, self.status(self.ports["node1"], "/metrics"))

    def test_a_node_that_stops_costs_no_request(self):
        key = self.at("balancer").sign_in().create_key("access")
        client = Client(self.at("balancer"), key["key"])
        self.assertEqual(0, self.compose.stop("node2"))
        try:
            for _ in range(100):
                client.get("/api/v1/whoami").expect(200)
        finally:
            self.compose.start("node2", self.folder / "node2.log")
        check = self.compose.image.healthcheck
        wait_until(lambda: self.compose.run("node2", check).returncode == 0, what="node2")

    def test_the_health_check_sees_a_server_that_is_gone(self):
        _, environment = self.compose.command("node1")
        program = [self.programs / "keywright-healthcheck", "/healthz"]
        environment["KEYWRIGHT_LISTEN"] = f"127.0.0.1:{free_port()}"
        done = subprocess.run(program, env=environment, capture_output=True)
        self.assertNotEqual(0, done.returncode)
        environment["KEYWRIGHT_LISTEN"] = f"127.0.0.1:{self.ports['node1']}"
        done = subprocess.run([program[0], "/no-such-path"], env=environment, capture_output=True)
        self.assertNotEqual(0, done.returncode)

    def test_what_is_mounted_is_declared(self):
        file = self.compose.file
        for name, service in file["services"].items():
            for secret in service.get("secrets", []):
                self.assertIn(secret, file["secrets"], name)
                self.assertTrue((self.secrets / secret).exists(), secret)
            for volume in service.get("volumes", []):
                source = volume.split(":")[0]
                there = source in file["volumes"] or (HERE / source).exists()
                self.assertTrue(there, volume)
            if service["image"].startswith("keywright:"):
                self.assertTrue(service["read_only"], name)
                self.assertEqual(["ALL"], service["cap_drop"], name)


if __name__ == "__main__":
    unittest.main()
