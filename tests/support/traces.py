"""Senders of traces for tests: a project with platforms and keys, and what OTLP looks like.

    class Mine(TraceTest):
        def test_it(self):
            sender = self.project.key(self.project.platform())
            self.stored(sender.post("/public/traces", {"data": {}}), "keyScope")

Standard library only.
"""

from keywright import ServerTest

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


class TraceTest(ServerTest):
    """A fresh project for each test."""

    def setUp(self):
        self.project = Project(self.server, self.owner)

    def refused(self, answer, status, code):
        """Of a native answer; OTLP answers have a shape of their own."""
        self.assertEqual((status, code), (answer.status, answer.json()["error"]["code"]), answer)
        self.assertIs(False, answer.json()["success"])
        self.assertIn("timestamp", answer.json())
        return answer.json()["error"]

    def refused_otlp(self, answer, status, code):
        """A google.rpc.Status, and nothing else."""
        self.assertEqual(status, answer.status, answer)
        body = answer.json()
        self.assertEqual({"code", "message", "details"}, set(body))
        self.assertIsInstance(body["code"], int)
        self.assertEqual(code, body["details"][0]["reason"])
        return body

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
