"""kill -9 while traces are coming in: what was acknowledged is there, whole, and once. A full disk
refuses traces for the moment, and keys go on.

50 rounds; 500 with KEYWRIGHT_LONG=1."""

import http.client
import os
import pathlib
import random
import shutil
import subprocess
import tempfile
import threading
import time
import unittest

from keywright import Server, wait_until

ROUNDS = 500 if os.environ.get("KEYWRIGHT_LONG") else 50
THREADS = 6
# What a client sees of a server that was killed.
GONE = (http.client.HTTPException, ConnectionError, TimeoutError, OSError)


class Sender(threading.Thread):
    """Sends traces until the server is gone, and keeps what was acknowledged."""

    def __init__(self, server, token, platform, name):
        super().__init__(daemon=True)
        self.client = server.client(token, "x-api-key")
        self.platform, self.name = platform, name
        self.acknowledged = {}  # x-request-id or trace id -> (id, what must be read)
        self.trouble = None

    def run(self):
        number = 0
        try:
            while True:
                number += 1
                if number % 3 == 0:
                    self.send_spans(number)
                else:
                    self.send_native(number)
        except GONE:
            pass
        except AssertionError as error:
            self.trouble = error
        finally:
            self.client.close()

    def send_native(self, number):
        identity = f"{self.name}-{number}"
        body = {"data": {"who": identity, "text": identity * 40}, "platformId": self.platform}
        made = self.client.post("/public/traces", body,
                                headers={"x-request-id": identity}).expect(201).json()["data"]
        self.acknowledged[identity] = (made["id"], body)

    def send_spans(self, number):
        trace = f"{random.getrandbits(128) | 1:032x}"
        attributes = [{"key": "mibo.platform_id", "value": {"stringValue": self.platform}}]
        for part in range(2):
            spans = [{"traceId": trace, "spanId": f"{part * 5 + i + 1:016x}", "name": f"s{i}"}
                     for i in range(5)]
            body = {"resourceSpans": [{"resource": {"attributes": attributes},
                                       "scopeSpans": [{"spans": spans}]}]}
            self.client.post("/v1/traces", body).expect(200)
            self.acknowledged[trace] = (None, (part + 1) * 5)


class Crash(unittest.TestCase):
    def test_nothing_acknowledged_is_lost_or_torn(self):
        server = Server.start()
        self.addCleanup(server.discard)
        owner = server.sign_in(transport="bearer")
        project = owner.create("projects", name="Crash")["id"]
        platform = owner.create(f"projects/{project}/platforms", name="p", type="http_api")["id"]
        token = owner.create_key("ingest", owner={"type": "project", "id": project})["key"]
        chance = random.Random(11)
        total = 0
        for round_number in range(ROUNDS):
            senders = [Sender(server, token, platform, f"{round_number}-{i}")
                       for i in range(THREADS)]
            for sender in senders:
                sender.start()
            time.sleep(chance.uniform(0.02, 0.25))
            wait_until(lambda: sum(len(sender.acknowledged) for sender in senders) > 1,
                       what="some traces")
            server.kill()
            for sender in senders:
                sender.join()
                self.assertIsNone(sender.trouble)
            server.serve()
            total += self.check(server, token, project, senders, chance)
        self.assertGreater(total, ROUNDS)
        server.stop()

    def check(self, server, token, project, senders, chance):
        client = server.client(token, "x-api-key")
        stored, cursor = {}, ""
        wanted = {key for sender in senders for key in sender.acknowledged}
        while cursor is not None and not wanted <= set(stored):
            page = client.get(f"/public/traces?limit=200&cursor={cursor}").expect(200).json()
            for row in page["data"]:
                self.assertNotIn(row["externalId"], stored)
                stored[row["externalId"]] = row
            cursor = page["nextCursor"]
        for sender in senders:
            for identity, (made, expected) in sender.acknowledged.items():
                self.assertIn(identity, stored)
                row = stored[identity]
                if made is None:
                    self.assertGreaterEqual(row["spanCount"], expected)
                    self.assertIn(row["spanCount"], (5, 10))  # a request is stored whole or not
                else:
                    self.assertEqual(made, row["id"])
        # What can be listed can be read, what was not acknowledged too.
        for identity in chance.sample(sorted(stored), min(20, len(stored))):
            row = stored[identity]
            whole = client.get(f"/public/traces/{row['id']}").expect(200).json()["data"]
            if row["source"] == "otlp":
                self.assertEqual(row["spanCount"], len(whole["spans"]))
            else:
                self.assertEqual(identity, whole["body"]["data"]["who"])
                self.assertEqual(identity * 40, whole["body"]["data"]["text"])
        client.close()
        return len(wanted)


class FullDisk(unittest.TestCase):
    """On a small file system of its own; where the test may not mount one, it is skipped."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="keywright-traces-disk-"))
        self.addCleanup(shutil.rmtree, self.folder, True)
        self.disk = self.folder / "disk"
        self.disk.mkdir()
        self.sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
        done = subprocess.run([*self.sudo, "mount", "-t", "tmpfs", "-o", "size=160m,mode=0777",
                               "none", self.disk], capture_output=True, timeout=60)
        if done.returncode != 0:
            self.skipTest("a file system cannot be mounted here")
        self.addCleanup(subprocess.run, [*self.sudo, "umount", self.disk], timeout=60)

    def test_traces_are_refused_for_the_moment_and_keys_go_on(self):
        server = Server(self.disk / "data")
        self.addCleanup(server.discard)
        server.set_up()
        server.serve()
        owner = server.sign_in()
        project = owner.create("projects", name="Disk")["id"]
        owner.create(f"projects/{project}/platforms", name="p", type="http_api",
                     service_name="p")
        key = owner.create_key("ingest", owner={"type": "project", "id": project},
                               credits={"remaining": 3})
        sender = server.client(key["key"], "x-api-key")
        body = {"data": {"a": 1}, "metadata": {"service.name": "p"}}
        kept = sender.post("/public/traces", body).expect(201).json()["data"]["id"]
        filler = self.disk / "filler"
        filler.write_bytes(b"\0" * (110 << 20))
        answer = sender.post("/public/traces", body).expect(503)
        self.assertEqual("STORAGE_UNAVAILABLE", answer.json()["error"]["code"])
        self.assertTrue(1 <= int(answer.headers["Retry-After"]) <= 5)
        self.assertEqual(503, sender.post("/v1/traces", {"resourceSpans": [{"resource": {
            "attributes": [{"key": "service.name", "value": {"stringValue": "p"}}]},
            "scopeSpans": [{"spans": [{"traceId": "a" * 32, "spanId": "b" * 16}]}]}]}).status)
        sender.get(f"/public/traces/{kept}").expect(200)
        other = owner.create_key("access")
        server.client(other["key"]).get("/api/v1/whoami").expect(200)
        owner.post(f"/api/v1/keys/{other['id']}/revoke").expect(200)
        server.client(other["key"]).get("/api/v1/whoami").expect(401)
        filler.unlink()
        sender.post("/public/traces", body).expect(201)  # 503 has cost the key nothing
        server.stop()


if __name__ == "__main__":
    unittest.main()
