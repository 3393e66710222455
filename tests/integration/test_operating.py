"""The commands of the pages for operators, in order, on real installations.

A command is a ```sh block right after `<!-- backup: name -->`, `<!-- upgrading: name -->`,
`<!-- containers: name -->` or `<!-- monitoring: name -->`; what cannot be run here is ```text.
Other pages have tests of their own: test_docs.py, test_cluster.py, test_sizing.py.
"""

import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest
import unittest.mock

from keywright import ROOT, Client, Server, binary, in_time
from postgres import Cluster, Postgres

PAGES = ROOT / "docs/operating"
EXAMPLE = re.compile(r"^<!-- (\w+): ([a-z-]+) -->\n```sh\n(.*?)^```$", re.M | re.S)


def examples(page):
    """Name -> commands. Every sh block of the page is one of them."""
    text = (PAGES / f"{page}.md").read_text()
    found = {name: commands for _, name, commands in EXAMPLE.findall(text)}
    blocks = len(re.findall(r"^ *```sh$", text, re.M))
    assert blocks == len(found), f"{page}.md: {blocks} blocks, {len(found)} with a name"
    return found


class OperatingTest(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="keywright-operating-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        (self.folder / "bin").mkdir()
        (self.folder / "bin/keywright").symlink_to(binary())
        (self.folder / "packaging").symlink_to(ROOT / "packaging")

    def run_example(self, commands, **environment):
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", commands], cwd=self.folder, text=True,
            capture_output=True, timeout=120,
            env={**os.environ, **environment, "PATH": f"{self.folder}/bin:{os.environ['PATH']}"})
        self.assertEqual(0, done.returncode, f"{commands}\n{done.stdout}\n{done.stderr}")
        return done.stdout + done.stderr

    def status(self, server, key):
        return Client(server, key["key"]).get("/api/v1/whoami").status


class BackupTest(OperatingTest):
    def server(self, data):
        server = Server(data)
        self.addCleanup(server.discard)
        return server

    def test_sqlite_there_and_back(self):
        commands = examples("backup-and-restore")
        data = str(self.folder / "data")
        server = self.server(data)
        server.set_up()
        server.serve()
        owner = server.sign_in()
        good, revoked = owner.create_key("access"), owner.create_key("access")
        self.assertIn("ok", self.run_example(commands["sqlite"], DATA=data))
        lost = owner.create_key("access")
        owner.post(f"/api/v1/keys/{revoked['id']}/revoke", {}).expect(200)
        self.run_example(commands["journal"], DATA=data)
        server.end()
        self.assertIn("intact", self.run_example(commands["restore"], DATA=data))
        self.assertIn("intact", self.run_example(commands["elsewhere"]))
        self.run_example(commands["without-journal"])
        for folder, expected in (("data", [200, 401, 401]), ("elsewhere", [200, 401, 401]),
                                 ("third", [200, 200, 401])):
            server = self.server(self.folder / folder)
            server.serve()
            seen = [self.status(server, key) for key in (good, revoked, lost)]
            server.end()
            self.assertEqual(expected, seen, folder)

    def test_postgres_there_and_back(self):
        commands = examples("backup-and-restore")
        postgres = Postgres.start()
        self.addCleanup(postgres.remove)
        cluster = Cluster(postgres, nodes=1)
        self.addCleanup(cluster.stop)
        owner = cluster.nodes[0].sign_in()
        good, revoked = owner.create_key("access"), owner.create_key("access", name="a, \"b\"")
        data = str(cluster.nodes[0].data)
        tables = self.run_example(commands["postgres"], STORE=postgres.url)
        self.assertGreaterEqual(int(tables.split()[-1]), 5)
        since = in_time(seconds=-1)
        owner.post(f"/api/v1/keys/{revoked['id']}/revoke", {}).expect(200)
        said = self.run_example(commands["postgres-restore"], STORE=postgres.url, DATA=data)
        self.assertIn("intact", said)
        taken = self.run_example(commands["taken-since"], STORE=postgres.url, SINCE=since)
        self.assertEqual([revoked["id"]], re.findall(r"keys\.revoke,([^,]+),", taken))
        node = Server(self.folder / "node",
                      environment={"KEYWRIGHT_STORE": postgres.url.rpartition("/")[0] +
                                   "/restored"})
        self.addCleanup(node.discard)
        node.data.mkdir(mode=0o700)
        shutil.copy(pathlib.Path(data) / "digest.key", node.data)
        node.serve()
        self.assertEqual([200, 200], [self.status(node, key) for key in (good, revoked)])
        node.sign_in().post(f"/api/v1/keys/{revoked['id']}/revoke", {}).expect(200)
        self.assertEqual([200, 401], [self.status(node, key) for key in (good, revoked)])
        node.end()

    def test_every_command_of_the_page_is_run(self):
        self.assertEqual({"sqlite", "journal", "restore", "elsewhere", "without-journal",
                          "postgres", "postgres-restore", "taken-since"},
                         set(examples("backup-and-restore")))


class UpgradingTest(OperatingTest):
    def test_nodes_are_replaced_one_after_the_other(self):
        """With the commands of the page; no check fails on a node that is up. The nodes begin as
        the program of KEYWRIGHT_PREVIOUS_BIN, if there is one, and end as the one under test."""
        commands = examples("upgrading")
        self.assertEqual({"wait", "versions"}, set(commands))
        postgres = Postgres.start()
        self.addCleanup(postgres.remove)
        previous = os.environ.get("KEYWRIGHT_PREVIOUS_BIN", binary())
        with unittest.mock.patch.dict(os.environ, KEYWRIGHT_BIN=previous):
            cluster = Cluster(postgres, nodes=2)
        self.addCleanup(cluster.stop)
        key = cluster.nodes[0].sign_in().create_key("access")
        for number, node in enumerate(cluster.nodes):
            other = cluster.nodes[1 - number]
            node.end()
            revoked = other.sign_in().create_key("access")
            done = other.sign_in().post(f"/api/v1/keys/{revoked['id']}/revoke", {}).expect(200)
            # A node that was stopped in good order is not waited for.
            self.assertEqual(1, done.json()["effective_on"]["nodes"])
            self.assertLess(done.json()["effective_on"]["waited_ms"], 3000)
            self.assertEqual(200, self.status(other, key))
            node.serve()
            said = self.run_example(commands["wait"], NODE=node.url)
            self.assertIn("keywright_cluster_nodes 2", said)
            self.assertEqual([200, 401], [self.status(node, one) for one in (key, revoked)])
        version = (ROOT / "VERSION").read_text().strip()
        said = self.run_example(commands["versions"], STORE=postgres.url)
        self.assertEqual(f"{version}|2", said.strip())


class OtherPagesTest(OperatingTest):
    def test_secrets_for_compose_and_kubernetes(self):
        commands = examples("containers")
        self.assertEqual({"secrets", "kubernetes"}, set(commands))
        shutil.copytree(ROOT / "packaging/container", self.folder / "copy/packaging/container")
        (self.folder / "copy/packaging/compose").mkdir()
        inside = f"cd copy\n{commands['secrets']}"
        self.assertEqual({"database_password", "digest.key", "owner_password", "store"},
                         set(self.run_example(inside).split()))
        password = self.run_example(commands["kubernetes"]).strip()
        place = "db.example.com/keywright?sslmode=require"
        self.assertEqual(f"postgres://keywright:{password}@{place}",
                         (self.folder / "secrets/store").read_text())
        self.assertEqual(0o700, (self.folder / "secrets").stat().st_mode & 0o777)
        self.assert_that_the_key_works()

    def assert_that_the_key_works(self):
        data = self.folder / "made"
        data.mkdir(mode=0o700)
        shutil.copy(self.folder / "secrets/digest.key", data)
        (data / "digest.key").chmod(0o600)
        server = Server(data)
        server.set_up()
        self.assertEqual((self.folder / "secrets/digest.key").read_bytes(),
                         (data / "digest.key").read_bytes())

    @unittest.skipUnless(shutil.which("promtool"), "no Prometheus")
    def test_the_rules_are_checked_as_the_page_says(self):
        said = self.run_example(examples("monitoring")["check"])
        self.assertEqual(2, said.count("SUCCESS"))

    def test_every_link_of_the_pages_leads_somewhere(self):
        for page in PAGES.glob("*.md"):
            for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
                self.assertTrue((page.parent / target).exists(), f"{page.name}: {target}")


if __name__ == "__main__":
    unittest.main()
