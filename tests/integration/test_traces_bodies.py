"""Bodies of traces from outside: native shapes, encodings, identity, OTLP in JSON and protobuf."""

import gzip
import socket
import threading
import unittest
import uuid

from traces import TraceTest, attribute, otlp, proto_request, proto_span, span


class Bodies(TraceTest):
    # -- bodies

    def test_bodies_that_are_not_right(self):
        sender = self.project.key(self.project.platform())
        for body in ({}, {"data": {}, "spans": [{}]}, {"data": []}, {"data": "x"}, {"spans": []},
                     {"spans": {}}, {"spans": ["x"]}, [], "text", {"data": {}, "metadata": []},
                     {"data": {}, "platformId": 7},
                     {"data": {}, "metadata": {"chatflowId": ""}}, {"data": {}, "status": 1},
                     {"spans": [{"span_id": "a"}, {"span_id": "a"}]},
                     {"spans": [{"span_id": "a", "parent_span_id": "b"},
                                {"span_id": "b", "parent_span_id": "a"}]}):
            self.refused(sender.post("/public/traces", body), 400, "VALIDATION_ERROR")
        self.refused(sender.post("/public/traces", {"data": {}, "platformId": "no-uuid"}),
                     404, "PLATFORM_NOT_FOUND")
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
        with socket.create_connection(("127.0.0.1", self.server.port), 60) as connection:
            connection.sendall(chunks.encode())
            self.assertTrue(connection.makefile("rb").read().startswith(b"HTTP/1.1 201"))
        with socket.create_connection(("127.0.0.1", self.server.port), 60) as connection:
            connection.sendall((head + "Content-Length: 11\r\nExpect: 100-continue\r\n"
                                "Connection: close\r\n\r\n").encode())
            self.assertTrue(connection.recv(100).startswith(b"HTTP/1.1 100"))
            connection.sendall(b'{"data":{}}')
            self.assertTrue(connection.makefile("rb").read().startswith(b"HTTP/1.1 201"))

    def begin_upload(self, token, length, sent):
        """A connection on which `sent` bytes of a body of `length` are under way."""
        connection = socket.create_connection(("127.0.0.1", self.server.port), 60)
        self.addCleanup(connection.close)
        head = (f"POST /public/traces HTTP/1.1\r\nHost: x\r\nX-API-Key: {token}\r\n"
                f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n")
        body = b'{"data":{"x":"' + b"a" * (length - 17) + b'"}}'
        try:
            connection.sendall(head.encode() + body[:sent])
        except ConnectionError:
            pass  # refused, and not listened to any more: what counts is the answer
        return connection, body[sent:]

    def test_a_key_that_is_revoked_while_it_sends_gets_no_further(self):
        sender = self.project.key(self.project.platform())
        connection, rest = self.begin_upload(sender.token, 1000, 500)
        self.owner.post(f"/api/v1/keys/{sender.made['id']}/revoke").expect(200)
        connection.sendall(rest)
        answer = connection.recv(4000)
        self.assertTrue(answer.startswith(b"HTTP/1.1 401"), answer)
        self.assertIn(b"INVALID_API_KEY", answer)

    def test_a_key_that_floods_is_told_to_come_again_and_others_are_not(self):
        platform = self.project.platform()
        noisy, quiet = self.project.key(platform), self.project.key(platform)
        size = 10 * 1024 * 1024
        uploads = [self.begin_upload(noisy.token, size, size - 1000) for _ in range(6)]
        for _ in range(10):
            quiet.post("/public/traces", {"data": {}}).expect(201)
        statuses = []
        for connection, rest in uploads:
            try:
                connection.sendall(rest)
            except ConnectionError:
                pass
            answer = connection.recv(4000)
            statuses.append(answer.split()[1])
            if statuses[-1] == b"503":
                self.assertIn(b"OVERLOADED", answer)
                self.assertRegex(answer, rb"Retry-After: [1-5]\r\n")
        self.assertEqual({b"201", b"503"}, set(statuses))

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

    def test_a_request_id_creates_once_and_then_replaces_on_its_platform(self):
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

    def test_protobuf_is_taken_at_every_address_gzipped_or_not(self):
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
        missing = self.server.client().post("/v1/traces", {})
        self.assertEqual(16, self.refused_otlp(missing, 401, "MISSING_API_KEY")["code"])
        # At /public/traces nobody knows before the body is read.
        self.refused(self.server.client().post("/public/traces", otlp([])), 401, "MISSING_API_KEY")
        everywhere = self.project.key()
        for path in ("/v1/traces", "/public/traces"):
            nowhere = everywhere.post(path, otlp([span("e" * 32, "d" * 16)]))
            self.refused_otlp(nowhere, 400, "PLATFORM_REQUIRED")
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


if __name__ == "__main__":
    unittest.main()
