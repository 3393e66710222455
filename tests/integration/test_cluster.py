"""Several nodes on one PostgreSQL: contract section 9."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import threading
import time
import unittest

from keywright import PASSWORD, ROOT, Server, Unexpected, binary, wait_until
from postgres import Cluster, ClusterTest, Postgres

LONG = bool(os.environ.get("KEYWRIGHT_LONG"))
REVOCATIONS = 1000 if LONG else 100


def whoami(node, token):
    return node.client(token).get("/api/v1/whoami")


def accepts(node, token):
    return whoami(node, token).status == 200


class SeveralNodesTest(ClusterTest):
    def new_key(self, number=0):
        """Made on that node."""
        return self.owners[number].create_key("access")

    def revoke(self, number, key):
        answer = self.owners[number].post(f"/api/v1/keys/{key['id']}/revoke", {})
        return answer.expect(200).json()

    def test_any_node_serves_any_request(self):
        for number, owner in enumerate(self.owners):
            key = owner.create_key("access", name=f"made on {number}")
            for other, node in enumerate(self.nodes):
                self.assertEqual(200, whoami(node, key["key"]).status)
                seen = self.owners[other].get(f"/api/v1/keys/{key['id']}").expect(200).json()
                self.assertEqual(f"made on {number}", seen["name"])
        cookie = self.nodes[1].client()
        cookie.cookie = self.owners[0].cookie
        cookie.get("/api/v1/me").expect(200)

    def test_a_change_is_decided_on_what_other_nodes_wrote(self):
        project = self.owners[0].create("projects", name="one")
        etag = self.owners[1].get(f"/api/v1/projects/{project['id']}").headers["ETag"]
        self.owners[2].patch(f"/api/v1/projects/{project['id']}", {"name": "two"}).expect(200)
        stale = self.owners[1].patch(f"/api/v1/projects/{project['id']}", {"name": "three"},
                                     headers={"If-Match": etag})
        self.assertEqual(412, stale.status)
        self.owners[1].delete(f"/api/v1/projects/{project['id']}").expect(204)
        self.assertEqual(404, self.owners[2].get(f"/api/v1/projects/{project['id']}").status)

    def test_a_revoked_key_is_refused_by_every_node_at_once(self):
        worst = 0
        for i in range(REVOCATIONS):
            key = self.new_key(i % 3)
            done = self.revoke((i + 1) % 3, key)
            for node in self.nodes:
                self.assertEqual(401, whoami(node, key["key"]).status)
            self.assertEqual(3, done["effective_on"]["nodes"])
            worst = max(worst, done["effective_on"]["waited_ms"])
        self.assertLess(worst, 2000)

    def test_a_repeated_revocation_is_not_earlier_than_the_first(self):
        key = self.new_key()
        first = self.revoke(0, key)
        again = self.revoke(1, key)
        self.assertEqual(first["revoked_at"], again["revoked_at"])
        self.assertEqual(3, again["effective_on"]["nodes"])

    def test_no_accept_starts_after_the_revocation_returned(self):
        """The history: every accept with its start, every revocation with its return."""
        keys = [self.new_key(i % 3) for i in range(12)]
        returned, accepted, stop = {}, [], threading.Event()

        def ask(node):
            clients = {key["id"]: node.client(key["key"]) for key in keys}
            while not stop.is_set():
                for key in keys:
                    started = time.monotonic()
                    if clients[key["id"]].get("/api/v1/whoami").status == 200:
                        accepted.append((key["id"], started))

        askers = [threading.Thread(target=ask, args=(node,)) for node in self.nodes]
        for asker in askers:
            asker.start()
        try:
            for i, key in enumerate(keys):
                self.revoke(i % 3, key)
                returned[key["id"]] = time.monotonic()
            time.sleep(0.2)
        finally:
            stop.set()
            for asker in askers:
                asker.join()
        self.assertTrue(accepted)
        late = [one for one in accepted if one[1] > returned[one[0]]]
        self.assertEqual([], late)

    def test_changes_on_all_nodes_at_once_are_all_kept(self):
        made, failures = [], []

        def create(number):
            client = self.nodes[number].sign_in()
            for i in range(40):
                try:
                    made.append(client.create_key("access", name=f"{number}-{i}"))
                except Unexpected as error:
                    failures.append(error)

        workers = [threading.Thread(target=create, args=(i % 3,)) for i in range(6)]
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        self.assertEqual([], failures)
        self.assertEqual(240, len({key["id"] for key in made}))
        self.assertEqual(240, len({key["serial"] for key in made}))
        for node in self.nodes:
            for key in made[::20]:
                self.assertTrue(accepts(node, key["key"]))
        done = self.nodes[0].run("audit", "verify", "--data", self.nodes[0].data)
        self.assertEqual(0, done.returncode, done.stderr)

    def test_a_transaction_that_commits_late_is_not_skipped(self):
        session = self.postgres.session()
        session.stdin.write("BEGIN; SELECT position FROM log_head FOR UPDATE;\n")
        session.stdin.flush()
        session.stdout.readline()
        keys = []
        worker = threading.Thread(target=lambda: keys.append(self.new_key()))
        worker.start()
        time.sleep(0.3)
        self.assertEqual([], keys)  # it waits for its turn
        session.stdin.write("COMMIT;\n")
        session.stdin.close()
        session.wait()
        session.stdout.close()
        worker.join()
        for node in self.nodes:
            self.assertTrue(accepts(node, keys[0]["key"]))

    def test_a_stopped_node_does_not_accept_what_was_revoked_meanwhile(self):
        key = self.new_key()
        client = self.nodes[2].client(key["key"])
        client.get("/api/v1/whoami").expect(200)
        self.nodes[2].process.send_signal(signal.SIGSTOP)
        try:
            started = time.monotonic()
            done = self.revoke(0, key)
            waited = time.monotonic() - started
            self.assertEqual(2, done["effective_on"]["nodes"])
            self.assertGreater(waited, 4.5)
            self.assertLess(waited, 9)
        finally:
            self.nodes[2].process.send_signal(signal.SIGCONT)
        self.assertIn(client.get("/api/v1/whoami").status, (401, 503))
        wait_until(lambda: self.owners[2].get("/api/v1/me").status == 200, what="the node is back")
        self.assertEqual(401, client.get("/api/v1/whoami").status)

    def test_nodes_join_and_leave(self):
        key = self.new_key()
        node = self.cluster.make_node()
        node.serve()
        self.assertTrue(accepts(node, key["key"]))
        done = self.revoke(0, key)
        self.assertEqual(4, done["effective_on"]["nodes"])
        self.assertEqual(401, whoami(node, key["key"]).status)
        self.cluster.nodes.remove(node)
        node.stop()
        started = time.monotonic()
        done = self.revoke(0, self.new_key())
        self.assertEqual(3, done["effective_on"]["nodes"])
        self.assertLess(time.monotonic() - started, 2)

    def test_nodes_may_have_one_data_directory(self):
        twin = Server(self.nodes[0].data, environment=self.nodes[0].environment)
        twin.serve()
        try:
            key = self.new_key(1)
            self.assertTrue(accepts(twin, key["key"]))
            self.assertEqual(4, self.revoke(0, key)["effective_on"]["nodes"])
            self.assertEqual(401, whoami(twin, key["key"]).status)
        finally:
            twin.stop()

    def test_a_killed_node_is_forgotten(self):
        node = self.cluster.make_node()
        node.serve()
        node.kill()
        node.process.stdout.close()
        self.cluster.nodes.remove(node)
        key = self.new_key()
        done = self.revoke(0, key)  # waits until it surely is dead
        self.assertEqual(3, done["effective_on"]["nodes"])
        wait_until(lambda: len(self.postgres.sql("SELECT id FROM nodes")) == 3, seconds=12,
                   what="its row is gone")
        node.serve()
        self.assertEqual(401, whoami(node, key["key"]).status)
        node.stop()

    def test_a_log_that_was_cut_is_no_harm(self):
        key = self.new_key()
        self.nodes[1].process.send_signal(signal.SIGSTOP)
        try:
            self.revoke(0, key)
            self.postgres.sql("DELETE FROM change_log WHERE position < "
                              "(SELECT position FROM log_head)")
            self.new_key()
            self.postgres.sql("DELETE FROM change_log WHERE position < "
                              "(SELECT position FROM log_head)")
        finally:
            self.nodes[1].process.send_signal(signal.SIGCONT)
        wait_until(lambda: self.nodes[1].client().get("/readyz").status == 200,
                   what="the node is back")
        self.assertEqual(401, whoami(self.nodes[1], key["key"]).status)
        self.assertIn("keywright_resyncs_total 1",
                      self.nodes[1].client().get("/metrics").text)

    def test_a_use_on_one_node_is_seen_on_the_others(self):
        key = self.new_key()
        self.assertIsNone(self.owners[1].get(f"/api/v1/keys/{key['id']}").json()["last_used_at"])
        whoami(self.nodes[0], key["key"]).expect(200)
        seen = wait_until(
            lambda: self.owners[1].get(f"/api/v1/keys/{key['id']}").json()["last_used_at"],
            what="the use is seen")
        self.assertEqual(seen, self.owners[0].get(f"/api/v1/keys/{key['id']}")
                         .json()["last_used_at"])

    def test_metrics_say_how_old_the_records_are(self):
        text = self.nodes[0].client().get("/metrics").expect(200).text
        value = [line for line in text.splitlines()
                 if line.startswith("keywright_staleness_seconds ")]
        self.assertLess(float(value[0].split()[1]), 2)

    def queries_a_second(self):
        """What one node asked PostgreSQL within some seconds."""
        begun, before = time.monotonic(), self.postgres.log().count(" execute k")
        time.sleep(4)
        asked = self.postgres.log().count(" execute k") - before
        return asked / (time.monotonic() - begun) / 3

    def test_an_idle_node_asks_little(self):
        self.postgres.sql("ALTER SYSTEM SET log_statement = 'all'")
        self.postgres.sql("SELECT pg_reload_conf()")
        try:
            rates = []  # a node that was busy a moment ago may still write its counters down
            while len(rates) < 6 and (not rates or rates[-1] >= 8):
                rates.append(self.queries_a_second())
        finally:
            self.postgres.sql("ALTER SYSTEM RESET log_statement")
            self.postgres.sql("SELECT pg_reload_conf()")
        self.assertGreater(rates[-1], 1)
        self.assertLess(rates[-1], 8, rates)
        connections = self.postgres.sql("SELECT count(*) FROM pg_stat_activity WHERE "
                                        "application_name = 'keywright'")
        self.assertLessEqual(int(connections[0][0]), 3 * 8)

    def test_the_password_of_the_store_is_nowhere(self):
        for node in self.nodes:
            self.assertNotIn(self.postgres.password, node.log())
            self.assertNotIn(self.postgres.password, "".join(node.output))
            self.assertNotIn(self.postgres.password, node.client().get("/metrics").text)

    def test_a_node_with_another_digest_key_refuses_to_start(self):
        node = self.cluster.make_node()
        self.cluster.nodes.remove(node)
        other = Server.start()
        try:
            (node.data / "digest.key").write_bytes((other.data / "digest.key").read_bytes())
        finally:
            other.stop()
        with self.assertRaisesRegex(Unexpected, "digest key"):
            node.serve()
        (node.data / "digest.key").unlink()
        with self.assertRaisesRegex(Unexpected, "is missing"):
            node.serve()
        node.discard()

    def test_the_first_person_may_come_in_through_any_node(self):
        self.postgres.sql("CREATE DATABASE empty")
        url = re.sub(r"/\w+$", "/empty", self.postgres.url)
        folder = pathlib.Path(tempfile.mkdtemp(prefix="keywright-empty-"))
        self.addCleanup(shutil.rmtree, folder, True)
        nodes = []
        for number in range(2):
            options = ["--digest-key-file", folder / "digest.key"]
            nodes.append(Server(folder / f"node{number}", options, {"KEYWRIGHT_STORE": url}))
            self.addCleanup(nodes[-1].discard)
            nodes[-1].serve()
        links = [wait_until(lambda: re.search(r"#token=(\S+)", "".join(node.output)),
                            what="its link")[1] for node in nodes]

        def set_up(node, token):
            return node.client().post("/api/v1/setup", {
                "token": token, "organization": "Acme", "email": "ada@example.org",
                "password": PASSWORD})

        self.assertEqual("link_spent", set_up(nodes[1], links[0][:-1] + "_").code)
        self.assertEqual(201, set_up(nodes[1], links[0]).status)
        for node in nodes:
            for link in links:
                self.assertEqual(404, set_up(node, link).status)
            node.sign_in("ada@example.org")

    def test_setup_refuses_a_second_run_and_backup_names_the_right_tool(self):
        with self.assertRaises(Unexpected):
            self.nodes[0].set_up()
        done = self.nodes[0].run("backup", "--data", self.nodes[0].data, "/tmp/never.db")
        self.assertNotEqual(0, done.returncode)
        self.assertIn("pg_dump", done.stderr)


class MigrateTest(unittest.TestCase):
    def setUp(self):
        self.postgres = Postgres.start()
        self.addCleanup(self.postgres.remove)
        self.server = Server.start()
        self.addCleanup(self.server.discard)
        self.owner = self.server.sign_in()
        self.command = ("migrate", "--data", self.server.data, "--from", "sqlite",
                        "--to", "postgres")

    def moved(self):
        """The same on PostgreSQL: the node that has the directory, and another one."""
        self.server.environment = {"KEYWRIGHT_STORE": self.postgres.url}
        self.server.serve()
        folder = tempfile.mkdtemp(prefix="keywright-twin-")
        self.addCleanup(shutil.rmtree, folder, True)
        twin = Server(folder, ["--digest-key-file", self.server.data / "digest.key"],
                      self.server.environment)
        self.addCleanup(twin.discard)
        twin.serve()
        return self.server, twin

    @staticmethod
    def uses(owner, key):
        usage = owner.get(f"/api/v1/keys/{key['id']}/usage").expect(200).json()
        return usage["accepted"]

    def stop_server(self):
        self.server.process.send_signal(signal.SIGTERM)
        self.server.process.wait(30)

    def test_an_installation_moves_from_sqlite_with_its_keys_and_its_audit_log(self):
        owner, server = self.owner, self.server
        once = {"Idempotency-Key": "once"}
        project = owner.post("/api/v1/projects", {"name": "moved"}, headers=once).expect(201).json()
        used, revoked = owner.create_key("access"), owner.create_key("access")
        counted = owner.create_key("access", credits={"remaining": 10})
        whoami(server, used["key"]).expect(200)
        for _ in range(4):
            owner.post("/api/v1/keys/verify", {"key": counted["key"]}).expect(200)
        owner.post(f"/api/v1/keys/{revoked['id']}/revoke", {"reason": "why"}).expect(200)
        before = owner.get(f"/api/v1/keys/{used['id']}").expect(200).json()
        wait_until(lambda: self.uses(owner, counted) == 4, what="they are counted")
        events = len(owner.all_items("/api/v1/audit-events?limit=200"))
        self.stop_server()
        server.environment = {"KEYWRIGHT_STORE": self.postgres.url}
        done = server.run(*self.command)
        self.assertEqual(0, done.returncode, done.stderr)
        self.assertIn("Copied 3 keys", done.stderr)
        again = server.run(*self.command)
        self.assertNotEqual(0, again.returncode)
        self.assertIn("holds a store already", again.stderr)
        server, twin = self.moved()
        for node in (server, twin):
            self.assertEqual(200, whoami(node, used["key"]).status)
            self.assertEqual(401, whoami(node, revoked["key"]).status)
        owner = twin.sign_in()
        after = wait_until(lambda: (lambda key: key["last_used_at"] and key)(
            owner.get(f"/api/v1/keys/{used['id']}").expect(200).json()), what="its last use")
        self.assertGreaterEqual(after["last_used_at"], before["last_used_at"])
        self.assertEqual(before["serial"], after["serial"])
        left = owner.get(f"/api/v1/keys/{counted['id']}").expect(200).json()
        self.assertEqual(6, left["credits"]["remaining"])
        wait_until(lambda: self.uses(owner, counted) == 4, what="how often it was used")
        answer = owner.post("/api/v1/projects", {"name": "moved"}, headers=once).expect(201)
        self.assertEqual(("true", project["id"]),
                         (answer.headers["Idempotent-Replayed"], answer.json()["id"]))
        self.assertEqual("moved", owner.get(f"/api/v1/projects/{project['id']}").json()["name"])
        self.assertGreaterEqual(len(owner.all_items("/api/v1/audit-events?limit=200")), events)
        self.assertGreater(owner.create_key("access")["serial"], counted["serial"])
        verified = server.run("audit", "verify", "--data", server.data)
        self.assertEqual(0, verified.returncode, verified.stderr)

    def test_it_moves_while_it_serves_and_loses_nothing_that_was_answered(self):
        made, revoked, deleted, stop = [], [], [], threading.Event()

        def load():
            client = self.server.sign_in()
            while not stop.is_set():
                key = client.create_key("access")
                if len(made) % 3 == 0:
                    client.post(f"/api/v1/keys/{key['id']}/revoke", {}).expect(200)
                    revoked.append(key)
                if len(made) % 5 == 0:
                    project = client.create("projects", name="short")
                    client.delete(f"/api/v1/projects/{project['id']}").expect(204)
                    deleted.append(project)
                made.append(key)

        workers = [threading.Thread(target=load) for _ in range(2)]
        for worker in workers:
            worker.start()
        try:
            wait_until(lambda: len(made) > 50, what="there is something to copy")
            moving = subprocess.Popen(
                [binary(), *map(str, self.command)], text=True, stderr=subprocess.PIPE,
                env={**os.environ, "KEYWRIGHT_STORE": self.postgres.url})
            self.addCleanup(moving.kill)
            self.assertIn("Stop it to finish", moving.stderr.readline())
            copied = len(made)
            wait_until(lambda: len(made) > copied + 30, what="it goes on serving")
            folder = tempfile.mkdtemp(prefix="keywright-early-")
            self.addCleanup(shutil.rmtree, folder, True)
            early = Server(folder, ["--digest-key-file", self.server.data / "digest.key"],
                           {"KEYWRIGHT_STORE": self.postgres.url})
            self.addCleanup(early.discard)
            with self.assertRaisesRegex(Unexpected, "`keywright migrate` is copying"):
                early.serve()
            again = subprocess.run([binary(), *map(str, self.command)], text=True,
                                   capture_output=True, timeout=60, env={
                                       **os.environ, "KEYWRIGHT_STORE": self.postgres.url})
            self.assertIn("a copy that is not whole", again.stderr)
        finally:
            stop.set()
            for worker in workers:
                worker.join()
        started = time.monotonic()
        self.stop_server()
        _, said = moving.communicate(timeout=60)
        self.assertEqual(0, moving.returncode, said)
        self.assertIn(f"Copied {len(made)} keys", said)
        self.assertLess(time.monotonic() - started, 20)
        for node in self.moved():
            for key in made[::7]:
                gone = any(key["id"] == one["id"] for one in revoked)
                self.assertEqual(401 if gone else 200, whoami(node, key["key"]).status)
            client = node.sign_in()
            self.assertEqual(404, client.get(f"/api/v1/projects/{deleted[-1]['id']}").status)
        verified = self.server.run("audit", "verify", "--data", self.server.data)
        self.assertEqual(0, verified.returncode, verified.stderr)


class DocsTest(unittest.TestCase):
    """The commands of docs/operating/cluster.md, in order, in one folder."""

    EXAMPLE = re.compile(r"^<!-- on postgres: ([a-z-]+) -->\n```sh\n(.*?)^```$", re.M | re.S)
    EXPECTED = {"begin": "intact", "move": "intact", "backup": "TABLE"}

    def test_every_command_does_what_the_page_says(self):
        postgres = Postgres.start()
        self.addCleanup(postgres.remove)
        page = (ROOT / "docs" / "operating" / "cluster.md").read_text()
        examples = self.EXAMPLE.findall(page)
        self.assertEqual(set(self.EXPECTED), {name for name, _ in examples})
        self.assertEqual(len(examples), page.count("```sh"))
        with tempfile.TemporaryDirectory() as made:
            folder = pathlib.Path(made)
            (folder / "password.txt").write_text(PASSWORD)
            (folder / "password.txt").chmod(0o600)
            (folder / "bin").mkdir()
            (folder / "bin" / "keywright").symlink_to(binary())
            single = Server(folder / "single")
            single.set_up()
            for name, text in examples:
                done = subprocess.run(
                    ["bash", "-euo", "pipefail", "-c", text], cwd=folder, text=True, timeout=120,
                    env={**os.environ, "STORE": postgres.url,
                         "PATH": f"{folder / 'bin'}:{os.environ['PATH']}"}, capture_output=True)
                self.assertEqual(0, done.returncode, done.stdout + done.stderr)
                self.assertIn(self.EXPECTED[name], done.stdout + done.stderr)


if __name__ == "__main__":
    unittest.main()
