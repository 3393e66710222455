"""Who may act on whom across organizations, and what ends with a place in one."""

import unittest

from keywright import ServerTest

PASSWORD = "a long good password"


class Standing(ServerTest):
    def person(self, role, email):
        made = self.owner.post("/api/v1/users",
                               {"email": email, "role": role, "password": PASSWORD}).expect(201)
        return made.json()["id"], self.server.sign_in(email, PASSWORD)

    def test_a_reset_link_needs_the_right_in_every_organization_of_the_person(self):
        victim, _ = self.person("viewer", "victim@example.org")
        _, attacker = self.person("viewer", "attacker@example.org")
        own = attacker.post("/api/v1/organizations", {"name": "Own"}).expect(201).json()["id"]
        attacker.post("/api/v1/users", {"email": "victim@example.org", "role": "viewer",
                                        "organization_id": own}).expect(201)
        link = attacker.post(f"/api/v1/users/{victim}/reset-link?organization_id={own}", {})
        self.assertEqual(403, link.status)

    def test_a_key_is_refused_where_its_owner_has_left(self):
        person, client = self.person("viewer", "leaver@example.org")
        client.post("/api/v1/organizations", {"name": "Elsewhere"}).expect(201)
        key = client.post("/api/v1/keys", {"kind": "access", "name": "k"}).expect(201).json()["key"]
        ask = {"key": key}
        self.assertEqual("VALID", self.owner.post("/api/v1/keys/verify", ask).json()["code"])
        self.owner.request("DELETE", f"/api/v1/users/{person}").expect(204)
        self.assertEqual("OWNER_INACTIVE",
                         self.owner.post("/api/v1/keys/verify", ask).json()["code"])

    def test_sessions_end_for_good_when_a_person_is_deactivated(self):
        person, client = self.person("member", "paused@example.org")
        for active in (False, True):
            self.owner.request("PATCH", f"/api/v1/users/{person}",
                               json_body={"active": active}).expect(200)
        self.assertEqual(401, client.get("/api/v1/me").status)

    def test_an_owner_who_never_signed_in_is_not_the_other_owner(self):
        self.owner.post("/api/v1/users",
                        {"email": "invited@example.org", "role": "owner"}).expect(201)
        me = self.owner.get("/api/v1/me").json()["id"]
        leave = self.owner.request("PATCH", f"/api/v1/users/{me}", json_body={"role": "admin"})
        self.assertEqual((409, "last_owner"), (leave.status, leave.code))

    def test_a_used_up_key_can_still_give_itself_up(self):
        made = self.owner.post("/api/v1/keys", {
            "kind": "access", "name": "used up",
            "limits": [{"name": "m", "limit": 1, "window_seconds": 3600}]}).expect(201).json()
        client = self.server.client(made["key"])
        first = client.get("/api/v1/me").expect(200)
        self.assertEqual('"m";q=1;w=3600', first.headers.get("RateLimit-Policy"))
        refused = client.get("/api/v1/me").expect(429)
        self.assertTrue(refused.headers.get("RateLimit").startswith('"m";r=0;t='))
        client.post("/api/v1/whoami/revoke", {}).expect(200)
        self.assertEqual(401, client.get("/api/v1/me").status)

    def test_a_literal_path_below_keys_refuses_other_methods(self):
        answer = self.owner.get("/api/v1/keys/verify")
        self.assertEqual((405, "POST"), (answer.status, answer.headers.get("Allow")))


if __name__ == "__main__":
    unittest.main()
