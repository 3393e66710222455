"""Traces sent on as OTLP, in JSON and protobuf."""

import json
import unittest

from keywright import wait_until
from receivers import ForwardingTest
from traces import otlp, span


class Otlp(ForwardingTest):
    """Keywright itself is the receiver where the bytes matter: its readers are tested against the
    real exporters."""

    def setUp(self):
        super().setUp()
        self.receiver.content_type, self.receiver.body = "application/x-protobuf", b""

    def test_json_carries_spans_and_resources_as_they_came(self):
        self.forward(type="otlp", encoding="json", headers={"authorization": "Bearer t"})
        trace = "cd" * 16
        sent = span(trace, "0" * 15 + "1", attributes=[{"key": "n", "value": {"intValue": "5"}}])
        self.sender.post("/v1/traces", otlp([sent], service__name="agent")).expect(200)
        self.wait_for(1)
        request = self.receiver.taken[0]
        self.assertEqual("Bearer t", request.headers["Authorization"])
        self.assertIsNone(request.headers["webhook-id"])
        group = json.loads(request.payload)["resourceSpans"][0]
        self.assertEqual("agent", group["resource"]["attributes"][0]["value"]["stringValue"])
        got = group["scopeSpans"][0]["spans"][0]
        for name in ("traceId", "spanId", "name", "startTimeUnixNano", "attributes"):
            self.assertEqual(sent[name], got[name], name)

    def test_protobuf_is_what_another_server_reads(self):
        target = self.project.platform()
        there = self.project.key(target)
        self.forward(type="otlp", url=self.server.url + "/v1/traces",
                     headers={"x-api-key": there.token})
        trace = "ef" * 16
        spans = [span(trace, f"{i + 1:016x}", attributes=[
            {"key": "text", "value": {"stringValue": "ünï"}},
            {"key": "list", "value": {"arrayValue": {"values": [{"doubleValue": 1.5}]}}}])
            for i in range(3)]
        self.sender.post("/v1/traces", otlp(spans, service__name="agent")).expect(200)
        self.sender.post("/public/traces", {"data": {"n": 1}}).expect(201)

        def read():
            return there.get("/public/traces").expect(200).json()["data"]
        wait_until(lambda: len(read()) == 2)
        copies = {row["externalId"]: row for row in read()}
        whole = there.get(f"/public/traces/{copies[trace]['id']}").expect(200).json()["data"]
        self.assertEqual(3, len(whole["spans"]))
        self.assertEqual(spans[0]["attributes"], whole["spans"][0]["attributes"])
        self.assertEqual("agent", whole["spans"][0]["resource"]["attributes"][0]["value"]
                         ["stringValue"])

    def test_many_traces_share_a_request_and_a_bad_one_goes_alone(self):
        bad = "0bad" * 8
        self.receiver.answer = lambda request: 400 if bad.encode() in request.payload else 200
        self.forward(type="otlp", encoding="json", enabled=False)
        ids = [f"{i + 1:032x}" for i in range(20)]
        ids[7] = bad
        for trace in ids:
            self.sender.post("/v1/traces", otlp([span(trace, "0" * 15 + "1")])).expect(200)
        self.forward(200, type="otlp", encoding="json")
        self.wait_for_state(queued=0)
        arrived = [found["traceId"] for request in self.receiver.taken
                   for group in json.loads(request.payload)["resourceSpans"]
                   for scope in group["scopeSpans"] for found in scope["spans"]]
        self.assertEqual([trace for trace in ids if trace != bad], arrived)
        self.assertEqual(1, self.state()["dead_letters"])
        for number in range(30):
            self.send(number)
        self.wait_for_state(queued=0)
        self.assertLess(len(self.receiver.taken), 20 + 30)

    def test_what_is_large_is_sent_as_gzip_and_plain_to_who_does_not_take_that(self):
        def send(number):
            text = {"key": "text", "value": {"stringValue": "words " * 1000}}
            spans = [span(f"{number:032x}", "0" * 15 + "1", attributes=[text])]
            self.sender.post("/v1/traces", otlp(spans)).expect(200)
            self.wait_for(number)
            self.assertIn(f"{number:032x}", self.receiver.taken[-1].payload.decode())
            return self.receiver.taken[-1].headers

        self.forward(type="otlp", encoding="json")
        compressed = send(1)
        self.assertEqual("gzip", compressed["Content-Encoding"])
        self.assertLess(int(compressed["Content-Length"]), 1000)
        self.receiver.answer = lambda request: 415 if request.headers["Content-Encoding"] else 200
        self.assertIsNone(send(2)["Content-Encoding"])
        refused = len(self.receiver.requests)
        self.assertIsNone(send(3)["Content-Encoding"])
        self.assertEqual(refused + 1, len(self.receiver.requests))
        self.assertEqual(0, self.state()["dead_letters"])

    def test_what_its_specification_calls_final_is_final(self):
        self.receiver.answer = 500
        self.forward(type="otlp")
        self.send(1)
        self.wait_for_state(dead_letters=1)


if __name__ == "__main__":
    unittest.main()
