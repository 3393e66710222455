"""Forward auth: the answers themselves, and real proxies with the configurations of the docs."""

import http.client

from keywright import ServerTest, wait_until
from proxies import Caddy, Haproxy, Nginx
from upstreams import Recorder

IDENTITY = ("X-Keywright-Key-Id", "X-Keywright-Owner", "X-Keywright-Owner-Type",
            "X-Keywright-Permissions")


class ForwardAuthTest(ServerTest):
    options = ["--trusted-proxy", "127.0.0.1/32", "--allow-upstream", "127.0.0.0/8"]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.keyspace = cls.owner.create("keyspaces", name="k", prefix="fa_")
        cls.service = cls.owner.create("services", name="Deployments", slug="deployments",
                                       upstream_url="http://127.0.0.1:9000",
                                       required_permission="deploy:run")

    def customer(self, **fields):
        fields.setdefault("permissions", ["deploy:*"])
        return self.owner.create_key("customer", keyspace_id=self.keyspace["id"],
                                     owner={"type": "external", "id": "customer-1"}, **fields)

    def ask(self, key=None, method="GET", path="/auth/deployments", headers=None, carrier="bearer"):
        client = self.server.client(key and key["key"], carrier)
        return client.request(method, path, headers=headers)


class Answers(ForwardAuthTest):
    def test_a_key_that_may_pass_is_named(self):
        key = self.customer()
        for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND"):
            for path in ("/auth/deployments", "/auth/deployments/",
                         "/auth/deployments/any/path?of=envoy"):
                answer = self.ask(key, method, path).expect(200)
                self.assertEqual([key["id"], "customer-1", "external", "deploy:*"],
                                 [answer.headers[name] for name in IDENTITY])
                self.assertEqual((b"", "no-store"), (answer.body, answer.headers["Cache-Control"]))
        self.ask(key, carrier="x-api-key").expect(200)

    def test_who_may_not_pass_gets_401_or_403_with_the_reason(self):
        self.assertEqual((401, "credential_missing"), self.outcome(self.ask()))
        self.assertNotIn("error=", self.ask().headers["WWW-Authenticate"])
        answer = self.ask({"key": "fa_wrong"})
        self.assertEqual((401, "unauthenticated"), self.outcome(answer))
        self.assertIn('error="invalid_token"', answer.headers["WWW-Authenticate"])
        self.assertEqual((403, "insufficient_scope"),
                         self.outcome(self.ask(self.customer(permissions=["read"]))))
        key = self.customer()
        self.ask(key).expect(200)
        self.owner.post(f"/api/v1/keys/{key['id']}/disable").expect(200)
        self.assertEqual(401, self.ask(key).status)
        self.owner.post(f"/api/v1/keys/{key['id']}/enable").expect(200)
        self.ask(key).expect(200)
        self.owner.post(f"/api/v1/keys/{key['id']}/revoke").expect(200)
        self.assertEqual(401, self.ask(key).status)

    def outcome(self, answer):
        return answer.status, answer.code

    def test_a_key_over_its_limit_gets_429_and_when_to_come_back(self):
        key = self.customer(limits=[{"name": "h", "limit": 1, "window_seconds": 3600,
                                     "algorithm": "gcra"}])
        self.assertIn("r=0", self.ask(key).expect(200).headers["RateLimit"])
        answer = self.ask(key)
        self.assertEqual((429, "rate_limited"), self.outcome(answer))
        self.assertGreaterEqual(int(answer.headers["Retry-After"]), 1)
        spent = self.customer(credits={"remaining": 0})
        self.assertEqual((429, "usage_exceeded"), self.outcome(self.ask(spent)))

    def test_the_clients_address_is_the_right_most_that_is_not_trusted(self):
        key = self.customer(allowed_cidrs=["192.0.2.0/24"])
        for chain, status in (("192.0.2.7", 200), ("1.2.3.4, 192.0.2.7", 200),
                              ("192.0.2.7, 127.0.0.1", 200), ("192.0.2.7, 1.2.3.4", 403),
                              (None, 403)):
            answer = self.ask(key, headers={"X-Forwarded-For": chain})
            self.assertEqual(status, answer.status, chain)
        self.assertEqual("ip_not_allowed", answer.code)

    def test_a_key_in_the_original_address_is_refused(self):
        key = self.customer()
        for name in ("X-Original-URI", "X-Original-URL", "X-Forwarded-Uri", "x-original-uri"):
            answer = self.ask(key, headers={name: "/a/b?x=1&api_key=" + key["key"]})
            self.assertEqual((400, "credential_in_query"), self.outcome(answer))
            self.ask(key, headers={name: "/a/b?x=1&x=2"}).expect(200)
        self.assertEqual(400, self.ask(key, path="/auth/deployments/a?access_token=x").status)

    def test_reserved_names_are_not_services(self):
        for slug in ("obtain", "verify", "refresh", "revoke"):
            self.assertEqual(400, self.owner.post("/api/v1/services", {
                "name": "s", "slug": slug, "upstream_url": "http://127.0.0.1:1"}).status)

    def test_a_use_is_seen(self):
        key = self.customer()
        self.ask(key).expect(200)
        wait_until(lambda: self.owner.get(f"/api/v1/keys/{key['id']}").json()["last_used_at"])


class Proxies(ForwardAuthTest):
    """The same for each proxy: what the service sees, and what a client that may not pass gets."""

    def setUp(self):
        self.upstream = Recorder()
        self.addCleanup(self.upstream.close)

    def request(self, proxy, key=None, path="/path?a=b", **headers):
        connection = http.client.HTTPConnection("127.0.0.1", proxy.port, timeout=20)
        self.addCleanup(connection.close)
        fields = {name.replace("__", "-"): value for name, value in headers.items()}
        if key:
            fields.setdefault("Authorization", "Bearer " + key["key"])
        connection.request("POST", path, body=b"hello", headers=fields)
        answer = connection.getresponse()
        answer.read()
        return answer

    def check(self, program):
        with program({"8080": self.server.port, "9000": self.upstream.port}) as proxy:
            key = self.customer()
            answer = self.request(proxy, key, X__Keywright__Owner="forged",
                                  X_Keywright_Owner="forged")
            self.assertEqual(200, answer.status)
            seen = self.upstream.last()
            self.assertEqual(("POST", "/path?a=b", b"hello"), (seen.method, seen.target, seen.body))
            self.assertEqual([key["id"], "customer-1", "external", "deploy:*"],
                             [seen.one(name) for name in IDENTITY])
            self.assertNotIn(key["key"], seen.head.decode())
            self.assertNotIn("forged", seen.head.decode())
            before = len(self.upstream.requests)

            answer = self.request(proxy)
            self.assertEqual(401, answer.status)
            self.assertIn("Bearer", answer.headers["WWW-Authenticate"])
            self.assertEqual(401, self.request(proxy, {"key": "fa_wrong"}).status)
            self.assertEqual(403, self.request(proxy, self.customer(permissions=["read"])).status)
            self.assertEqual(400, self.request(proxy, key, "/x?api_key=" + key["key"]).status)
            elsewhere = self.customer(allowed_cidrs=["192.0.2.0/24"])
            self.assertEqual(403, self.request(proxy, elsewhere).status)
            answer = self.request(proxy, elsewhere, X__Forwarded__For="192.0.2.1")
            self.assertEqual(403, answer.status)
            limited = self.customer(limits=[{"name": "d", "limit": 1, "window_seconds": 86400,
                                             "algorithm": "fixed"}])
            self.assertEqual(200, self.request(proxy, limited).status)
            answer = self.request(proxy, limited)
            self.assertEqual(429, answer.status)
            self.assertGreaterEqual(int(answer.headers["Retry-After"]), 1)
            self.assertEqual(before + 1, len(self.upstream.requests))

            self.owner.post(f"/api/v1/keys/{key['id']}/revoke").expect(200)
            self.assertEqual(401, self.request(proxy, key).status)

    def test_nginx(self):
        self.check(Nginx)

    def test_caddy(self):
        self.check(Caddy)

    def test_haproxy(self):
        self.check(Haproxy)
