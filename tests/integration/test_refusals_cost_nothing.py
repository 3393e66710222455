"""What is refused for lack of a right takes no limit and no credit of a key, at any door."""

import json
import unittest

from keywright import ServerTest

TWO_USES = [{"name": "few", "limit": 2, "window_seconds": 86400, "algorithm": "fixed"}]


class RefusalsCostNothing(ServerTest):
    def statuses(self, times, call):
        return [call().status for _ in range(times)]

    def test_at_the_native_api(self):
        viewer = self.owner.create_user("viewer")
        key = self.server.sign_in(viewer["email"]).create_key("access", limits=TWO_USES)
        client = self.server.client(key["key"])
        self.assertEqual([403] * 4, self.statuses(4, lambda: client.post("/api/v1/projects",
                                                                         {"name": "p"})))
        self.assertEqual([403] * 4, self.statuses(4, lambda: client.get("/api/v1/keys")))
        self.assertEqual([200, 200, 429], self.statuses(3, lambda: client.get("/api/v1/projects")))

    def test_a_refusal_takes_no_credits(self):
        viewer = self.server.sign_in(self.owner.create_user("viewer")["email"])
        key = viewer.create_key("access", credits={"remaining": 2})
        client = self.server.client(key["key"])
        self.assertEqual([403] * 4, self.statuses(4, lambda: client.post("/api/v1/projects",
                                                                         {"name": "p"})))
        self.assertEqual([403] * 4, self.statuses(4, lambda: client.get("/api/v1/keys")))
        self.assertEqual([200, 200, 429], self.statuses(3, lambda: client.get("/api/v1/projects")))

    def test_a_key_of_the_wrong_kind_was_not_used(self):
        key = self.owner.create_key("access")
        client = self.server.client(key["key"])
        self.assertEqual([403, 403], self.statuses(2, lambda: client.get("/api/v1/keys")))
        self.assertEqual(200, self.owner.get("/api/v1/me").status)
        path = f"/api/v1/keys/{key['id']}"
        self.assertIsNone(self.owner.get(path).json()["last_used_at"])

    def test_at_the_checks_of_a_management_key(self):
        key = self.owner.create_key("management", permissions=["keys:read"], limits=TWO_USES)
        client = self.server.client(key["key"])
        self.assertEqual([403] * 4, self.statuses(4, lambda: client.post("/api/v1/keys/verify",
                                                                         {"key": "x"})))
        self.assertEqual([200, 200, 429], self.statuses(3, lambda: client.get("/api/v1/keys")))

    def test_at_the_targets_api(self):
        target = self.owner.create("targets", name="t", url="https://example.org")
        key = self.owner.create_key("target", owner={"type": "target", "id": target["id"]},
                                    limits=TWO_USES)
        client = self.server.client(key["key"], "jwt")

        def make():
            return client.post("/targets/", {"name": "n", "url": "https://example.org"})

        self.assertEqual([403] * 4, self.statuses(4, make))
        self.assertEqual([200, 200, 429], self.statuses(3, lambda: client.get("/targets/")))

    def test_at_the_door_for_traces(self):
        project = self.owner.create("projects", name="p")
        platforms = [self.owner.create(f"projects/{project['id']}/platforms", name=name,
                                       type="http_api")["id"] for name in ("in", "out")]
        key = self.owner.create_key("ingest", owner={"type": "project", "id": project["id"]},
                                    scope={"ids": platforms[:1]}, limits=TWO_USES)
        client = self.server.client(key["key"], "x-api-key")

        def send(platform):
            return client.post("/public/traces", {"data": {"a": 1}, "platformId": platform})

        self.assertEqual([403] * 4, self.statuses(4, lambda: send(platforms[1])))
        self.assertEqual([201, 201, 429], self.statuses(3, lambda: send(platforms[0])))

    def test_at_the_own_mcp_server(self):
        viewer = self.owner.create_user("viewer")
        key = self.server.sign_in(viewer["email"]).create_key("access", limits=TWO_USES)
        client = self.server.client(key["key"])

        def call(tool, **arguments):
            body = {"jsonrpc": "2.0", "id": 1, "method": "tools/call",
                    "params": {"name": tool, "arguments": arguments}}
            return client.request("POST", "/api/mcp/v1", body=json.dumps(body), headers={
                "Content-Type": "application/json", "Accept": "application/json"})

        def no_message(**headers):
            return client.request("POST", "/api/mcp/v1", body="{", headers={
                "Accept": "application/json", **headers})

        self.assertEqual([200] * 4, self.statuses(4, lambda: call("create_project", name="p")))
        self.assertEqual([415] * 4, self.statuses(4, no_message))
        json_type = {"Content-Type": "application/json"}
        self.assertEqual([400] * 4, self.statuses(4, lambda: no_message(**json_type)))
        self.assertEqual([405] * 4, self.statuses(4, lambda: client.get("/api/mcp/v1")))
        self.assertIn("RateLimit", no_message().headers)
        self.assertEqual([200, 200, 429], self.statuses(3, lambda: call("whoami")))


if __name__ == "__main__":
    unittest.main()
