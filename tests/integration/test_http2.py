"""HTTP/2 on the real program: curl and h2load as its clients, and clients that mean harm."""

import json
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import tempfile
import time
import unittest

from keywright import Server, ServerTest
from upstreams import Recorder

PREFACE = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
DATA, HEADERS, RST_STREAM, SETTINGS, PING, GOAWAY, CONTINUATION = 0, 1, 3, 4, 6, 7, 9
END_STREAM, END_HEADERS = 1, 4
NO_ERROR, PROTOCOL_ERROR, CANCEL, ENHANCE_YOUR_CALM = 0, 1, 8, 11
STREAMS = 100


def frame(kind, flags, stream, payload=b""):
    return (struct.pack(">I", len(payload))[1:] + bytes([kind, flags]) +
            struct.pack(">I", stream) + payload)


def literal(name, value):
    """A field without indexing; values of up to 16,000 bytes."""
    size = len(value)
    if size >= 127:
        rest = size - 127
        length = b"\x7f" + bytes([rest & 0x7f | 0x80, rest >> 7])
    else:
        length = bytes([size])
    return b"\0" + bytes([len(name)]) + name + length + value


def request(stream, path=b"/healthz", flags=END_STREAM | END_HEADERS, fields=(), method=b"GET"):
    block = (literal(b":method", method) + literal(b":scheme", b"http") +
             literal(b":authority", b"a") + literal(b":path", path))
    return frame(HEADERS, flags, stream, block + b"".join(literal(*field) for field in fields))


class Attacker:
    """A connection that says whatever it likes, and hears what the server answers to it."""

    def __init__(self, port, greeting=PREFACE + frame(SETTINGS, 0, 0)):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=60)
        self.received = b""
        self.say(greeting)

    def say(self, data):
        """What is refused before it was read is no error here: what matters is the answer."""
        try:
            self.socket.sendall(data)
        except OSError:
            pass

    def hear(self, text):
        """Receives until this has been said."""
        while text not in self.received:
            piece = self.socket.recv(65536)
            if not piece:
                raise AssertionError(f"{text!r} never came: {self.received!r}")
            self.received += piece

    def frames(self):
        """Every frame until the server closes: (kind, flags, stream, payload)."""
        with self.socket:
            while True:
                try:
                    piece = self.socket.recv(65536)
                except ConnectionResetError:
                    break
                if not piece:
                    break
                self.received += piece
        found, at = [], 0
        while at + 9 <= len(self.received):
            size = int.from_bytes(self.received[at:at + 3], "big")
            kind, flags, stream = struct.unpack(">BBI", self.received[at + 3:at + 9])
            found.append((kind, flags, stream, self.received[at + 9:at + 9 + size]))
            at += 9 + size
        return found

    def goodbye(self):
        """The error code of the last GOAWAY, or None."""
        codes = [int.from_bytes(payload[4:8], "big") for kind, _, _, payload in self.frames()
                 if kind == GOAWAY]
        return codes[-1] if codes else None


class Http2(ServerTest):
    options = ["--allow-upstream", "127.0.0.0/8"]

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.key = cls.owner.create_key("access", name="over HTTP/2")["key"]
        cls.verifier = cls.owner.create_key("management", name="verifier",
                                            permissions=["keys:verify"])["key"]

    def curl(self, *arguments, url=None):
        """(status, HTTP version, head, body)"""
        done = subprocess.run(
            ["curl", "--silent", "--show-error", "--max-time", "50", "--include", "--write-out",
             "\n%{http_code} %{http_version}", *arguments, url or self.server.url],
            capture_output=True, text=True, timeout=60)
        self.assertEqual(0, done.returncode, done.stderr)
        text, _, last = done.stdout.rpartition("\n")
        head, _, body = text.replace("\r\n", "\n").partition("\n\n")
        status, version = last.split()
        return int(status), version, head, body

    def prior_knowledge(self, path, *arguments):
        return self.curl("--http2-prior-knowledge", *arguments, url=self.server.url + path)

    def refusals(self, reason):
        text = self.server.client().get("/metrics").text
        return int(re.search(rf'keywright_http_refused_total{{reason="{reason}"}} (\d+)', text)[1])

    def assert_serves(self):
        self.assertEqual(200, self.server.client().get("/healthz").status)
        self.assertEqual((200, "2"), self.prior_knowledge("/healthz")[:2])

    # -- honest clients

    def test_prior_knowledge_on_a_plain_socket(self):
        status, version, head, body = self.prior_knowledge(
            "/api/v1/whoami", "-H", f"Authorization: Bearer {self.key}")
        self.assertEqual((200, "2"), (status, version), body)
        self.assertEqual("access", json.loads(body)["kind"])
        self.assertRegex(head, r"(?m)^x-request-id: \S{36}$")
        self.assertNotRegex(head, r"(?mi)^(connection|transfer-encoding|keep-alive):")

    def test_answers_are_those_of_http_1(self):
        cases = [("GET", "/api/v1/whoami", None), ("GET", "/nothing", None),
                 ("DELETE", "/api/v1/keys", None), ("POST", "/api/v1/keys/verify", "{"),
                 ("POST", "/api/v1/keys/verify", json.dumps({"key": self.key})),
                 ("HEAD", "/healthz", None), ("GET", "/api/v1/keys?access_token=x", None)]
        for method, path, body in cases:
            with self.subTest(method=method, path=path):
                options = ["-H", f"Authorization: Bearer {self.verifier}", "-H",
                           "Content-Type: application/json"]
                options += ["--head"] if method == "HEAD" else ["-X", method]
                options += ["--data-binary", body] if body is not None else []
                url = self.server.url + path
                old = self.curl("--http1.1", *options, url=url)
                new = self.curl("--http2-prior-knowledge", *options, url=url)
                self.assertEqual(("1.1", "2"), (old[1], new[1]))
                self.assertEqual(old[0], new[0])
                self.assertEqual(self.names(old[2]), self.names(new[2]))
                if old[3]:
                    self.assertEqual(json.loads(old[3]).keys(), json.loads(new[3]).keys())

    @staticmethod
    def names(head):
        names = {line.split(":")[0].lower() for line in head.splitlines()[1:] if ":" in line}
        return sorted(names - {"connection", "transfer-encoding"})

    def test_large_bodies_pass_and_too_large_ones_get_413(self):
        with tempfile.NamedTemporaryFile("w") as file:
            file.write(json.dumps({"items": [{"key": "x" * 500}] * 1000}))
            file.flush()
            options = ["-H", f"Authorization: Bearer {self.verifier}", "-H",
                       "Content-Type: application/json", "--data-binary", f"@{file.name}"]
            self.assertEqual(200, self.prior_knowledge("/api/v1/keys/verify-batch", *options)[0])
            file.write(" " * 1_000_000)
            file.flush()
            self.assertEqual(413, self.prior_knowledge("/api/v1/keys/verify-batch", *options)[0])
            self.assertEqual(403, self.prior_knowledge("/targets/", *options)[0])

    def test_a_revoked_key_is_refused_on_the_same_connection(self):
        made = self.owner.create_key("access", name="short life")
        field = (b"authorization", b"Bearer " + made["key"].encode())
        client = Attacker(self.server.port)
        self.addCleanup(client.socket.close)
        client.say(request(1, b"/api/v1/whoami", fields=[field]))
        client.hear(made["id"].encode())
        self.owner.post(f"/api/v1/keys/{made['id']}/revoke", {}).expect(200)
        client.say(request(3, b"/api/v1/whoami", fields=[field]))
        client.hear(b'"unauthenticated"')

    def test_a_stream_ends_with_its_key_and_is_told_so_at_once(self):
        upstream = Recorder()
        self.addCleanup(upstream.close)
        self.owner.create("services", name="events", slug="events", upstream_url=upstream.url)
        made = self.owner.create_key("access", name="short life")
        client = Attacker(self.server.port)
        self.addCleanup(client.socket.close)
        client.say(request(1, b"/services/events/events",
                           fields=[(b"authorization", b"Bearer " + made["key"].encode())]))
        upstream.events.release()
        client.hear(b"data: ")
        self.owner.post(f"/api/v1/keys/{made['id']}/revoke", {}).expect(200)
        client.hear(frame(RST_STREAM, 0, 1, struct.pack(">I", CANCEL)))

    def test_traces_that_are_still_coming_in_end_with_their_key(self):
        project = self.owner.create("projects", name="p")
        made = self.owner.create_key("ingest", owner={"type": "project", "id": project["id"]})
        client = Attacker(self.server.port)
        self.addCleanup(client.socket.close)
        fields = [(b"x-api-key", made["key"].encode()), (b"content-type", b"application/json")]
        client.say(request(1, b"/public/traces", END_HEADERS, fields, b"POST"))
        client.say(frame(DATA, 0, 1, b'{"data": {'))
        self.owner.post(f"/api/v1/keys/{made['id']}/revoke", {}).expect(200)
        client.hear(b"INVALID_API_KEY")
        client.hear(frame(RST_STREAM, 0, 1, struct.pack(">I", NO_ERROR)))

    def test_many_streams_are_all_answered(self):
        with tempfile.NamedTemporaryFile("w") as file:
            json.dump({"key": self.key}, file)
            file.flush()
            done = subprocess.run(
                ["h2load", "-n", "4000", "-c", "4", "-m", str(STREAMS), "-d", file.name,
                 "-H", f"Authorization: Bearer {self.verifier}",
                 "-H", "Content-Type: application/json", self.server.url + "/api/v1/keys/verify"],
                capture_output=True, text=True, timeout=60)
        self.assertIn("status codes: 4000 2xx, 0 3xx, 0 4xx, 0 5xx", done.stdout)

    # -- clients that mean harm

    def test_rapid_reset_is_told_to_calm_down(self):
        before = self.refusals("connection_flooded")
        attacker = Attacker(self.server.port)
        for stream in range(1, 6000, 2):
            attacker.say(request(stream) + frame(RST_STREAM, 0, stream, struct.pack(">I", CANCEL)))
        self.assertEqual(ENHANCE_YOUR_CALM, attacker.goodbye())
        self.assertEqual(before + 1, self.refusals("connection_flooded"))
        self.assert_serves()

    def test_floods_are_told_to_calm_down(self):
        unfinished = request(1, flags=END_STREAM) + frame(CONTINUATION, 0, 1) * 50
        for name, flood in (("settings", frame(SETTINGS, 0, 0) * 5000),
                            ("ping", frame(PING, 0, 0, b"12345678") * 5000),
                            ("continuation", unfinished)):
            with self.subTest(name):
                attacker = Attacker(self.server.port)
                attacker.say(flood)
                self.assertEqual(ENHANCE_YOUR_CALM, attacker.goodbye())
        self.assert_serves()

    def test_a_large_head_is_refused(self):
        fields = [(b"x-%d" % number, b"a" * 5000) for number in range(3)]
        attacker = Attacker(self.server.port)
        more = b"".join(literal(b"y-%d" % number, b"b" * 5000) for number in range(6))
        first, last = more[:len(more) // 2], more[len(more) // 2:]
        attacker.say(request(1, flags=END_STREAM, fields=fields) +
                     frame(CONTINUATION, 0, 1, first) + frame(CONTINUATION, END_HEADERS, 1, last))
        attacker.say(frame(GOAWAY, 0, 0, struct.pack(">II", 0, NO_ERROR)))
        bodies = b"".join(payload for kind, _, _, payload in attacker.frames() if kind == DATA)
        self.assertEqual("header_too_large", json.loads(bodies)["code"])

    def test_a_wrong_preface_is_refused(self):
        attacker = Attacker(self.server.port, b"PRI * HTTP/2.0\r\n\r\nNO\r\n\r\n")
        self.assertEqual(PROTOCOL_ERROR, attacker.goodbye())
        self.assertIn(b" 505 ", self.server.raw(b"GET / HTTP/2.0\r\nHost: a\r\n\r\n"))
        self.assert_serves()

    def test_garbage_is_no_trouble(self):
        for seed in range(30):
            attacker = Attacker(self.server.port)
            noise = bytes((seed * 131 + i * i * 7) & 0xff for i in range(2000))
            attacker.say(noise)
            attacker.socket.shutdown(socket.SHUT_WR)
            attacker.frames()
        self.assert_serves()


class Http2OverTls(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="keywright-http2-"))
        self.addCleanup(shutil.rmtree, self.folder)
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
             "subjectAltName=IP:127.0.0.1", "-keyout", self.folder / "key.pem", "-out",
             self.folder / "cert.pem"], check=True, capture_output=True, timeout=60)
        self.server = Server.start(["--tls-cert", self.folder / "cert.pem",
                                    "--tls-key", self.folder / "key.pem"])
        self.addCleanup(self.server.discard)
        self.url = f"https://127.0.0.1:{self.server.port}/healthz"

    def version(self, *options):
        done = subprocess.run(
            ["curl", "--silent", "--insecure", "--max-time", "50", "--output", "/dev/null",
             "--write-out", "%{http_code} %{http_version}", *options, self.url],
            capture_output=True, text=True, timeout=60)
        return done.stdout

    def test_alpn_decides(self):
        self.assertEqual("200 2", self.version("--http2"))
        self.assertEqual("200 1.1", self.version("--http1.1"))
        self.assertEqual("200 1.1", self.version("--no-alpn"))

    def test_h2load_over_tls(self):
        done = subprocess.run(["h2load", "-n", "2000", "-c", "2", "-m", str(STREAMS), self.url],
                              capture_output=True, text=True, timeout=60)
        self.assertIn("Application protocol: h2\n", done.stdout)
        self.assertIn("status codes: 2000 2xx, 0 3xx, 0 4xx, 0 5xx", done.stdout)


class Stopping(unittest.TestCase):
    def test_sigterm_says_goodbye_and_ends(self):
        server = Server.start()
        self.addCleanup(server.discard)
        idle = Attacker(server.port)
        idle.say(request(1))
        idle.hear(b'{"status":"ok"}')
        began = time.monotonic()
        server.process.terminate()
        self.assertEqual(NO_ERROR, idle.goodbye())
        self.assertEqual(0, server.process.wait(60))
        self.assertLess(time.monotonic() - began, 9)  # what is at work gets ten seconds


if __name__ == "__main__":
    unittest.main()
