"""/mcp-connect at its edges: answers nobody could read, rules that change under way, refusals that
cost nothing and are told to the audit log, and keys that stand where they should not."""

import json
import threading
import time
import unittest
from http.client import IncompleteRead

from keywright import wait_until
from test_mcp_connect_evil import HEADERS, ConnectTest
from upstreams import Recorder, read_request, unanswered

JSON_HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
STREAM_HEAD = (b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
               b"Transfer-Encoding: chunked\r\n\r\n")
TWO_A_DAY = [{"name": "day", "limit": 2, "window_seconds": 86400, "algorithm": "fixed"}]


def message(method="tools/call", number=7, **params):
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params})


def tools(*names):
    return json.dumps({"jsonrpc": "2.0", "id": 7,
                       "result": {"tools": [{"name": name} for name in names]}}).encode()


def with_length(body, head=JSON_HEAD):
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


class EdgesTest(ConnectTest):
    def answering(self, answer):
        """The path of a server that answers everything with these bytes, and keeps on."""
        def script(peer):
            while read_request(peer):
                peer.sendall(answer)
        return self.through(script)[1]

    def connect_client(self, **fields):
        key = self.owner.create_key("connect", **fields)
        return key, self.server.client(key["key"])

    def post(self, client, path, body, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return client.post(path, body=body, headers={**HEADERS, **named})

    def events(self, key, count):
        """The last `count` calls of a key in the audit log, oldest first, once they are there."""
        def found():
            listed = self.owner.get(f"/api/v1/audit-events?key_id={key['id']}&action=mcp.call")
            items = listed.expect(200).json()["items"]
            return items if len(items) >= count else None
        return wait_until(found, what=f"{count} events")[:count][::-1]


class Answers(EdgesTest):
    def test_answers_to_calls_come_through_whatever_they_hold(self):
        event = (b'data: {"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":'
                 b'"cut emoji \\ud83d \x01"}],"n":1e999,"tools":' + b"[" * 80 + b"]" * 80 +
                 b"}}\n\n")
        path = self.answering(STREAM_HEAD + chunk(event) + b"0\r\n\r\n")
        key, client = self.connect_client(permissions=["tools/call:sur"])
        answer = self.post(client, path, message(name="sur")).expect(200)
        self.assertEqual(event, answer.body)
        self.assertEqual("success", self.events(key, 1)[0]["outcome"])

    def test_a_list_that_cannot_be_read_is_an_error_of_its_call(self):
        listed = b'{"id":7,"result":{"tools":[{"name":"a","name":"b"}]}}'
        for answer in (with_length(listed),
                       STREAM_HEAD + chunk(b"data: " + listed + b"\n\n") + b"0\r\n\r\n"):
            key, client = self.connect_client(permissions=["tools/call:b"])
            got = self.post(client, self.answering(answer), message("tools/list")).expect(200)
            error = json.loads(got.text[got.text.index("{"):])
            self.assertEqual((7, -32603), (error["id"], error["error"]["code"]))
            self.assertEqual("failed", self.events(key, 1)[0]["outcome"])

    def test_a_filtered_list_is_kept_by_no_cache(self):
        answer = with_length(tools("a", "b"), JSON_HEAD + b"Cache-Control: public, max-age=600\r\n")
        path = self.answering(answer)
        for permissions, kept in ((None, "public, max-age=600"),
                                  (["tools/call:b"], "private, no-store")):
            client = self.connect_client(permissions=permissions)[1]
            got = self.post(client, path, message("tools/list")).expect(200)
            self.assertEqual(kept, got.headers["Cache-Control"])

    def test_what_an_answer_says_of_its_call_is_told(self):
        for body, outcome, reason in (
                (b'{"id":7,"result":{"content":[],"isError":false}}', "success", None),
                (b'{"id":7,"result":{"content":[],"isError":true}}', "failed", "tool_error"),
                (b'{"id":7,"error":{"code":-32602,"message":"?"}}', "failed", "rpc_error")):
            key, client = self.connect_client()
            self.post(client, self.answering(with_length(body)), message(name="made-up"))
            event = self.events(key, 1)[0]
            self.assertEqual((outcome, reason), (event["outcome"], event["reason"]))
        metrics = self.server.client().get("/metrics").text
        lines = [line for line in metrics.splitlines() if "mcp_connect_calls" in line]
        self.assertEqual(1, sum('tool="made-up"' in line for line in lines), lines)


class ChangedRules(EdgesTest):
    def held(self, before, after):
        """A path whose server sends `before`, waits to be let go on, and sends `after`."""
        began, go_on = threading.Event(), threading.Event()
        self.addCleanup(go_on.set)

        def script(peer):
            read_request(peer)
            peer.sendall(before)
            began.set()
            go_on.wait(60)
            peer.sendall(after)
            read_request(peer)
        return self.through(script)[1], began, go_on

    def narrow(self, key):
        self.owner.patch(f"/api/v1/keys/{key['id']}", {"permissions": ["tools/call:b"]}).expect(200)

    def test_a_list_on_its_way_is_filtered_by_the_rules_of_now(self):
        body = tools("a", "b")
        for answer in (with_length(body),
                       STREAM_HEAD + chunk(b"data: " + body + b"\n\n") + b"0\r\n\r\n"):
            path, began, go_on = self.held(b"", answer)
            key, client = self.connect_client()
            got = []
            caller = threading.Thread(
                target=lambda c=client, p=path, g=got: g.append(self.post(c, p,
                                                                          message("tools/list"))))
            caller.start()
            self.assertTrue(began.wait(60))
            self.narrow(key)
            go_on.set()
            caller.join(60)
            self.assertEqual(200, got[0].status)
            self.assertIn('"b"', got[0].text)
            self.assertNotIn('"a"', got[0].text)

    def test_an_open_stream_is_filtered_by_the_rules_of_now(self):
        event = b"data: " + tools("a", "b") + b"\n\n"
        path, began, go_on = self.held(STREAM_HEAD + chunk(event), chunk(event) + b"0\r\n\r\n")
        key, client = self.connect_client()
        connection = self.server.connection()
        self.addCleanup(connection.close)
        connection.request("GET", path, headers={"X-API-Key": client.token,
                                                 "Accept": "text/event-stream"})
        stream = connection.getresponse()
        self.assertIn(b'"a"', stream.read(len(event)))
        self.assertTrue(began.wait(60))
        self.narrow(key)
        go_on.set()
        rest = stream.read()
        self.assertIn(b'"b"', rest)
        self.assertNotIn(b'"a"', rest)

    def test_a_list_that_is_half_through_breaks_off(self):
        body = tools("b", "a")
        half = len(body) // 2
        path, _, go_on = self.held(with_length(body)[:-len(body)] + body[:half], body[half:])
        key, client = self.connect_client()
        connection = self.server.connection()
        self.addCleanup(connection.close)
        connection.request("POST", path, message("tools/list"),
                           {**HEADERS, "X-API-Key": client.token})
        answer = connection.getresponse()
        self.assertEqual(body[:half], answer.read(half))
        self.narrow(key)
        go_on.set()
        with self.assertRaises((IncompleteRead, ConnectionError)):
            answer.read()


class Refused(EdgesTest):
    def setUp(self):
        self.upstream = Recorder()
        self.addCleanup(self.upstream.close)
        self.path = self.mcp_server(self.upstream.url)

    def test_a_call_without_an_id_is_refused_and_told(self):
        key, client = self.connect_client(permissions=["tools/call:b"])
        for name in ("b", "secret"):
            body = json.dumps({"jsonrpc": "2.0", "method": "tools/call", "params": {"name": name}})
            answer = self.post(client, self.path, body).expect(400)
            self.assertEqual(-32600, answer.json()["error"]["code"])
        self.assertEqual([], self.upstream.requests)
        self.assertEqual({("b", "denied"), ("secret", "denied")},
                         {(event["details"]["tool"], event["outcome"])
                          for event in self.events(key, 2)})

    def test_a_refusal_costs_nothing_and_tells_what_is_left(self):
        key, client = self.connect_client(limits=TWO_A_DAY)
        compressed = self.post(client, self.path, message(name="b"), Content_Encoding="gzip")
        refused = {
            415: self.post(client, self.path, "{}", Content_Type="text/plain"),
            404: self.post(client, self.path, message(name="b"), Mcp_Session_Id="x"),
            405: client.request("PUT", self.path),
            400: self.post(client, self.path, "[]"),
        }
        for status, answer in [*refused.items(), (415, compressed)]:
            self.assertEqual(status, answer.status, answer)
            self.assertIn("r=2;", answer.headers["RateLimit"], status)
        self.assertEqual("identity", compressed.headers["Accept-Encoding"])
        self.assertEqual([], self.upstream.requests)
        about = self.owner.get(f"/api/v1/keys/{key['id']}").expect(200).json()
        self.assertIsNone(about["last_used_at"])  # nobody was asked to do anything
        good = [self.post(client, self.path, message(name="b")).status for _ in range(3)]
        self.assertEqual([200, 200, 429], good)
        wait_until(lambda: self.owner.get(f"/api/v1/keys/{key['id']}").json()["last_used_at"],
                   what="the use")

    def test_a_good_key_that_came_badly_is_in_the_audit_log(self):
        key, client = self.connect_client()
        another = self.owner.create_key("connect")["key"]
        self.post(client, f"{self.path}?api_key=x", message(name="b")).expect(400)
        self.post(client, self.path, message(name="b"), X_API_Key=another).expect(400)
        self.post(client, self.path, message(name="b"), Origin="http://evil.example").expect(403)
        self.server.client().get(f"{self.path}?access_token={key['key']}").expect(400)
        events = self.events(key, 4)
        self.assertEqual(["credential_in_query", "several_credentials", "origin_not_allowed",
                          "credential_in_query"], [event["reason"] for event in events])
        self.assertEqual(["tools/call"] * 3 + ["GET"],
                         [event["details"]["method"] for event in events])
        self.assertEqual([], self.upstream.requests)

    def test_the_method_of_a_refused_request_is_told(self):
        key, client = self.connect_client()
        for method in ("GET", "DELETE"):
            client.request(method, self.path, headers={"Mcp-Session-Id": "x"}).expect(404)
        client.request("PUT", self.path).expect(405)
        self.assertEqual(["GET", "DELETE", "PUT"],
                         [event["details"]["method"] for event in self.events(key, 3)])

    def test_a_key_that_lacks_the_server_is_told_which_scope_is_missing(self):
        client = self.connect_client(scope={"ids": [self.owner.create(
            "mcp-servers", name="Own", slug="own-one", url=self.upstream.url)["id"]]})[1]
        for name in (self.path.rsplit("/", 1)[1], "nowhere"):
            answer = self.post(client, f"/mcp-connect/{name}", message(name="b")).expect(403)
            challenge = answer.headers["WWW-Authenticate"]
            self.assertIn('error="insufficient_scope"', challenge)
            self.assertIn(f'scope="mcp:{name}"', challenge)
            self.assertIn("error_description=", challenge)

    def test_the_clients_key_reaches_the_server_nowhere(self):
        client = self.connect_client()[1]
        for query in (f"token={client.token}", f"a=1&x=%6F{client.token[1:]}"):
            answer = self.post(client, f"{self.path}?{query}", message(name="b"))
            self.assertEqual((400, "credential_in_query"), (answer.status, answer.code))
        self.assertEqual([], self.upstream.requests)
        fields = {name: f"a={client.token}" for name in ("Api-Key", "X-Auth-Token", "User-Agent",
                                                         "baggage")}
        client.post(f"{self.path}?a=1", body=message(name="b"),
                    headers={**HEADERS, **fields}).expect(200)
        self.assertNotIn(client.token.encode(), self.upstream.last().head)
        self.assertEqual("/mcp?a=1", self.upstream.last().target)

    def test_fields_of_the_modern_era_go_on_in_it_only(self):
        client = self.connect_client()[1]
        self.post(client, self.path, message(name="b"), Mcp_Name="c", Mcp_Method="x").expect(200)
        self.assertFalse({"mcp-name", "mcp-method"} & self.upstream.last().names())
        meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": {}}
        self.post(client, self.path, message(name="b", _meta=meta), Mcp_Name="b",
                  Mcp_Method="tools/call", MCP_Protocol_Version="2026-07-28").expect(200)
        self.assertEqual("b", self.upstream.last().one("Mcp-Name"))


class UnderWay(EdgesTest):
    def test_a_session_ends_when_the_server_moves(self):
        path = self.answering(with_length(b'{"id":7,"result":{}}',
                                          JSON_HEAD + b"Mcp-Session-Id: theirs\r\n"))
        other = Recorder()
        self.addCleanup(other.close)
        slug = path.rsplit("/", 1)[1]
        listed = self.owner.get("/api/v1/mcp-servers?limit=200").json()["items"]
        server = next(each["id"] for each in listed if each["slug"] == slug)
        client = self.connect_client()[1]
        session = self.post(client, path, message("initialize")).headers["Mcp-Session-Id"]
        self.post(client, path, message("ping"), Mcp_Session_Id=session).expect(200)
        self.owner.patch(f"/api/v1/mcp-servers/{server}", {"name": "Renamed"}).expect(200)
        self.post(client, path, message("ping"), Mcp_Session_Id=session).expect(200)
        self.owner.patch(f"/api/v1/mcp-servers/{server}", {"url": f"{other.url}/mcp"}).expect(200)
        answer = self.post(client, path, message("ping"), Mcp_Session_Id=session)
        self.assertEqual((404, "session_not_found"), (answer.status, answer.code))
        self.assertEqual([], other.requests)

    def test_a_call_that_loses_its_server_is_told_the_scope(self):
        upstream = Recorder()
        self.addCleanup(upstream.close)
        slug = "slow-one"
        server = self.owner.create("mcp-servers", name=slug, slug=slug, url=f"{upstream.url}/slow")
        client = self.connect_client()[1]
        got = []
        caller = threading.Thread(target=lambda: got.append(
            self.post(client, f"/mcp-connect/{slug}", message(name="b"))))
        caller.start()
        wait_until(lambda: upstream.requests, what="the call")
        self.owner.patch(f"/api/v1/mcp-servers/{server['id']}", {"enabled": False}).expect(200)
        caller.join(60)
        upstream.hold.set()
        self.assertEqual(403, got[0].status)
        self.assertIn(f'scope="mcp:{slug}"', got[0].headers["WWW-Authenticate"])

    def test_a_revoked_call_does_not_wait_for_a_connection(self):
        path = self.mcp_server(unanswered(self))
        for left in range(3, -1, -1):  # a busy machine may take too long to revoke
            ended = {}
            (key, revoked), (_, other) = self.connect_client(), self.connect_client()

            def call(name, client, ended=ended):
                status = self.post(client, path, message(name="b")).status
                ended[name] = (status, time.monotonic())
            callers = [threading.Thread(target=call, args=each)
                       for each in (("revoked", revoked), ("other", other))]
            before = self.metric("keywright_proxy_open")
            for caller in callers:
                caller.start()
            wait_until(lambda: self.metric("keywright_proxy_open") == before + 2 or ended,
                       what="both calls")
            self.owner.post(f"/api/v1/keys/{key['id']}/revoke", {}).expect(200)
            for caller in callers:
                caller.join(60)
            if ended["other"][1] - ended["revoked"][1] > 0.5 or not left:
                break
        self.assertEqual((401, 502), (ended["revoked"][0], ended["other"][0]))
        self.assertGreater(ended["other"][1] - ended["revoked"][1], 0.5)


if __name__ == "__main__":
    unittest.main()
