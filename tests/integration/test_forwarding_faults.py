"""Forwarding through kill -9, restarts and receivers that are down: nothing lost, in order."""

import json
import os
import pathlib
import shutil
import sqlite3
import tempfile
import time
import unittest

from keywright import Server, free_port, wait_until
from receivers import ForwardingTest, Receiver, signatures
from traces import Project

LONG = bool(os.environ.get("KEYWRIGHT_LONG"))


class Faults(unittest.TestCase):
    ROUNDS = 20 if LONG else 4

    def test_kill_9_in_the_middle_loses_nothing_and_keeps_the_order(self):
        receiver = Receiver(free_port())
        self.addCleanup(receiver.stop)
        server = Server.start(ForwardingTest.options)
        self.addCleanup(server.discard)
        owner = server.sign_in(transport="bearer")
        project = Project(server, owner)
        platform = project.platform()
        key = project.key(platform)
        path = f"/api/v1/platforms/{platform}/forwarding"
        owner.request("PUT", path, {"type": "webhook", "url": receiver.url}).expect(201)
        number = 0
        for round_number in range(self.ROUNDS):
            if round_number % 2 == 1:
                receiver.stop()
            sender = server.client(key.token, "x-api-key")
            for _ in range(60):
                sender.post("/public/traces", {"data": {"n": number}}).expect(201)
                number += 1
            server.kill()
            if round_number % 2 == 1:
                receiver.start()
            server.serve()
        wait_until(lambda: set(receiver.inputs()) == set(range(number)), 120, "every trace")
        self.assertEqual(list(range(number)), list(dict.fromkeys(receiver.inputs())))
        again = server.client(owner.token)
        wait_until(lambda: again.get(path).expect(200).json()["state"]["queued"] == 0)
        seen = len(receiver.requests)
        server.restart()
        time.sleep(1)
        self.assertEqual(seen, len(receiver.requests))
        server.stop()

    def test_settings_and_what_did_not_arrive_survive_a_restart(self):
        receiver = Receiver()
        self.addCleanup(receiver.stop)
        server = Server.start(ForwardingTest.options)
        self.addCleanup(server.discard)
        owner = server.sign_in(transport="bearer")
        project = Project(server, owner)
        platform = project.platform()
        key = project.key()
        path = f"/api/v1/platforms/{platform}/forwarding"
        made = owner.request("PUT", path, {"type": "webhook", "url": receiver.url,
                                           "headers": {"x-a": "b"}}).expect(201).json()
        key.post("/public/traces", {"data": {}}).expect(400)
        server.restart()
        owner = server.client(owner.token)
        self.assertEqual(["x-a"], owner.get(path).expect(200).json()["header_names"])
        sender = server.client(key.token, "x-api-key")
        sender.post("/public/traces", {"data": {"n": 1}, "platformId": platform}).expect(201)
        wait_until(lambda: receiver.taken)
        wanted, given = signatures(made["secret"], receiver.taken[0])
        self.assertEqual([wanted], given)
        unrouted = f"/api/v1/projects/{project.id}/unrouted"
        report = owner.get(unrouted).expect(200).json()
        self.assertEqual(["PLATFORM_REQUIRED"], [item["reason"] for item in report["items"]])
        self.assertEqual([1], [count["count"] for count in report["counts"]])
        # Also after a kill, a few seconds later.
        sender.post("/public/traces", {"data": {}}).expect(400)
        wait_until(lambda: self.counts_kept(server) == [2], what="the report is kept")
        server.kill()
        server.serve()
        report = server.client(owner.token).get(unrouted).expect(200).json()
        self.assertEqual([2], [count["count"] for count in report["counts"]])
        server.stop()

    @staticmethod
    def counts_kept(server):
        """What is in the file by now; read from a copy, as after a kill."""
        with tempfile.TemporaryDirectory() as folder:
            for name in ("traces.db", "traces.db-wal"):
                shutil.copy(server.data / "traces" / name, folder)
            database = sqlite3.connect(pathlib.Path(folder) / "traces.db")
            try:
                rows = database.execute("SELECT report FROM unrouted").fetchall()
            except sqlite3.DatabaseError:
                return None  # copied while it was written
            finally:
                database.close()
        reports = [json.loads(row[0]) for row in rows]
        return [count["count"] for report in reports for count in report["counts"]]


if __name__ == "__main__":
    unittest.main()
