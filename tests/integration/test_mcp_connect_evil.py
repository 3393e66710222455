"""What the gateway's tests do to /services, done to /mcp-connect: upstreams that misbehave, and
fields that clients forge."""

import json

from bad_upstreams import HEAD, INSTEAD, BadUpstreams, answering
from keywright import wait_until
from test_gateway import GatewayTest
from upstreams import Recorder, Scripted, read_request, unanswered

CALL = json.dumps({"jsonrpc": "2.0", "id": 7, "method": "tools/call", "params": {"name": "t"}})
ANSWER = b'{"jsonrpc":"2.0","id":7,"result":{}}'
HEADERS = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json",
           "MCP-Protocol-Version": "2025-11-25"}


class ConnectTest(GatewayTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.connect_key = cls.owner.create_key("connect")
        cls.client = cls.server.client(cls.connect_key["key"])

    def mcp_server(self, url, **fields):
        type(self).slugs += 1
        slug = f"server-{self.slugs}"
        self.owner.create("mcp-servers", name=slug, slug=slug, url=f"{url}/mcp", **fields)
        return f"/mcp-connect/{slug}"

    def through(self, script):
        upstream = Scripted(script)
        self.addCleanup(upstream.close)
        return upstream, self.mcp_server(upstream.url)

    def call(self, path):
        return self.client.post(path, body=CALL, headers=HEADERS)

    def begin(self, path):
        connection = self.server.connection()
        self.addCleanup(connection.close)
        connection.request("POST", path, CALL, {**HEADERS, "X-API-Key": self.client.token})
        return connection


class Upstreams(BadUpstreams, ConnectTest):
    def test_a_call_is_never_sent_twice(self):
        seen = []

        def script(peer):
            while head := read_request(peer):
                seen.append(head.split(b" ")[0])
                if len(seen) == 2:
                    return  # closes a kept connection without an answer
                peer.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % len(ANSWER) + ANSWER)
        _, path = self.through(script)
        self.call(path).expect(200)
        self.call(path).expect(502)
        self.assertEqual(2, len(seen))

    def test_a_connection_that_is_not_accepted_in_time_is_unreachable(self):
        answer = self.call(self.mcp_server(unanswered(self)))
        self.assertEqual((502, "upstream_unreachable"), (answer.status, answer.code))

    def test_a_client_that_leaves_ends_what_hangs(self):
        for name, script in INSTEAD[504].items():  # a tool may take minutes
            with self.subTest(name):
                upstream, path = self.through(script)
                connection = self.begin(path)
                wait_until(lambda: upstream.open == 1, what="the call")
                connection.close()
                wait_until(lambda: upstream.open == 0, what="the end of the connection")


class Fields(ConnectTest):
    def forwarded(self, fields, carrier="Authorization: Bearer ", **server):
        """What the upstream saw, or the status if it saw nothing."""
        upstream = Recorder()
        self.addCleanup(upstream.close)
        path = self.mcp_server(upstream.url, **server)
        lines = "".join(f"{name}: {value}\r\n" for name, value in [*HEADERS.items(), *fields])
        raw = self.server.raw(f"POST {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n"
                              f"{carrier}{self.client.token}\r\nContent-Length: {len(CALL)}\r\n"
                              f"{lines}\r\n{CALL}".encode())
        return upstream.last() if upstream.requests else int(raw.split(b" ")[1])

    def test_nothing_that_only_we_may_say_is_believed(self):
        for name in ("X-Keywright-Key-Id", "X-KEYWRIGHT-OWNER", "x-keywright-permissions",
                     "X-Keywright-Anything", "X-Original-URL", "X-Rewrite-Url", "Forwarded",
                     "X-Real-IP", "X-Forwarded-For", "X-Forwarded-Host"):
            seen = self.forwarded([(name, "forged"), (name.lower(), "forged")])
            self.assertNotIn("forged", seen.head.decode(), name)
        self.assertEqual("127.0.0.1", seen.one("X-Forwarded-For"))

    def test_aliases_with_underscores_are_refused_or_dropped(self):
        for name in ("X_Keywright_Owner", "X-Keywright_Key-Id", "X_API_Key", "X_Forwarded_For",
                     "Content_Length", "Transfer_Encoding", "X_Real_IP"):
            self.assertEqual(400, self.forwarded([(name, "1")]), name)
        seen = self.forwarded([("X_Secret_Token", "theirs"), ("Mcp_Session_Id", "theirs")],
                              headers={"X-Secret-Token": "ours"})
        self.assertEqual(["ours"], seen.all("X-Secret-Token"))
        self.assertNotIn("theirs", seen.head.decode())

    def test_credentials_stay_here(self):
        for carrier in ("Authorization: Bearer ", "X-API-Key: "):
            seen = self.forwarded([("Proxy-Authorization", "Basic secret"), ("Cookie", "a=1"),
                                   ("Origin", "http://127.0.0.1"), ("Referer", "http://a/")],
                                  carrier)
            text = seen.head.decode()
            self.assertNotIn(self.client.token, text)
            self.assertNotIn("secret", text)
            self.assertFalse({"authorization", "x-api-key", "cookie", "origin", "referer"} &
                             seen.names())

    def test_fields_of_the_connection_stay_here_and_the_protocols_go_on(self):
        seen = self.forwarded([
            ("Keep-Alive", "timeout=5"), ("TE", "trailers"), ("Proxy-Connection", "keep-alive"),
            ("Connection", "X-Hop"), ("X-Hop", "1"), ("Mcp-Param-Region", "eu"),
            ("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")])
        self.assertEqual({"host", "accept", "content-type", "content-length", "mcp-param-region",
                          "mcp-protocol-version", "traceparent", "x-request-id", "x-forwarded-for",
                          "x-forwarded-proto", "x-forwarded-host"}, seen.names())
        self.assertEqual(CALL.encode(), seen.body)

    def test_the_servers_own_headers_win(self):
        seen = self.forwarded([("X-Tenant", "eight"), ("Connection", "X-Tenant")],
                              headers={"Authorization": "Bearer ours", "X-Tenant": "seven"})
        self.assertEqual(("seven", "Bearer ours"),
                         (seen.one("X-Tenant"), seen.one("Authorization")))

    def test_answers_lose_what_is_not_theirs_to_say(self):
        _, path = self.through(answering(
            HEAD + b"Connection: X-Hop\r\nX-Hop: 1\r\nX-Keywright-Owner: forged\r\n"
            b"Set-Cookie: keywright_session=planted\r\nServer: x\r\nRateLimit: forged\r\n"
            b"Access-Control-Allow-Origin: *\r\nContent-Type: application/json\r\n"
            b"Content-Length: %d\r\n\r\n" % len(ANSWER) + ANSWER))
        answer = self.call(path).expect(200)
        self.assertEqual(ANSWER, answer.body)
        names = {name.lower() for name in answer.headers}
        self.assertFalse(names & {"x-hop", "x-keywright-owner", "set-cookie", "ratelimit",
                                  "access-control-allow-origin"})


class Limits(ConnectTest):
    def test_limits_are_told_and_kept(self):
        seen = []

        def script(peer):
            while head := read_request(peer):
                seen.append(head)
                peer.sendall(HEAD + b"RateLimit: upstream\r\nContent-Length: %d\r\n\r\n" %
                             len(ANSWER) + ANSWER)
        _, path = self.through(script)
        key = self.owner.create_key("connect", limits=[
            {"name": "day", "limit": 2, "window_seconds": 86400, "algorithm": "fixed"}])
        client = self.server.client(key["key"])
        for remaining in (1, 0):
            answer = client.post(path, body=CALL, headers=HEADERS).expect(200)
            self.assertEqual(1, len(answer.headers.get_all("RateLimit")))
            self.assertIn(f"r={remaining};", answer.headers["RateLimit"])
            self.assertIn("q=2", answer.headers["RateLimit-Policy"])
        answer = client.post(path, body=CALL, headers=HEADERS)
        self.assertEqual((429, "rate_limited"), (answer.status, answer.code))
        self.assertGreaterEqual(int(answer.headers["Retry-After"]), 1)
        self.assertEqual(2, len(seen))
