"""Many traces in one request, and what a sender may send."""

import threading
import unittest

from access_world import World
from keywright import PASSWORD
from traces import MIB, TraceTest, otlp, span

BATCH = "/public/traces/batch"
LIMITS = "/public/traces/limits"


class Batch(TraceTest):
    def results(self, answer, status, accepted, rejected):
        self.assertEqual(status, answer.status, answer)
        body = answer.json()
        self.assertEqual((rejected == 0, accepted, rejected),
                         (body["success"], body["accepted"], body["rejected"]))
        self.assertEqual(list(range(accepted + rejected)),
                         [result["index"] for result in body["results"]])
        return body["results"]

    def test_all_are_taken_in_their_order(self):
        flow = self.project.platform("flowise", external_id="c")
        other = self.project.platform()
        sender = self.project.key()
        sent = [{"id": f"item-{number}", "data": {"number": number}, "platformId": other}
                for number in range(20)]
        sent[7] = {"spans": [{"span_id": "a", "name": "root"}], "externalId": "e-7",
                   "metadata": {"chatflowId": "c"}}
        results = self.results(sender.post(BATCH, {"traces": sent}), 200, 20, 0)
        for item, result in zip(sent, results):
            self.assertEqual((201, item.get("id")), (result["status"], result.get("id")))
            read = sender.get(f"/public/traces/{result['data']['id']}").expect(200).json()["data"]
            self.assertEqual(item, read["body"])
            self.assertEqual(result["data"]["platformId"], read["platformId"])
        self.assertEqual((flow, "e-7", "metadata"),
                         (results[7]["data"]["platformId"], results[7]["data"]["externalId"],
                          results[7]["data"]["routing"]["by"]))

    def test_what_is_wrong_with_one_is_said_of_that_one(self):
        inside, outside = self.project.platform(), self.project.platform()
        sender = self.project.key(inside)
        cases = [({"data": {}}, 201, None), ({"data": 7}, 400, "VALIDATION_ERROR"),
                 ({"data": {}, "platformId": "x"}, 404, "PLATFORM_NOT_FOUND"),
                 ({"data": {}, "platformId": outside}, 403, "PLATFORM_NOT_ALLOWED"),
                 (7, 400, "VALIDATION_ERROR"), ({"data": {}, "id": 7}, 400, "VALIDATION_ERROR"),
                 (otlp([span("1" * 32, "1" * 16)]), 400, "VALIDATION_ERROR"),
                 ({"data": {}, "metadata": {"x": "y" * 65536}}, 413, "PAYLOAD_TOO_LARGE"),
                 ({"data": {}, "platformId": inside}, 201, None)]
        results = self.results(sender.post(BATCH, {"traces": [case[0] for case in cases]}),
                               207, 2, 7)
        for (_, status, code), result in zip(cases, results):
            self.assertEqual(status, result["status"])
            if code:
                self.assertEqual(code, result["error"]["code"])
                self.assertIs(False, result["retryable"])
                self.assertTrue(result["error"]["message"])
            else:
                self.assertNotIn("error", result)
        self.assertEqual("data", results[1]["error"]["details"][0]["path"])
        self.assertEqual(2, len(sender.get("/public/traces").json()["data"]))
        report = self.owner.get(f"/api/v1/projects/{self.project.id}/unrouted").expect(200).json()
        self.assertEqual({"VALIDATION_ERROR": 4, "PLATFORM_NOT_FOUND": 1,
                          "PLATFORM_NOT_ALLOWED": 1, "PAYLOAD_TOO_LARGE": 1},
                         {count["reason"]: count["count"] for count in report["counts"]})

    def test_nothing_is_taken_is_422_and_no_use_of_the_key(self):
        self.project.platform()
        sender = self.project.key()
        results = self.results(sender.post(BATCH, {"traces": [{"data": {}}, {"spans": []}]}),
                               422, 0, 2)
        self.assertEqual([400, 400], [result["status"] for result in results])
        self.assertEqual("PLATFORM_REQUIRED", results[0]["error"]["code"])
        self.assertIsNone(
            self.owner.get(f"/api/v1/keys/{sender.made['id']}").json()["last_used_at"])

    def test_a_fault_of_the_request_stores_nothing(self):
        sender = self.project.key(self.project.platform())
        good = b'{"data":{}}'
        kind = {"Content-Type": "application/json"}
        for body, headers, status, code in (
                (b'{"traces":[' + good + b",{]}", kind, 400, "VALIDATION_ERROR"),
                (b'{"traces":[' + good + b',{"data":{"a":1,"a":2}}]}', kind, 400,
                 "VALIDATION_ERROR"),
                (b'{"traces":[]}', kind, 400, "VALIDATION_ERROR"), (b"{}", kind, 400,
                                                                   "VALIDATION_ERROR"),
                (b'{"traces":[' + b",".join([good] * 501) + b"]}", kind, 413,
                 "PAYLOAD_TOO_LARGE"),
                (b'{"traces":[' + good + b"]}" + b" " * (10 * MIB), kind, 413,
                 "PAYLOAD_TOO_LARGE"),
                (good, {"Content-Type": "text/plain"}, 415, "UNSUPPORTED_MEDIA_TYPE")):
            error = self.refused(sender.post(BATCH, body=body, headers=headers), status, code)
            self.assertTrue(error["message"])
        error = self.refused(sender.post(BATCH, {"traces": [{"data": {}}] * 501}),
                             413, "PAYLOAD_TOO_LARGE")
        self.assertIn("500", error["message"])
        sender.post(BATCH, body=b"\x0a\x00",
                    headers={"Content-Type": "application/x-protobuf"}).expect(415)
        self.assertEqual([], sender.get("/public/traces").json()["data"])
        self.results(sender.post(BATCH, {"traces": [{"data": {}}] * 500}), 200, 500, 0)

    def test_of_the_same_identity_the_later_one_stays_and_both_are_told(self):
        sender = self.project.key(self.project.platform())
        first, second = ({"externalId": "same", "data": {"number": number}} for number in (1, 2))
        results = self.results(sender.post(BATCH, {"traces": [first, second]}), 200, 2, 0)
        self.assertEqual([201, 200], [result["status"] for result in results])
        self.assertEqual(results[0]["data"]["id"], results[1]["data"]["id"])
        one = sender.get(f"/public/traces/{results[0]['data']['id']}").json()["data"]
        self.assertEqual(second, one["body"])
        # The request's own id names none of them.
        again = sender.post(BATCH, {"traces": [second, {"data": {}}]},
                            headers={"X-Request-Id": "r"})
        results = self.results(again, 200, 2, 0)
        self.assertIs(True, results[0]["data"]["unchanged"])
        self.assertNotIn("externalId", results[1]["data"])

    def test_a_large_batch_and_small_ones_beside_it(self):
        sender = self.project.key(self.project.platform())
        large = {"traces": [{"data": {"text": "x" * 20_000}}] * 400}
        answers = []

        def send(body):
            client = self.server.client(sender.token, "x-api-key")
            answers.append(client.post(BATCH, body).status)
            client.close()
        senders = [threading.Thread(target=send, args=[body])
                   for body in (large, *[{"traces": [{"data": {}}]}] * 3)]
        for one in senders:
            one.start()
        for one in senders:
            one.join()
        self.assertEqual([200] * 4, answers)

    def test_a_batch_is_one_use_and_what_may_not_be_sent_costs_nothing(self):
        inside, outside = self.project.platform(), self.project.platform()
        sender = self.project.key(inside, limits=[
            {"name": "few", "limit": 2, "window_seconds": 86400, "algorithm": "fixed"}])
        for _ in range(4):
            sender.post(BATCH, {"traces": [{"data": {}, "platformId": outside}]}).expect(422)
        for left in (1, 0):
            answer = sender.post(BATCH, {"traces": [{"data": {}}] * 3}).expect(200)
            self.assertIn(f"r={left}", answer.headers["RateLimit"])
        self.refused(sender.post(BATCH, {"traces": [{"data": {}}]}), 429, "RATE_LIMITED")

    def test_other_methods(self):
        sender = self.project.key(self.project.platform())
        for path, allowed in ((BATCH, "POST"), (BATCH + "/", "POST"), (LIMITS, "GET, HEAD")):
            for method in "GET", "PUT", "DELETE", "POST":
                if method in allowed:
                    continue
                self.assertEqual(allowed,
                                 sender.request(method, path).expect(405).headers["Allow"])


class Limits(TraceTest):
    def test_what_a_sender_may_send(self):
        sender = self.project.key(self.project.platform(), credits={"remaining": 5}, limits=[
            {"name": "few", "limit": 4, "window_seconds": 3600}])
        answer = sender.get(LIMITS).expect(200).json()
        self.assertIs(True, answer["success"])
        data = answer["data"]
        self.assertEqual((10 * MIB, 65536, 255, 64, 25000, 25000, 500), tuple(
            data[name] for name in ("bodyBytes", "metadataBytes", "externalIdCharacters",
                                    "jsonDepth", "spansPerRequest", "spansPerTrace",
                                    "tracesPerBatch")))
        self.assertEqual(["identity", "gzip"], data["contentEncodings"])
        self.assertIn("application/x-protobuf", data["contentTypes"])
        limit = data["limits"][0]
        self.assertEqual(("few", 4, 3600, 3), (limit["name"], limit["limit"],
                                               limit["windowSeconds"], limit["remaining"]))
        self.assertGreater(limit["resetSeconds"], 0)
        self.assertEqual(4, data["creditsRemaining"])
        plain = self.project.key().get(LIMITS).expect(200).json()["data"]
        self.assertEqual(([], None), (plain["limits"], plain["creditsRemaining"]))


class Matrix(unittest.TestCase):
    """Who may come: as at the addresses beside them."""

    def test_ingest_keys_and_nobody_else(self):
        world = World(["owner"])
        try:
            body = {"traces": [{"data": {}, "platformId": world.platform["id"]}]}

            def statuses(client):
                answers = [client.post("/public/traces", body["traces"][0]),
                           client.post(BATCH, body), client.get(LIMITS),
                           client.get("/public/whoami")]
                return [answer.status for answer in answers]
            self.assertEqual([201, 200, 200, 200], statuses(world.key_client("ingest")))
            for kind in ("account", "target", "management", "customer"):
                self.assertEqual([403] * 4, statuses(world.key_client(kind)), kind)
            for kind in ("personal", "access", "mcp", "connect"):
                self.assertEqual([403] * 4, statuses(world.user_key_client("owner", kind)), kind)
            cookie = world.server.sign_in(world.emails["owner"], PASSWORD)
            for client in (world.server.client(), world.server.client("mibo_x", "x-api-key"),
                           cookie):
                self.assertEqual([401] * 4, statuses(client))
            dead = world.new_key("ingest")
            world.owner.post(f"/api/v1/keys/{dead['id']}/revoke").expect(200)
            self.assertEqual([401] * 4, statuses(world.server.client(dead["key"], "x-api-key")))
        finally:
            world.server.stop()


if __name__ == "__main__":
    unittest.main()
