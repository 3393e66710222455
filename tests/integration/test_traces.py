"""Traces from outside: keys that route, both kinds of bodies, limits, and reading them back."""

import gzip
import json
import socket
import threading
import unittest
import uuid

from keywright import Server, in_time

MIB = 1024 * 1024


def attribute(key, **value):
    return {"key": key, "value": value}


def otlp(spans, **resource):
    """An ExportTraceServiceRequest with one resource; names with __ for a dot."""
    attributes = [attribute(name.replace("__", "."), stringValue=value)
                  for name, value in resource.items()]
    return {"resourceSpans": [{"resource": {"attributes": attributes},
                               "scopeSpans": [{"scope": {"name": "test"}, "spans": spans}]}]}


def span(trace_id, span_id, name="work", **more):
    return {"traceId": trace_id, "spanId": span_id, "name": name, "kind": 1,
            "startTimeUnixNano": "1700000000000000000", "endTimeUnixNano": "1700000001000000000",
            "attributes": [], **more}


# A protobuf writer of a few lines, so that nothing of the product checks itself.
def varint(value):
    out = bytearray()
    while value >= 0x80:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(out + bytes([value]))


def field(number, value):
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    value = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(value)) + value


def fixed64(number, value):
    return varint(number << 3 | 1) + value.to_bytes(8, "little")


def proto_attribute(key, value):
    return field(1, key) + field(2, field(1, value))


def proto_request(service, spans):
    resource = field(1, proto_attribute("service.name", service))
    scope = field(1, field(1, "test")) + b"".join(field(2, item) for item in spans)
    return field(1, field(1, resource) + field(2, scope))


def proto_span(trace_id, span_id, name, value):
    return (field(1, bytes.fromhex(trace_id)) + field(2, bytes.fromhex(span_id)) +
            field(5, name) + field(6, 2) + fixed64(7, 1700000000000000000) +
            fixed64(8, 1700000000500000000) +
            field(9, field(1, "answer") + field(2, field(3, value))))


class Project:
    """A project with platforms, and its keys."""

    def __init__(self, server, owner):
        self.server, self.owner = server, owner
        self.id = owner.create("projects", name="Support")["id"]

    def platform(self, type="http_api", **fields):
        return self.owner.create(f"projects/{self.id}/platforms", name="p", type=type,
                                 **fields)["id"]

    def delete(self, platform):
        self.owner.delete(f"/api/v1/projects/{self.id}/platforms/{platform}").expect(204)

    def key(self, *platforms, **fields):
        if platforms:
            fields["scope"] = {"ids": list(platforms)}
        made = self.owner.create_key("ingest", owner={"type": "project", "id": self.id}, **fields)
        client = self.server.client(made["key"], "x-api-key")
        client.made = made
        return client


class Traces(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server.start()
        cls.owner = cls.server.sign_in()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def setUp(self):
        self.project = Project(self.server, self.owner)

    def refused(self, answer, status, code):
        self.assertEqual((status, code), (answer.status, answer.json()["error"]["code"]), answer)
        self.assertIs(False, answer.json()["success"])
        self.assertIn("timestamp", answer.json())
        return answer.json()["error"]

    def stored(self, answer, by, status=201):
        self.assertEqual(status, answer.status, answer)
        body = answer.json()
        self.assertIs(True, body["success"])
        self.assertLessEqual({"success", "message", "timestamp", "data"}, set(body))
        data = body["data"]
        self.assertLessEqual({"id", "platformId", "status", "createdAt", "updatedAt", "routing"},
                             set(data))
        self.assertEqual(by, data["routing"]["by"])
        return data

    # -- who may

    def test_without_a_key_or_with_a_wrong_one(self):
        nobody = self.server.client()
        answer = nobody.post("/public/traces", {"data": {}})
        self.refused(answer, 401, "MISSING_API_KEY")
        self.assertNotIn("error=", answer.headers["WWW-Authenticate"])
        for token in ("mibo_nonsense", "mibo_" + "a" * 43):
            for carrier in ("x-api-key", "bearer"):
                answer = self.server.client(token, carrier).post("/public/traces", {"data": {}})
                self.refused(answer, 401, "INVALID_API_KEY")
                self.assertIn("error=", answer.headers["WWW-Authenticate"])

    def test_a_key_of_another_kind_is_told_the_right_one(self):
        access = self.owner.create_key("access")
        answer = self.server.client(access["key"]).post("/public/traces", {"data": {}})
        self.assertIn("ingest", self.refused(answer, 403, "WRONG_KEY_KIND")["message"] + "ingest")
        self.assertEqual(403, answer.status)

    def test_revoked_disabled_and_expired_keys_stop_at_once_and_look_alike(self):
        platform = self.project.platform()
        answers = []
        for how in ("revoke", "disable"):
            sender = self.project.key(platform)
            sender.post("/public/traces", {"data": {}}).expect(201)
            self.owner.post(f"/api/v1/keys/{sender.made['id']}/{how}").expect(200)
            answers.append(sender.post("/public/traces", {"data": {}}))
        for answer in answers:
            error = self.refused(answer, 401, "INVALID_API_KEY")
            self.assertEqual("The API key is not valid.", error["message"])

    def test_the_same_key_in_several_fields_is_one_and_two_keys_are_refused(self):
        platform = self.project.platform()
        sender = self.project.key(platform)
        other = self.project.key(platform)
        token = sender.token
        same = {"Authorization": f"Bearer {token}", "api_key": token}
        sender.post("/public/traces", {"data": {}}, headers=same).expect(201)
        self.refused(sender.post("/public/traces", {"data": {}},
                                 headers={"Authorization": f"Bearer {other.token}"}),
                     400, "VALIDATION_ERROR")
        self.refused(sender.post("/public/traces", {"data": {}},
                                 headers={"Cookie": self.owner.cookie}), 400, "VALIDATION_ERROR")
        answer = self.server.client().post(f"/public/traces?api_key={token}", {"data": {}})
        self.refused(answer, 400, "VALIDATION_ERROR")

    def test_last_use_is_shown(self):
        sender = self.project.key(self.project.platform())
        sender.post("/public/traces", {"data": {}}).expect(201)
        key = self.owner.get(f"/api/v1/keys/{sender.made['id']}").expect(200).json()
        self.assertIsNotNone(key["last_used_at"])

    def test_the_keys_own_limit(self):
        sender = self.project.key(self.project.platform(), limits=[
            {"name": "few", "limit": 2, "window_seconds": 60, "algorithm": "fixed"}])
        for _ in range(2):
            sender.post("/public/traces", {"data": {}}).expect(201)
        answer = sender.post("/public/traces", {"data": {}})
        self.refused(answer, 429, "RATE_LIMITED")
        self.assertTrue(1 <= int(answer.headers["Retry-After"]) <= 60)

    # -- the order of checks

    def test_key_before_size_before_body_before_platform(self):
        platform = self.project.platform()
        sender = self.project.key()
        huge = b"x" * (10 * MIB + 1)
        kind = {"Content-Type": "application/json"}
        self.refused(self.server.client().post("/public/traces", body=huge, headers=kind),
                     401, "MISSING_API_KEY")
        self.refused(self.server.client("mibo_x", "x-api-key").post(
            "/public/traces", body=huge, headers=kind), 401, "INVALID_API_KEY")
        self.refused(sender.post("/public/traces", body=huge, headers=kind),
                     413, "PAYLOAD_TOO_LARGE")
        self.refused(sender.post("/public/traces", {"platformId": str(uuid.uuid4())}),
                     400, "VALIDATION_ERROR")
        self.refused(sender.post("/public/traces", {"data": {}, "platformId": str(uuid.uuid4())}),
                     404, "PLATFORM_NOT_FOUND")
        sender.post("/public/traces", {"data": {}, "platformId": platform}).expect(201)

    def test_ten_mebibytes_are_taken_and_one_byte_more_is_not(self):
        sender = self.project.key(self.project.platform())
        frame = len('{"data":{"x":""}}')
        for extra, status in ((0, 201), (1, 413)):
            body = b'{"data":{"x":"' + b"a" * (10 * MIB - frame + extra) + b'"}}'
            kind = {"Content-Type": "application/json"}
            sender.post("/public/traces", body=body, headers=kind).expect(status)
            packed = {**kind, "Content-Encoding": "gzip"}
            sender.post("/public/traces", body=gzip.compress(body, 1),
                        headers=packed).expect(status)

    def test_a_decompression_bomb_costs_its_limit_and_no_more(self):
        sender = self.project.key(self.project.platform())
        bomb = gzip.compress(b" " * (300 * MIB), 9)
        self.assertLess(len(bomb), MIB)
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        self.refused(sender.post("/public/traces", body=bomb, headers=headers),
                     413, "PAYLOAD_TOO_LARGE")

    # -- the table

    def test_resolves_inside_the_scope(self):
        flowise = self.project.platform("flowise", external_id="chat-1")
        n8n = self.project.platform("n8n", external_id="7", service_name="agents")
        for key in (self.project.key(), self.project.key(flowise, n8n)):
            send = lambda body: key.post("/public/traces", {"data": {"a": 1}, **body})
            for body, by, platform in (
                    ({"platformId": flowise}, "platformId", flowise),
                    ({"platformId": flowise.upper()}, "platformId", flowise),
                    ({"metadata": {"mibo": {"platform_id": n8n}}}, "platformId", n8n),
                    ({"metadata": {"mibo.platform_id": n8n}}, "platformId", n8n),
                    ({"metadata": {"chatflowId": "chat-1"}}, "metadata", flowise),
                    ({"externalMetadata": {"chatflow_id": "chat-1"}}, "metadata", flowise),
                    ({"metadata": {"workflowId": "7"}}, "metadata", n8n),
                    ({"externalMetadata": {"workflow_id": 7}}, "metadata", n8n),
                    ({"metadata": {"service.name": "agents"}}, "serviceName", n8n)):
                data = self.stored(send(body), by)
                self.assertEqual(platform, data["platformId"])
                self.assertEqual([], data["routing"]["warnings"])

    def test_unknown_deleted_and_foreign_ids_are_the_same_404(self):
        other = Project(self.server, self.owner)
        foreign, deleted = other.platform(), self.project.platform()
        self.project.delete(deleted)
        sender = self.project.key()
        errors = []
        for platform in (foreign, deleted, str(uuid.uuid4())):
            error = self.refused(
                sender.post("/public/traces", {"data": {}, "platformId": platform}),
                404, "PLATFORM_NOT_FOUND")
            error.pop("requestId")
            errors.append(error)
        self.assertEqual(errors[0], errors[1])
        self.assertEqual(errors[0], errors[2])

    def test_outside_the_scope_is_refused_and_never_rerouted(self):
        inside = self.project.platform("n8n", external_id="in")
        second = self.project.platform("n8n", external_id="in-2")
        outside = self.project.platform("n8n", external_id="out", service_name="out")
        for sender in (self.project.key(inside), self.project.key(inside, second)):
            for body in ({"platformId": outside}, {"metadata": {"workflowId": "out"}},
                         {"metadata": {"service.name": "out"}}):
                error = self.refused(sender.post("/public/traces", {"data": {}, **body}),
                                     403, "PLATFORM_NOT_ALLOWED")
                self.assertIn("restricted", error["message"])
                self.assertIn("allowed", error["message"])
            self.assertEqual([], sender.get("/public/traces").json()["data"])

    def test_several_match(self):
        one = self.project.platform("flowise", external_id="twin")
        self.project.platform("flowise", external_id="twin")
        body = {"data": {}, "metadata": {"chatflowId": "twin"}}
        self.refused(self.project.key().post("/public/traces", body), 422, "PLATFORM_AMBIGUOUS")
        data = self.stored(self.project.key(one).post("/public/traces", body), "metadata")
        self.assertEqual(one, data["platformId"])

    def test_nothing_names_a_platform(self):
        only = self.project.platform("n8n", external_id="w")
        for body in ({}, {"metadata": {"workflowId": "other"}}):
            sent = {"data": {}, **body}
            error = self.refused(self.project.key().post("/public/traces", sent),
                                 400, "PLATFORM_REQUIRED")
            for way in ("platformId", "metadata", "restricted"):
                self.assertIn(way, error["message"])
            data = self.stored(self.project.key(only).post("/public/traces", sent), "keyScope")
            self.assertEqual(["metadata_unmatched"] if body else [],
                             data["routing"]["warnings"])
        second = self.project.platform()
        self.refused(self.project.key(only, second).post("/public/traces", {"data": {}}),
                     400, "PLATFORM_REQUIRED")

    def test_a_list_whose_platforms_are_deleted_never_widens(self):
        first, second = self.project.platform(), self.project.platform()
        left = self.project.platform()
        sender = self.project.key(first, second)
        self.project.delete(first)
        self.refused(sender.post("/public/traces", {"data": {}}), 400, "PLATFORM_REQUIRED")
        self.project.delete(second)
        for body in ({}, {"platformId": left}, {"platformId": first}):
            self.refused(sender.post("/public/traces", {"data": {}, **body}), 403, "SCOPE_EMPTY")

    def test_a_change_of_scope_counts_for_the_next_trace(self):
        first, second = self.project.platform(), self.project.platform()
        sender = self.project.key(first)
        self.stored(sender.post("/public/traces", {"data": {}}), "keyScope")
        self.owner.patch(f"/api/v1/keys/{sender.made['id']}",
                         {"scope": {"ids": [second]}}).expect(200)
        self.refused(sender.post("/public/traces", {"data": {}, "platformId": first}),
                     403, "PLATFORM_NOT_ALLOWED")
        self.assertEqual(second, self.stored(sender.post("/public/traces", {"data": {}}),
                                             "keyScope")["platformId"])

    # -- bodies

    def test_bodies_that_are_not_right(self):
        sender = self.project.key(self.project.platform())
        for body in ({}, {"data": {}, "spans": [{}]}, {"data": []}, {"data": "x"}, {"spans": []},
                     {"spans": {}}, {"spans": ["x"]}, [], "text", {"data": {}, "metadata": []},
                     {"data": {}, "platformId": 7}, {"data": {}, "platformId": "no-uuid"},
                     {"data": {}, "metadata": {"chatflowId": ""}}, {"data": {}, "status": 1},
                     {"spans": [{"span_id": "a"}, {"span_id": "a"}]},
                     {"spans": [{"span_id": "a", "parent_span_id": "b"},
                                {"span_id": "b", "parent_span_id": "a"}]}):
            self.refused(sender.post("/public/traces", body), 400, "VALIDATION_ERROR")
        kind = {"Content-Type": "application/json"}
        for text in (b"", b"{", b"{\"data\":{}}x", b"{\"data\":{},\"data\":{}}", b"\xff",
                     b"[" * 100_000):
            self.refused(sender.post("/public/traces", body=text, headers=kind),
                         400, "VALIDATION_ERROR")
        error = self.refused(sender.post("/public/traces", {"data": 7}), 400, "VALIDATION_ERROR")
        self.assertEqual("data", error["details"][0]["path"])

    def test_media_types_and_encodings(self):
        sender = self.project.key(self.project.platform())
        body = b'{"data":{"a":1}}'
        packed = gzip.compress(body)

        def send(content, **headers):
            return sender.post("/public/traces", body=content, headers={
                name.replace("_", "-"): value for name, value in headers.items()}).status
        self.assertEqual(201, send(body, Content_Type="application/json; charset=utf-8"))
        self.assertEqual(201, send(packed, Content_Type="application/json",
                                   Content_Encoding="gzip"))
        self.assertEqual(201, send(packed, Content_Type="application/octet-stream",
                                   Content_Encoding="gzip"))
        self.assertEqual(201, send(packed, Content_Type="application/octet-stream"))
        self.assertEqual(201, send(gzip.compress(body[:5]) + gzip.compress(body[5:]),
                                   Content_Type="application/json", Content_Encoding="gzip"))
        self.assertEqual(415, send(body, Content_Type="application/octet-stream"))
        self.assertEqual(415, send(body, Content_Type="text/plain"))
        self.assertEqual(415, send(body, Content_Type="application/json; charset=latin1"))
        self.assertEqual(415, send(body, Content_Type="application/json", Content_Encoding="br"))
        for broken in (packed[:-1], packed[:12], packed + b"x", body):
            self.assertEqual(400, send(broken, Content_Type="application/json",
                                       Content_Encoding="gzip"))

    def test_chunked_and_expect_continue(self):
        sender = self.project.key(self.project.platform())
        head = (f"POST /public/traces HTTP/1.1\r\nHost: x\r\nX-API-Key: {sender.token}\r\n"
                "Content-Type: application/json\r\n")
        chunks = head + ("Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n"
                         "8\r\n{\"data\":\r\n3\r\n{}}\r\n0\r\n\r\n")
        with socket.create_connection(("127.0.0.1", self.server.port), 10) as connection:
            connection.sendall(chunks.encode())
            self.assertTrue(connection.makefile("rb").read().startswith(b"HTTP/1.1 201"))
        with socket.create_connection(("127.0.0.1", self.server.port), 10) as connection:
            connection.sendall((head + "Content-Length: 11\r\nExpect: 100-continue\r\n"
                                "Connection: close\r\n\r\n").encode())
            self.assertTrue(connection.recv(100).startswith(b"HTTP/1.1 100"))
            connection.sendall(b'{"data":{}}')
            self.assertTrue(connection.makefile("rb").read().startswith(b"HTTP/1.1 201"))

    def test_every_shape_of_the_n8n_node(self):
        platform = self.project.platform("n8n", external_id="wf-9")
        sender = self.project.key()
        shapes = [
            {"data": {"AI Agent": {"output": "hi", "type": "@n8n/agent", "status": "success",
                                   "tools_called": []}}, "status": "partial",
             "metadata": {"workflow_id": "wf-9"}},
            {"data": {"input": [{"a": 1}], "nodes": [{"nodeName": "x", "items": []}]},
             "externalMetadata": {"workflowId": "wf-9"}},
            {"spans": [{"span_id": str(uuid.uuid4()), "parent_span_id": None, "name": "workflow",
                        "status": {"code": 1}, "attributes": {"gen_ai.response.text": "hi"},
                        "events": []}],
             "metadata": {"environment": "production"},
             "externalMetadata": {"workflowId": "wf-9"}},
        ]
        for shape, status in zip(shapes, ("partial", "accepted", "success")):
            data = self.stored(sender.post("/public/traces", shape,
                                           headers={"x-request-id": str(uuid.uuid4())}),
                               "metadata")
            self.assertEqual((platform, status), (data["platformId"], data["status"]))
            read = sender.get(f"/public/traces/{data['id']}").expect(200).json()["data"]
            self.assertEqual(shape, read["body"])
            if "spans" in shape:
                self.assertEqual(shape["spans"], read["spans"])

    # -- identity

    def test_create_replace_unchanged(self):
        first, second = self.project.platform(), self.project.platform()
        sender = self.project.key()

        def send(value, platform=first):
            return sender.post("/public/traces",
                               {"data": {"v": value}, "platformId": platform, "status": "success"},
                               headers={"x-request-id": "run-1"})
        made = self.stored(send(1), "platformId")
        self.assertEqual("run-1", made["externalId"])
        again = self.stored(send(1), "platformId", 200)
        self.assertEqual((made["id"], made["updatedAt"]), (again["id"], again["updatedAt"]))
        changed = self.stored(send(2), "platformId", 200)
        self.assertEqual((made["id"], made["createdAt"]), (changed["id"], changed["createdAt"]))
        read = sender.get(f"/public/traces/{made['id']}").json()["data"]
        self.assertEqual({"v": 2}, read["body"]["data"])
        elsewhere = self.stored(send(2, second), "platformId")
        self.assertNotEqual(made["id"], elsewhere["id"])
        self.assertEqual(2, len(sender.get("/public/traces").json()["data"]))

    def test_without_a_request_id_every_trace_is_new(self):
        sender = self.project.key(self.project.platform())
        ids = {self.stored(sender.post("/public/traces", {"data": {}}), "keyScope")["id"]
               for _ in range(3)}
        self.assertEqual(3, len(ids))

    def test_of_many_that_send_the_same_first_trace_at_once_one_creates_it(self):
        platform = self.project.platform()
        senders = [self.project.key(platform) for _ in range(8)]
        statuses = []

        def send(sender):
            statuses.append(sender.post("/public/traces", {"data": {}},
                                        headers={"x-request-id": "race"}).status)
        threads = [threading.Thread(target=send, args=(sender,)) for sender in senders]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([200] * 7 + [201], sorted(statuses))

    # -- OTLP

    def test_otlp_json_at_every_address(self):
        platform = self.project.platform(service_name="agent")
        sender = self.project.key()
        for number, path in enumerate(("/public/traces", "/v1/traces", "/public/otel/v1/traces",
                                       "/v1/traces/", "/public/traces/v1/traces")):
            trace = f"{number + 1:032x}"
            body = otlp([span(trace, "1" * 16, attributes=[
                attribute("big", intValue="9007199254740993"), attribute("f", doubleValue=0.5),
                attribute("list", arrayValue={"values": [{"stringValue": "a"}]})])],
                service__name="agent")
            answer = sender.post(path, body).expect(200)
            self.assertEqual({}, answer.json())
            self.assertEqual("application/json", answer.headers["Content-Type"])
            row = sender.get("/public/traces?limit=1").json()["data"][0]
            self.assertEqual((trace, platform, "serviceName"),
                             (row["traceId"], row["platformId"], row["routing"]["by"]))
            read = sender.get(f"/public/traces/{row['id']}").json()["data"]["spans"][0]
            sent = body["resourceSpans"][0]
            for name, value in sent["scopeSpans"][0]["spans"][0].items():
                self.assertEqual(value, read[name])
            self.assertEqual(sent["resource"]["attributes"], read["resource"]["attributes"])

    def test_otlp_protobuf(self):
        self.project.platform(service_name="agent")
        sender = self.project.key()
        kind = {"Content-Type": "application/x-protobuf"}
        body = proto_request("agent", [proto_span("ab" * 16, "cd" * 8, "root", 2 ** 60)])
        for path in ("/v1/traces", "/public/traces", "/public/otel/v1/traces"):
            for content, more in ((body, {}), (gzip.compress(body), {"Content-Encoding": "gzip"})):
                answer = sender.post(path, body=content, headers={**kind, **more}).expect(200)
                self.assertEqual(b"", answer.body)
                self.assertEqual("application/x-protobuf", answer.headers["Content-Type"])
        rows = sender.get("/public/traces").json()["data"]
        self.assertEqual((1, 1, "ab" * 16),
                         (len(rows), rows[0]["spanCount"], rows[0]["externalId"]))
        read = sender.get(f"/public/traces/{rows[0]['id']}").json()["data"]["spans"][0]
        self.assertEqual([attribute("answer", intValue=str(2 ** 60))], read["attributes"])
        self.assertEqual(("root", "cd" * 8, 2), (read["name"], read["spanId"], read["kind"]))
        for broken in (b"\x0a\x05x", b"\xff", proto_request("agent", [b"\x09xxxxxxxx"])):
            answer = sender.post("/v1/traces", body=broken, headers=kind).expect(400)
            self.assertEqual("application/x-protobuf", answer.headers["Content-Type"])
            self.assertEqual(b"\x08\x03", answer.body[:2])

    def test_spans_merge_across_requests_in_any_order(self):
        self.project.platform(service_name="agent")
        sender = self.project.key()
        trace = "f" * 32
        child = span(trace, "2" * 16, "child", parentSpanId="1" * 16,
                     startTimeUnixNano="1700000000500000000")
        root = span(trace, "1" * 16, "root")
        for spans in ([child], [root], [child, root]):
            sender.post("/v1/traces", otlp(spans, service__name="agent")).expect(200)
        rows = sender.get("/public/traces").json()["data"]
        self.assertEqual([(2, "root")], [(row["spanCount"], row["name"]) for row in rows])
        read = sender.get(f"/public/traces/{rows[0]['id']}").json()["data"]
        self.assertEqual(["root", "child"], [item["name"] for item in read["spans"]])
        page = sender.get(f"/public/traces/{rows[0]['id']}?spanLimit=1").json()["data"]
        self.assertEqual(["root"], [item["name"] for item in page["spans"]])
        rest = sender.get(f"/public/traces/{rows[0]['id']}?spanLimit=1"
                          f"&spanCursor={page['nextSpanCursor']}").json()["data"]
        self.assertEqual((["child"], None), ([item["name"] for item in rest["spans"]],
                                             rest["nextSpanCursor"]))

    def test_partial_success_counts_exactly(self):
        allowed = self.project.platform(service_name="a")
        self.project.platform(service_name="b")
        sender = self.project.key(allowed, self.project.platform())
        body = otlp([span("1" * 32, "1" * 16), span("nonsense", "2" * 16)], service__name="a")
        body["resourceSpans"] += otlp([span("2" * 32, f"{i:016x}") for i in range(1, 4)],
                                      service__name="b")["resourceSpans"]
        partial = sender.post("/v1/traces", body).expect(200).json()["partialSuccess"]
        self.assertEqual("4", str(partial["rejectedSpans"]))
        self.assertTrue(partial["errorMessage"])
        self.assertEqual(1, len(sender.get("/public/traces").json()["data"]))

    def test_all_refused_is_the_status_of_the_reason(self):
        allowed = self.project.platform(service_name="a")
        self.project.platform(service_name="b")
        sender = self.project.key(allowed)
        for body, status, code in (
                (otlp([span("1" * 32, "1" * 16)], service__name="b"), 403, 7),
                (otlp([span("1" * 32, "1" * 16)], mibo__platform_id=str(uuid.uuid4())), 404, 5),
                (otlp([span("0" * 32, "1" * 16)], service__name="a"), 400, 3),
                (otlp([span("1" * 32, "AAAAAAAAAAA=")], service__name="a"), 400, 3),
                (otlp([span("1" * 32, "1" * 16, kind="SPAN_KIND_SERVER")]), 400, 3)):
            answer = sender.post("/v1/traces", body).expect(status)
            self.assertEqual(code, answer.json()["code"])
            self.assertTrue(answer.json()["message"])

    def test_what_otlp_senders_rely_on(self):
        sender = self.project.key(self.project.platform())
        self.assertEqual({}, sender.post("/v1/traces", {}).expect(200).json())
        self.assertEqual({}, sender.post("/v1/traces", {"resourceSpans": []}).expect(200).json())
        unknown = otlp([span("A" * 32, "B" * 16, someNewField={"x": 1})])
        unknown["newTopLevel"] = True
        sender.post("/v1/traces", unknown).expect(200)
        self.assertEqual("a" * 32, sender.get("/public/traces").json()["data"][0]["traceId"])
        self.assertEqual(405, sender.request("HEAD", "/v1/traces").status)
        self.assertEqual("POST", sender.get("/v1/traces").expect(405).headers["Allow"])
        missing = self.server.client().post("/v1/traces", {}).expect(401).json()
        self.assertEqual((16, "MISSING_API_KEY"), (missing["code"], missing["error"]["code"]))
        bearer = self.server.client(sender.token, "bearer")
        bearer.post("/v1/traces", otlp([span("c" * 32, "d" * 16)])).expect(200)

    def test_the_workflow_of_n8n_is_found_on_its_root_span(self):
        platform = self.project.platform("n8n", external_id="wf")
        sender = self.project.key()
        root = span("5" * 32, "1" * 16, "workflow.execute",
                    attributes=[attribute("n8n.workflow.id", stringValue="wf")])
        node = span("5" * 32, "2" * 16, "node.execute", parentSpanId="1" * 16)
        sender.post("/v1/traces", otlp([node, root], service__name="n8n")).expect(200)
        row = sender.get("/public/traces").json()["data"][0]
        self.assertEqual((platform, 2, "metadata"),
                         (row["platformId"], row["spanCount"], row["routing"]["by"]))

    # -- reading

    def test_lists_filter_and_page(self):
        first, second = self.project.platform(), self.project.platform()
        sender = self.project.key()
        ids = []
        for number in range(6):
            body = {"data": {"n": number}, "platformId": (first, second)[number % 2],
                    "status": ("success", "error")[number // 3]}
            ids.append(self.stored(sender.post("/public/traces", body), "platformId")["id"])

        def listed(query=""):
            answer = sender.get(f"/public/traces{query}").expect(200).json()
            self.assertIs(True, answer["success"])
            return [item["id"] for item in answer["data"]]
        self.assertEqual(ids[::-1], listed())
        self.assertEqual(ids[-2::-2], listed(f"?platformId={first}"))
        self.assertEqual(ids[:2:-1], listed("?status=error"))
        self.assertEqual([], listed(f"?to={in_time(minutes=-1)}"))
        self.assertEqual(ids[::-1], listed(f"?from={in_time(minutes=-1)}&to={in_time(hours=1)}"))
        self.assertEqual([], listed(f"?platformId={uuid.uuid4()}"))
        collected, cursor = [], ""
        while cursor is not None:
            page = sender.get(f"/public/traces?limit=4&cursor={cursor}").expect(200).json()
            collected += [item["id"] for item in page["data"]]
            cursor = page["nextCursor"]
        self.assertEqual(ids[::-1], collected)
        for query in ("?limit=0", "?limit=201", "?limit=x", "?from=yesterday", "?cursor=%20",
                      "?platformId=x"):
            self.refused(sender.get(f"/public/traces{query}"), 400, "VALIDATION_ERROR")

    def test_scope_counts_for_reading_too(self):
        inside, outside = self.project.platform(), self.project.platform()
        sender, narrow = self.project.key(), self.project.key(inside)
        made = {platform: self.stored(
            sender.post("/public/traces", {"data": {}, "platformId": platform}),
            "platformId")["id"] for platform in (inside, outside)}
        seen = narrow.get("/public/traces").json()["data"]
        self.assertEqual([made[inside]], [item["id"] for item in seen])
        self.assertEqual([], narrow.get(f"/public/traces?platformId={outside}").json()["data"])
        narrow.get(f"/public/traces/{made[inside]}").expect(200)
        self.refused(narrow.get(f"/public/traces/{made[outside]}"), 404, "NOT_FOUND")
        self.refused(sender.get(f"/public/traces/{uuid.uuid4()}"), 404, "NOT_FOUND")
        self.refused(sender.get("/public/traces/no-id"), 404, "NOT_FOUND")
        stranger = Project(self.server, self.owner).key()
        self.refused(stranger.get(f"/public/traces/{made[inside]}"), 404, "NOT_FOUND")
        self.assertEqual([], stranger.get("/public/traces").json()["data"])

    def test_whoami(self):
        platform = self.project.platform()
        expires = in_time(days=1)
        for sender, scope in ((self.project.key(), {"all": True}),
                              (self.project.key(platform, expires_at=expires),
                               {"ids": [platform]})):
            answer = sender.get("/public/whoami").expect(200).json()
            self.assertIs(True, answer["success"])
            self.assertEqual({"id", "name", "projectId", "scope", "expiresAt"},
                             set(answer["data"]))
            self.assertEqual((sender.made["id"], self.project.id, scope,
                              sender.made["expires_at"]),
                             tuple(answer["data"][name]
                                   for name in ("id", "projectId", "scope", "expiresAt")))
        self.refused(self.server.client().get("/public/whoami"), 401, "MISSING_API_KEY")

    def test_people_read_the_same(self):
        platform = self.project.platform()
        sender = self.project.key(platform)
        data = self.stored(sender.post("/public/traces", {"data": {"q": 1}}), "keyScope")
        base = f"/api/v1/projects/{self.project.id}/traces"
        page = self.owner.get(base).expect(200).json()
        self.assertEqual(({"items", "next_cursor"}, [data["id"]]),
                         (set(page), [item["id"] for item in page["items"]]))
        one = self.owner.get(f"{base}/{data['id']}").expect(200).json()
        self.assertEqual(({"data": {"q": 1}}, platform, "keyScope"),
                         (one["body"], one["platform_id"], one["routing"]["by"]))
        self.owner.get(f"{base}/{uuid.uuid4()}").expect(404)
        other = Project(self.server, self.owner)
        self.owner.get(f"/api/v1/projects/{other.id}/traces/{data['id']}").expect(404)

    def test_what_did_not_arrive_is_listed_with_its_reason(self):
        self.project.platform()
        sender = self.project.key()
        sender.post("/public/traces", {"data": {"secret": "s3cret"}},
                    headers={"x-request-id": "lost-1", "User-Agent": "n8n"}).expect(400)
        sender.post("/public/traces", {"data": {}}).expect(400)
        answer = self.owner.get(f"/api/v1/projects/{self.project.id}/unrouted").expect(200)
        self.assertNotIn("s3cret", answer.text)
        report = answer.json()
        self.assertEqual([(sender.made["id"], "PLATFORM_REQUIRED", 2)],
                         [(c["key_id"], c["reason"], c["count"]) for c in report["counts"]])
        last = report["items"][-1]
        self.assertEqual(("lost-1", "n8n", "/public/traces"),
                         (last["external_id"], last["user_agent"], last["path"]))

    def test_the_dry_run_names_the_rule(self):
        inside = self.project.platform("flowise", external_id="c")
        outside = self.project.platform()
        sender = self.project.key(inside)
        path = f"/api/v1/projects/{self.project.id}/route-test"

        def dry(**body):
            return self.owner.post(path, body).expect(200).json()
        verdict = dry(trace={"metadata": {"chatflowId": "c"}})
        self.assertEqual(("ROUTED", inside, "metadata"),
                         (verdict["outcome"], verdict["platform_id"], verdict["by"]))
        verdict = dry(key_id=sender.made["id"], trace={"platformId": outside})
        self.assertEqual("PLATFORM_NOT_ALLOWED", verdict["outcome"])
        self.assertIn("restricted", verdict["message"])
        self.assertTrue(verdict["rule"])
        self.assertEqual("PLATFORM_REQUIRED", dry(resource={"service.name": "x"})["outcome"])
        self.owner.post(path, {"key_id": "unknown"}).expect(400)
        self.assertEqual([], sender.get("/public/traces").json()["data"])

    def test_addresses(self):
        sender = self.project.key(self.project.platform())
        sender.post("/public/traces/", {"data": {}}).expect(201)
        self.refused(sender.get("/public/nothing"), 404, "NOT_FOUND")
        self.assertEqual("GET, HEAD, POST",
                         sender.request("DELETE", "/public/traces").expect(405).headers["Allow"])

    # -- durability

    def test_a_restart_keeps_everything_and_its_identity(self):
        server = Server.start()
        try:
            project = Project(server, server.sign_in())
            project.platform(service_name="a")
            sender = project.key()
            platform = project.platform()
            body = {"data": {"kept": True}, "platformId": platform}
            made = sender.post("/public/traces", body,
                               headers={"x-request-id": "r"}).expect(201).json()["data"]
            sender.post("/v1/traces", otlp([span("1" * 32, "1" * 16)],
                                           service__name="a")).expect(200)
            server.restart()
            sender.close()
            again = sender.post("/public/traces", body,
                                headers={"x-request-id": "r"}).expect(200).json()["data"]
            self.assertEqual(made["id"], again["id"])
            sender.post("/v1/traces", otlp([span("1" * 32, "2" * 16)],
                                           service__name="a")).expect(200)
            rows = sender.get("/public/traces").json()["data"]
            self.assertEqual([2, 0], [row["spanCount"] for row in rows])
        finally:
            server.stop()

    def test_a_key_that_stands_in_its_own_trace_is_blotted_out(self):
        sender = self.project.key(self.project.platform())
        body = {"data": {"headers": {"x-api-key": sender.token}}}
        made = self.stored(sender.post("/public/traces", body), "keyScope")
        read = sender.get(f"/public/traces/{made['id']}").expect(200)
        self.assertNotIn(sender.token, read.text)
        self.assertIn(sender.token[-4:], read.text)
        for path, content in self.server.data_files():
            self.assertNotIn(sender.token.encode(), content, path)


if __name__ == "__main__":
    unittest.main()
