"""Several nodes on one PostgreSQL, when things go wrong."""

import http.client
import os
import signal
import threading
import time
import unittest
from random import Random

from keywright import wait_until
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
        self.cluster = Cluster(self.postgres, nodes=2, options=["--max-staleness", "3s"])
        self.addCleanup(self.cluster.stop)

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
        wait_until(lambda: self.postgres.sql("SELECT state FROM keys") == [["2"]], seconds=10,
                   what="it is revoked again")
        for node in nodes:
            self.assertEqual(401, whoami(node, key["key"]).status)


class CutOffTest(unittest.TestCase):
    """One of three nodes loses its way to PostgreSQL, and is not told."""

    ROUNDS = 10 if LONG else 2

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
                owner.post(f"/api/v1/keys/{key['id']}/revoke", {}).expect(200)
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
