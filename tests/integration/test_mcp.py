"""Keywright's own MCP server at /api/mcp/v1, as a client sees it.

Both eras of the protocol; who may come; which tools whom; header and body that disagree; the audit
log; what a revocation does. `keywright mcp` is in test_mcp_stdio.py, real clients are in
test_mcp_interop.py.
"""

import json
import os
import unittest

from keywright import PASSWORD, ServerTest, wait_until

PATH = "/api/mcp/v1"
MODERN = "2026-07-28"
META = "io.modelcontextprotocol/"
ROLES = ("owner", "admin", "member", "viewer", "auditor")
READ = {"organization:read", "users:read", "projects:read", "targets:read", "mcp_servers:read",
        "registries:read", "services:read", "keyspaces:read"}
MEMBER = READ | {"projects:write", "targets:write", "services:write"}
ADMIN = MEMBER | {"users:write", "mcp_servers:write", "registries:write", "keyspaces:write",
                  "audit:read"}
RIGHTS = {"owner": ADMIN | {"organization:write"}, "admin": ADMIN, "member": MEMBER,
          "viewer": READ, "auditor": READ | {"audit:read"}}
PROMISED = {"whoami", "revoke_this_key", "list_organizations", "list_targets", "create_target",
            "list_projects", "list_platforms", "list_mcp_servers", "list_audit_events"}

# Every tool, and the operation it is. A tool that has no line here fails the test.
TOOLS = {
    "whoami": "whoami.get", "revoke_this_key": "whoami.revoke",
    "list_organizations": "organizations.list", "get_organization": "organizations.get",
    "update_organization": "organizations.update",
    "delete_user": "users.delete",
    "list_projects": "projects.list", "create_project": "projects.create",
    "get_project": "projects.get", "update_project": "projects.update",
    "delete_project": "projects.delete",
    "list_platforms": "platforms.list", "create_platform": "platforms.create",
    "get_platform": "platforms.get", "update_platform": "platforms.update",
    "delete_platform": "platforms.delete",
    "list_targets": "targets.list", "create_target": "targets.create",
    "get_target": "targets.get", "update_target": "targets.update",
    "delete_target": "targets.delete",
    "list_mcp_servers": "mcp_servers.list", "get_mcp_server": "mcp_servers.get",
    "probe_mcp_server": "mcp_servers.probe",
    "delete_mcp_server": "mcp_servers.delete",
    "list_registries": "registries.list", "create_registry": "registries.create",
    "get_registry": "registries.get", "update_registry": "registries.update",
    "delete_registry": "registries.delete",
    "list_services": "services.list", "get_service": "services.get",
    "delete_service": "services.delete",
    "list_keyspaces": "keyspaces.list", "create_keyspace": "keyspaces.create",
    "get_keyspace": "keyspaces.get", "update_keyspace": "keyspaces.update",
    "delete_keyspace": "keyspaces.delete",
    "list_traces": "traces.list", "get_trace": "traces.get", "delete_trace": "traces.delete",
    "list_unrouted_traces": "projects.unrouted", "test_route": "projects.route_test",
    "list_dead_letters": "forwarding.dead_letters", "test_forwarding": "forwarding.test",
    "redrive_dead_letters": "forwarding.redrive", "delete_forwarding": "forwarding.delete",
    "list_audit_events": "audit_events.list", "verify_audit_events": "audit_events.verify",
}


class Mcp:
    """A client with a key. Knows the wire, not the product."""

    def __init__(self, server, key, capabilities=None):
        self.client = server.client(key)
        self.capabilities = capabilities or {}

    def post(self, body, **headers):
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        fields = {"Content-Type": "application/json",
                  "Accept": "application/json, text/event-stream"}
        fields.update({name.replace("_", "-"): value for name, value in headers.items()})
        return self.client.request("POST", PATH, body=body, headers=fields)

    def legacy(self, method, **params):
        return self.post({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})

    def modern(self, method, **params):
        meta = {META + "protocolVersion": MODERN, META + "clientCapabilities": self.capabilities}
        headers = {"MCP_Protocol_Version": MODERN, "Mcp_Method": method}
        if method == "tools/call":
            headers["Mcp_Name"] = params["name"]
        return self.post({"jsonrpc": "2.0", "id": 1, "method": method,
                          "params": {**params, "_meta": meta}}, **headers)

    def call(self, tool, **arguments):
        return self.legacy("tools/call", name=tool,
                           arguments=arguments).expect(200).json()["result"]

    def tools(self):
        return {tool["name"]: tool
                for tool in self.legacy("tools/list").expect(200).json()["result"]["tools"]}


class TestServer(ServerTest):
    transport = "bearer"

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.mcp = Mcp(cls.server, cls.owner.create_key("mcp")["key"])

    def key_of(self, role, kind="mcp"):
        user = self.owner.create_user(role)
        session = self.server.sign_in(user["email"], PASSWORD, transport="bearer")
        return session.create_key(kind)["key"]

    # -- who may come

    def test_mcp_and_access_keys_come_in_and_no_other(self):
        project = self.owner.create("projects", name="p")
        target = self.owner.create("targets", name="t", url="https://t.example.org/")
        keyspace = self.owner.create("keyspaces", name="k", prefix=f"k{os.urandom(4).hex()}_")
        organization = {"type": "organization", "id": self.server.organization_id}
        fields = {
            "personal": {}, "mcp": {}, "access": {}, "connect": {},
            "ingest": {"owner": {"type": "project", "id": project["id"]}},
            "account": {"owner": organization},
            "target": {"owner": {"type": "target", "id": target["id"]}},
            "management": {"owner": organization, "permissions": ["keys:read"]},
            "customer": {"owner": {"type": "external", "id": "c"}, "keyspace_id": keyspace["id"]},
        }
        for kind, more in fields.items():
            with self.subTest(kind):
                key = self.owner.create_key(kind, **more)["key"]
                answer = Mcp(self.server, key).legacy("ping")
                self.assertEqual(200 if kind in ("mcp", "access") else 403, answer.status)
                if answer.status == 403:
                    self.assertEqual("wrong_key_kind", answer.code)
                    self.assertIn("mcp or access", answer.text)
        self.assertEqual(403, Mcp(self.server, self.owner.token).legacy("ping").status)

    def test_without_a_good_key_every_method_is_401(self):
        nobody = self.server.client()
        stranger = self.server.client("kwm_0000000000000000000000000000000000000000000000000")
        for method in ("POST", "GET", "DELETE", "PUT"):
            with self.subTest(method):
                first = nobody.request(method, PATH)
                self.assertEqual(401, first.status)
                self.assertNotIn("error=", first.headers["WWW-Authenticate"])
                self.assertNotIn("resource_metadata", first.headers["WWW-Authenticate"])
                second = stranger.request(method, PATH)
                self.assertEqual(401, second.status)
                self.assertIn('error="invalid_token"', second.headers["WWW-Authenticate"])

    def test_two_credentials_or_one_in_the_query_are_400(self):
        key = self.owner.create_key("mcp")["key"]
        client = self.server.client(key)
        self.assertEqual(400, client.request("POST", PATH, {}, headers={"X-API-Key": key}).status)
        nobody = self.server.client()
        self.assertEqual(400, nobody.post(f"{PATH}?api_key={key}", {}).status)
        self.assertNotIn(key, self.server.log())

    def test_there_is_no_stream_and_nothing_is_kept_for_a_session(self):
        for method in ("GET", "DELETE"):
            answer = self.mcp.client.request(method, PATH, headers={"Accept": "text/event-stream"})
            self.assertEqual(405, answer.status)
            self.assertEqual("POST, OPTIONS", answer.headers["Allow"])
        first = self.mcp.legacy("initialize", protocolVersion="2025-11-25", capabilities={},
                                clientInfo={"name": "t", "version": "1"})
        session = first.headers["Mcp-Session-Id"]
        self.assertRegex(session, r"^[!-~]+$")
        ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        self.assertEqual(200, self.mcp.post(ping, Mcp_Session_Id=session).status)
        self.assertEqual(200, self.mcp.post(ping).status)
        self.assertEqual(404, self.mcp.post(ping, Mcp_Session_Id="made-up").status)
        other = Mcp(self.server, self.owner.create_key("mcp")["key"])
        self.assertEqual(404, other.post(ping, Mcp_Session_Id=session).status)
        key = self.owner.create_key("mcp")
        rotating = Mcp(self.server, key["key"])
        begun = rotating.legacy("initialize", protocolVersion="2025-11-25")
        rotated = self.owner.post(f"/api/v1/keys/{key['id']}/rotate", {"overlap_seconds": 0})
        again = Mcp(self.server, rotated.expect(200).json()["key"])
        self.assertEqual(200, again.post(ping, Mcp_Session_Id=begun.headers["Mcp-Session-Id"]
                                         ).status)
        modern = self.mcp.modern("server/discover")
        self.assertIsNone(modern.headers["Mcp-Session-Id"])

    def test_discovery_of_authorization_servers_finds_nothing_and_says_it_in_json(self):
        for path in ("/.well-known/oauth-protected-resource" + PATH,
                     "/.well-known/oauth-authorization-server",
                     "/.well-known/openid-configuration", "/register"):
            answer = self.mcp.client.get(path)
            self.assertEqual(404, answer.status, path)
            self.assertIn("json", answer.headers["Content-Type"])

    # -- the web

    def test_a_page_of_a_stranger_or_a_rebound_name_is_403(self):
        evil = "evil.example.com"
        for headers in ({"Host": evil}, {"Origin": f"http://{evil}"},
                        {"Host": evil, "Origin": f"http://{evil}"}, {"Origin": "null"}):
            with self.subTest(headers):
                self.assertEqual(403, self.mcp.post({}, **headers).status)
        ours = f"127.0.0.1:{self.server.port}"
        self.assertEqual(200, self.mcp.post({"jsonrpc": "2.0", "id": 1, "method": "ping"},
                                            Host=ours, Origin=f"http://{ours}").status)

    def test_a_preflight_needs_no_key(self):
        origin = "http://localhost:6274"
        answer = self.server.client().request(
            "OPTIONS", PATH, headers={"Origin": origin, "Access-Control-Request-Method": "POST",
                                      "Access-Control-Request-Headers": "mcp-param-x"})
        self.assertEqual(204, answer.status)
        self.assertEqual(origin, answer.headers["Access-Control-Allow-Origin"])
        for name in ("Authorization", "MCP-Protocol-Version", "Mcp-Method", "mcp-param-x"):
            self.assertIn(name, answer.headers["Access-Control-Allow-Headers"])
        refused = self.server.client().request("OPTIONS", PATH,
                                               headers={"Origin": "https://evil.example.com"})
        self.assertEqual(403, refused.status)
        self.assertIsNone(refused.headers["Access-Control-Allow-Origin"])
        # A refusal can be read by the page, too: it has to know that it must ask for a key.
        unauthenticated = self.server.client().request("POST", PATH, {}, headers={"Origin": origin})
        self.assertEqual(401, unauthenticated.status)
        self.assertEqual(origin, unauthenticated.headers["Access-Control-Allow-Origin"])
        self.assertIn("WWW-Authenticate",
                      unauthenticated.headers["Access-Control-Expose-Headers"])

    # -- the protocol

    def test_the_legacy_handshake(self):
        result = self.mcp.legacy("initialize", protocolVersion="2025-06-18", capabilities={},
                                 clientInfo={"name": "t", "version": "1"}).json()["result"]
        self.assertEqual("2025-06-18", result["protocolVersion"])
        self.assertEqual({"tools": {}}, result["capabilities"])
        self.assertEqual("keywright", result["serverInfo"]["name"])
        done = self.mcp.post({"jsonrpc": "2.0", "method": "notifications/initialized"},
                             MCP_Protocol_Version="2025-06-18")
        self.assertEqual((202, b""), (done.status, done.body))
        self.assertEqual({}, self.mcp.legacy("ping").json()["result"])
        unknown = self.mcp.legacy("prompts/list").expect(200).json()
        self.assertEqual(-32601, unknown["error"]["code"])

    def test_the_modern_era_needs_no_handshake(self):
        result = self.mcp.modern("server/discover").expect(200).json()["result"]
        self.assertEqual([MODERN], result["supportedVersions"])
        self.assertEqual("complete", result["resultType"])
        self.assertEqual("private", result["cacheScope"])
        listed = self.mcp.modern("tools/list").expect(200).json()["result"]
        self.assertEqual("private", listed["cacheScope"])
        called = self.mcp.modern("tools/call", name="whoami", arguments={}).json()["result"]
        self.assertEqual("mcp", called["structuredContent"]["kind"])
        for method in ("ping", "initialize", "logging/setLevel"):
            answer = self.mcp.modern(method)
            self.assertEqual((404, -32601), (answer.status, answer.json()["error"]["code"]))

    def test_header_and_body_that_disagree_are_400(self):
        meta = {META + "protocolVersion": MODERN, META + "clientCapabilities": {}}
        body = {"jsonrpc": "2.0", "id": 9, "method": "tools/call",
                "params": {"name": "whoami", "arguments": {}, "_meta": meta}}
        good = {"MCP_Protocol_Version": MODERN, "Mcp_Method": "tools/call", "Mcp_Name": "whoami"}
        self.assertEqual(200, self.mcp.post(body, **good).status)
        self.assertEqual(200, self.mcp.post(body, **{**good, "Mcp_Name": "=?base64?d2hvYW1p?="}
                                            ).status)
        for change in ({"Mcp_Method": "tools/list"}, {"Mcp_Name": "list_targets"},
                       {"Mcp_Method": None}, {"Mcp_Name": None}, {"MCP_Protocol_Version": None},
                       {"MCP_Protocol_Version": "2025-11-25"}, {"Mcp_Name": "=?base64?!?="}):
            with self.subTest(change):
                answer = self.mcp.post(body, **{**good, **change})
                self.assertEqual(400, answer.status)
                self.assertEqual(-32020, answer.json()["error"]["code"])
                self.assertEqual(9, answer.json()["id"])
        unknown = {**meta, META + "protocolVersion": "2099-01-01"}
        answer = self.mcp.post({**body, "params": {"_meta": unknown}},
                               **{**good, "MCP_Protocol_Version": "2099-01-01"})
        self.assertEqual((400, -32022), (answer.status, answer.json()["error"]["code"]))
        self.assertEqual([MODERN], answer.json()["error"]["data"]["supported"])

    def test_what_two_readers_could_read_differently_is_400(self):
        for body in (b'{"jsonrpc":"2.0","id":1,"id":2,"method":"ping"}',
                     b'{"jsonrpc":"2.0","id":1,"Method":"x","method":"ping"}',
                     b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":'
                     b'{"name":"whoami","Name":"delete_project"}}',
                     b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]', b'[]', b'', b'{', b'7',
                     b'{"jsonrpc":"2.0","id":null,"method":"ping"}',
                     b'{"jsonrpc":"2.0","id":1,"method":"ping","params":' + b'[' * 100):
            with self.subTest(body):
                answer = self.mcp.post(body)
                self.assertEqual(400, answer.status)
                self.assertIn(answer.json()["error"]["code"], (-32600, -32700))

    def test_an_answer_has_a_type_that_the_client_accepts(self):
        ping = {"jsonrpc": "2.0", "id": 1, "method": "ping"}
        self.assertEqual(415, self.mcp.post(ping, Content_Type="text/plain").status)
        self.assertEqual(406, self.mcp.post(ping, Accept="text/html").status)
        self.assertEqual("application/json",
                         self.mcp.post(ping, Accept="*/*").headers["Content-Type"])
        events = self.mcp.post(ping, Accept="text/event-stream")
        self.assertEqual("text/event-stream", events.headers["Content-Type"])
        self.assertEqual('event: message\ndata: {"jsonrpc":"2.0","id":1,"result":{}}\n\n',
                         events.text)

    def test_an_endless_body_is_413(self):
        huge = b'"' + b"x" * (1024 * 1024 + 1) + b'"'
        answer = self.mcp.post(huge)
        self.assertEqual((413, "body_too_large"), (answer.status, answer.code))

    def test_how_much_fits_is_told_to_nobody_who_may_not_come_in(self):
        huge = b'"' + b"x" * (1024 * 1024 + 1) + b'"'
        stranger = "kwm_0000000000000000000000000000000000000000000000000"
        personal = self.owner.create_key("personal")["key"]
        for key, status in ((None, 401), (stranger, 401), (personal, 403)):
            answer = Mcp(self.server, key).post(huge)
            self.assertEqual(status, answer.status, answer)
            self.assertEqual(status == 401, "WWW-Authenticate" in answer.headers)
        page = self.mcp.post(huge, Origin="http://evil.example")
        self.assertEqual((403, "origin_not_allowed"), (page.status, page.code))

    # -- tools

    def test_every_tool_is_known_and_belongs_to_its_operation(self):
        described = {}
        for methods in self.owner.get("/openapi.json").json()["paths"].values():
            for operation in methods.values():
                if "x-keywright" in operation:
                    described[operation["x-keywright"]["operation"]] = operation
        tools = self.mcp.tools()
        self.assertLessEqual(PROMISED, set(tools))
        expected = {name for name, operation in TOOLS.items() if operation in described}
        self.assertEqual(expected, set(tools), "a tool without a line in TOOLS, or the reverse")
        for name, tool in tools.items():
            with self.subTest(name):
                self.assertIn(TOOLS[name], described)
                self.assertEqual("object", tool["inputSchema"]["type"])
                self.assertFalse(tool["inputSchema"]["additionalProperties"])
                self.assertEqual("object", tool["outputSchema"]["type"])
                self.assertEqual({"title", "readOnlyHint", "destructiveHint", "idempotentHint",
                                  "openWorldHint"}, set(tool["annotations"]))
                destructive = tool["annotations"]["destructiveHint"]
                self.assertEqual(destructive, "confirm" in tool["inputSchema"]["properties"])
        for name in ("create_key", "list_keys", "rotate_key", "create_user", "create_service"):
            self.assertNotIn(name, tools)

    def test_each_role_sees_the_tools_it_may_use_and_no_other(self):
        """The access matrix of the tools: role x kind x tool, seen and called."""
        rights = {}
        for methods in self.owner.get("/openapi.json").json()["paths"].values():
            for operation in methods.values():
                access = operation.get("x-keywright", {})
                rights[access.get("operation")] = access.get("right")
        everything = set(self.mcp.tools())
        for role in ROLES:
            for kind in ("mcp", "access"):
                mcp = Mcp(self.server, self.key_of(role, kind))
                allowed = {name for name in everything
                           if rights[TOOLS[name]] in RIGHTS[role] | {None}}
                self.assertEqual(allowed, set(mcp.tools()), (role, kind))
                for name in everything - allowed:
                    with self.subTest(role=role, kind=kind, tool=name):
                        result = mcp.call(name)
                        self.assertTrue(result["isError"])
                        self.assertIn("forbidden", result["content"][0]["text"])

    def test_results_are_structured_and_mirrored_as_text(self):
        made = self.mcp.call("create_target", name="Structured", url="https://s.example.org/")
        self.assertFalse(made["isError"])
        self.assertEqual(made["structuredContent"], json.loads(made["content"][0]["text"]))
        read = self.mcp.call("get_target", id=made["structuredContent"]["id"])
        self.assertEqual("Structured", read["structuredContent"]["name"])
        project = self.mcp.call("create_project", name="P")["structuredContent"]
        self.mcp.call("create_platform", project_id=project["id"], name="F", type="flowise")
        platforms = self.mcp.call("list_platforms", project_id=project["id"], limit=1)
        self.assertEqual(["F"], [item["name"] for item in platforms["structuredContent"]["items"]])
        self.assertEqual(self.server.organization_id,
                         self.mcp.call("whoami")["structuredContent"]["organization_id"])

    def test_wrong_arguments_are_a_result_that_names_them(self):
        for tool, arguments, word in (
                ("create_target", {"name": "x", "url": "https://a.example/", "hue": 1}, "hue"),
                ("create_target", {"name": ""}, "url"), ("get_target", {"id": "x"}, "id"),
                ("list_targets", {"limit": 1000}, "limit"),
                ("list_targets", {"limit": {"a": 1}}, "limit")):
            with self.subTest(tool=tool, arguments=arguments):
                result = self.mcp.call(tool, **arguments)
                self.assertTrue(result["isError"])
                self.assertIn(word, result["content"][0]["text"])
        listed = self.mcp.legacy("tools/call", name="list_targets", arguments=[]).json()
        self.assertTrue(listed["result"]["isError"])

    def test_a_name_that_no_tool_has_is_an_error(self):
        for name in ("nothing", "create_key", "keys.create", "WHOAMI"):
            answer = self.mcp.legacy("tools/call", name=name, arguments={})
            self.assertEqual((200, -32602), (answer.status, answer.json()["error"]["code"]))
        missing = self.mcp.legacy("tools/call", arguments={}).json()
        self.assertEqual(-32602, missing["error"]["code"])
        cursor = self.mcp.legacy("tools/list", cursor="x").json()
        self.assertEqual(-32602, cursor["error"]["code"])

    def test_a_deletion_asks_for_a_confirmation(self):
        target = self.owner.create("targets", name="d", url="https://d.example.org/")
        refused = self.mcp.call("delete_target", id=target["id"])
        self.assertTrue(refused["isError"])
        self.assertIn("confirm", refused["content"][0]["text"])
        self.assertEqual(200, self.owner.get(f"/api/v1/targets/{target['id']}").status)
        done = self.mcp.call("delete_target", id=target["id"], confirm=True)
        self.assertFalse(done["isError"])
        self.assertEqual(404, self.owner.get(f"/api/v1/targets/{target['id']}").status)

    def test_a_client_that_can_ask_its_person_gets_the_question(self):
        asking = Mcp(self.server, self.mcp.client.token, {"elicitation": {"form": {}}})
        target = self.owner.create("targets", name="d", url="https://d.example.org/")
        call = {"name": "delete_target", "arguments": {"id": target["id"]}}
        asked = asking.modern("tools/call", **call).expect(200).json()["result"]
        self.assertEqual("input_required", asked["resultType"])
        self.assertEqual("elicitation/create", asked["inputRequests"]["confirm"]["method"])
        state = asked["requestState"]
        yes = {"confirm": {"action": "accept", "content": {"confirm": True}}}
        forged = state[:-4] + ("AAAA" if state[-4:] != "AAAA" else "BBBB")
        for wrong in ({"requestState": forged, "inputResponses": yes},
                      {"requestState": state, "inputResponses": yes,
                       "arguments": {"id": self.server.organization_id}}):
            answer = asking.modern("tools/call", **{**call, **wrong})
            self.assertEqual(-32602, answer.json()["error"]["code"])
        no = {"confirm": {"action": "decline"}}
        declined = asking.modern("tools/call", **call, requestState=state, inputResponses=no)
        self.assertTrue(declined.json()["result"]["isError"])
        self.assertEqual(200, self.owner.get(f"/api/v1/targets/{target['id']}").status)
        done = asking.modern("tools/call", **call, requestState=state, inputResponses=yes)
        self.assertFalse(done.json()["result"]["isError"])
        self.assertEqual(404, self.owner.get(f"/api/v1/targets/{target['id']}").status)

    # -- what happens at once

    def test_a_key_gives_itself_up_and_is_refused_from_then_on(self):
        for arguments in ({}, {"confirm": True}):
            mcp = Mcp(self.server, self.owner.create_key("mcp")["key"])
            self.assertFalse(mcp.call("revoke_this_key", **arguments)["isError"])
            self.assertEqual(401, mcp.legacy("ping").status)
            self.assertEqual(401, mcp.modern("tools/list").status)

    def test_a_revoked_key_is_refused_on_the_next_call_and_so_is_a_demoted_person(self):
        key = self.owner.create_key("mcp")
        mcp = Mcp(self.server, key["key"])
        self.assertEqual(200, mcp.legacy("ping").status)
        self.owner.post(f"/api/v1/keys/{key['id']}/revoke", {}).expect(200)
        self.assertEqual(401, mcp.legacy("ping").status)
        user = self.owner.create_user("admin")
        session = self.server.sign_in(user["email"], PASSWORD, transport="bearer")
        admin = Mcp(self.server, session.create_key("mcp")["key"])
        self.assertIn("list_audit_events", admin.tools())
        self.owner.patch(f"/api/v1/users/{user['id']}", {"role": "viewer"}).expect(200)
        self.assertNotIn("list_audit_events", admin.tools())
        self.assertTrue(admin.call("list_audit_events")["isError"])

    def test_every_call_is_in_the_audit_log_without_its_arguments(self):
        key = self.owner.create_key("mcp")
        mcp = Mcp(self.server, key["key"])
        mcp.call("list_targets", limit=7, cursor="needle-in-arguments")
        mcp.legacy("tools/list")
        viewer = self.owner.create_user("viewer")
        session = self.server.sign_in(viewer["email"], PASSWORD, transport="bearer")
        denied_key = session.create_key("mcp")
        Mcp(self.server, denied_key["key"]).call("create_target", name="n", url="https://n.example")
        wrong = self.owner.create_key("personal")
        Mcp(self.server, wrong["key"]).legacy("tools/call", name="whoami", arguments={})
        self.owner.post(f"/api/v1/keys/{key['id']}/revoke", {}).expect(200)
        mcp.legacy("tools/call", name="whoami", arguments={})

        def events(key_id, count):
            found = self.owner.get(f"/api/v1/audit-events?action=mcp.call&key_id={key_id}")
            items = found.expect(200).json()["items"]
            return items if len(items) >= count else None

        own = wait_until(lambda: events(key["id"], 3), what="events")
        self.assertEqual([("tools/call", "whoami", "denied"), ("tools/list", None, "success"),
                          ("tools/call", "list_targets", "failed")],  # there is no such page
                         [(e["details"]["method"], e["details"].get("tool"), e["outcome"])
                          for e in own])
        self.assertEqual(("mcp_server", "keywright"),
                         (own[0]["object"]["type"], own[0]["object"]["name"]))
        self.assertNotIn("needle-in-arguments", json.dumps(own))
        denied = wait_until(lambda: events(denied_key["id"], 1), what="a denial")[0]
        self.assertEqual(("denied", "create_target"), (denied["outcome"],
                                                       denied["details"]["tool"]))
        refused = wait_until(lambda: events(wrong["id"], 1), what="a refusal")[0]
        self.assertEqual(("denied", "wrong_key_kind"), (refused["outcome"], refused["reason"]))

    def test_metrics_count_calls_by_tools_that_exist(self):
        self.mcp.call("whoami")
        self.mcp.legacy("tools/call", name="no-such-tool-7", arguments={})
        metrics = self.server.client().get("/metrics").text
        self.assertRegex(metrics, r'keywright_mcp_calls_total\{[^}]*tool="whoami"[^}]*\} \d+')
        self.assertNotIn("no-such-tool-7", metrics)


if __name__ == "__main__":
    unittest.main()
