"""Traces of several nodes on one PostgreSQL: any node takes them in, any node shows them, and one
at a time sends them on."""

import http.client
import json
import threading
import unittest

from keywright import wait_until
from postgres import ClusterTest
from receivers import Receiver
from traces import Project, otlp, proto_request, proto_span, span

# What a client sees of a server that was killed.
GONE = (http.client.HTTPException, ConnectionError, TimeoutError, OSError)


def at_once(*calls):
    """What they gave, in their order."""
    results = [None] * len(calls)
    ready = threading.Barrier(len(calls))

    def call(number):
        ready.wait()
        results[number] = calls[number]()

    threads = [threading.Thread(target=call, args=(number,)) for number in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


class TracesOfACluster(ClusterTest):
    options = ["--allow-upstream", "127.0.0.0/8"]

    def setUp(self):
        self.project = Project(self.nodes[0], self.owners[0])
        self.platform = self.project.platform()
        token = self.project.key(self.platform).made["key"]
        self.senders = [node.client(token, "x-api-key") for node in self.nodes]

    def new_sender(self, node):
        """For a thread of its own."""
        return self.nodes[node].client(self.senders[node].token, "x-api-key")

    def send(self, number, node=0, **headers):
        answer = self.senders[node].post("/public/traces", {"data": {"n": number}},
                                         headers=headers)
        return answer.expect(200, 201).json()["data"]

    def read(self, trace, node):
        return self.senders[node].get(f"/public/traces/{trace}").expect(200).json()["data"]

    def listed(self, node, query=""):
        return self.senders[node].get(f"/public/traces{query}").expect(200).json()

    def test_what_one_node_acknowledged_every_node_shows_at_once(self):
        made = [self.send(number, number % 3)["id"] for number in range(12)]
        for node in range(3):
            for number, trace in enumerate(made):
                self.assertEqual({"data": {"n": number}}, self.read(trace, node)["body"])
            self.assertEqual(set(made), {t["id"] for t in self.listed(node)["data"]})
        # Page by page, each from another node, while more come in.
        page = self.listed(0, "?limit=5")
        seen = [trace["id"] for trace in page["data"]]
        for node in (1, 2):
            self.send(99, node)
            page = self.listed(node, f"?limit=5&cursor={page['nextCursor']}")
            seen += [trace["id"] for trace in page["data"]]
        self.assertEqual(sorted(made), sorted(seen))
        shown = self.owners[2].get(f"/api/v1/projects/{self.project.id}/traces/{made[0]}")
        self.assertEqual({"data": {"n": 0}}, shown.expect(200).json()["body"])

    def test_the_same_request_id_on_all_nodes_at_once_is_one_trace(self):
        for round in range(10):
            headers = {"x-request-id": f"run-{round}"}
            answers = at_once(*[lambda n=n: self.senders[n].post(
                "/public/traces", {"data": {"n": n}}, headers=headers) for n in range(3)])
            self.assertEqual([200, 200, 201], sorted(answer.status for answer in answers))
            self.assertEqual(1, len({answer.json()["data"]["id"] for answer in answers}))
        found = self.listed(1)["data"]
        self.assertEqual([3] * 10, [trace["revision"] for trace in found])
        again = self.senders[2].post("/public/traces",
                                     self.read(found[0]["id"], 0)["body"],
                                     headers={"x-request-id": found[0]["externalId"]})
        self.assertEqual("Trace unchanged", again.expect(200).json()["message"])

    def test_spans_of_one_trace_come_together_from_all_nodes(self):
        trace = "ab" * 16
        calls = []
        for number in range(15):
            sender, span_id = self.new_sender(number % 3), f"{number + 1:016x}"
            if number % 2 == 0:
                calls.append(lambda s=sender, i=span_id: s.post("/v1/traces",
                                                                otlp([span(trace, i)])))
            else:
                body = proto_request("svc", [proto_span(trace, span_id, "work", number)])
                calls.append(lambda s=sender, b=body: s.post(
                    "/v1/traces", body=b, headers={"Content-Type": "application/x-protobuf"}))
        for answer in at_once(*calls):
            answer.expect(200)
        for node in range(3):
            found = self.listed(node)["data"]
            self.assertEqual([(trace, 15)], [(t["traceId"], t["spanCount"]) for t in found])
            spans = self.read(found[0]["id"], node)["spans"]
            self.assertEqual({f"{number + 1:016x}" for number in range(15)},
                             {one["spanId"] for one in spans})
            self.assertTrue(all("resource" in one for one in spans))

    def test_what_did_not_arrive_is_told_by_every_node(self):
        for node in (0, 0, 1):
            sender = self.senders[node]
            sender.post("/public/traces", {"data": {}, "platformId": self.project.id}).expect(404)
        for owner in self.owners:
            path = f"/api/v1/projects/{self.project.id}/unrouted"

            def complete():
                report = owner.get(path).expect(200).json()
                return [count["count"] for count in report["counts"]] == [3] and report

            report = wait_until(complete, what="all three are told")
            self.assertEqual(["PLATFORM_NOT_FOUND"] * 3, [t["reason"] for t in report["items"]])

    def forward(self, receiver, node=0):
        self.owners[node].request("PUT", self.forwarding(), {
            "type": "webhook", "url": f"{receiver.url}/hook"}).expect(201)

    def forwarding(self, more=""):
        return f"/api/v1/platforms/{self.platform}/forwarding{more}"

    def receiver(self):
        receiver = Receiver()
        self.addCleanup(receiver.stop)
        return receiver

    def test_traces_of_all_nodes_are_sent_on_by_one_at_a_time(self):
        receiver = self.receiver()
        receiver.answer = lambda request: (
            400 if json.loads(request.payload)["data"]["body"]["data"]["n"] == 7 else 200)
        self.forward(receiver, node=1)
        for owner in self.owners:
            self.assertEqual(f"{receiver.url}/hook", owner.get(self.forwarding()).json()["url"])
        at_once(*[lambda n=n: [self.send(n * 5 + i, n) for i in range(5)] for n in range(3)])
        wait_until(lambda: len(receiver.taken) >= 14, what="all arrive")
        self.assertEqual([n for n in range(15) if n != 7], sorted(receiver.inputs()))
        for owner in self.owners:
            def at_rest():
                state = owner.get(self.forwarding()).expect(200).json()["state"]
                return (state["queued"], state["delivered"], state["dead_letters"]) == (0, 14, 1)

            wait_until(at_rest, what="every node tells how it went")
            dead = owner.get(self.forwarding("/dead-letters")).expect(200).json()["items"]
            self.assertEqual([400], [item["status"] for item in dead])
        receiver.answer = 200
        self.owners[2].post(self.forwarding("/redrive"), {}).expect(200)
        wait_until(lambda: len(receiver.taken) >= 15, what="the dead letter goes again")
        self.owners[0].delete(self.forwarding()).expect(204)
        self.owners[1].get(self.forwarding()).expect(404)
        self.send(100, 2)
        self.assertEqual([], self.postgres.sql(
            f"SELECT 1 FROM trace_outbox WHERE platform = '{self.platform}'"))

    def test_a_killed_node_loses_nothing_and_others_send_what_it_was_to_send(self):
        receiver = self.receiver()
        self.forward(receiver, node=0)
        receiver.stop()
        self.send(0, 2)
        wait_until(lambda: self.owners[2].get(self.forwarding()).json()["state"]["failures"] > 0,
                   what="node 3 has tried")
        acknowledged = {}

        def send_on(name):
            client = self.new_sender(2)
            number = 0
            try:
                while True:
                    number += 1
                    identity = f"{name}-{number}"
                    made = client.post("/public/traces", {"data": {"n": number, "who": identity}},
                                       headers={"x-request-id": identity}).expect(200, 201)
                    acknowledged[identity] = made.json()["data"]["id"]
            except GONE:
                pass

        threads = [threading.Thread(target=send_on, args=(f"t{i}",)) for i in range(4)]
        for thread in threads:
            thread.start()
        wait_until(lambda: len(acknowledged) > 40, what="traces are coming in")
        self.nodes[2].kill()
        for thread in threads:
            thread.join()
        receiver.start()
        for identity, trace in acknowledged.items():
            self.assertEqual(identity, self.read(trace, 0)["body"]["data"]["who"])

        def delivered():
            told = {message["data"].get("external_id") for message in receiver.messages()}
            return set(acknowledged) <= told

        wait_until(delivered, what="another node sends them")
        self.nodes[2].serve()
        self.owners[2] = self.nodes[2].sign_in()

    def test_while_the_database_is_away_senders_are_told_to_come_again(self):
        made = self.send(1)
        self.postgres.stop()
        try:
            for sender in self.senders:
                refused = sender.post("/public/traces", {"data": {}})
                self.assertEqual(503, refused.status, refused)
                self.assertIn(int(refused.headers["Retry-After"]), range(1, 6))
                self.assertEqual(503, sender.get(f"/public/traces/{made['id']}").status)
        finally:
            self.postgres.again()
        for node in range(3):
            wait_until(lambda: self.senders[node].post(
                "/public/traces", {"data": {"n": 2}},
                headers={"x-request-id": "after"}).status in (200, 201), what="it goes on")
            wait_until(lambda: self.senders[node].get(
                f"/public/traces/{made['id']}").status == 200, what="reading goes on")
        self.assertEqual({"data": {"n": 1}}, self.read(made["id"], 2)["body"])
        self.assertEqual(2, len(self.listed(0)["data"]))

    def test_days_are_made_ahead(self):
        days = self.postgres.sql("SELECT to_char(to_timestamp(day * 86400), 'YYYY-MM-DD') FROM "
                                 "trace_days() AS d (day)")
        today = self.postgres.sql("SELECT to_char(now() AT TIME ZONE 'UTC', 'YYYY-MM-DD'), "
                                  "to_char(now() AT TIME ZONE 'UTC' + interval '1 day', "
                                  "'YYYY-MM-DD')")[0]
        self.assertLessEqual(set(today), {day[0] for day in days})


if __name__ == "__main__":
    unittest.main()
