"""The services proxy: what goes to an upstream and what comes back, and that revoking ends it."""

import http.client
import os
import socket
import threading
import time

from keywright import Server, ServerTest, in_time, wait_until
from upstreams import Recorder, Scripted, masked_frame, read_frame, read_head


class GatewayTest(ServerTest):
    options = ["--allow-upstream", "127.0.0.0/8"]
    slugs = 0

    def service(self, upstream_url, **fields):
        type(self).slugs += 1
        fields.setdefault("slug", f"service-{self.slugs}")
        return self.owner.create("services", name="a service", upstream_url=upstream_url, **fields)

    def upstream(self, **fields):
        """A Recorder with a service before it: (recorder, path, service)."""
        recorder = Recorder()
        self.addCleanup(recorder.close)
        service = self.service(recorder.url, **fields)
        return recorder, f"/services/{service['slug']}", service

    def key(self, kind="access", **fields):
        return self.owner.create_key(kind, **fields)

    def open(self, path, key, method="GET", headers=None):
        """A connection on which one request was sent."""
        connection = self.server.connection()
        self.addCleanup(connection.close)
        connection.request(method, path, headers={"Authorization": f"Bearer {key['key']}",
                                                  **(headers or {})})
        return connection

    def metric(self, name):
        text = self.server.client().get("/metrics").text
        return sum(float(line.rsplit(" ", 1)[1]) for line in text.splitlines()
                   if line.startswith(name) and not line.startswith("#"))


class Forwarding(GatewayTest):
    def test_a_request_goes_on_and_its_answer_comes_back(self):
        upstream, path, _ = self.upstream()
        client = self.server.client(self.key()["key"])
        answer = client.post(path + "/a/b?c=d&e=%20", body=b"hello",
                             headers={"Content-Type": "text/plain"})
        self.assertEqual((200, b"ok"), (answer.status, answer.body))
        self.assertEqual("yes", answer.headers["X-Upstream"])
        seen = upstream.last()
        self.assertEqual(("POST", "/a/b?c=d&e=%20", b"hello"),
                         (seen.method, seen.target, seen.body))
        self.assertEqual(f"127.0.0.1:{upstream.port}", seen.one("Host"))
        self.assertEqual("5", seen.one("Content-Length"))
        self.assertEqual("text/plain", seen.one("Content-Type"))
        self.assertEqual(answer.headers["X-Request-Id"], seen.one("X-Request-Id"))
        self.assertEqual("127.0.0.1", seen.one("X-Forwarded-For"))
        self.assertEqual("http", seen.one("X-Forwarded-Proto"))
        self.assertEqual(f"127.0.0.1:{self.server.port}", seen.one("X-Forwarded-Host"))

    def test_the_base_path_of_the_upstream_comes_first(self):
        recorder = Recorder()
        self.addCleanup(recorder.close)
        path = f"/services/{self.service(recorder.url + '/v1/')['slug']}"
        client = self.server.client(self.key()["key"])
        for rest, target in (("", "/v1"), ("/", "/v1/"), ("/x", "/v1/x"), ("?q=1", "/v1?q=1")):
            client.get(path + rest).expect(200)
            self.assertEqual(target, recorder.last().target)
        _, bare, _ = self.upstream()
        client.get(bare).expect(200)

    def test_every_method_and_status_passes(self):
        upstream, path, _ = self.upstream()
        client = self.server.client(self.key()["key"])
        for method in ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"):
            self.assertEqual(200, client.request(method, path + "/").status, method)
            self.assertEqual(method, upstream.last().method)
        for status in (201, 204, 301, 304, 401, 403, 404, 418, 500, 503):
            answer = client.get(f"{path}/status/{status}")
            self.assertEqual(status, answer.status)
            self.assertEqual(b"" if status in (204, 304) else b"body", answer.body)
        answer = client.request("HEAD", path + "/large/12345")
        self.assertEqual(("12345", b""), (answer.headers["Content-Length"], answer.body))

    def test_large_bodies_pass_both_ways_at_once(self):
        _, path, _ = self.upstream()
        client = self.server.client(self.key()["key"])
        sent = os.urandom(6 * 1024 * 1024)
        answer = client.post(path + "/echo", body=sent)
        self.assertEqual(200, answer.status)
        self.assertTrue(answer.body == sent)
        answer = client.post(path + "/echo", body=iter([sent[:100000], sent[100000:]]))
        self.assertTrue(answer.body == sent)
        self.assertEqual(3_000_000, len(client.get(path + "/large/3000000").body))

    def test_connections_to_the_upstream_are_kept(self):
        upstream, path, _ = self.upstream()
        client = self.server.client(self.key()["key"])
        for _ in range(40):
            client.get(path + "/").expect(200)
            client.post(path + "/", body=b"x").expect(200)
        self.assertEqual(1, upstream.accepted)

    def test_a_kept_connection_that_was_closed_is_replaced(self):
        def once(peer):
            read_head(peer)
            peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        with Scripted(once) as upstream:
            path = f"/services/{self.service(upstream.url)['slug']}/"
            client = self.server.client(self.key()["key"])
            for _ in range(20):
                client.get(path).expect(200)
            self.assertEqual(20, upstream.accepted)

    def test_events_come_one_by_one(self):
        upstream, path, _ = self.upstream()
        answer = self.open(path + "/events", self.key()).getresponse()
        self.assertEqual("text/event-stream", answer.headers["Content-Type"])
        for number in (1, 2, 3):
            upstream.events.release()
            self.assertEqual(b"data: %d\n\n" % number, answer.read1())

    def test_a_client_that_leaves_ends_the_stream_upstream(self):
        upstream, path, _ = self.upstream()
        connection = self.open(path + "/events", self.key())
        answer = connection.getresponse()
        answer.close()
        connection.close()
        self.assertTrue(upstream.streams_closed.acquire(timeout=30))

    def test_expect_continue_is_answered(self):
        upstream, path, _ = self.upstream()
        with socket.create_connection(("127.0.0.1", self.server.port), 60) as peer:
            peer.sendall(f"POST {path}/ HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
                         f"Authorization: Bearer {self.key()['key']}\r\n"
                         "Expect: 100-continue\r\n\r\n".encode())
            self.assertEqual(b"HTTP/1.1 100 Continue\r\n\r\n", peer.recv(100))
            peer.sendall(b"12345")
            self.assertTrue(peer.recv(100).startswith(b"HTTP/1.1 200 "))
        self.assertEqual(b"12345", upstream.last().body)
        self.assertEqual([], upstream.last().all("Expect"))

    def test_websockets_pass_both_ways(self):
        upstream, path, _ = self.upstream()
        with self.websocket(path, self.key()) as peer:
            for text in (b"hello", b"", b"x" * 100):
                peer.sendall(masked_frame(text))
                self.assertEqual(text, read_frame(peer))
        self.assertTrue(upstream.streams_closed.acquire(timeout=30))

    def websocket(self, path, key):
        peer = socket.create_connection(("127.0.0.1", self.server.port), 60)
        peer.sendall(f"GET {path}/ws HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\n"
                     f"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
                     "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
                     f"Authorization: Bearer {key['key']}\r\n\r\n".encode())
        head = read_head(peer)
        self.assertTrue(head.startswith(b"HTTP/1.1 101 "), head)
        self.assertIn(b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=", head)
        self.assertIn(b"Upgrade: websocket", head)
        self.assertIn(b"Connection: Upgrade", head)
        return peer


class Cutting(GatewayTest):
    """Revoked, disabled, narrowed, deleted: what is in flight ends before the call returns."""

    def in_flight(self, key, path="/slow"):
        """A request that its upstream has and does not answer."""
        upstream, prefix, service = self.upstream()
        self.addCleanup(upstream.hold.set)
        connection = self.open(prefix + path, key)
        wait_until(lambda: upstream.requests, what="the request upstream")
        return connection, service

    def status_after(self, connection):
        answer = connection.getresponse()
        answer.read()
        return answer.status, answer.headers

    def test_a_request_whose_answer_has_not_begun_gets_401(self):
        changes = {
            "revoke": lambda key: self.owner.post(f"/api/v1/keys/{key['id']}/revoke").expect(200),
            "delete": lambda key: self.owner.delete(f"/api/v1/keys/{key['id']}").expect(204),
            "disable": lambda key: self.owner.post(f"/api/v1/keys/{key['id']}/disable").expect(200),
            "rotate": lambda key: self.owner.post(f"/api/v1/keys/{key['id']}/rotate",
                                                  {"overlap_seconds": 0}).expect(200),
        }
        for name, change in changes.items():
            with self.subTest(name):
                key = self.key()
                connection, _ = self.in_flight(key)
                change(key)
                status, headers = self.status_after(connection)
                self.assertEqual(401, status)
                self.assertIn("WWW-Authenticate", headers)

    def test_an_owner_who_loses_standing_loses_what_is_in_flight(self):
        person = self.owner.create_user("member")
        key = self.server.sign_in(person["email"]).create_key("access")
        connection, _ = self.in_flight(key)
        self.owner.patch(f"/api/v1/users/{person['id']}", {"active": False}).expect(200)
        self.assertEqual(401, self.status_after(connection)[0])

    def test_a_right_that_is_lost_gives_403(self):
        keyspace = self.owner.create("keyspaces", name="c", prefix="cut_")
        upstream, path, service = self.upstream(required_permission="jobs.run")
        self.addCleanup(upstream.hold.set)

        def customer(**fields):
            return self.key("customer", keyspace_id=keyspace["id"],
                            owner={"type": "external", "id": "c-1"}, **fields)
        key = customer(permissions=["jobs.*"])
        connection = self.open(path + "/slow", key)
        wait_until(lambda: upstream.requests)
        self.owner.patch(f"/api/v1/keys/{key['id']}", {"permissions": ["other"]}).expect(200)
        self.assertEqual(403, self.status_after(connection)[0])
        scoped = customer(permissions=["jobs.*"],
                          scope={"resource_type": "service", "ids": [service["id"]]})
        connection = self.open(path + "/slow", scoped)
        wait_until(lambda: len(upstream.requests) == 2)
        self.owner.patch(f"/api/v1/keys/{scoped['id']}",
                         {"scope": {"resource_type": "service", "ids": ["other"]}}).expect(200)
        self.assertEqual(403, self.status_after(connection)[0])

    def test_a_deleted_service_ends_its_requests(self):
        connection, service = self.in_flight(self.key())
        self.owner.delete(f"/api/v1/services/{service['id']}").expect(204)
        self.assertEqual(403, self.status_after(connection)[0])

    def test_streams_and_tunnels_end_with_the_call(self):
        for path in ("/events", "/ws"):
            with self.subTest(path):
                upstream, prefix, _ = self.upstream()
                key = self.key()
                peer = socket.create_connection(("127.0.0.1", self.server.port), 60)
                self.addCleanup(peer.close)
                peer.sendall(f"GET {prefix}{path} HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
                             "Upgrade: websocket\r\nSec-WebSocket-Key: aa\r\n"
                             f"Authorization: Bearer {key['key']}\r\n\r\n".encode())
                read_head(peer)
                self.owner.post(f"/api/v1/keys/{key['id']}/revoke").expect(200)
                while peer.recv(1000):
                    pass  # until its end
                self.assertTrue(upstream.streams_closed.acquire(timeout=30))

    def test_streams_of_others_go_on(self):
        upstream, path, _ = self.upstream()
        mine, other = self.key(), self.key()
        answer = self.open(path + "/events", mine).getresponse()
        self.owner.post(f"/api/v1/keys/{other['id']}/revoke").expect(200)
        upstream.events.release()
        self.assertEqual(b"data: 1\n\n", answer.read1())

    def test_the_end_of_a_key_ends_its_streams(self):
        _, path, _ = self.upstream()
        key = self.key()
        answer = self.open(path + "/events", key).getresponse()
        self.owner.patch(f"/api/v1/keys/{key['id']}",
                         {"expires_at": in_time(seconds=3)}).expect(200)
        with self.assertRaises((http.client.IncompleteRead, ConnectionError)):
            answer.read()
        # An overlap that ends, too.
        key = self.key()
        answer = self.open(path + "/events", key).getresponse()
        self.owner.post(f"/api/v1/keys/{key['id']}/rotate", {"overlap_seconds": 1}).expect(200)
        with self.assertRaises((http.client.IncompleteRead, ConnectionError)):
            answer.read()

    def test_an_open_stream_counts_as_use(self):
        upstream, path, _ = self.upstream()
        key = self.key(idle_timeout_seconds=4)
        answer = self.open(path + "/events", key).getresponse()
        time.sleep(6)
        upstream.events.release()
        self.assertEqual(b"data: 1\n\n", answer.read1())
        self.server.client(key["key"]).get("/api/v1/whoami").expect(200)

    def test_revoked_means_revoked_under_load(self):
        _, path, _ = self.upstream()
        for _ in range(20):
            key = self.key()
            accepted, refused = [], []
            under_load = threading.Semaphore(0)

            def call(token):
                client = self.server.client(token)
                while True:
                    began = time.monotonic()
                    status = client.get(path + "/").status
                    if status != 200:
                        refused.append(status)
                        return
                    accepted.append(began)
                    under_load.release()

            threads = [threading.Thread(target=call, args=(key["key"],), daemon=True)
                       for _ in range(4)]
            for thread in threads:
                thread.start()
            for _ in range(8):
                self.assertTrue(under_load.acquire(timeout=60))
            self.owner.post(f"/api/v1/keys/{key['id']}/revoke").expect(200)
            revoked = time.monotonic()
            for thread in threads:
                thread.join(60)
            self.assertEqual([401] * len(threads), refused)
            self.assertEqual([], [at for at in accepted if at > revoked])

    def test_stopping_ends_streams(self):
        server = Server.start(self.options)
        owner = server.sign_in()
        with Recorder() as upstream:
            owner.create("services", name="s", slug="s", upstream_url=upstream.url)
            connection = server.connection()
            connection.request("GET", "/services/s/events", headers={
                "Authorization": f"Bearer {owner.create_key('access')['key']}"})
            connection.getresponse()
            server.stop()  # fails unless it ends with 0
            connection.close()
