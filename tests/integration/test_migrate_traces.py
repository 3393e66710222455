"""`keywright migrate` takes the traces along, and what is sent on: while the server stores more."""

import json
import os
import signal
import subprocess

from keywright import Server, binary
from postgres import Postgres
from receivers import ForwardingTest, signatures
from traces import otlp, span

TRACE = "ab" * 16


class MigrateTraces(ForwardingTest):
    """A server for each test."""

    @classmethod
    def setUpClass(cls):
        pass

    @classmethod
    def tearDownClass(cls):
        pass

    def setUp(self):
        self.server = Server.start(self.options)
        self.addCleanup(self.server.discard)
        self.owner = self.server.sign_in(transport=self.transport)
        super().setUp()
        self.postgres = Postgres.start()
        self.addCleanup(self.postgres.remove)

    def migrate(self, *more):
        """It has begun, and follows."""
        moving = subprocess.Popen(
            [binary(), "migrate", "--data", self.server.data, "--from", "sqlite", "--to",
             "postgres", *more], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
            env={**os.environ, "KEYWRIGHT_STORE": self.postgres.url})
        self.addCleanup(moving.kill)
        self.assertIn("Stop it to finish", moving.stderr.readline())
        return moving

    def finish(self, moving):
        """What it counted."""
        self.server.process.send_signal(signal.SIGTERM)
        self.server.process.wait(60)
        out, said = moving.communicate(timeout=120)
        self.assertEqual(0, moving.returncode, said)
        return json.loads(out)

    def serve_there(self):
        self.server.environment = {"KEYWRIGHT_STORE": self.postgres.url}
        self.server.serve()
        self.owner = self.server.sign_in(transport=self.transport)
        self.sender = self.server.client(self.sender.token, "x-api-key")

    def send_spans(self, *numbers):
        self.sender.post("/v1/traces", otlp([span(TRACE, f"{number:016x}") for number in numbers],
                                            service__name="agent")).expect(200)

    def read(self):
        """Every trace, whole."""
        listed = self.sender.get("/public/traces?limit=100").expect(200).json()["data"]
        return {trace["id"]: self.sender.get(f"/public/traces/{trace['id']}").expect(200)
                .json()["data"] for trace in listed}

    def test_traces_the_queue_and_dead_letters_move_while_the_server_stores_more(self):
        # Two that are refused, then a queue that waits.
        self.receiver.answer = 400
        self.forward()
        self.send(0)
        self.send_spans(1)
        self.wait_for_state(queued=0, dead_letters=2)
        self.forward(200, enabled=False)
        secret = self.owner.post(self.path("/rotate-secret"), {"overlap_seconds": 0})
        secret = secret.expect(200).json()["secret"]
        for number in range(1, 6):
            self.send(number, **{"x-request-id": f"run-{number}"})
        self.send_spans(2, 3)
        moving = self.migrate("--json")
        # What was copied changes, and more comes.
        self.send(11, **{"x-request-id": "run-1"})
        self.send_spans(3, 4)
        large = {"data": {"n": 6, "text": "ü" * 40_000}}
        self.sender.post("/public/traces", large).expect(201)
        before, state = self.read(), self.state()
        self.assertEqual(7 + 2, state["queued"])
        counted = self.finish(moving)
        self.assertEqual({"traces": 8, "spans": 4, "forwardings": 1, "queued": 9,
                          "dead_letters": 2},
                         {name: counted[name] for name in ("traces", "spans", "forwardings",
                                                           "queued", "dead_letters")})
        self.serve_there()
        self.assertEqual(before, self.read())
        found = self.state()
        self.assertEqual((9, 2, state["delivered"]),
                         (found["queued"], found["dead_letters"], found["delivered"]))
        # The same again changes nothing; another body is the same trace.
        self.send(2, **{"x-request-id": "run-2"})
        self.assertEqual(9, self.state()["queued"])
        self.assertIn(self.send(33, **{"x-request-id": "run-3"})["id"], before)
        self.receiver.answer = 200
        self.forward(200, enabled=True)
        self.wait_for(10)
        messages = self.receiver.messages()
        # A message has its trace as it is now; a span that came again as it was stays where it was.
        self.assertEqual([11, 2, 33, 4, 5, [2, 3], 11, [4], 6, 33],
                         [sorted(int(one["spanId"], 16) for one in message["data"]["spans"])
                          if message["data"].get("spans") else message["data"]["body"]["data"]["n"]
                          for message in messages])
        wanted, given = signatures(secret, self.receiver.taken[0])
        self.assertEqual([wanted], given)
        self.owner.post(self.path("/redrive"), {}).expect(200)
        self.wait_for(12)
        self.assertEqual(0, self.state()["dead_letters"])
        self.assertEqual(1, len(self.receiver.messages()[-1]["data"]["spans"]))

    def test_a_second_run_is_refused_and_leaves_the_copy_as_it_is(self):
        self.send(1)
        moving = self.migrate("--json")
        self.assertEqual(1, self.finish(moving)["traces"])
        again = self.server.run("migrate", "--data", self.server.data, "--from", "sqlite", "--to",
                                self.postgres.url)
        self.assertNotEqual(0, again.returncode)
        self.assertIn("holds a store already", again.stderr)
        self.assertEqual([["1"]], self.postgres.sql("SELECT count(*) FROM traces"))
        self.serve_there()
        self.assertEqual(1, len(self.read()))
