"""/mcp-connect in front of an MCP server, as clients with connect keys see it."""

import http.client
import json
import os
import re
import socket
import subprocess
import threading
import unittest

from keywright import ROOT, Server, binary, in_time, wait_until
from mcp_upstream import McpUpstream

MODERN = "2026-07-28"
LEGACY = "2025-11-25"
ACCEPT = "application/json, text/event-stream"


def modern_meta():
    return {"io.modelcontextprotocol/protocolVersion": MODERN,
            "io.modelcontextprotocol/clientCapabilities": {}}


def request(method, number=1, **params):
    return {"jsonrpc": "2.0", "id": number, "method": method, "params": params}


class McpConnect(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.upstream = McpUpstream.start()
        cls.server = Server.start(options=["--allow-upstream", "127.0.0.0/8"])
        cls.owner = cls.server.sign_in()
        cls.mcp_server = cls.owner.create("mcp-servers", name="Tools", slug="tools",
                                          url=cls.upstream.url,
                                          headers={"X-Upstream-Secret": "s3cret"})
        cls.other = cls.owner.create("mcp-servers", name="Other", slug="other",
                                     url=cls.upstream.url)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.upstream.stop()

    def setUp(self):
        self.upstream.answer_status = None
        self.upstream.streams_lists = False
        self.upstream.seen.clear()

    def key(self, **fields):
        fields.setdefault("scope", {"ids": [self.mcp_server["id"]]})
        return self.owner.create_key("connect", **fields)

    def call(self, key, message, server="tools", method="POST", carrier="bearer", **headers):
        """One message; `headers` with _ for -."""
        client = self.server.client(key and key["key"], carrier)
        fields = {"Accept": ACCEPT, "Content-Type": "application/json"}
        fields.update({name.replace("_", "-"): value for name, value in headers.items()})
        body = message if isinstance(message, (bytes, type(None))) else json.dumps(message)
        return client.request(method, f"/mcp-connect/{server}", body=body, headers=fields)

    def events_of(self, key):
        found = self.owner.get(f"/api/v1/audit-events?key_id={key['id']}&action=mcp.call")
        return found.expect(200).json()["items"]

    def session(self, key, server="tools"):
        started = self.call(key, request("initialize", protocolVersion=LEGACY, capabilities={},
                                         clientInfo={"name": "t", "version": "1"}), server)
        self.assertEqual(200, started.status, started)
        return started.headers["Mcp-Session-Id"]

    # -- relaying

    def test_a_call_reaches_the_server_with_its_own_credentials_and_not_the_clients(self):
        key = self.key()
        answer = self.call(key, request("tools/call", name="echo", arguments={"a": 1}),
                           X_Keywright_Owner="forged", Cookie="a=b")
        self.assertEqual(200, answer.status, answer)
        self.assertIn('"{\\"a\\": 1}"', answer.text)
        seen = self.upstream.seen[-1]
        self.assertEqual("s3cret", seen["headers"]["X-Upstream-Secret"])
        for name in ("Authorization", "X-API-Key", "Cookie", "X-Keywright-Owner", "Origin"):
            self.assertIsNone(seen["headers"][name], name)
        self.assertNotIn(key["key"].encode(), seen["headers"].as_bytes())
        self.assertEqual("/mcp", seen["path"])

    def test_arguments_may_hold_numbers_of_any_length(self):
        arguments = {"wei": 10 ** 20, "ids": [2 ** 64, -(2 ** 63) - 1]}
        answer = self.call(self.key(), request("tools/call", name="echo", arguments=arguments))
        self.assertEqual(200, answer.status, answer)
        self.assertIn(json.dumps(json.dumps(arguments)), answer.text)

    def test_a_key_may_come_in_x_api_key_and_the_server_be_named_by_its_id(self):
        answer = self.call(self.key(), request("tools/call", name="echo"),
                           server=self.mcp_server["id"], carrier="x-api-key")
        self.assertEqual(200, answer.status)

    def test_a_notification_is_accepted(self):
        note = {"jsonrpc": "2.0", "method": "notifications/initialized"}
        answer = self.call(self.key(), note)
        self.assertEqual((202, b""), (answer.status, answer.body))

    def test_events_come_through_as_they_are_sent(self):
        key = self.key()
        self.upstream.stream_may_go_on.clear()
        self.addCleanup(self.upstream.stream_may_go_on.set)
        connection = self.server.connection()
        connection.request("POST", "/mcp-connect/tools",
                           json.dumps(request("tools/call", name="stream")),
                           {"Authorization": f"Bearer {key['key']}", "Accept": ACCEPT,
                            "Content-Type": "application/json"})
        answer = connection.getresponse()
        self.assertEqual("text/event-stream", answer.headers["Content-Type"])
        self.assertEqual("no", answer.headers["X-Accel-Buffering"])
        self.assertIn(b"event: message", answer.readline())  # while there are no others
        self.upstream.stream_may_go_on.set()
        rest = answer.read()
        self.assertEqual(3, rest.count(b"notifications/progress"))
        connection.close()

    # -- sessions

    def test_a_session_is_sealed_for_this_key_and_server_and_survives_rotation(self):
        key = self.key(scope={"all": True})
        session = self.session(key)
        self.assertNotIn("upstream-session-1", session)
        listed = self.call(key, request("tools/list"), Mcp_Session_Id=session)
        self.assertEqual(200, listed.status)
        self.assertEqual(session, listed.headers["Mcp-Session-Id"])  # not sealed anew
        self.assertEqual("upstream-session-1",
                         self.upstream.seen[-1]["headers"]["Mcp-Session-Id"])
        for other_key, server in ((self.key(scope={"all": True}), "tools"), (key, "other")):
            answer = self.call(other_key, request("tools/list"), server, Mcp_Session_Id=session)
            self.assertEqual((404, "session_not_found"), (answer.status, answer.code))
        self.assertEqual(404, self.call(key, request("tools/list"),
                                        Mcp_Session_Id="upstream-session-1").status)
        rotated = self.owner.post(f"/api/v1/keys/{key['id']}/rotate", {"overlap_seconds": 0})
        new = {**key, "key": rotated.expect(200, 201).json()["key"]}
        self.assertEqual(200, self.call(new, request("tools/list"), Mcp_Session_Id=session).status)
        self.assertEqual(401, self.call(key, request("tools/list"), Mcp_Session_Id=session).status)
        self.assertEqual(204, self.call(new, None, method="DELETE", Mcp_Session_Id=session).status)

    # -- who may

    def test_without_a_good_key_every_method_is_401(self):
        for method in ("POST", "GET", "DELETE"):
            nobody = self.call(None, None, method=method)
            self.assertEqual(401, nobody.status)
            self.assertNotIn("error=", nobody.headers["WWW-Authenticate"])
            self.assertNotIn("resource_metadata", nobody.headers["WWW-Authenticate"])
            bad = self.call({"key": "ok1-1-1-" + "x" * 43}, None, method=method)
            self.assertEqual(401, bad.status)
            self.assertIn('error="invalid_token"', bad.headers["WWW-Authenticate"])
        self.assertEqual([], self.upstream.seen)

    def test_how_much_fits_is_told_to_nobody_who_may_not_come_in(self):
        huge = b'"' + b"x" * (1024 * 1024 + 1) + b'"'
        key = self.key()
        stranger = {"key": "ok1-1-1-0000000000000000000000000000000000000000000"}
        for who, server, status in ((None, "tools", 401), (stranger, "tools", 401),
                                    (key, "other", 403), (key, "tools", 413)):
            answer = self.call(who, huge, server)
            self.assertEqual(status, answer.status, answer)
            self.assertEqual(status in (401, 403), "WWW-Authenticate" in answer.headers)
        page = self.call(key, huge, Origin="http://evil.example")
        self.assertEqual((403, "origin_not_allowed"), (page.status, page.code))
        self.assertEqual([], self.upstream.seen)
        wait_until(lambda: {event["reason"] for event in self.events_of(key)} >=
                   {"insufficient_scope", "body_too_large"}, what="both in the audit log")

    def test_what_a_key_does_not_reach_is_403_alike(self):
        key = self.key()
        disabled = self.owner.create("mcp-servers", name="Off", slug="off", url=self.upstream.url,
                                     enabled=False)
        everywhere = self.key(scope={"all": True})
        refused = [self.call(key, request("tools/list"), "other"),
                   self.call(everywhere, request("tools/list"), "nowhere"),
                   self.call(everywhere, request("tools/list"), disabled["id"]),
                   self.call(key, None, "other", method="GET")]
        for answer in refused:
            self.assertEqual((403, "insufficient_scope"), (answer.status, answer.code), answer)
        bodies = {answer.json()["detail"] for answer in refused}
        self.assertEqual(1, len(bodies))

    def test_keys_of_other_kinds_and_sessions_are_403(self):
        access = self.owner.create_key("access")
        answer = self.call(access, request("tools/list"))
        self.assertEqual((403, "wrong_key_kind"), (answer.status, answer.code))
        self.assertIn("connect", answer.json()["detail"])
        self.assertEqual(403, self.owner.post("/mcp-connect/tools", request("ping")).status)

    def test_a_registry_gives_and_takes(self):
        person = self.owner.create_user("member")
        client = self.server.sign_in(person["email"])
        registry = self.owner.create("registries", name="r", mcp_server_ids=[self.mcp_server["id"]],
                                     user_ids=[person["id"]])
        key = client.create_key("connect", scope={"all": True})
        self.assertEqual(200, self.call(key, request("tools/list")).status)
        self.owner.patch(f"/api/v1/registries/{registry['id']}", {"user_ids": []}).expect(200)
        self.assertEqual(403, self.call(key, request("tools/list")).status)

    def test_two_keys_or_a_key_in_the_address_are_refused(self):
        key = self.key()
        other = self.key()["key"]
        self.assertEqual(400, self.call(key, request("ping"), X_API_Key=other).status)
        answer = self.call(None, request("ping"), f"tools?api_key={key['key']}")
        self.assertEqual(400, answer.status)
        self.assertNotIn(key["key"], self.server.log())

    def test_connect_keys_open_nothing_else_but_me(self):
        client = self.server.client(self.key()["key"])
        for path in ("/api/me", "/api/v1/me"):
            self.assertEqual(200, client.get(path).status)
        for path in ("/api/v1/keys", "/api/v1/projects", "/api/v1/whoami"):
            self.assertEqual(403, client.get(path).status, path)

    # -- messages

    def test_what_could_be_read_in_two_ways_is_refused(self):
        key = self.key()
        cases = (b'[{"jsonrpc":"2.0","id":1,"method":"ping"}]',
                 b'{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}',
                 b'{"jsonrpc":"2.0","id":1,"method":"tools/call",'
                 b'"params":{"name":"echo","Name":"secret"}}',
                 b'{"jsonrpc":"2.0","id":1,"method":')
        for body in cases:
            answer = self.call(key, body)
            self.assertEqual(400, answer.status, body)
            is_json = not body.endswith(b":")
            self.assertEqual(-32600 if is_json else -32700, answer.json()["error"]["code"], body)
        self.assertEqual(415, self.call(key, b"{}", Content_Type="text/plain").status)
        self.assertEqual([], self.upstream.seen)

    def test_modern_headers_must_say_what_the_body_says(self):
        key = self.key()
        body = request("tools/call", name="echo", _meta=modern_meta())
        good = {"MCP_Protocol_Version": MODERN, "Mcp_Method": "tools/call", "Mcp_Name": "echo"}
        self.assertEqual(200, self.call(key, body, **good).status)
        for name, value in (("Mcp_Name", "secret"), ("Mcp_Method", "tools/list"),
                            ("MCP_Protocol_Version", LEGACY)):
            answer = self.call(key, body, **{**good, name: value})
            self.assertEqual((400, -32020), (answer.status, answer.json()["error"]["code"]), name)

    def test_tool_rules_hide_tools_in_json_and_in_events(self):
        key = self.key(permissions=["tools/call:echo"])
        for streams in (False, True):
            self.upstream.streams_lists = streams
            listed = self.call(key, request("tools/list"))
            self.assertEqual(200, listed.status)
            self.assertIn("echo", listed.text)
            self.assertNotIn("secret", listed.text)
        before = len(self.upstream.seen)
        hidden = self.call(key, request("tools/call", 9, name="secret"))
        self.assertEqual((200, -32602, 9), (hidden.status, hidden.json()["error"]["code"],
                                            hidden.json()["id"]))
        self.assertEqual(before, len(self.upstream.seen))
        self.assertEqual(200, self.call(key, request("tools/call", name="echo")).status)

    def test_names_that_clients_make_up_reach_neither_metrics_nor_logs_as_they_are(self):
        key = self.key()
        token = self.owner.create_key("access")["key"]
        for name in (token, key["key"], "x" * 50_000):
            self.call(key, request("tools/call", name=name))
            self.call(key, request(name))
        self.call(key, request("tools/list"), key["key"])
        metrics = self.server.client().get("/metrics").text

        def events():
            found = self.owner.get(f"/api/v1/audit-events?key_id={key['id']}&action=mcp.call")
            items = found.expect(200).json()["items"]
            return found.text if len(items) >= 7 else None

        audit = wait_until(events, what="seven events")
        for text in (metrics, audit):
            for secret in (token, key["key"], "x" * 200):
                self.assertNotIn(secret, text)

    # -- upstream failures

    def test_the_upstreams_refusals_and_redirects_are_502(self):
        key = self.key()
        for status in (401, 403, 407, 307):
            self.upstream.answer_status = status
            answer = self.call(key, request("tools/list"))
            self.assertEqual(502, answer.status)
            self.assertIsNone(answer.headers["WWW-Authenticate"])
            self.assertIsNone(answer.headers["Location"])

    def test_an_unreachable_server_is_502(self):
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            gone = self.owner.create("mcp-servers", name="Gone", slug="gone",
                                     url=f"http://127.0.0.1:{unused.getsockname()[1]}/mcp")
        answer = self.call(self.key(scope={"ids": [gone["id"]]}), request("ping"), "gone")
        self.assertEqual((502, "upstream_unreachable"), (answer.status, answer.code))

    # -- browsers and OAuth probes

    def test_web_pages_of_strangers_are_refused_and_preflights_need_no_key(self):
        key = self.key()
        self.assertEqual(403, self.call(key, request("ping"), Origin="http://evil.example").status)
        own = f"http://127.0.0.1:{self.server.port}"
        flight = self.call(None, None, method="OPTIONS", Origin=own,
                           Access_Control_Request_Method="POST")
        self.assertEqual(204, flight.status)
        self.assertIn("Authorization", flight.headers["Access-Control-Allow-Headers"])
        answer = self.call(key, request("tools/list"), Origin=own)
        self.assertEqual(own, answer.headers["Access-Control-Allow-Origin"])
        self.assertIn("Mcp-Session-Id", answer.headers["Access-Control-Expose-Headers"])

    def test_there_is_no_oauth_here(self):
        key = self.key()
        for path in ("/.well-known/oauth-protected-resource/mcp-connect/tools",
                     "/.well-known/oauth-authorization-server", "/register",
                     "/.well-known/openid-configuration"):
            for client in (self.server.client(), self.server.client(key["key"])):
                answer = client.get(path)
                self.assertEqual(404, answer.status, path)
                answer.json()
        # mcp-remote registers itself after a 401, and shows its person the answer to that.
        registered = self.server.client(key["key"]).post("/register", {})
        self.assertEqual(404, registered.status)
        self.assertIn("Check the Authorization header", registered.json()["detail"])

    # -- the docs

    def test_the_configurations_in_the_docs_reach_the_server(self):
        text = (ROOT / "docs" / "guide" / "mcp.md").read_text()
        blocks = dict(re.findall(r"<!-- connect-config: ([a-z-]+) -->\n```json\n(.*?)^```$", text,
                                 re.M | re.S))
        self.assertEqual({"cursor", "claude-desktop", "vs-code"}, set(blocks))
        self.owner.create("mcp-servers", name="Wiki", slug="wiki", url=self.upstream.url)
        key = self.owner.create_key("connect")["key"]
        echo = request("tools/call", name="echo")
        for name, block in blocks.items():
            with self.subTest(name):
                block = block.replace("https://keys.example.com", self.server.url)
                block = block.replace("ok1-YOUR_KEY", key).replace("${input:wiki-key}", key)
                config = json.loads(block)
                entry = (config.get("mcpServers") or config["servers"])["wiki"]
                if "command" in entry:
                    self.assertEqual("keywright", entry["command"])
                    done = subprocess.run([binary(), *entry["args"]], input=json.dumps(echo) + "\n",
                                          text=True, capture_output=True, timeout=60, check=True,
                                          env={**os.environ, **entry["env"]})
                    answer = json.loads(done.stdout)
                else:
                    answer = self.server.client().post(
                        entry["url"].removeprefix(self.server.url), echo,
                        headers={**entry["headers"], "Accept": ACCEPT}).expect(200).json()
                self.assertIn("content", answer["result"])

    # -- revocation and audit

    def begin_slow_call(self, key):
        """The thread that waits for its answer, and where the answer will be."""
        self.upstream.slow_began.clear()
        self.upstream.slow_may_end.clear()
        answers = []
        caller = threading.Thread(target=lambda: answers.append(
            self.call(key, request("tools/call", name="slow"))))
        caller.start()
        self.assertTrue(self.upstream.slow_began.wait(60))
        return caller, answers

    def open_stream(self, key):
        connection = self.server.connection()
        connection.request("GET", "/mcp-connect/tools",
                           headers={"Authorization": f"Bearer {key['key']}",
                                    "Accept": "text/event-stream"})
        answer = connection.getresponse()
        self.assertEqual(200, answer.status)
        return connection, answer

    @staticmethod
    def read_to_its_end(stream):
        try:
            stream.read()
        except (http.client.IncompleteRead, ConnectionError):
            pass

    def test_streams_and_calls_in_flight_end_with_every_cause(self):
        person = self.owner.create_user("member")
        client = self.server.sign_in(person["email"])
        registry = self.owner.create("registries", name="cut", user_ids=[person["id"]],
                                     mcp_server_ids=[self.mcp_server["id"]])
        causes = {
            "revoke": lambda key: client.post(f"/api/v1/keys/{key['id']}/revoke", {}),
            "disable": lambda key: client.post(f"/api/v1/keys/{key['id']}/disable", {}),
            "scope": lambda key: client.patch(f"/api/v1/keys/{key['id']}",
                                              {"scope": {"ids": [self.spare["id"]]}}),
            "server": lambda key: self.owner.patch(f"/api/v1/mcp-servers/{self.mcp_server['id']}",
                                                   {"enabled": False}),
            "registry": lambda key: self.owner.patch(f"/api/v1/registries/{registry['id']}",
                                                     {"user_ids": []}),
        }
        self.spare = self.owner.create("mcp-servers", name="Spare", slug="spare",
                                       url=self.upstream.url)
        self.owner.patch(f"/api/v1/registries/{registry['id']}",
                         {"mcp_server_ids": [self.mcp_server["id"], self.spare["id"]]}).expect(200)
        for cause, take_away in causes.items():
            with self.subTest(cause):
                key = client.create_key("connect", scope={"ids": [self.mcp_server["id"]]})
                connection, stream = self.open_stream(key)
                caller, answers = self.begin_slow_call(key)
                take_away(key).expect(200, 204)
                self.read_to_its_end(stream)
                caller.join(30)
                self.assertFalse(caller.is_alive())
                self.upstream.slow_may_end.set()
                gone = cause in ("revoke", "disable")
                self.assertEqual([401 if gone else 403], [answer.status for answer in answers])
                connection.close()
                self.owner.patch(f"/api/v1/mcp-servers/{self.mcp_server['id']}", {"enabled": True})
                self.owner.patch(f"/api/v1/registries/{registry['id']}",
                                 {"user_ids": [person["id"]]})

    def test_a_call_under_way_ends_when_its_key_loses_the_tool(self):
        key = self.key()
        caller, answers = self.begin_slow_call(key)
        self.owner.patch(f"/api/v1/keys/{key['id']}",
                         {"permissions": ["tools/call:slow", "tools/call:echo"]}).expect(200)
        self.assertEqual([], answers)
        self.owner.patch(f"/api/v1/keys/{key['id']}",
                         {"permissions": ["tools/call:echo"]}).expect(200)
        caller.join(30)
        self.assertFalse(caller.is_alive())
        self.upstream.slow_may_end.set()
        self.assertEqual([403], [answer.status for answer in answers])
        self.assertEqual(200, self.call(key, request("tools/call", name="echo")).status)

    def test_only_messages_reach_the_server_with_a_body(self):
        key = self.key(permissions=["tools/call:echo"])
        self.call(key, request("tools/call", name="secret"), method="DELETE")
        self.assertEqual("DELETE", self.upstream.seen[-1]["method"])
        sent = self.upstream.seen[-1]["headers"]
        self.assertIn(sent["Content-Length"], (None, "0"))
        self.assertNotIn("Transfer-Encoding", sent)

    def test_a_thousand_open_streams_end_with_their_key(self):
        key = self.key()
        head = (f"GET /mcp-connect/tools HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                f"Authorization: Bearer {key['key']}\r\nAccept: text/event-stream\r\n\r\n")
        streams = []
        for _ in range(1000):
            streams.append(socket.create_connection(("127.0.0.1", self.server.port), timeout=60))
            streams[-1].sendall(head.encode())
        for stream in streams:
            self.assertIn(b" 200 ", stream.recv(4096))
        self.owner.post(f"/api/v1/keys/{key['id']}/revoke", {}).expect(200)
        for stream in streams:
            try:
                while stream.recv(4096):
                    pass
            except ConnectionResetError:
                pass  # closed, too
            stream.close()

    def test_a_stream_ends_when_its_key_expires(self):
        key = self.key()
        connection, stream = self.open_stream(key)
        self.owner.patch(f"/api/v1/keys/{key['id']}",
                         {"expires_at": in_time(seconds=3)}).expect(200)
        self.read_to_its_end(stream)
        connection.close()

    def test_one_event_for_each_call_denials_too_and_never_arguments(self):
        key = self.key(permissions=["tools/call:echo"])
        self.call(key, request("tools/call", name="echo", arguments={"x": "topsecretargument"}))
        self.call(key, request("tools/call", name="secret"))
        self.call(key, request("tools/list"), "other")
        self.call(key, request("tools/list"), Content_Type="text/plain")

        wait_until(lambda: len(self.events_of(key)) >= 4, what="four events")
        items = self.events_of(key)
        self.assertEqual(4, len(items))
        self.assertIn("unsupported_media_type", [item["reason"] for item in items])
        by_tool = {(item["details"].get("tool"), item["outcome"]) for item in items}
        self.assertIn(("echo", "success"), by_tool)
        self.assertIn(("secret", "denied"), by_tool)
        for item in items:
            self.assertEqual("mcp_server", item["object"]["type"])
            self.assertNotIn("topsecretargument", json.dumps(item))
        self.assertEqual(1, sum(item["reason"] == "insufficient_scope"
                                and item["details"].get("method") == "tools/list"
                                for item in items))


if __name__ == "__main__":
    unittest.main()
