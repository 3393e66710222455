"""What a trace that is refused costs, what its sender is told, and where its owners find it."""

import gzip
import unittest

from traces import TraceTest, attribute, field, otlp, proto_request, proto_span, span

FEW = [{"name": "few", "limit": 3, "window_seconds": 86400, "algorithm": "fixed"}]
SERVICE = "service__name"


class Inbox(TraceTest):
    """GET /api/v1/projects/{id}/unrouted."""

    def counts(self, sender):
        report = self.owner.get(f"/api/v1/projects/{self.project.id}/unrouted").expect(200).json()
        return {count["reason"]: count["count"] for count in report["counts"]
                if count["key_id"] == sender.made["id"]}

    def test_each_reason_for_which_traces_of_one_request_are_refused_is_counted(self):
        inside = self.project.platform(service_name="in")
        self.project.platform(service_name="out")
        sender = self.project.key(inside, self.project.platform())
        body = {"resourceSpans": []}
        number = 0
        unknown = {"mibo__platform_id": "018f0000-0000-7000-8000-000000000001"}
        for traces, resource in ((5, {}), (3, {SERVICE: "out"}), (1, {SERVICE: "in"}),
                                 (1, unknown)):
            for _ in range(traces):
                number += 1
                body["resourceSpans"] += otlp([span(f"{number:032x}", "1" * 16)],
                                              **resource)["resourceSpans"]
        partial = sender.post("/v1/traces", body).expect(200).json()["partialSuccess"]
        self.assertEqual("9", partial["rejectedSpans"])
        self.assertEqual({"PLATFORM_REQUIRED": 5, "PLATFORM_NOT_ALLOWED": 3,
                          "PLATFORM_NOT_FOUND": 1}, self.counts(sender))
        body["resourceSpans"] = body["resourceSpans"][:8]
        sender.post("/v1/traces", body).expect(400)
        self.assertEqual({"PLATFORM_REQUIRED": 10, "PLATFORM_NOT_ALLOWED": 6,
                          "PLATFORM_NOT_FOUND": 1}, self.counts(sender))

    def test_spans_beyond_the_most_that_a_trace_has_are_counted(self):
        sender = self.project.key(self.project.platform())
        trace = "7" * 32
        tiny = [{"traceId": trace, "spanId": f"{number:016x}"} for number in range(1, 12_502)]
        for offset in (0, 20_000):
            spans = [{**one, "spanId": f"{int(one['spanId'], 16) + offset:016x}"} for one in tiny]
            answer = sender.post("/v1/traces", otlp(spans)).expect(200).json()
        self.assertEqual("2", answer["partialSuccess"]["rejectedSpans"])
        self.assertEqual({"PAYLOAD_TOO_LARGE": 1}, self.counts(sender))

    def test_a_key_that_was_not_let_in_is_counted_in_its_project(self):
        sender = self.project.key(self.project.platform(), limits=FEW)
        for _ in range(5):
            answer = sender.post("/public/traces", {"data": {}})
        self.refused(answer, 429, "RATE_LIMITED")
        self.assertEqual({"RATE_LIMITED": 2}, self.counts(sender))
        path = f"/api/v1/projects/{self.project.id}/unrouted"
        self.assertEqual(1, len(self.owner.get(path).json()["items"]))  # they are all alike
        self.owner.post(f"/api/v1/keys/{sender.made['id']}/revoke").expect(200)
        self.refused(sender.post("/public/traces", {"data": {}}), 401, "INVALID_API_KEY")
        self.assertEqual({"RATE_LIMITED": 2, "INVALID_API_KEY": 1}, self.counts(sender))


class Costs(TraceTest):
    def test_what_is_refused_is_no_use_of_the_key(self):
        inside, outside = self.project.platform(), self.project.platform()
        sender = self.project.key(inside)
        path = f"/api/v1/keys/{sender.made['id']}"
        json_type = {"Content-Type": "application/json"}
        for status, body, headers in (
                (403, b'{"data":{},"platformId":"%s"}' % outside.encode(), json_type),
                (404, b'{"data":{},"platformId":"x"}', json_type), (400, b"{", json_type),
                (415, b"{}", {"Content-Type": "text/plain"}),
                (413, b"x" * (10 * 1024 * 1024 + 1), json_type)):
            sender.post("/public/traces", body=body, headers=headers).expect(status)
        sender.get("/public/traces/nothing").expect(404)
        self.assertIsNone(self.owner.get(path).json()["last_used_at"])
        sender.post("/public/traces", {"data": {}}).expect(201)
        key = self.owner.get(path).json()
        self.assertIsNotNone(key["last_used_at"])
        self.assertEqual("127.0.0.1", key["last_used_ip"])

    def test_reading_is_a_use(self):
        sender = self.project.key()
        sender.get("/public/whoami").expect(200)
        self.assertIsNotNone(
            self.owner.get(f"/api/v1/keys/{sender.made['id']}").json()["last_used_at"])

    def test_refusals_say_what_is_left_of_a_limit(self):
        sender = self.project.key(self.project.platform(), limits=FEW)
        for left in (2, 1):
            answer = sender.post("/public/traces", {"data": 1}).expect(400)
            self.assertIn(f"r={left}", answer.headers["RateLimit"])
            self.assertIn("q=3", answer.headers["RateLimit-Policy"])
        answer = sender.post("/public/traces", {"data": {}, "platformId": "x"}).expect(404)
        self.assertIn("r=0", answer.headers["RateLimit"])

    def test_a_body_that_is_too_large_is_told_how_large_one_may_be(self):
        sender = self.project.key(self.project.platform())
        size = 10 * 1024 * 1024 + 1
        headers = {"Content-Type": "application/json"}
        error = self.refused(sender.post("/public/traces", body=b" " * size, headers=headers),
                             413, "PAYLOAD_TOO_LARGE")
        self.assertIn(str(size), error["message"])
        self.assertIn(str(size - 1), error["message"])
        bomb = gzip.compress(b" " * size)
        error = self.refused(sender.post("/public/traces", body=bomb, headers={
            **headers, "Content-Encoding": "gzip"}), 413, "PAYLOAD_TOO_LARGE")
        self.assertIn(str(size - 1), error["message"])
        answer = self.server.raw_request([
            "POST /public/traces HTTP/1.1", f"X-API-Key: {sender.token}",
            "Content-Type: application/json", "Content-Length: 104857600"])
        self.assertIn("104857600", self.refused(answer, 413, "PAYLOAD_TOO_LARGE")["message"])

    def test_metadata_has_a_limit_of_its_own(self):
        sender = self.project.key(self.project.platform())
        for name in ("metadata", "externalMetadata"):
            for answer in (sender.post("/public/traces", {"data": {}, name: {"x": "y" * 65536}}),
                           sender.post("/public/traces", {"data": {}, name: {"x": "y" * 200000}})):
                error = self.refused(answer, 413, "PAYLOAD_TOO_LARGE")
                self.assertEqual(name, error["details"][0]["path"])
                self.assertIn("65536", error["message"])
            sender.post("/public/traces", {"data": {"x": "y" * 65536},
                                           name: {"x": "y" * 65528}}).expect(201)


class Shapes(TraceTest):
    """What a refusal is written in, and what is understood of a request at all."""

    def test_answers_are_in_the_type_of_the_request_however_it_is_spelt(self):
        sender = self.project.key(self.project.platform(service_name="p"))
        body = proto_request("p", [proto_span("a" * 32, "b" * 16, "n", 1)])
        for path in ("/public/traces", "/v1/traces"):
            for sent, status, answered in (
                    ("Application/X-Protobuf", 200, "application/x-protobuf"),
                    ("application/PROTOBUF; x=1", 200, "application/x-protobuf"),
                    ("application/x-protobuffer", 415, "application/json")):
                answer = sender.post(path, body=body, headers={"Content-Type": sent})
                self.assertEqual((status, answered),
                                 (answer.status, answer.headers["Content-Type"]), sent)
            broken = sender.post(path, body=b"\x0a",
                                 headers={"Content-Type": "Application/protobuf"})
            self.assertEqual((400, "application/x-protobuf"),
                             (broken.status, broken.headers["Content-Type"]))

    def test_otlp_that_cannot_be_read_gets_a_status_at_every_address(self):
        sender = self.project.key(self.project.platform())
        for body in (b'{"resourceSpans":[', b'{"resourceSpans":{}}', b'{"x":1,"resourceSpans":7}'):
            for path in ("/public/traces", "/v1/traces"):
                answer = sender.post(path, body=body, headers={"Content-Type": "application/json"})
                self.assertEqual(3, self.refused_otlp(answer, 400, "VALIDATION_ERROR")["code"])
        both = sender.post("/public/traces", {"data": {}, "resourceSpans": []})
        self.refused(both, 400, "VALIDATION_ERROR")

    def test_parameters_of_a_media_type_change_nothing(self):
        sender = self.project.key(self.project.platform())
        for parameters, status in (("; charset=utf8", 201), ("; charset=us-ascii", 201),
                                   ('; x="charset=latin1"', 201), (";v=1;charset=\"UTF-8\"", 201),
                                   ("; charset=latin1", 415), ("; charset=\"utf-16\"", 415)):
            sender.post("/public/traces", body=b'{"data":{}}', headers={
                "Content-Type": "application/json" + parameters}).expect(status)

    def test_gzip_is_known_by_its_first_bytes_in_whatever_pieces_they_come(self):
        sender = self.project.key(self.project.platform())
        packed = gzip.compress(b'{"data":{"a":1}}')
        for body, first, status in ((packed, 1, 201), (packed, 2, 201), (b"{}", 1, 415),
                                    (b"\x1f", 1, 415)):
            chunks = b""
            for piece in (body[:first], body[first:]):
                if piece:
                    chunks += b"%x\r\n%s\r\n" % (len(piece), piece)
            answer = self.server.raw_request(
                ["POST /public/traces HTTP/1.1", f"X-API-Key: {sender.token}",
                 "Content-Type: application/octet-stream", "Transfer-Encoding: chunked"],
                chunks + b"0\r\n\r\n")
            self.assertEqual(status, answer.status, (body, first, answer))

    def test_an_identity_stands_there_once(self):
        sender = self.project.key(self.project.platform())

        def send(*fields):
            return self.server.raw_request(
                ["POST /public/traces HTTP/1.1", f"X-API-Key: {sender.token}",
                 "Content-Type: application/json", "Content-Length: 11", *fields], b'{"data":{}}')
        for name in ("X-Request-Id", "Idempotency-Key"):
            twice = (f"{name}: {name}-1", f"{name.lower()}: {name}-1")
            made = self.stored(send(*twice), "keyScope")
            self.assertEqual(f"{name}-1", made["externalId"])
            self.stored(send(*twice), "keyScope", 200)
            error = self.refused(send(f"{name}: one", f"{name}: two"), 400, "VALIDATION_ERROR")
            self.assertEqual([("headers", name)], [(detail["location"], detail["path"])
                                                   for detail in error["details"]])

    def test_json_and_protobuf_are_read_alike(self):
        sender = self.project.key(self.project.platform())
        root = span("1" * 32, "1" * 16, "root", parentSpanId="0" * 16)
        self.assertEqual({}, sender.post("/v1/traces", otlp([root])).expect(200).json())
        self.assertEqual("root", sender.get("/public/traces").json()["data"][0]["name"])
        for logs in ({"resourceLogs": [{}]}, {"resourceMetrics": []}):
            self.refused_otlp(sender.post("/v1/traces", logs), 400, "VALIDATION_ERROR")
        group = b"\xa3\x06" + field(1, 7) + b"\xa4\x06"
        body = proto_request("p", [proto_span("2" * 32, "1" * 16, "n", 1) + group]) + group
        answer = sender.post("/v1/traces", body=body,
                             headers={"Content-Type": "application/x-protobuf"}).expect(200)
        self.assertEqual(b"", answer.body)

    def test_half_a_character_does_not_cost_the_trace(self):
        platform = self.project.platform("flowise", external_id="c")
        sender = self.project.key()
        kind = {"Content-Type": "application/json"}
        body = b'{"data":{"text":"cut \\ud83d"},"metadata":{"chatflowId":"c"}}'
        made = self.stored(sender.post("/public/traces", body=body, headers=kind), "metadata")
        read = sender.get(f"/public/traces/{made['id']}").expect(200).json()["data"]
        self.assertEqual((platform, "cut \ufffd"),
                         (read["platformId"], read["body"]["data"]["text"]))
        routes = b'{"data":{},"metadata":{"chatflowId":"c\\ud83d"}}'
        self.refused(sender.post("/public/traces", body=routes, headers=kind),
                     400, "VALIDATION_ERROR")

    def test_an_empty_filter_filters_nothing(self):
        sender = self.project.key(self.project.platform())
        sender.post("/public/traces", {"data": {}}).expect(201)
        rows = sender.get("/public/traces?platformId=&status=&from=&to=&cursor=").expect(200)
        self.assertEqual(1, len(rows.json()["data"]))
        self.assertEqual([], sender.get("/public/traces?platformId=x").json()["data"])


class Routes(TraceTest):
    """What names a platform in OTLP, and what a dry run says of it."""

    def dry(self, status=200, **body):
        path = f"/api/v1/projects/{self.project.id}/route-test"
        return self.owner.post(path, body).expect(status).json()

    def test_other_names_of_a_platform_count_in_otlp_too(self):
        flow = self.project.platform("flowise", external_id="flow")
        served = self.project.platform(service_name="served")
        everywhere, elsewhere = self.project.key(), self.project.key(self.project.platform())
        for number, (resource, platform) in enumerate((
                ({"agentflowId": "flow"}, flow),
                ({"openinference__project__name": "served"}, served)), start=1):
            body = otlp([span(f"{number:032x}", "1" * 16)], **resource)
            everywhere.post("/v1/traces", body).expect(200)
            row = everywhere.get("/public/traces?limit=1").json()["data"][0]
            self.assertEqual(platform, row["platformId"])
            self.refused_otlp(elsewhere.post("/v1/traces", body), 403, "PLATFORM_NOT_ALLOWED")
            plain = {name.replace("__", "."): value for name, value in resource.items()}
            self.assertEqual(platform, self.dry(resource=plain)["platform_id"])

    def test_what_disagrees_with_a_platform_id_is_warned_of(self):
        platform = self.project.platform()
        self.project.platform(service_name="other")
        sender = self.project.key(platform)
        for metadata in ({"service.name": "other"}, {"service.name": "nobody"},
                         {"workflowId": "nobody"}):
            made = self.stored(sender.post("/public/traces", {
                "data": {}, "platformId": platform, "metadata": metadata}), "platformId")
            self.assertEqual(["metadata_mismatch"], made["routing"]["warnings"])
        made = self.stored(sender.post("/public/traces", {
            "data": {}, "metadata": {"service.name": "nobody"}}), "keyScope")
        self.assertEqual(["metadata_unmatched"], made["routing"]["warnings"])

    def test_a_dry_run_says_what_would_happen(self):
        workflow = self.project.platform("n8n", external_id="w1")
        self.assertEqual(workflow, self.dry(resource={"n8n.workflow.id": "w1"})["platform_id"])
        for resource in ({"mibo.platform_id": ""}, {"chatflowId": ""}, {"host.name": "x"}, {}):
            self.assertEqual("PLATFORM_REQUIRED", self.dry(resource=resource)["outcome"])
        body = otlp([span("1" * 32, "1" * 16,
                          attributes=[attribute("n8n.workflow.id", stringValue="w1")])])
        self.assertEqual(workflow, self.dry(trace=body)["platform_id"])
        body["resourceSpans"] += otlp([span("2" * 32, "2" * 16)])["resourceSpans"]
        self.assertIn("different ways", str(self.dry(400, trace=body)))

    def test_a_dry_run_with_a_key_that_is_dead_is_refused_like_the_trace(self):
        platform = self.project.platform()
        for how in ("revoke", "disable"):
            sender = self.project.key(platform)
            key = sender.made["id"]
            self.assertEqual("ROUTED", self.dry(key_id=key)["outcome"])
            self.owner.post(f"/api/v1/keys/{key}/{how}").expect(200)
            verdict = self.dry(key_id=key)
            self.assertEqual("INVALID_API_KEY", verdict["outcome"])
            self.refused(sender.post("/public/traces", {"data": {}}), 401, verdict["outcome"])
        # From networks that it may be used from it would be let in.
        sender = self.project.key(platform, allowed_cidrs=["192.0.2.0/24"])
        self.assertEqual("ROUTED", self.dry(key_id=sender.made["id"])["outcome"])


if __name__ == "__main__":
    unittest.main()
