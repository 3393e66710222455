"""Limits and credits where several nodes give them out."""

import os
import threading
import time
import unittest

from keywright import wait_until
from postgres import Cluster, ClusterTest, Postgres

NODES = 3
LONG = bool(os.environ.get("KEYWRIGHT_LONG"))


def verify(client, key):
    answer = client.post("/api/v1/keys/verify", {"key": key["key"]}).expect(200).json()
    return bool(answer["valid"])


class ClusterLimitsTest(ClusterTest):
    node_count = NODES

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.owner = cls.owners[0]

    def new_key(self, **more):
        return self.owner.create_key("access", **more)

    def limited(self, algorithm, limit, window):
        return self.new_key(limits=[{"name": "uses", "limit": limit, "window_seconds": window,
                                     "algorithm": algorithm}])

    def accepts(self, key, nodes, seconds):
        """By each of these nodes, when each is asked as fast as it answers."""
        accepted = [0] * len(nodes)
        end = time.monotonic() + seconds

        def ask(number):
            client = nodes[number].sign_in()
            while time.monotonic() < end:
                accepted[number] += verify(client, key)

        askers = [threading.Thread(target=ask, args=(number,)) for number in range(len(nodes))]
        for asker in askers:
            asker.start()
        for asker in askers:
            asker.join()
        return accepted

    def test_even_load_is_accepted_as_configured(self):
        for algorithm in ("gcra", "fixed"):
            with self.subTest(algorithm):
                key = self.limited(algorithm, 600, 3600)
                accepted = self.accepts(key, self.nodes, 5)
                self.assertLessEqual(sum(accepted), 600 * 1.01 + NODES, accepted)
                self.assertGreaterEqual(sum(accepted), 600 * 0.99 - NODES, accepted)

    def test_load_on_one_node_gets_what_the_others_do_not_use(self):
        for algorithm in ("gcra", "fixed"):
            with self.subTest(algorithm):
                key = self.limited(algorithm, 600, 3600)
                accepted = self.accepts(key, self.nodes[:1], 6)
                self.assertGreaterEqual(accepted[0], 550)
                rest = self.accepts(key, self.nodes, 3)
                self.assertLessEqual(accepted[0] + sum(rest), 600 * 1.01 + NODES)

    def test_credits_are_spent_once(self):
        key = self.new_key(credits={"remaining": 500})
        accepted = self.accepts(key, self.nodes, 5)
        self.assertLessEqual(sum(accepted), 500 * 1.01 + NODES)
        self.assertGreaterEqual(sum(accepted), 500)
        self.assertEqual(0, sum(self.accepts(key, self.nodes, 1)))
        for node in self.nodes:
            wait_until(lambda: node.sign_in().get(f"/api/v1/keys/{key['id']}").json()
                       ["credits"]["remaining"] == 0, what="it is seen that none are left")

    def test_credits_go_where_they_are_wanted(self):
        key = self.new_key(credits={"remaining": 300})
        accepted = self.accepts(key, self.nodes[1:2], 6)
        self.assertGreaterEqual(accepted[0], 290)
        self.assertLessEqual(accepted[0] + sum(self.accepts(key, self.nodes, 3)), 303)

    def test_credits_that_were_set_again_count_from_there(self):
        key = self.new_key(credits={"remaining": 30})
        self.accepts(key, self.nodes, 3)
        self.owner.patch(f"/api/v1/keys/{key['id']}", {"credits": {"remaining": 60}}).expect(200)
        accepted = self.accepts(key, self.nodes, 5)
        self.assertLessEqual(sum(accepted), 60 * 1.01 + NODES)
        self.assertGreaterEqual(sum(accepted), 60)

    def test_what_a_killed_node_had_is_not_lost(self):
        key = self.new_key(credits={"remaining": 300})
        node = self.cluster.make_node()
        node.serve()
        spent = sum(self.accepts(key, [node, self.nodes[0]], 0.2))
        self.assertLess(spent, 290)
        time.sleep(1.5)  # what was spent is written
        node.kill()
        node.process.stdout.close()
        self.cluster.nodes.remove(node)
        node.discard()
        wait_until(lambda: len(self.postgres.sql("SELECT id FROM nodes")) == NODES, seconds=12,
                   what="it is forgotten")
        rest = sum(self.accepts(key, self.nodes, 5))
        self.assertLessEqual(spent + rest, 300 * 1.01 + NODES + 1)
        self.assertGreaterEqual(spent + rest, 297)


class JoiningTest(unittest.TestCase):
    """What was there before a node joined is not given out once more by it."""

    TOTAL = 200
    USED = 80  # of some keys, before
    QUIET_SECONDS = 2

    def make_keys(self, owner):
        keys = {}
        for algorithm in ("gcra", "fixed"):
            limits = [{"name": "uses", "limit": self.TOTAL, "window_seconds": 36_000,
                       "algorithm": algorithm}]
            for state in ("fresh", "begun"):
                keys[f"{state} {algorithm}"] = owner.create_key("access", limits=limits)
        for state in ("fresh", "begun"):
            keys[f"{state} credits"] = owner.create_key("access",
                                                        credits={"remaining": self.TOTAL})
        return keys

    def ask(self, node, keys, accepted):
        """Until nothing was accepted for a while."""
        client = node.sign_in()
        last = time.monotonic()
        while time.monotonic() < last + self.QUIET_SECONDS:
            for name, key in keys.items():
                if verify(client, key):
                    accepted.append(name)
                    last = time.monotonic()

    def test_what_is_divided_stays_whole_while_nodes_join(self):
        postgres = Postgres.start()
        self.addCleanup(postgres.remove)
        cluster = Cluster(postgres, nodes=1)
        self.addCleanup(cluster.stop)
        first = cluster.nodes[0].sign_in()
        for _ in range(2):
            keys = self.make_keys(first)
            accepted = []
            for name, key in keys.items():
                if name.startswith("begun"):
                    accepted += [name for _ in range(self.USED) if verify(first, key)]
            cluster.make_node().serve()
            askers = [threading.Thread(target=self.ask, args=(node, keys, accepted))
                      for node in cluster.nodes]
            for asker in askers:
                asker.start()
            for asker in askers:
                asker.join()
            nodes = len(cluster.nodes)
            for name in keys:
                with self.subTest(name, nodes=nodes):
                    count = accepted.count(name)
                    self.assertLessEqual(count, self.TOTAL * 1.01 + nodes)
                    self.assertGreaterEqual(count, self.TOTAL * 0.99 - nodes)


class OneNodeTest(unittest.TestCase):
    def test_one_node_alone_counts_exactly_and_goes_on_where_it_was(self):
        postgres = Postgres.start()
        self.addCleanup(postgres.remove)
        cluster = Cluster(postgres, nodes=1)
        self.addCleanup(cluster.stop)
        node = cluster.nodes[0]
        owner = node.sign_in()
        limits = [{"name": "uses", "limit": 5, "window_seconds": 3600}]
        limited = owner.create_key("access", limits=limits)
        self.assertEqual([True] * 5 + [False], [verify(owner, limited) for _ in range(6)])
        key = owner.create_key("access", credits={"remaining": 10})
        for _ in range(4):
            self.assertTrue(verify(owner, key))
        time.sleep(2.5)
        node.kill()
        node.process.stdout.close()
        node.serve()
        owner = node.sign_in()
        self.assertEqual([True] * 6 + [False], [verify(owner, key) for _ in range(7)])


if __name__ == "__main__":
    unittest.main()
