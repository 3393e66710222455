"""Several nodes on one PostgreSQL, when things go wrong."""

import http.client
import os
import re
import signal
import subprocess
import threading
import time
import unittest
from random import Random

from keywright import Unexpected, in_time, wait_until
from mcp_upstream import McpUpstream
from postgres import Cluster, Postgres, Wire

LONG = bool(os.environ.get("KEYWRIGHT_LONG"))


def whoami(node, token):
    return node.client(token).get("/api/v1/whoami")


def accepts(node, token):
    return whoami(node, token).status == 200


class PostgresGoneTest(unittest.TestCase):
    def setUp(self):
        self.postgres = Postgres.start()
        self.addCleanup(self.postgres.remove)
        self.cluster = Cluster(self.postgres, nodes=2, options=["--max-staleness", "3s",
                                                                "--allow-upstream", "127.0.0.0/8"])
        self.addCleanup(self.cluster.stop)

    def test_open_streams_end_when_records_may_be_too_old(self):
        upstream = McpUpstream.start()
        self.addCleanup(upstream.stop)
        owner = self.cluster.nodes[0].sign_in()
        owner.create("mcp-servers", name="Tools", slug="tools", url=upstream.url)
        key = owner.create_key("connect")["key"]
        connection = self.cluster.nodes[1].connection()
        self.addCleanup(connection.close)
        connection.request("GET", "/mcp-connect/tools", headers={
            "Authorization": f"Bearer {key}", "Accept": "text/event-stream"})
        stream = connection.getresponse()
        self.assertEqual(200, stream.status)
        self.postgres.stop()
        ended = threading.Event()

        def read_to_its_end():
            try:
                stream.read()
            except (OSError, http.client.HTTPException):
                pass
            ended.set()

        reader = threading.Thread(target=read_to_its_end)
        reader.start()
        was_open = not ended.wait(1)
        ended.wait(60)
        self.postgres.again()  # or the reader waits for ever
        still_open = not ended.is_set()
        if still_open:
            upstream.stop()
        reader.join()
        self.assertTrue(was_open)
        self.assertFalse(still_open)

    def test_it_serves_for_max_staleness_then_answers_503_and_recovers(self):
        nodes = self.cluster.nodes
        owner = nodes[0].sign_in()
        keys = [owner.create_key("access") for _ in range(2)]
        clients = [node.client(keys[0]["key"]) for node in nodes]
        self.postgres.stop()
        stopped = time.monotonic()
        answers = []
        while time.monotonic() - stopped < 5:
            for client in clients:
                asked = time.monotonic() - stopped
                answers.append((asked, client.get("/api/v1/whoami")))
            time.sleep(0.02)
        for asked, answer in answers:
            if asked < 2.5:
                self.assertEqual(200, answer.status, asked)
            if asked > 3.1:
                self.assertEqual(503, answer.status, asked)
                self.assertEqual("store_unavailable", answer.code)
                self.assertTrue(1 <= int(answer.headers["Retry-After"]) <= 5)
        for path in ("/graphql", "/api/v1/keys/verify", "/mcp", "/public/whoami", "/auth/x"):
            self.assertEqual(503, nodes[0].client().get(path).status, path)
        stranger = nodes[0].client()
        for path, media_type, said in (("/public/traces", "application/json", '"success":false'),
                                       ("/v1/traces", "application/json", '"code":14'),
                                       ("/v1/traces", "application/x-protobuf", "\x08\x0e"),
                                       ("/targets/", "application/json", '{"detail":'),
                                       ("/api/console/v1/graphql", "application/json",
                                        '"errors":[')):
            answer = stranger.post(path, body=b"{}", headers={"Content-Type": media_type})
            self.assertEqual((503, media_type), (answer.status, answer.headers["Content-Type"]))
            self.assertIn(said, answer.text)
            self.assertEqual("1", answer.headers["Retry-After"])
        self.assertEqual(503, nodes[0].client().get("/readyz").status)
        self.assertEqual(200, nodes[0].client().get("/healthz").status)
        self.assertEqual(200, nodes[0].client().get("/metrics").status)
        started = time.monotonic()
        self.assertEqual(503, owner.post(f"/api/v1/keys/{keys[1]['id']}/revoke", {}).status)
        self.assertLess(time.monotonic() - started, 2)
        self.postgres.again()
        back = time.monotonic()
        for client in clients:
            wait_until(lambda: client.get("/api/v1/whoami").status == 200, seconds=5,
                       what="serving again")
        self.assertLess(time.monotonic() - back, 5)
        owner.post(f"/api/v1/keys/{keys[1]['id']}/revoke", {}).expect(200)
        for node in nodes:
            self.assertEqual(401, whoami(node, keys[1]["key"]).status)

    def test_a_turn_that_stands_still_costs_nobody_the_lease(self):
        nodes = self.cluster.nodes
        owner = nodes[0].sign_in()
        clients = [node.client(owner.create_key("access")["key"]) for node in nodes]
        holder = self.postgres.session()
        self.addCleanup(holder.stdout.close)
        holder.stdin.write("BEGIN; SELECT 'held' FROM log_head FOR UPDATE;\n")
        holder.stdin.flush()
        self.assertEqual("held\n", holder.stdout.readline())

        def create():
            return owner.post("/api/v1/keys", {"kind": "access", "name": "n"}).status

        waiting = threading.Thread(target=create)
        waiting.start()
        began = time.monotonic()
        while time.monotonic() - began < 4.5:  # 3 s is --max-staleness
            if not waiting.is_alive():  # 503: it has waited long enough
                waiting = threading.Thread(target=create)
                waiting.start()
            for client in clients:
                client.get("/api/v1/whoami").expect(200)
            time.sleep(0.02)
        holder.stdin.close()  # and gives it back
        holder.wait(10)
        waiting.join()
        self.assertEqual(201, create())

    def test_a_store_that_was_put_back_does_not_revive_a_revoked_key(self):
        nodes = self.cluster.nodes
        owner = nodes[0].sign_in()
        key = owner.create_key("access")
        self.postgres.sql("CREATE TABLE kept AS SELECT * FROM log_head")
        self.postgres.sql("CREATE TABLE kept_keys AS SELECT * FROM keys")
        owner.post(f"/api/v1/keys/{key['id']}/revoke", {}).expect(200)
        # What a fail-over to a server that lagged behind leaves.
        self.postgres.sql("BEGIN; DELETE FROM log_head; INSERT INTO log_head SELECT * FROM kept; "
                          "DELETE FROM keys; INSERT INTO keys SELECT * FROM kept_keys; "
                          "DELETE FROM change_log WHERE position > (SELECT position FROM kept); "
                          "DELETE FROM audit_events WHERE number > (SELECT audit_events FROM kept);"
                          " COMMIT")
        for node in nodes:
            seen, client = set(), node.client(key["key"])
            wait_until(lambda: self.postgres.sql("SELECT state FROM keys") == [["2"]] and
                       seen.add(client.get("/api/v1/whoami").status) or 401 in seen,
                       what="it is revoked again")
            self.assertLessEqual(seen, {401, 503})


class FailOverTest(unittest.TestCase):
    """A standby that lags is promoted: the primary's last changes are lost."""

    ROUNDS = 10 if LONG else 1

    def test_nothing_that_took_access_away_is_forgotten(self):
        for _ in range(self.ROUNDS):
            for restarts in (False, True):
                with self.subTest(restarts=restarts):
                    self.fail_over(restarts)

    def fail_over(self, restarts):
        """`restarts`: all nodes start anew before the standby is promoted."""
        primary = Postgres.start()
        standby = primary.follow()
        cluster = Cluster(primary, nodes=3, url=primary.url_with(standby))
        try:
            owner = cluster.nodes[0].sign_in()
            keyspace = owner.create("keyspaces", name="k", prefix="fo_")
            service = owner.create("services", name="s", slug="svc",
                                   upstream_url="https://svc.example.com")
            customer = owner.create_key("customer", keyspace_id=keyspace["id"],
                                        owner={"type": "external", "id": "e"})
            cluster.nodes[1].client(customer["key"]).get("/auth/svc").expect(200)
            revoked, disabled, shortened, kept = (owner.create_key("access") for _ in range(4))
            member = owner.create_user("member")
            theirs = cluster.nodes[1].sign_in(member["email"]).create_key("access")
            removed = owner.create_user("member")
            signed_in = cluster.nodes[2].sign_in(removed["email"])
            head = primary.sql("SELECT position FROM log_head")
            wait_until(lambda: standby.sql("SELECT position FROM log_head") == head,
                       what="the standby has it")
            standby.lag()
            owner.post(f"/api/v1/keys/{revoked['id']}/revoke", {}).expect(200)
            owner.post(f"/api/v1/keys/{disabled['id']}/disable", {}).expect(200)
            owner.patch(f"/api/v1/keys/{shortened['id']}",
                        {"expires_at": in_time(seconds=1)}).expect(200)
            owner.patch(f"/api/v1/users/{member['id']}", {"active": False}).expect(200)
            owner.delete(f"/api/v1/users/{removed['id']}").expect(204)
            owner.patch(f"/api/v1/services/{service['id']}",
                        {"required_permission": "deploy"}).expect(200)
            refused = [revoked, disabled, shortened, theirs]
            if restarts:
                for node in cluster.nodes:
                    node.end()
                    node.serve()
            late = cluster.make_node()  # knows only what the new primary says
            primary.stop()
            standby.promote()
            joining = threading.Thread(target=late.serve)
            joining.start()
            time.sleep(1)  # until the short one has ended
            seen = []
            joined = False
            deadline = time.monotonic() + 30
            while time.monotonic() < deadline and not joined:
                joined = not joining.is_alive()
                for node in cluster.nodes[:4 if joined else 3]:
                    seen.append([whoami(node, key["key"]).status for key in [kept, *refused]])
                    seen[-1].append(self.ask(node, signed_in).status)
                    seen[-1].append(node.client(customer["key"]).get("/auth/svc").status)
                    seen[-1].append(node.data.name)
            joining.join()
            self.assertEqual([], [one for one in seen if 200 in one[1:]])
            for node in cluster.nodes:
                wait_until(lambda: whoami(node, kept["key"]).status == 200, what="it serves")
                self.assertEqual([401] * 4, [whoami(node, key["key"]).status for key in refused])
                self.assertEqual(401, self.ask(node, signed_in).status)
                self.assertEqual(403, node.client(customer["key"]).get("/auth/svc").status)
            done = cluster.nodes[0].run("audit", "verify", "--data", cluster.nodes[0].data)
            self.assertEqual(0, done.returncode, done.stderr)
        finally:
            cluster.stop()
            standby.remove()
            primary.remove()

    @staticmethod
    def ask(node, signed_in):
        client = node.client()
        client.cookie = signed_in.cookie
        return client.get("/api/v1/me")


class RestoredTest(unittest.TestCase):
    """A dump is put back while all nodes are stopped; nobody remembers in memory."""

    def test_a_node_that_knows_of_later_removals_serves_only_after_somebody_has_looked(self):
        postgres = Postgres.start()
        self.addCleanup(postgres.remove)
        cluster = Cluster(postgres, nodes=2)
        self.addCleanup(cluster.stop)
        first, second = cluster.nodes
        owner = first.sign_in()
        revoked, kept = owner.create_key("access"), owner.create_key("access")
        dump = cluster.folder / "keywright.dump"
        subprocess.run(["pg_dump", "--format=custom", f"--file={dump}", postgres.url], check=True)
        owner.post(f"/api/v1/keys/{revoked['id']}/revoke", {}).expect(200)
        for node in cluster.nodes:
            node.end()
            node.serve()  # on the same store that is nothing
            node.end()
        postgres.sql("CREATE DATABASE restored")
        restored = re.sub(r"/\w+$", "/restored", postgres.url)
        subprocess.run(["pg_restore", "--no-owner", "--exit-on-error", f"--dbname={restored}",
                        dump], check=True)
        for node in cluster.nodes:
            node.environment = {"KEYWRIGHT_STORE": restored}
            with self.assertRaisesRegex(Unexpected, "put back to an earlier state.*last-removal"):
                node.serve()
        (first.data / "last-removal").unlink()
        first.serve()
        owner = first.sign_in()
        owner.post(f"/api/v1/keys/{revoked['id']}/revoke", {}).expect(200)
        (second.data / "last-removal").unlink()
        second.serve()
        for node in cluster.nodes:
            self.assertEqual(401, whoami(node, revoked["key"]).status)
            self.assertTrue(accepts(node, kept["key"]))
            node.end()
            node.serve()


class CutOffTest(unittest.TestCase):
    """One of three nodes loses its way to PostgreSQL, and is not told."""

    ROUNDS = 100 if LONG else 10

    def test_a_node_that_was_cut_off_accepts_nothing_that_was_revoked(self):
        postgres = Postgres.start()
        self.addCleanup(postgres.remove)
        cluster = Cluster(postgres, nodes=2, options=["--max-staleness", "2s"])
        self.addCleanup(cluster.stop)
        wire = Wire(postgres)
        self.addCleanup(wire.close)
        far = cluster.make_node()
        far.environment = {"KEYWRIGHT_STORE": wire.url}
        far.serve()
        owner = cluster.nodes[0].sign_in()
        for _ in range(self.ROUNDS):
            key = owner.create_key("access")
            client = far.client(key["key"])
            client.get("/api/v1/whoami").expect(200)
            wire.cut()
            started = time.monotonic()
            done = owner.post(f"/api/v1/keys/{key['id']}/revoke", {}).expect(200).json()
            self.assertEqual(2, done["effective_on"]["nodes"])
            self.assertLess(time.monotonic() - started, 4)
            for _ in range(20):
                self.assertEqual(503, client.get("/api/v1/whoami").status)
            self.assertTrue(accepts(cluster.nodes[1], owner.create_key("access")["key"]))
            wire.mend()
            wait_until(lambda: client.get("/api/v1/whoami").status == 401, seconds=5,
                       what="it is back and has caught up")

    def test_who_changes_something_on_it_need_not_wait_once_it_knows(self):
        postgres = Postgres.start()
        self.addCleanup(postgres.remove)
        wire = Wire(postgres)
        self.addCleanup(wire.close)
        cluster = Cluster(postgres, nodes=1, url=wire.url, options=["--max-staleness", "300s"])
        self.addCleanup(cluster.stop)
        owner = cluster.nodes[0].sign_in()
        key = owner.create_key("access")
        wire.cut()
        wait_until(lambda: "store_unreachable" in cluster.nodes[0].log(), what="it is noticed")
        started = time.monotonic()
        for _ in range(3):
            self.assertEqual(503, owner.post("/api/v1/projects", {"name": "p"}).status)
            self.assertEqual(503, owner.get("/api/v1/keys").status)
        self.assertLess(time.monotonic() - started, 1.5)
        self.assertTrue(accepts(cluster.nodes[0], key["key"]))
        wire.mend()
        wait_until(lambda: owner.post("/api/v1/projects", {"name": "p"}).status == 201,
                   what="it goes on")


class StoppedTest(unittest.TestCase):
    """One of three nodes is stopped and goes on later, with requests waiting in its sockets."""

    ROUNDS = 50 if LONG else 5

    def test_a_node_that_was_stopped_accepts_nothing_that_was_revoked(self):
        postgres = Postgres.start()
        self.addCleanup(postgres.remove)
        cluster = Cluster(postgres, nodes=3, options=["--max-staleness", "2s"])
        self.addCleanup(cluster.stop)
        owner, stopped = cluster.nodes[0].sign_in(), cluster.nodes[2]
        for _ in range(self.ROUNDS):
            key = owner.create_key("access")
            client = stopped.client(key["key"])
            client.get("/api/v1/whoami").expect(200)
            stopped.process.send_signal(signal.SIGSTOP)
            try:
                done = owner.post(f"/api/v1/keys/{key['id']}/revoke", {}).expect(200).json()
                self.assertEqual(2, done["effective_on"]["nodes"])
                self.assertEqual(401, whoami(cluster.nodes[1], key["key"]).status)
            finally:
                stopped.process.send_signal(signal.SIGCONT)
            self.assertIn(client.get("/api/v1/whoami").status, (401, 503))
            wait_until(lambda: client.get("/api/v1/whoami").status == 401, what="it is back")


class UntoldTest(unittest.TestCase):
    """No notification arrives anywhere."""

    ROUNDS = 50 if LONG else 5

    def test_revocations_hold_and_take_no_longer_than_nodes_look_by_themselves(self):
        postgres = Postgres.start()
        self.addCleanup(postgres.remove)
        wire = Wire(postgres, drops_notices=True)
        self.addCleanup(wire.close)
        cluster = Cluster(postgres, nodes=3, url=wire.url)
        self.addCleanup(cluster.stop)
        owners = [node.sign_in() for node in cluster.nodes]
        for number in range(self.ROUNDS):
            key = owners[number % 3].create_key("access")
            started = time.monotonic()
            done = owners[(number + 1) % 3].post(f"/api/v1/keys/{key['id']}/revoke", {})
            self.assertLess(time.monotonic() - started, 1)
            self.assertEqual(3, done.expect(200).json()["effective_on"]["nodes"])
            for node in cluster.nodes:
                self.assertEqual(401, whoami(node, key["key"]).status)
        self.assertGreater(wire.dropped, 0)


class ChaosTest(unittest.TestCase):
    """Nodes are killed and stopped at any moment, while keys are used and revoked."""

    KEYS = 100 if LONG else 10

    def setUp(self):
        self.postgres = Postgres.start()
        self.addCleanup(self.postgres.remove)
        self.cluster = Cluster(self.postgres, nodes=3, options=["--max-staleness", "2s"])
        self.addCleanup(self.cluster.stop)
        self.stop = threading.Event()
        self.accepted = []

    def ask(self, node, keys):
        while not self.stop.is_set():
            for key in keys:
                client = node.client(key["key"])
                started = time.monotonic()
                try:
                    if client.get("/api/v1/whoami").status == 200:
                        self.accepted.append((key["id"], started))
                except (OSError, http.client.HTTPException):
                    time.sleep(0.02)  # it was killed
                client.close()

    def disturb(self):
        random = Random(7)
        while not self.stop.is_set():
            node = random.choice(self.cluster.nodes[1:])
            if random.random() < 0.5:
                node.kill()
                node.process.stdout.close()
                node.serve()
            else:
                node.process.send_signal(signal.SIGSTOP)
                time.sleep(random.random() * 3)
                node.process.send_signal(signal.SIGCONT)
            time.sleep(random.random() / 2)

    def test_no_accept_starts_after_the_revocation_returned(self):
        nodes = self.cluster.nodes
        owner = nodes[0].sign_in()
        keys = [owner.create_key("access") for _ in range(self.KEYS)]
        workers = [threading.Thread(target=self.ask, args=(node, keys)) for node in nodes]
        workers.append(threading.Thread(target=self.disturb))
        for worker in workers:
            worker.start()
        returned = {}
        try:
            for key in keys:
                # 503 where nodes were stopped in their turns, one after the other.
                wait_until(lambda: owner.post(f"/api/v1/keys/{key['id']}/revoke", {}).status == 200,
                           what="it is revoked")
                returned[key["id"]] = time.monotonic()
            time.sleep(1)
        finally:
            self.stop.set()
            for worker in workers:
                worker.join()
        self.assertTrue(self.accepted)
        self.assertEqual([], [one for one in self.accepted if one[1] > returned[one[0]]])


if __name__ == "__main__":
    unittest.main()
