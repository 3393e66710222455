"""The API of accounts and targets: every route with every role and every kind of key."""

import json
import unittest

from keywright import PASSWORD
from test_targets_api import GOLDEN, Installation

ROLES = ("owner", "admin", "member", "viewer", "auditor")
READS, WRITES = "reads", "writes"


class AccessMatrix(Installation):
    """Every route with every role and every kind of key; a route without a line fails."""

    # What the routes need: of whom they are (a target, its keys, account keys), and for what.
    ROUTES = {
        "GET /keys/": ("account keys", READS),
        "POST /keys/": ("account keys", WRITES),
        "GET /keys/{id}/": ("account keys", READS),
        "DELETE /keys/{id}/": ("account keys", WRITES),
        "GET /targets/": ("targets", READS),
        "POST /targets/": ("targets", WRITES),
        "GET /targets/{id}/": ("targets", READS),
        "PUT /targets/{id}/": ("targets", WRITES),
        "PATCH /targets/{id}/": ("targets", WRITES),
        "DELETE /targets/{id}/": ("targets", WRITES),
        "GET /targets/{id}/keys/": ("keys", READS),
        "POST /targets/{id}/keys/": ("keys", WRITES),
        "GET /targets/{id}/keys/{id}/": ("keys", READS),
        "DELETE /targets/{id}/keys/{id}/": ("keys", WRITES),
    }
    FOR_ANYONE = {"POST /auth/obtain/", "POST /auth/verify/", "POST /auth/refresh/",
                  "POST /auth/revoke/"}
    DONE = {"GET": 200, "POST": 201, "PUT": 200, "PATCH": 200, "DELETE": 204}
    TARGET = {"name": "n", "url": "https://n.example"}

    def request(self, client, route, target):
        """Tries the route on a fresh object."""
        method, path = route.split(" ")
        if path.endswith("/keys/{id}/") and path.startswith("/targets"):
            path = f"/targets/{target}/keys/{self.new_key(target)['id']}/"
        elif path == "/keys/{id}/":
            path = f"/keys/{self.owner.post('/keys/').json()['id']}/"
        path = path.replace("{id}", target)
        body = self.TARGET if path.startswith("/targets/") and "keys" not in path else {}
        return client.request(method, path, body if method in ("POST", "PUT", "PATCH") else None)

    def expected(self, route, role):
        what, how = self.ROUTES[route]
        if what == "targets":
            return how == READS or role in ("owner", "admin", "member")
        return role in ("owner", "admin") or (role == "auditor" and how == READS)

    def test_every_route_of_the_golden_file_is_in_the_matrix(self):
        named = {name for name in json.loads(GOLDEN.read_text()) if " /" in name}
        self.assertEqual(named, set(self.ROUTES) | self.FOR_ANYONE)

    def test_people_may_what_their_role_may(self):
        for role in ROLES:
            person = self.owner.create_user(role)
            token = self.obtain(person["email"]).expect(200).json()["token"]
            session = self.server.sign_in(person["email"], PASSWORD, transport="bearer")
            for client in (session, self.jwt(token)):
                for route in self.ROUTES:
                    answer = self.request(client, route, self.new_target())
                    done = self.DONE[route.split(" ")[0]]
                    # Whoever may not see the keys of others is not told that this one is there.
                    hidden = "keys/{id}" in route and role in ("member", "viewer")
                    want = done if self.expected(route, role) else 404 if hidden else 403
                    self.assertEqual(want, answer.status, f"{role} {route} {answer}")

    def test_account_keys_work_with_targets_and_their_keys(self):
        for route, (what, _) in self.ROUTES.items():
            answer = self.request(self.account, route, self.new_target())
            want = 403 if what == "account keys" else self.DONE[route.split(" ")[0]]
            self.assertEqual(want, answer.status, f"{route} {answer}")
        for path in ("/keys/unknown/", f"/keys/{self.account_made['id']}/"):
            self.assertEqual(403, self.account.delete(path).status)

    def test_target_keys_read_and_change_their_own_target(self):
        may = {"GET /targets/", "GET /targets/{id}/", "PUT /targets/{id}/", "PATCH /targets/{id}/"}
        for route, (what, _) in self.ROUTES.items():
            answer = self.request(self.key, route, self.target)
            self.assertEqual(200 if route in may else 403, answer.status, f"{route} {answer}")
            answer = self.request(self.key, route, self.other)
            own = what == "account keys" or route in ("GET /targets/", "POST /targets/")
            want = 200 if route == "GET /targets/" else 403 if own else 404
            self.assertEqual(want, answer.status, f"other: {route} {answer}")
        listed = self.key.get("/targets/").json()
        self.assertEqual([self.target], [target["id"] for target in listed["results"]])
        self.assertEqual(403, self.key.post("/targets/", {}).status)

    def test_other_kinds_are_told_which_are_admitted(self):
        organization = {"type": "organization", "id": self.server.organization_id}
        project = self.owner.create("projects", name="p")
        keyspace = self.owner.create("keyspaces", name="k", prefix="kspace_")
        kinds = {
            "personal": {}, "mcp": {}, "access": {}, "connect": {},
            "ingest": {"owner": {"type": "project", "id": project["id"]}},
            "management": {"owner": organization,
                           "permissions": ["keys:read", "keys:write", "keys:verify"]},
            "customer": {"owner": {"type": "external", "id": "c"}, "keyspace_id": keyspace["id"]},
        }
        for kind, fields in kinds.items():
            client = self.server.client(self.owner.create_key(kind, **fields)["key"])
            for route in self.ROUTES:
                answer = self.request(client, route, self.target)
                self.assertEqual(403, answer.status, f"{kind} {route} {answer}")
                self.assertIn("account or target", answer.json()["detail"])

    def test_nobody_may_nothing(self):
        for client in (self.server.client(), self.server.client("kwa_" + "0" * 49),
                       self.server.client("kws_" + "0" * 43)):
            for route in self.ROUTES:
                answer = self.request(client, route, self.target)
                self.assertEqual(401, answer.status, f"{route} {answer}")
                self.assertEqual('JWT realm="api"', answer.headers["WWW-Authenticate"])

    def test_another_organization_is_not_there(self):
        person = self.owner.create_user("viewer")
        outsider = self.server.sign_in(person["email"], PASSWORD, transport="bearer")
        outsider.create("organizations", name="Elsewhere")
        self.owner.delete(f"/api/v1/users/{person['id']}").expect(204)
        foreign = self.jwt(outsider.post("/keys/").expect(201).json()["key"])
        for client in (outsider, foreign):
            for route, (what, _) in self.ROUTES.items():
                if "{id}" not in route or (what == "account keys" and client is foreign):
                    continue
                answer = self.request(client, route, self.target)
                self.assertEqual(404, answer.status, f"{route} {answer}")
            self.assertEqual(0, client.get("/targets/").json()["count"])

    def test_the_native_api_keeps_refusing_these_keys(self):
        for client in (self.account, self.key):
            for path in ("/api/v1/keys", "/api/v1/targets", "/api/v1/me"):
                self.assertEqual(403, self.server.client(client.token).get(path).status)


if __name__ == "__main__":
    unittest.main()
