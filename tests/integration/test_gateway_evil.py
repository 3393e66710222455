"""Upstreams that misbehave, clients that do, and addresses that must not be called."""

import ipaddress
import socket
import threading

from bad_upstreams import HEAD, BadUpstreams, UpstreamChecks, answering, hold
from keywright import Server, wait_until
from test_gateway import GatewayTest
from upstreams import Scripted, read_head, unanswered


class ScriptedTest(GatewayTest):
    def setUp(self):
        self.client = self.server.client(self.key()["key"])

    def through(self, script):
        upstream = Scripted(script)
        self.addCleanup(upstream.close)
        return upstream, f"/services/{self.service(upstream.url)['slug']}/"

    def call(self, path):
        return self.client.post(path, body=b"x")

    def begin(self, path):
        return self.open(path, {"key": self.client.token})


class Upstreams(BadUpstreams, ScriptedTest):
    def test_bytes_on_a_kept_connection_never_become_the_next_answer(self):
        answered, forged = threading.Semaphore(0), threading.Semaphore(0)

        def script(peer):
            while read_head(peer):
                peer.sendall(HEAD + b"Content-Length: 2\r\n\r\nok")
                answered.acquire()
                try:
                    peer.sendall(HEAD + b"Content-Length: 6\r\n\r\nforged")
                finally:
                    forged.release()
        _, path = self.through(script)
        for _ in range(10):
            self.assertEqual(b"ok", self.client.get(path).body)
            answered.release()
            forged.acquire()

    def test_interim_answers_are_skipped(self):
        _, path = self.through(answering(
            b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + HEAD +
            b"Content-Length: 2\r\n\r\nok"))
        answer = self.client.get(path)
        self.assertEqual((200, b"ok", None),
                         (answer.status, answer.body, answer.headers["Link"]))

    def test_an_answer_may_end_with_the_connection(self):
        _, path = self.through(answering(b"HTTP/1.0 200 OK\r\n\r\n" + b"y" * 100_000))
        self.assertEqual(b"y" * 100_000, self.client.get(path).body)

    def test_an_early_answer_is_told_while_the_body_is_still_coming(self):
        def script(peer):
            read_head(peer)
            peer.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n"
                         b"Connection: close\r\n\r\nbig")
            hold(peer)
        _, path = self.through(script)
        with socket.create_connection(("127.0.0.1", self.server.port), 60) as peer:
            peer.sendall(f"POST {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n"
                         f"Authorization: Bearer {self.client.token}\r\n\r\n12345".encode())
            self.assertTrue(peer.recv(1000).startswith(b"HTTP/1.1 413 "))

    def test_a_request_that_may_have_happened_is_not_sent_twice(self):
        seen = []

        def script(peer):
            while head := read_head(peer):
                seen.append(head.split(b" ")[0])
                if len(seen) == 2:
                    return  # closes a kept connection without an answer
                peer.sendall(HEAD + b"Content-Length: 2\r\n\r\nok")
        _, path = self.through(script)
        self.client.get(path).expect(200)
        self.client.post(path).expect(502)
        self.assertEqual([b"GET", b"POST"], seen)
        seen.clear()
        self.client.get(path).expect(200)
        self.client.get(path).expect(200)  # sent again on a new connection
        self.assertEqual([b"GET"] * 3, seen)

    def test_nobody_there_is_502(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            url = f"http://127.0.0.1:{free.getsockname()[1]}"
        path = f"/services/{self.service(url)['slug']}/"
        answer = self.client.get(path)
        self.assertEqual((502, "upstream_unreachable"), (answer.status, answer.code))
        name = f"/services/{self.service('http://no-such-name.invalid')['slug']}/"
        self.assertEqual(502, self.client.get(name).status)


class Silent(UpstreamChecks, ScriptedTest):
    """Upstreams that do not answer: with a limit that can be waited for."""

    options = [*GatewayTest.options, "--upstream-timeout", "2"]

    def test_who_does_not_answer_in_time_is_504_and_leaves_no_socket(self):
        self.check_misbehaviour(504, "upstream_timeout")

    def test_a_connection_that_is_not_accepted_in_time_is_504(self):
        path = f"/services/{self.service(unanswered(self))['slug']}/"
        answer = self.client.get(path)
        self.assertEqual((504, "upstream_timeout"), (answer.status, answer.code))


class Clients(GatewayTest):
    def test_a_client_that_goes_away_ends_the_request_upstream(self):
        upstream, path, _ = self.upstream()
        self.addCleanup(upstream.hold.set)
        connection = self.open(path + "/slow", self.key())
        wait_until(lambda: upstream.requests)
        connection.close()
        wait_until(lambda: self.metric("keywright_proxy_open") == 0, 15, "the end")

    def test_a_body_that_is_malformed_or_breaks_off_never_looks_whole(self):
        upstream, path, _ = self.upstream()
        token = self.key()["key"]
        head = f"POST {path}/x HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n"
        raw = self.server.raw((head + "Transfer-Encoding: chunked\r\n\r\n5\r\n12345\r\nzz\r\n")
                              .encode())
        self.assertTrue(raw.startswith(b"HTTP/1.1 400 "), raw)
        self.server.raw((head + "Content-Length: 10\r\n\r\n12345").encode(), 1, half_close=True)
        self.assertEqual([], upstream.requests)
        self.server.client(token).get(path).expect(200)
        self.assertEqual(["GET"], [seen.method for seen in upstream.requests])


class Addresses(GatewayTest):
    options = []

    def test_the_servers_own_network_is_refused_at_registration(self):
        for url in ("http://127.0.0.1:80", "http://localhost", "http://10.1.2.3", "http://[::1]:80",
                    "http://169.254.169.254/latest", "http://192.168.0.1", "http://0.0.0.0:1",
                    "http://[::ffff:127.0.0.1]", "http://2130706433", "http://0x7f.1", "http://127.1",
                    "http://100.64.0.1", "http://[fe80::1]", "http://[64:ff9b::7f00:1]",
                    "http://[::127.0.0.1]", "http://[::ffff:0:127.0.0.1]",
                    "http://[64:ff9b:1::7f00:1]", "http://[fec0::1]"):
            answer = self.owner.post("/api/v1/services", {"name": "s", "slug": "s",
                                                          "upstream_url": url})
            self.assertEqual(400, answer.status, url)

    def test_a_name_that_leads_inside_is_refused_when_it_is_dialled(self):
        host = socket.gethostname()
        try:
            address = ipaddress.ip_address(socket.gethostbyname(host))
        except OSError:
            self.skipTest(f"{host} has no address")
        if not address.is_private:
            self.skipTest(f"{host} is {address}")
        with Scripted(answering(HEAD + b"Content-Length: 2\r\n\r\nok")) as upstream:
            service = self.service(f"http://{host}:{upstream.port}")
            answer = self.server.client(self.key()["key"]).get(f"/services/{service['slug']}/")
            self.assertEqual((502, "upstream_not_allowed"), (answer.status, answer.code))
            self.assertEqual(0, upstream.accepted)

    def test_what_was_allowed_once_is_looked_at_again_when_it_is_dialled(self):
        allowed = Server(self.server.data, ["--allow-upstream", "127.0.0.0/8"])
        with Scripted(answering(HEAD + b"Content-Length: 2\r\n\r\nok")) as upstream:
            self.server.end()
            allowed.serve()
            owner = allowed.sign_in()
            owner.create("services", name="s", slug="inside", upstream_url=upstream.url)
            key = owner.create_key("access")
            allowed.client(key["key"]).get("/services/inside/").expect(200)
            allowed.stop()
            self.server.serve()
            answer = self.server.client(key["key"]).get("/services/inside/")
            self.assertEqual((502, "upstream_not_allowed"), (answer.status, answer.code))
            self.assertEqual(1, upstream.accepted)
