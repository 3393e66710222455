"""Receivers of forwarded traces, and a test case that has one.

    class Mine(ForwardingTest):
        def test_it(self):
            secret = self.forward()["secret"]        # PUT .../forwarding to self.receiver
            self.send(1)
            self.wait_for(1)
            wanted, given = signatures(secret, self.receiver.taken[0])

They are Python's: they check signatures themselves, and nothing of the product checks itself.
"""

import base64
import gzip
import hashlib
import hmac
import http.server
import json
import socket
import threading

from keywright import ServerTest, wait_until
from traces import Project


class Taken:
    """One request, as it came: a handler serves several on one connection."""

    def __init__(self, handler):
        self.path, self.headers = handler.path, handler.headers
        self.payload = handler.rfile.read(int(handler.headers["Content-Length"]))
        if self.headers["Content-Encoding"] == "gzip":
            self.payload = gzip.decompress(self.payload)


class Receiver:
    """An HTTP server that keeps what it took. `answer` says what it answers: a status, or a
    function of the request that gives (status, headers)."""

    def __init__(self, port=0):
        self.requests, self.taken = [], []  # all of them, and those answered with 200
        self.answer = 200
        self.content_type, self.body = "application/json", b"{}"
        self.port = port
        self.server = None
        self.start()

    def start(self):
        receiver = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                request = Taken(self)
                receiver.requests.append(request)
                answer = receiver.answer(request) if callable(receiver.answer) else receiver.answer
                status, headers = answer if isinstance(answer, tuple) else (answer, {})
                if status == 200:
                    receiver.taken.append(request)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Type", receiver.content_type)
                self.send_header("Content-Length", str(len(receiver.body)))
                self.end_headers()
                self.wfile.write(receiver.body)

            def log_message(self, *_):
                pass

        class Listening(http.server.ThreadingHTTPServer):
            daemon_threads = True
            allow_reuse_address = True
            connections = []

            def get_request(self):
                made = super().get_request()
                self.connections.append(made[0])
                return made

            def handle_error(self, *_):
                pass  # a client that was killed

        self.server = Listening(("127.0.0.1", self.port), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self):
        if self.server is None:
            return
        self.server.shutdown()
        self.server.server_close()
        for connection in self.server.connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.server = None

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def messages(self):
        return [json.loads(request.payload) for request in list(self.taken)]

    def inputs(self):
        """Which numbered traces were taken, in the order in which they came."""
        return [message["data"]["body"]["data"]["n"] for message in self.messages()]


def signatures(secret, request):
    key = base64.b64decode(secret.removeprefix("whsec_"))
    signed = b".".join([request.headers["webhook-id"].encode(),
                        request.headers["webhook-timestamp"].encode(), request.payload])
    wanted = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return wanted, request.headers["webhook-signature"].split(" ")


class ForwardingTest(ServerTest):
    """A receiver, a platform and a sender for each test."""

    options = ["--allow-upstream", "127.0.0.0/8"]
    transport = "bearer"

    def setUp(self):
        self.receiver = Receiver()
        self.addCleanup(lambda: self.receiver.stop())
        self.project = Project(self.server, self.owner)
        self.platform = self.project.platform()
        self.sender = self.project.key(self.platform)

    def path(self, more=""):
        return f"/api/v1/platforms/{self.platform}/forwarding{more}"

    def forward(self, status=201, **fields):
        body = {"type": "webhook", "url": f"{self.receiver.url}/hook", **fields}
        return self.owner.request("PUT", self.path(), body).expect(status).json()

    def send(self, number, **more):
        return self.sender.post("/public/traces", {"data": {"n": number}},
                                headers=more).expect(200, 201).json()["data"]

    def state(self):
        return self.owner.get(self.path()).expect(200).json()["state"]

    def wait_for(self, count):
        wait_until(lambda: len(self.receiver.taken) >= count, what=f"{count} messages")

    def wait_for_state(self, **expected):
        """Its state, as soon as it says this."""
        def found():
            state = self.state()
            return state if expected.items() <= state.items() else None
        return wait_until(found, what=f"{expected}")
