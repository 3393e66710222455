"""Traces sent on: signed webhooks and OTLP to real receivers, at least once and in order.

The receivers are Python's: they check signatures themselves, and nothing of the product checks
itself.
"""

import base64
import hashlib
import hmac
import http.server
import json
import os
import socket
import threading
import time
import unittest

from keywright import Server, wait_until
from traces import Project, otlp, span

LOOPBACK = ["--allow-upstream", "127.0.0.0/8"]
LONG = bool(os.environ.get("KEYWRIGHT_LONG"))


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Taken:
    """One request, as it came: a handler serves several on one connection."""

    def __init__(self, handler):
        self.path, self.headers = handler.path, handler.headers
        self.payload = handler.rfile.read(int(handler.headers["Content-Length"]))


class Receiver:
    """An HTTP server that keeps what it took. `answer` says what it answers: a status, or a
    function of the request that gives (status, headers)."""

    def __init__(self, port=0):
        self.requests, self.taken = [], []  # all of them, and those answered with 200
        self.answer = 200
        self.content_type, self.body = "application/json", b"{}"
        self.port = port
        self.server = None
        self.start()

    def start(self):
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                request = Taken(self)
                receiver.requests.append(request)
                answer = receiver.answer(request) if callable(receiver.answer) else receiver.answer
                status, headers = answer if isinstance(answer, tuple) else (answer, {})
                if status == 200:
                    receiver.taken.append(request)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", receiver.content_type)
                self.send_header("Content-Length", str(len(receiver.body)))
                self.end_headers()
                self.wfile.write(receiver.body)

            def log_message(self, *_):
                pass

        class Listening(http.server.ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True
            connections = []

            def get_request(self):
                made = super().get_request()
                self.connections.append(made[0])
                return made

            def handle_error(self, *_):
                pass  # a client that was killed

        self.server = Listening(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        if self.server is None:
            return
        self.server.shutdown()
        self.server.server_close()
        for connection in self.server.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.server = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def messages(self):
        return [json.loads(request.payload) for request in list(self.taken)]

    def inputs(self):
        """Which numbered traces were taken, in the order in which they came."""
        return [message["data"]["body"]["data"]["n"] for message in self.messages()]


def signatures(secret, request):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = b".".join([request.headers["webhook-id"].encode(),
                        request.headers["webhook-timestamp"].encode(), request.payload])
    wanted = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return wanted, request.headers["webhook-signature"].split(" ")


def first_seen(numbers):
    return list(dict.fromkeys(numbers))


class ForwardingTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server.start(options=LOOPBACK)
        cls.owner = cls.server.sign_in(transport="bearer")

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def setUp(self):
        self.receiver = Receiver()
        self.addCleanup(lambda: self.receiver.stop())
        self.project = Project(self.server, self.owner)
        self.platform = self.project.platform()
        self.sender = self.project.key(self.platform)

    def path(self, more=""):
        return f"/api/v1/platforms/{self.platform}/forwarding{more}"

    def forward(self, status=201, **fields):
        body = {"type": "webhook", "url": f"{self.receiver.url}/hook", **fields}
        return self.owner.request("PUT", self.path(), body).expect(status).json()

    def send(self, number, **more):
        return self.sender.post("/public/traces", {"data": {"n": number}},
                                headers=more).expect(200, 201).json()["data"]

    def state(self):
        return self.owner.get(self.path()).expect(200).json()["state"]

    def wait_for(self, count):
        wait_until(lambda: len(self.receiver.taken) >= count, 20, f"{count} messages")


class Webhooks(ForwardingTest):
    def test_a_trace_arrives_signed_and_the_secret_is_shown_once(self):
        made = self.forward(headers={"X-Team": "ops"})
        self.assertRegex(made["secret"], r"\Awhsec_[A-Za-z0-9+/]{43}=\Z")
        self.assertNotIn("secret", self.owner.get(self.path()).expect(200).json())
        self.assertEqual(["x-team"], made["header_names"])
        trace = self.send(1, **{"x-request-id": "run-1"})
        self.wait_for(1)
        request = self.receiver.taken[0]
        wanted, given = signatures(made["secret"], request)
        self.assertEqual([wanted], given)
        self.assertLess(abs(time.time() - int(request.headers["webhook-timestamp"])), 60)
        self.assertEqual("ops", request.headers["X-Team"])
        self.assertEqual("/hook", request.path)
        self.assertEqual("application/json", request.headers["Content-Type"])
        message = json.loads(request.payload)
        self.assertEqual("trace.created", message["type"])
        self.assertEqual(trace["id"], message["data"]["id"])
        self.assertEqual("run-1", message["data"]["external_id"])
        self.assertEqual({"data": {"n": 1}}, message["data"]["body"])
        # Replaced: another message. Unchanged: none.
        self.sender.post("/public/traces", {"data": {"n": 2}},
                         headers={"x-request-id": "run-1"}).expect(200)
        self.sender.post("/public/traces", {"data": {"n": 2}},
                         headers={"x-request-id": "run-1"}).expect(200)
        self.send(3)
        self.wait_for(3)
        self.assertEqual([1, 2, 3], self.receiver.inputs())
        self.assertEqual("trace.updated", self.receiver.messages()[1]["type"])
        self.assertEqual(3, len({r.headers["webhook-id"] for r in self.receiver.taken}))
        wait_until(lambda: self.state()["queued"] == 0, 5)
        state = self.state()
        self.assertEqual((3, 0, 0, 0), (state["delivered"], state["lag_seconds"],
                                        state["failures"], state["dead_letters"]))
        self.assertIsNotNone(state["last_success_at"])
        self.assertIsNone(state["last_error"])
        for name, data in self.server.data_files():
            self.assertNotIn(made["secret"].encode(), data, name)
            self.assertNotIn(made["secret"][6:40].encode(), data, name)

    def test_an_otlp_trace_is_told_with_the_spans_of_each_request(self):
        self.forward()
        trace = "ab" * 16
        self.sender.post("/v1/traces", otlp([span(trace, "0" * 15 + "1")])).expect(200)
        self.sender.post("/v1/traces", otlp([span(trace, "0" * 15 + "2"),
                                             span(trace, "0" * 15 + "3")])).expect(200)
        self.wait_for(2)
        first, second = self.receiver.messages()
        self.assertEqual([1, 2], [len(m["data"]["spans"]) for m in (first, second)])
        self.assertEqual(["trace.created", "trace.updated"], [first["type"], second["type"]])
        self.assertEqual(trace, first["data"]["external_id"])

    def test_while_a_secret_is_replaced_both_sign(self):
        old = self.forward()["secret"]
        rotate = self.owner.post(self.path("/rotate-secret"), {"overlap_seconds": 60})
        new = rotate.expect(200).json()["secret"]
        self.assertNotEqual(old, new)
        self.send(1)
        self.wait_for(1)
        for secret in (new, old):
            wanted, given = signatures(secret, self.receiver.taken[0])
            self.assertIn(wanted, given)
            self.assertEqual(2, len(given))
        self.owner.post(self.path("/rotate-secret"), {"overlap_seconds": 0}).expect(200)
        self.send(2)
        self.wait_for(2)
        wanted, given = signatures(new, self.receiver.taken[1])
        self.assertNotIn(wanted, given)
        self.assertEqual(1, len(given))

    def test_a_receiver_that_is_down_gets_everything_in_order_when_it_comes_back(self):
        self.forward()
        self.receiver.stop()
        for number in range(8):
            self.send(number)
        wait_until(lambda: self.state()["failures"] > 0, 10)
        state = self.state()
        self.assertEqual(8, state["queued"])
        self.assertIsNotNone(state["last_error"])
        self.assertIsNotNone(state["next_attempt_at"])
        self.receiver.start()
        self.wait_for(8)
        self.assertEqual(list(range(8)), self.receiver.inputs())
        wait_until(lambda: self.state()["failures"] == 0, 5)

    def test_retry_after_is_honoured_and_ids_stay(self):
        answers = [(503, {"Retry-After": "2"})]
        self.receiver.answer = lambda _: answers.pop(0) if answers else 200
        self.forward()
        began = time.monotonic()
        self.send(1)
        self.wait_for(1)
        self.assertGreaterEqual(time.monotonic() - began, 1.9)
        first, second = self.receiver.requests
        self.assertEqual(first.headers["webhook-id"], second.headers["webhook-id"])

    def test_what_is_refused_becomes_a_dead_letter_and_goes_again_when_asked(self):
        bad = {1, 2}
        self.receiver.answer = lambda request: (
            400 if json.loads(request.payload)["data"]["body"]["data"]["n"] in bad else 200)
        self.forward()
        traces = [self.send(number) for number in range(4)]
        self.wait_for(2)
        self.assertEqual([0, 3], self.receiver.inputs())
        dead = self.owner.get(self.path("/dead-letters")).expect(200).json()["items"]
        self.assertEqual([traces[2]["id"], traces[1]["id"]], [item["trace_id"] for item in dead])
        self.assertEqual([400, 400], [item["status"] for item in dead])
        self.assertEqual(2, self.state()["dead_letters"])
        page = self.owner.get(self.path("/dead-letters?limit=1")).expect(200).json()
        rest = self.owner.get(self.path(f"/dead-letters?cursor={page['next_cursor']}"))
        self.assertEqual([dead[1]["id"]], [item["id"] for item in rest.expect(200).json()["items"]])
        bad.clear()
        one = self.owner.post(self.path("/redrive"), {"dead_letter_id": dead[0]["id"]})
        self.assertEqual({"redriven": 1}, one.expect(200).json())
        self.wait_for(3)
        self.owner.post(self.path("/redrive"), {"dead_letter_id": dead[0]["id"]}).expect(404)
        rest = self.owner.post(self.path("/redrive"), {}).expect(200)
        self.assertEqual({"redriven": 1}, rest.json())
        self.wait_for(4)
        self.assertEqual([0, 3, 2, 1], self.receiver.inputs())
        self.assertEqual(0, self.state()["dead_letters"])

    def test_gone_ends_it_until_it_is_enabled_again(self):
        self.receiver.answer = 410
        self.forward()
        self.send(1)
        wait_until(lambda: not self.owner.get(self.path()).json()["enabled"], 10)
        self.assertEqual("gone", self.owner.get(self.path()).json()["disabled_reason"])
        self.send(2)
        self.receiver.answer = 200
        again = self.forward(200)
        self.assertIsNone(again["disabled_reason"])
        self.assertNotIn("secret", again)
        self.wait_for(2)
        self.assertEqual([1, 2], self.receiver.inputs())

    def test_disabled_traces_wait_and_deleted_ones_are_not_sent(self):
        self.forward(enabled=False)
        self.send(1)
        time.sleep(0.3)
        self.assertEqual([], self.receiver.requests)
        self.assertEqual(1, self.state()["queued"])
        self.forward(200)
        self.wait_for(1)
        self.forward(200, enabled=False)
        self.send(2)
        self.owner.delete(self.path()).expect(204)
        self.owner.get(self.path()).expect(404)
        self.owner.delete(self.path()).expect(404)
        self.send(3)
        self.assertIn("secret", self.forward(201))
        self.send(4)
        self.wait_for(2)
        self.assertEqual([1, 4], self.receiver.inputs())

    def test_of_a_deleted_platform_nothing_is_sent_any_more(self):
        self.receiver.answer = 503
        self.forward()
        self.send(1)
        wait_until(lambda: self.receiver.requests, 10)
        self.project.delete(self.platform)
        self.owner.get(self.path()).expect(404)
        time.sleep(1.5)
        seen = len(self.receiver.requests)
        time.sleep(2.5)
        self.assertEqual(seen, len(self.receiver.requests))

    def test_a_test_tells_what_the_receiver_says(self):
        self.forward()
        told = self.owner.post(self.path("/test")).expect(200).json()
        self.assertEqual((True, 200, None), (told["delivered"], told["status"], told["error"]))
        self.assertEqual("trace.test", self.receiver.messages()[0]["type"])
        self.receiver.answer = 401
        told = self.owner.post(self.path("/test")).expect(200).json()
        self.assertEqual((False, 401), (told["delivered"], told["status"]))
        self.receiver.stop()
        told = self.owner.post(self.path("/test")).expect(200).json()
        self.assertEqual((False, None), (told["delivered"], told["status"]))
        self.assertTrue(told["error"])

    def test_one_receiver_that_hangs_holds_up_nobody_else(self):
        hang = threading.Event()
        self.addCleanup(hang.set)
        self.receiver.answer = lambda _: hang.wait(30) and 200 or 200
        self.forward()
        self.send(1)
        wait_until(lambda: self.receiver.requests, 10)
        other = Receiver()
        self.addCleanup(other.stop)
        platform = self.project.platform()
        self.owner.request("PUT", f"/api/v1/platforms/{platform}/forwarding",
                           {"type": "webhook", "url": other.url}).expect(201)
        self.project.key(platform).post("/public/traces", {"data": {"n": 7}}).expect(201)
        wait_until(lambda: other.taken, 5)

    def test_a_loop_of_forwarding_ends(self):
        """Two platforms that send on to one another, by way of this server."""
        second = self.project.platform()
        to_second, to_first = self.project.key(second), self.sender
        url = self.server.url + "/v1/traces"
        for platform, key in ((self.platform, to_second), (second, to_first)):
            self.owner.request("PUT", f"/api/v1/platforms/{platform}/forwarding", {
                "type": "otlp", "url": url, "headers": {"x-api-key": key.token}}).expect(201)
        self.send(1)
        base = f"/api/v1/projects/{self.project.id}/traces"
        count = lambda: len(self.owner.get(base).expect(200).json()["items"])
        wait_until(lambda: count() >= 3, 10)
        time.sleep(1)
        settled = count()
        time.sleep(1)
        self.assertEqual(settled, count())


class Refusals(ForwardingTest):
    def put(self, **fields):
        return self.owner.request("PUT", self.path(), {
            "type": "webhook", "url": "https://example.com/", **fields})

    def test_addresses_of_the_own_network_are_refused(self):
        for url in ("http://10.0.0.1/", "http://192.168.1.1/x", "http://169.254.169.254/latest",
                    "http://[::1]/", "http://[fd00::1]/", "http://0.0.0.0/", "http://2130706433/",
                    "http://0x7f.1/", "ftp://example.com/", "https://user:pw@example.com/",
                    "https://example.com/#x", "https://example.com/?a b", "nonsense", ""):
            self.put(url=url).expect(400)
        self.put(url="https://192.0.2.7/").expect(400)
        self.owner.get(self.path()).expect(404)

    def test_without_leave_loopback_is_refused_too(self):
        server = Server.start()
        self.addCleanup(server.stop)
        owner = server.sign_in(transport="bearer")
        project = Project(server, owner)
        path = f"/api/v1/platforms/{project.platform()}/forwarding"
        for url in (self.receiver.url, "http://localhost/"):
            owner.request("PUT", path, {"type": "webhook", "url": url}).expect(400)

    def test_headers_that_are_not_the_users_are_refused(self):
        for name in ("Host", "Content-Length", "Content-Type", "webhook-id", "X-Keywright-Hops",
                     "User-Agent", "bad header"):
            self.put(headers={name: "x"}).expect(400)

    def test_redirects_are_not_followed(self):
        self.receiver.answer = (307, {"Location": f"{self.receiver.url}/elsewhere"})
        self.forward()
        self.send(1)
        wait_until(lambda: self.state()["dead_letters"] == 1, 10)
        self.assertEqual(1, len(self.receiver.requests))

    def test_who_may_not_see_the_project_sees_nothing(self):
        self.forward()
        stranger = self.server.sign_in(transport="bearer")
        other = stranger.create("organizations", name="Elsewhere")
        self.assertTrue(other["id"])
        viewer = self.owner.create_user("viewer")
        as_viewer = self.server.sign_in(viewer["email"], transport="bearer")
        as_viewer.get(self.path()).expect(200)
        as_viewer.request("PUT", self.path(), {"type": "webhook", "url": "https://example.com/"}
                          ).expect(403)
        for more in ("/rotate-secret", "/redrive", "/test"):
            as_viewer.post(self.path(more), {}).expect(403)
        as_viewer.delete(self.path()).expect(403)
        for platform in ("019a3f5c-0000-7000-8000-0000000000ab", "nonsense"):
            self.owner.get(f"/api/v1/platforms/{platform}/forwarding").expect(404)

    def test_what_was_done_is_in_the_audit_log_without_secrets(self):
        made = self.forward(headers={"authorization": "Bearer hush-hush"})
        self.owner.post(self.path("/rotate-secret"), {}).expect(200)
        self.owner.delete(self.path()).expect(204)
        page = self.owner.get("/api/v1/audit-events?limit=50").expect(200).text
        for action in ("forwarding.set", "forwarding.rotate_secret", "forwarding.delete"):
            self.assertIn(action, page)
        for secret in (made["secret"], "hush-hush"):
            self.assertNotIn(secret, page)
            for name, data in self.server.data_files():
                self.assertNotIn(secret.encode(), data, name)


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
        read = lambda: there.get("/public/traces").expect(200).json()["data"]
        wait_until(lambda: len(read()) == 2, 10)
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
        wait_until(lambda: self.state()["queued"] == 0, 20)
        arrived = [found["traceId"] for request in self.receiver.taken
                   for group in json.loads(request.payload)["resourceSpans"]
                   for scope in group["scopeSpans"] for found in scope["spans"]]
        self.assertEqual([trace for trace in ids if trace != bad], arrived)
        self.assertEqual(1, self.state()["dead_letters"])
        for number in range(30):
            self.send(number)
        wait_until(lambda: self.state()["queued"] == 0, 20)
        self.assertLess(len(self.receiver.taken), 20 + 30)

    def test_what_its_specification_calls_final_is_final(self):
        self.receiver.answer = 500
        self.forward(type="otlp")
        self.send(1)
        wait_until(lambda: self.state()["dead_letters"] == 1, 10)


class Faults(unittest.TestCase):
    ROUNDS = 20 if LONG else 4

    def test_kill_9_in_the_middle_loses_nothing_and_keeps_the_order(self):
        receiver = Receiver(free_port())
        self.addCleanup(receiver.stop)
        server = Server.start(options=LOOPBACK)
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
        wait_until(lambda: set(receiver.inputs()) == set(range(number)), 60, "every trace")
        self.assertEqual(list(range(number)), first_seen(receiver.inputs()))
        again = server.client(owner.token)
        wait_until(lambda: again.get(path).expect(200).json()["state"]["queued"] == 0, 10)
        seen = len(receiver.requests)
        server.restart()
        time.sleep(1)
        self.assertEqual(seen, len(receiver.requests))
        server.stop()

    def test_settings_and_what_did_not_arrive_survive_a_restart(self):
        receiver = Receiver()
        self.addCleanup(receiver.stop)
        server = Server.start(options=LOOPBACK)
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
        wait_until(lambda: receiver.taken, 10)
        wanted, given = signatures(made["secret"], receiver.taken[0])
        self.assertEqual([wanted], given)
        unrouted = f"/api/v1/projects/{project.id}/unrouted"
        report = owner.get(unrouted).expect(200).json()
        self.assertEqual(["PLATFORM_REQUIRED"], [item["reason"] for item in report["items"]])
        self.assertEqual([1], [count["count"] for count in report["counts"]])
        # Also after a kill, a few seconds later.
        sender.post("/public/traces", {"data": {}}).expect(400)
        time.sleep(7)
        server.kill()
        server.serve()
        report = server.client(owner.token).get(unrouted).expect(200).json()
        self.assertEqual([2], [count["count"] for count in report["counts"]])
        server.stop()


if __name__ == "__main__":
    unittest.main()
