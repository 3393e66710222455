"""The services proxy's rules: who passes, and which fields and paths go on."""

import json

from test_gateway import GatewayTest
from upstreams import Scripted, read_head


class Admission(GatewayTest):
    def test_only_kinds_for_services_pass_and_only_where_they_are_carried(self):
        _, path, _ = self.upstream()
        project = self.owner.create("projects", name="p")
        keyspace = self.owner.create("keyspaces", name="k", prefix="gw_")
        target = self.owner.create("targets", name="t", url="https://t.example.com")
        owners = {"ingest": {"type": "project", "id": project["id"]},
                  "account": {"type": "organization", "id": self.server.organization_id},
                  "management": {"type": "organization", "id": self.server.organization_id},
                  "target": {"type": "target", "id": target["id"]},
                  "customer": {"type": "external", "id": "c"}}
        more = {"customer": {"keyspace_id": keyspace["id"]},
                "management": {"permissions": ["keys:verify"]}}
        expected = {"access": {"bearer": 200, "x-api-key": 403},
                    "customer": {"bearer": 200, "x-api-key": 200}}
        for kind in ("personal", "mcp", "access", "connect", "ingest", "account", "target",
                     "management", "customer"):
            fields = {**more.get(kind, {})}
            if kind in owners:
                fields["owner"] = owners[kind]
            key = self.key(kind, **fields)
            for carrier in ("bearer", "x-api-key"):
                for prefix in (path + "/x", f"/auth/{path.rsplit('/', 1)[1]}"):
                    with self.subTest(kind=kind, carrier=carrier, at=prefix):
                        answer = self.server.client(key["key"], carrier).get(prefix)
                        self.assertEqual(expected.get(kind, {}).get(carrier, 403), answer.status)
                        if answer.status == 403:
                            self.assertEqual("wrong_key_kind", answer.code)
                            self.assertIn("access", answer.json()["detail"])

    def test_without_a_good_key_nothing_is_said_about_services(self):
        _, path, _ = self.upstream()
        slug = path.rsplit("/", 1)[1]
        for prefix in ("/services/%s/x", "/auth/%s"):
            for token in (None, "kwa_wrong", "Bearer"):
                answers = [self.server.client(token).get(prefix % name)
                           for name in (slug, "nothing-here")]
                for answer in answers:
                    self.assertEqual(401, answer.status)
                    self.assertEqual(token is not None,
                                     "error=" in answer.headers["WWW-Authenticate"])
                bodies = [{**answer.json(), "request_id": ""} for answer in answers]
                self.assertEqual(bodies[0], bodies[1])

    def test_a_service_that_is_not_reached_is_like_one_that_is_not_there(self):
        _, path, _ = self.upstream()
        stranger = self.server.sign_in(self.owner.create_user("member")["email"])
        other = stranger.create("organizations", name="Other")
        key = stranger.create_key("access")
        answers = []
        self.server.client(key["key"]).get(f"/auth/{path.rsplit('/', 1)[1]}").expect(200)
        service = stranger.create("services", name="s", slug="elsewhere",
                                  organization_id=other["id"], upstream_url="http://127.0.0.1:9")
        mine = self.server.client(self.key()["key"])
        for slug in (service["slug"], "nothing-here"):
            for prefix in (f"/services/{slug}/x", f"/auth/{slug}"):
                answer = mine.get(prefix)
                self.assertEqual((403, "insufficient_scope"), (answer.status, answer.code))
                answers.append({**answer.json(), "request_id": ""})
        self.assertEqual(1, len({json.dumps(answer, sort_keys=True) for answer in answers}))

    def test_sessions_and_two_credentials_do_not_pass(self):
        _, path, _ = self.upstream()
        answer = self.owner.get(path + "/x")
        self.assertEqual((403, "wrong_key_kind"), (answer.status, answer.code))
        bearer = {"Authorization": f"Bearer {self.key()['key']}"}
        answer = self.owner.get(path + "/x", headers=bearer)
        self.assertEqual((400, "several_credentials"), (answer.status, answer.code))
        bearer = self.server.sign_in(transport="bearer")
        self.assertEqual(403, bearer.get(path + "/x").status)

    def test_a_key_in_the_address_is_refused(self):
        upstream, path, _ = self.upstream()
        key = self.key()["key"]
        client = self.server.client(key)
        for query in (f"api_key={key}", f"a=b&access_token={key}", "%61pi_key=x", "API_KEY",
                      "x;api_key=1"):
            answer = client.get(f"{path}/x?{query}")
            self.assertEqual((400, "credential_in_query"), (answer.status, answer.code), query)
        self.assertEqual([], upstream.requests)
        client.get(path + "/x?a=1&a=2&api_keys=3&=&%").expect(200)
        self.assertEqual("/x?a=1&a=2&api_keys=3&=&%", upstream.last().target)
        self.assertNotIn(key, self.server.log())

    def test_limits_are_told_and_kept(self):
        _, path, _ = self.upstream()
        key = self.key(limits=[{"name": "day", "limit": 2, "window_seconds": 86400,
                                "algorithm": "fixed"}])
        client = self.server.client(key["key"])
        for remaining in (1, 0):
            answer = client.get(path + "/x").expect(200)
            self.assertIn(f"r={remaining};", answer.headers["RateLimit"])
        answer = client.get(path + "/x")
        self.assertEqual((429, "rate_limited"), (answer.status, answer.code))
        self.assertGreaterEqual(int(answer.headers["Retry-After"]), 1)

    def test_a_key_passes_from_its_networks_only(self):
        _, path, _ = self.upstream()
        key = self.key(allowed_cidrs=["192.0.2.0/24"])
        answer = self.server.client(key["key"]).get(path + "/x")
        self.assertEqual((403, "ip_not_allowed"), (answer.status, answer.code))


class Fields(GatewayTest):
    def forwarded(self, upstream, path, fields, key=None):
        """Sends fields as they are; what the upstream saw, or the status if it saw nothing."""
        before = len(upstream.requests)
        key = key or self.access
        lines = "".join(f"{name}: {value}\r\n" for name, value in fields)
        raw = self.server.raw(f"GET {path}/x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                              f"Authorization: Bearer {key}\r\n{lines}\r\n".encode())
        if len(upstream.requests) == before:
            return int(raw.split(b" ")[1])
        return upstream.last()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.access_key = cls.owner.create_key("access")
        cls.access = cls.access_key["key"]

    def test_what_only_we_may_say_is_ours_whatever_the_client_sends(self):
        upstream, path, _ = self.upstream()
        identity = {"X-Keywright-Key-Id": self.access_key["id"],
                    "X-Keywright-Owner": self.server.user_id,
                    "X-Keywright-Owner-Type": "user", "X-Keywright-Permissions": ""}
        for name, expected in identity.items():
            for spelling in (name, name.lower(), name.upper()):
                for extra in ([], [("Connection", spelling)], [(spelling, "second")]):
                    seen = self.forwarded(upstream, path, [(spelling, "forged"), *extra])
                    self.assertEqual(expected, seen.one(name), spelling)
        seen = self.forwarded(upstream, path, [("X-Keywright-Anything", "forged"),
                                               ("X-KEYWRIGHT-", "forged")])
        self.assertEqual(set(), {name for name in seen.names() if "anything" in name})
        self.assertNotIn("forged", seen.head.decode())

    def test_aliases_with_underscores_are_refused_or_dropped(self):
        upstream, path, _ = self.upstream(headers={"X-Secret-Token": "ours"})
        for name in ("X_Keywright_Owner", "X-Keywright_Key-Id", "x_keywright-permissions",
                     "X_API_Key", "X_Forwarded_For", "Content_Length", "Transfer_Encoding",
                     "X_Real_IP"):
            self.assertEqual(400, self.forwarded(upstream, path, [(name, "1")]), name)
        seen = self.forwarded(upstream, path, [("X_Secret_Token", "theirs"), ("A_b", "c")])
        self.assertEqual(["ours"], seen.all("X-Secret-Token"))
        self.assertNotIn("theirs", seen.head.decode())

    def test_credentials_stay_here(self):
        upstream, path, _ = self.upstream()
        seen = self.forwarded(upstream, path, [
            ("Proxy-Authorization", "Basic secret"),
            ("Cookie", "a=1; other=2"), ("Cookie", "b=3")])
        text = seen.head.decode()
        self.assertNotIn(self.access, text)
        self.assertNotIn("secret", text)
        self.assertNotIn("authorization", seen.names())
        self.assertEqual(["a=1; other=2", "b=3"], seen.all("Cookie"))
        # An empty session cookie is none, and does not go on either.
        seen = self.forwarded(upstream, path, [("Cookie", "keywright_session=; a=1; "
                                                          "__Host-keywright_session=x")])
        self.assertEqual(["a=1"], seen.all("Cookie"))

    def test_fields_of_the_connection_stay_here(self):
        upstream, path, _ = self.upstream()
        seen = self.forwarded(upstream, path, [
            ("Keep-Alive", "timeout=5"), ("TE", "trailers"), ("Trailer", "X"),
            ("Proxy-Connection", "keep-alive"), ("Upgrade", "h2c"), ("HTTP2-Settings", "AAMAAABk"),
            ("Connection", "X-Hop, Upgrade, HTTP2-Settings"), ("X-Hop", "1"), ("X-Stays", "2"),
            ("X-Original-URL", "/admin"), ("X-Rewrite-Url", "/admin"),
            ("Forwarded", "for=1.2.3.4"), ("X-Forwarded-For", "1.2.3.4"),
            ("X-Forwarded-Host", "evil.example"), ("X-Real-IP", "1.2.3.4")])
        self.assertEqual(
            {"host", "x-stays", "x-request-id", "x-forwarded-for", "x-forwarded-proto",
             "x-forwarded-host", "x-keywright-key-id", "x-keywright-owner",
             "x-keywright-owner-type", "x-keywright-permissions"}, seen.names())
        self.assertEqual("127.0.0.1", seen.one("X-Forwarded-For"))
        self.assertEqual("a", seen.one("X-Forwarded-Host"))

    def test_the_services_own_headers_are_added_and_win(self):
        upstream, path, service = self.upstream(headers={"Authorization": "Bearer upstream-secret",
                                                         "X-Tenant": "seven"})
        seen = self.forwarded(upstream, path, [("X-Tenant", "eight"), ("Connection", "X-Tenant")])
        self.assertEqual("Bearer upstream-secret", seen.one("Authorization"))
        self.assertEqual("seven", seen.one("X-Tenant"))
        self.owner.patch(f"/api/v1/services/{service['id']}",
                         {"headers": {"X-Tenant": "nine"}}).expect(200)
        seen = self.forwarded(upstream, path, [])
        self.assertEqual(("nine", []), (seen.one("X-Tenant"), seen.all("Authorization")))

    def test_identity_of_a_customer_key(self):
        upstream, path, _ = self.upstream()
        keyspace = self.owner.create("keyspaces", name="k", prefix="ident_")
        key = self.key("customer", keyspace_id=keyspace["id"], permissions=["a.b.*", "c"],
                       owner={"type": "external", "id": "customer 42/ä"})
        seen = self.forwarded(upstream, path, [], key["key"])
        self.assertEqual("customer%2042/%C3%A4", seen.one("X-Keywright-Owner"))
        self.assertEqual("external", seen.one("X-Keywright-Owner-Type"))
        self.assertEqual("a.b.*,c", seen.one("X-Keywright-Permissions"))

    def test_answers_lose_what_is_not_theirs_to_say(self):
        def script(peer):
            read_head(peer)
            peer.sendall(b"HTTP/1.1 200 OK\r\nConnection: X-Hop, keep-alive\r\nX-Hop: 1\r\n"
                         b"Keep-Alive: timeout=1\r\nX-Keywright-Owner: forged\r\nX-Stays: 2\r\n"
                         b"Set-Cookie: keywright_session=planted; Path=/\r\nSet-Cookie: a=b\r\n"
                         b"WWW-Authenticate: Basic realm=\"x\"\r\n"
                         b"Trailer: X-T\r\nTransfer-Encoding: chunked\r\n\r\n"
                         b"2;ext=1\r\nok\r\n0\r\nX-T: dropped\r\n\r\n")
        with Scripted(script) as upstream:
            path = f"/services/{self.service(upstream.url)['slug']}/"
            answer = self.server.client(self.access).get(path)
        self.assertEqual(b"ok", answer.body)
        names = {name.lower() for name in answer.headers}
        self.assertEqual(set(), names & {"x-hop", "keep-alive", "x-keywright-owner", "trailer",
                                         "x-t"})
        self.assertEqual(["a=b"], answer.headers.get_all("Set-Cookie"))
        self.assertEqual("2", answer.headers["X-Stays"])
        self.assertEqual('Basic realm="x"', answer.headers["WWW-Authenticate"])

    def test_paths_go_on_as_they_are_or_not_at_all(self):
        upstream, path, _ = self.upstream()
        for rest in ("/a/../b", "/..", "/.", "/a/./b", "/%2e%2e/b", "/%2E./b", "/.%2e", "/a//b",
                     "//a", "//", "/a%2fb", "/a%2Fb", "/a%5cb", "/%00", "/a%0d%0ab", "/..;/admin",
                     "/.;x=1/admin", "/%2e%2e;/admin", "/a/%2e"):
            raw = self.server.raw(f"GET {path}{rest} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                                  f"Authorization: Bearer {self.access}\r\n\r\n".encode())
            self.assertTrue(raw.startswith(b"HTTP/1.1 400 "), (rest, raw[:200]))
            self.assertIn(b'"code":"invalid_path"', raw)
        self.assertEqual([], upstream.requests)
        for rest in ("/", "/a/", "/a.b/..c/...", "/%20%C3%A4", "/a;b=c", "/%25%32%66",
                     "/:@!$&'()*+,=",
                     "/%7Euser", "/a?x=/../y", "/a?http://b//c"):
            self.server.client(self.access).get(path + rest).expect(200)
            self.assertEqual(rest, upstream.last().target)
