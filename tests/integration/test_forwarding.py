"""Traces sent on as signed webhooks: to real receivers, at least once and in order.

OTLP is in test_forwarding_otlp.py, crashes are in test_forwarding_faults.py.
"""

import json
import re
import threading
import time
import unittest

from keywright import Server, wait_until
from receivers import ForwardingTest, Receiver, signatures
from traces import Project, otlp, span

HOPS = 3  # how often a trace is sent on at the most


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
        state = self.wait_for_state(queued=0, delivered=3)
        self.assertEqual((0, 0, 0), (state["lag_seconds"], state["failures"],
                                     state["dead_letters"]))
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
        state = wait_until(lambda: (state := self.state())["failures"] > 0 and state)
        self.assertEqual(8, state["queued"])
        self.assertIsNotNone(state["last_error"])
        self.assertIsNotNone(state["next_attempt_at"])
        self.receiver.start()
        self.wait_for(8)
        self.assertEqual(list(range(8)), self.receiver.inputs())
        self.wait_for_state(failures=0)

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
        self.wait_for_state(queued=0, dead_letters=2)
        dead = self.owner.get(self.path("/dead-letters")).expect(200).json()["items"]
        self.assertEqual([traces[2]["id"], traces[1]["id"]], [item["trace_id"] for item in dead])
        self.assertEqual([400, 400], [item["status"] for item in dead])
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
        wait_until(lambda: not self.owner.get(self.path()).json()["enabled"])
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

    def platforms_forwarded(self):
        text = self.server.client().get("/metrics").text
        return int(re.search(r"^keywright_forwarding_platforms (\d+)", text, re.M)[1])

    def test_of_a_deleted_platform_nothing_is_sent_any_more(self):
        self.receiver.answer = 503
        self.forward()
        self.send(1)
        wait_until(lambda: self.receiver.requests)
        before = self.platforms_forwarded()
        self.project.delete(self.platform)
        self.owner.get(self.path()).expect(404)
        wait_until(lambda: self.platforms_forwarded() < before)
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
        self.receiver.answer = lambda _: hang.wait(60) and 200 or 200
        self.forward()
        self.send(1)
        wait_until(lambda: self.receiver.requests)
        other = Receiver()
        self.addCleanup(other.stop)
        platform = self.project.platform()
        self.owner.request("PUT", f"/api/v1/platforms/{platform}/forwarding",
                           {"type": "webhook", "url": other.url}).expect(201)
        self.project.key(platform).post("/public/traces", {"data": {"n": 7}}).expect(201)
        wait_until(lambda: other.taken, 9)  # the other one still hangs

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

        def count():
            return len(self.owner.get(base).expect(200).json()["items"])

        def delivered():
            states = [self.owner.get(f"/api/v1/platforms/{platform}/forwarding").json()["state"]
                      for platform in (self.platform, second)]
            return sum(state["delivered"] for state in states)
        wait_until(lambda: count() >= 3)
        wait_until(lambda: delivered() == HOPS, what="the last of its hops")
        settled = count()
        time.sleep(1)
        self.assertEqual((HOPS, settled), (delivered(), count()))


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
        self.wait_for_state(dead_letters=1)
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


if __name__ == "__main__":
    unittest.main()
