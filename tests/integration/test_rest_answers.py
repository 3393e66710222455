"""What answers of the native API carry besides their body, and what stays behind of a refusal."""

import base64
import hashlib
import unittest

from keywright import PASSWORD, ServerTest, wait_until


class Answers(ServerTest):
    transport = "bearer"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.organization = {"type": "organization", "id": cls.server.organization_id}

    def test_a_repeated_creation_says_again_where_it_is(self):
        project = self.owner.create("projects", name="p")
        for path, body in (("projects", {"name": "again"}),
                           ("keys", {"kind": "access", "name": "again"}),
                           (f"projects/{project['id']}/platforms",
                            {"name": "again", "type": "n8n"})):
            headers = {"Idempotency-Key": f"again-{path}"}
            first = self.owner.post(f"/api/v1/{path}", body, headers=headers).expect(201)
            second = self.owner.post(f"/api/v1/{path}", body, headers=headers).expect(201)
            self.assertEqual("true", second.headers["Idempotent-Replayed"])
            self.assertEqual(first.headers["Location"], second.headers["Location"])
            self.assertTrue(second.headers["Location"].endswith(first.json()["id"]))

    def test_a_repeated_key_for_another_organization_is_another_request(self):
        other = self.owner.create("organizations", name="other")["id"]
        for query, status in ((f"?organization_id={other}", 201), ("", 422),
                              (f"?organization_id={self.server.organization_id}", 422),
                              (f"?organization_id={other}", 201)):
            self.owner.post(f"/api/v1/projects{query}", {"name": "p"},
                            headers={"Idempotency-Key": "one-organization"}).expect(status)

    def test_sessions_are_listed_page_by_page(self):
        person = self.owner.create_user("member")["email"]
        for _ in range(4):
            last = self.server.sign_in(person, PASSWORD, transport="bearer")
        listed = last.get("/api/v1/me/sessions").expect(200).json()
        self.assertIsNone(listed["next_cursor"])
        self.assertTrue(listed["items"][0]["current"])
        self.assertEqual(listed["items"], last.all_items("/api/v1/me/sessions?limit=2"))
        for query in "limit=0", "limit=201", "cursor=zzz":
            last.get(f"/api/v1/me/sessions?{query}").expect(400)

    def test_what_is_shown_of_an_imported_key_is_one_line(self):
        item = {"kind": "access", "name": "i", "algorithm": "sha256",
                "hash": hashlib.sha256(b"lega\ncy-token").hexdigest(), "prefix": "lega\ncy"}
        made = self.owner.post("/api/v1/keys/import", {"items": [item]}).expect(200).json()
        self.assertIn("prefix: must be one line", made["items"][0]["error"]["detail"])

    def test_an_answer_is_not_repeated_to_who_lost_the_right_to_it(self):
        person = self.owner.create_user("member")
        member = self.server.sign_in(person["email"], PASSWORD, transport="bearer")
        headers = {"Idempotency-Key": "once"}
        for status in 201, 201:
            member.post("/api/v1/projects", {"name": "mine"}, headers=headers).expect(status)
        self.owner.patch(f"/api/v1/users/{person['id']}", {"role": "viewer"}).expect(200)
        answer = member.post("/api/v1/projects", {"name": "mine"}, headers=headers)
        self.assertEqual((403, "forbidden"), (answer.status, answer.code))

    def test_a_new_user_has_an_etag(self):
        made = self.owner.post("/api/v1/users", {"email": "etag@example.org", "role": "viewer"})
        read = self.owner.get(f"/api/v1/users/{made.expect(201).json()['id']}")
        self.assertEqual(read.headers["ETag"], made.headers["ETag"])

    def last_uses(self, key):
        versions = self.owner.get(f"/api/v1/keys/{key['id']}").expect(200).json()["versions"]
        return {version["number"]: version["last_used_at"] for version in versions}

    def test_each_secret_tells_when_it_was_used_last(self):
        key = self.owner.create_key("access")
        old = self.server.client(key["key"])
        old.get("/api/v1/whoami").expect(200)
        rotate = f"/api/v1/keys/{key['id']}/rotate"
        used = self.last_uses(key)[1]
        self.assertIsNotNone(used)
        made = self.owner.post(rotate, {"overlap_seconds": 600}).expect(200).json()
        self.assertEqual({1: used, 2: None}, self.last_uses(key))
        new = self.server.client(made["key"])
        new.get("/api/v1/whoami").expect(200)
        uses = self.last_uses(key)
        self.assertEqual(used, uses[1])
        self.assertGreaterEqual(uses[2], used)
        made = self.owner.post(rotate, {"overlap_seconds": 600}).expect(200).json()
        old.get("/api/v1/whoami").expect(200)
        again = self.last_uses(key)
        self.assertGreater(again[1], used)
        self.assertEqual((uses[2], None), (again[2], again[3]))
        whole = self.owner.get(f"/api/v1/keys/{key['id']}").json()["last_used_at"]
        self.assertEqual(again[1], whole)

    def test_a_digest_may_be_padded_or_not(self):
        items = []
        for encoding, encode in (("base64", base64.b64encode),
                                 ("base64url", base64.urlsafe_b64encode)):
            for padding in "=", "":
                token = f"of-an-old-system-{encoding}{padding}"
                text = encode(hashlib.sha256(token.encode()).digest()).decode().rstrip("=")
                items.append({"kind": "account", "name": token, "algorithm": "sha256",
                              "encoding": encoding, "hash": text + padding})
        broken = {**items[0], "hash": items[0]["hash"] + "="}
        answer = self.owner.post("/api/v1/keys/import", {"items": [*items, broken]})
        results = answer.expect(200).json()["items"]
        self.assertEqual([True] * 4 + [False], ["id" in result for result in results])
        for item in items:
            check = self.owner.post("/api/v1/keys/verify", {"key": item["name"]}).json()
            self.assertEqual("VALID", check["code"], item["encoding"])

    def test_a_check_tells_how_each_limit_counts(self):
        limits = [{"name": "a", "limit": 5, "window_seconds": 60},
                  {"name": "b", "limit": 5, "window_seconds": 60, "algorithm": "fixed"}]
        key = self.owner.create_key("access", limits=limits)
        for body in ({"key": key["key"]}, {"key": key["key"], "explain": True}):
            answer = self.owner.post("/api/v1/keys/verify", body).expect(200).json()
            self.assertEqual(["gcra", "fixed"], [limit["algorithm"] for limit in answer["limits"]])
        batch = self.owner.post("/api/v1/keys/verify-batch",
                                {"items": [{"key": key["key"]}]}).expect(200).json()["items"][0]
        self.assertEqual(["gcra", "fixed"], [limit["algorithm"] for limit in batch["limits"]])

    def test_a_permission_is_listed_once(self):
        twice = ["keys:verify", "keys:read", "keys:verify"]
        key = self.owner.create_key("management", owner=self.organization, permissions=twice)
        self.assertEqual(["keys:verify", "keys:read"], key["permissions"])
        twice = ["audit:read", "audit:read"]
        changed = self.owner.patch(f"/api/v1/keys/{key['id']}", {"permissions": twice})
        self.assertEqual(["audit:read"], changed.expect(200).json()["permissions"])

    def test_a_key_in_the_address_is_refused_everywhere(self):
        for path in ("/healthz", "/health", "/readyz", "/metrics", "/openapi.json", "/nothing",
                     "/api/v1/nothing", "/api/v1/me", "/api/me", "/", "/docs", "/docs/nothing",
                     "/console/", "/console/assets/x", "/register",
                     "/.well-known/oauth-protected-resource"):
            for query in ("api_key=secret-text", "a=1&access_token=secret-text"):
                answer = self.owner.get(f"{path}?{query}")
                self.assertEqual((400, "credential_in_query"), (answer.status, answer.code), path)
        self.assertEqual(200, self.owner.get("/healthz?page=1").status)
        answer = self.owner.request("DELETE", "/healthz?API_KEY=secret-text")
        self.assertEqual("credential_in_query", answer.code)
        self.assertNotIn("secret-text", self.server.log())

    def denied(self, person):
        path = f"/api/v1/audit-events?actor={person['id']}"
        return [event for event in self.owner.get(path).json()["items"]
                if event["outcome"] == "denied"]

    def test_a_refused_change_is_in_the_audit_log_once_a_minute(self):
        person = self.owner.create_user("viewer")
        viewer = self.server.sign_in(person["email"], PASSWORD, transport="bearer")
        for _ in range(3):
            self.assertEqual(403, viewer.post("/api/v1/projects", {"name": "x"}).status)
            self.assertEqual(403, viewer.post("/keys/", {}).status)
            self.assertEqual(403, viewer.get("/api/v1/audit-events").status)
        events = wait_until(lambda: len(self.denied(person)) >= 2 and self.denied(person))
        self.assertEqual(["keys.create", "projects.create"],
                         sorted(event["action"] for event in events))
        for event in events:
            self.assertEqual("forbidden", event["reason"])
            self.assertEqual(person["id"], event["actor"]["id"])
            self.assertTrue(event["request_id"])


if __name__ == "__main__":
    unittest.main()
