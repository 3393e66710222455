"""kill -9 at any moment, under load: nothing acknowledged is lost, nothing revoked comes back.

20 rounds; 200 with KEYWRIGHT_LONG=1."""

import http.client
import os
import pathlib
import random
import shutil
import sqlite3
import tempfile
import threading
import time
import unittest

from keywright import Server, Unexpected, wait_until

ROUNDS = 200 if os.environ.get("KEYWRIGHT_LONG") else 20
THREADS = 4
# What a client sees of a server that was killed.
GONE = (http.client.HTTPException, ConnectionError, TimeoutError, OSError)


class Ledger:
    """What the server promised, and what it may or may not have done when it was killed."""

    def __init__(self):
        self.lock = threading.Lock()
        self.live = {}       # key id -> token; created, and nothing else was asked for
        self.dead = {}       # key id -> token; the revocation was acknowledged
        self.uncertain = {}  # key id -> token; the answer did not come
        self.acknowledged = 0

    def take_live(self, chance):
        with self.lock:
            if not self.live:
                return None
            key = chance.choice(list(self.live))
            return key, self.live.pop(key)

    def put(self, group, key, token):
        with self.lock:
            group[key] = token
            self.acknowledged += group is not self.uncertain


class Worker(threading.Thread):
    """Creates, rotates and revokes keys until the server is gone."""

    def __init__(self, owner, ledger, seed):
        super().__init__(daemon=True)
        self.owner, self.ledger = owner, ledger
        self.chance = random.Random(seed)
        self.trouble = None

    def run(self):
        try:
            while True:
                roll = self.chance.random()
                if roll < 0.6:
                    self.create()
                elif roll < 0.8:
                    self.change("rotate", {"overlap_seconds": 0})
                else:
                    self.change("revoke", {"reason": "crash test"})
        except GONE:
            pass
        except AssertionError as error:
            self.trouble = error
        finally:
            self.owner.close()

    def create(self):
        made = self.owner.create_key("access", name="crash test")
        self.ledger.put(self.ledger.live, made["id"], made["key"])

    def change(self, what, body):
        taken = self.ledger.take_live(self.chance)
        if taken is None:
            return
        key, token = taken
        try:
            answer = self.owner.post(f"/api/v1/keys/{key}/{what}", body)
        except GONE:
            self.ledger.put(self.ledger.uncertain, key, token)
            raise
        if answer.status != 200:
            raise Unexpected(f"{what}: {answer}")
        if what == "revoke":
            self.ledger.put(self.ledger.dead, key, token)
        else:
            self.ledger.put(self.ledger.live, key, answer.json()["key"])
            self.ledger.put(self.ledger.dead, f"{key} before {time.monotonic()}", token)


class KillUnderLoad(unittest.TestCase):
    def setUp(self):
        self.server = Server.start()
        self.owner = self.server.sign_in()

    def tearDown(self):
        self.server.discard()

    def worker_client(self):
        client = self.server.client()
        client.cookie, client.csrf_token = self.owner.cookie, self.owner.csrf_token
        return client

    def verdicts(self, tokens):
        """token -> is it valid?"""
        found, tokens = {}, list(tokens)
        for at in range(0, len(tokens), 1000):
            part = tokens[at:at + 1000]
            items = self.owner.post("/api/v1/keys/verify-batch",
                                    {"items": [{"key": token} for token in part]})
            items = items.expect(200).json()["items"]
            found.update({token: item["valid"] for token, item in zip(part, items)})
        return found

    def check_files(self):
        """The database as the crash left it, on a copy: nobody else may touch the real one."""
        with tempfile.TemporaryDirectory() as folder:
            for name in ("keywright.db", "keywright.db-wal"):
                if (self.server.data / name).exists():
                    shutil.copy(self.server.data / name, folder)
            database = sqlite3.connect(pathlib.Path(folder) / "keywright.db")
            try:
                self.assertEqual([("ok",)], database.execute("PRAGMA integrity_check").fetchall())
            finally:
                database.close()

    def check_promises(self, ledger):
        live = self.verdicts(ledger.live.values())
        lost = [token for token, valid in live.items() if not valid]
        self.assertEqual([], lost, "acknowledged, then lost")
        dead = self.verdicts(ledger.dead.values())
        revived = [token for token, valid in dead.items() if valid]
        self.assertEqual([], revived, "revoked, then alive")

    def test_nothing_promised_is_lost(self):
        seed = random.SystemRandom().randrange(1 << 32)
        chance = random.Random(seed)
        ledger = Ledger()
        for number in range(ROUNDS):
            with self.subTest(round=number, seed=seed):
                workers = [Worker(self.worker_client(), ledger, chance.random())
                           for _ in range(THREADS)]
                before = ledger.acknowledged
                for worker in workers:
                    worker.start()
                time.sleep(chance.uniform(0.05, 0.6))
                wait_until(lambda: ledger.acknowledged >= before + 5, what="some work")
                self.server.kill()
                self.owner.close()
                for worker in workers:
                    worker.join(60)
                    self.assertIsNone(worker.trouble)
                self.check_files()
                self.server.serve()
                self.check_promises(ledger)
        self.assertGreater(len(ledger.live), ROUNDS / 2)
        self.assertGreater(len(ledger.dead), ROUNDS / 2)
        verified = self.server.run("audit", "verify", "--data", self.server.data)
        self.assertEqual(0, verified.returncode, verified.stdout + verified.stderr)
        self.assertNotIn('"level":"error"', self.server.log())
        self.server.stop()


if __name__ == "__main__":
    unittest.main()
