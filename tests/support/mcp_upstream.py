"""A small MCP server for tests, of both eras, that shows what reached it.

    upstream = McpUpstream.start()
    upstream.url                    # http://127.0.0.1:PORT/mcp
    upstream.seen                   # requests so far: method, path, headers, body
    upstream.stop()

Tools: echo, secret, slow (ends when slow_may_end is set) and stream (four events, all but the first
of them when stream_may_go_on is set, as it is). Legacy clients get a session id from `initialize`.
A GET opens a stream that stays silent; upstream.say(text) writes to all open streams.
`answer_status` makes it answer everything with that status instead.
"""

import http.server
import json
import socket
import threading

TOOLS = [{"name": name, "inputSchema": {"type": "object"}}
         for name in ("echo", "secret", "slow", "stream")]


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def note(self, body):
        self.server.owner.seen.append({"method": self.command, "path": self.path,
                                       "headers": self.headers, "body": body})

    def answer(self, status, body=b"", headers=()):
        self.send_response(status)
        for name, value in headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def answer_json(self, message, headers=(), status=200):
        named = [("Mcp-Session-Id", value) for name, value in self.headers.items()
                 if name.lower() == "mcp-session-id"]
        self.answer(status, json.dumps(message).encode(),
                    [("Content-Type", "application/json"), *named, *headers])

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        self.note(body)
        owner = self.server.owner
        if owner.answer_status:
            return self.answer(owner.answer_status, b"no",
                               [("WWW-Authenticate", 'Bearer realm="upstream"'),
                                ("Location", "http://127.0.0.1:1/")])
        message = json.loads(body)
        if "id" not in message:
            return self.answer(202)
        method, number = message["method"], message["id"]
        if method == "initialize":
            return self.answer_json(
                {"jsonrpc": "2.0", "id": number, "result": {
                    "protocolVersion": message["params"]["protocolVersion"],
                    "capabilities": {"tools": {}}, "serverInfo": {"name": "u", "version": "1"}}},
                [("Mcp-Session-Id", "upstream-session-1"), ("Set-Cookie", "u=1")])
        if method == "tools/list":
            return self.list_tools(number)
        if method == "tools/call":
            return self.call_tool(number, message["params"])
        return self.answer_json({"jsonrpc": "2.0", "id": number,
                                 "error": {"code": -32601, "message": "Unknown method"}})

    def list_tools(self, number):
        answer = {"jsonrpc": "2.0", "id": number, "result": {"tools": TOOLS}}
        if not self.server.owner.streams_lists:
            return self.answer_json(answer)
        self.begin_stream()
        self.chunk(f"event: message\ndata: {json.dumps(answer)}\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def call_tool(self, number, params):
        if params["name"] == "slow":
            self.server.owner.slow_began.set()
            self.server.owner.slow_may_end.wait(60)
        result = {"jsonrpc": "2.0", "id": number, "result": {
            "content": [{"type": "text", "text": json.dumps(params.get("arguments"))}]}}
        if params["name"] != "stream":
            return self.answer_json(result)
        self.begin_stream()
        for step in range(3):
            self.chunk('event: message\ndata: {"jsonrpc":"2.0","method":"notifications/progress",'
                       f'"params":{{"progress":{step}}}}}\n\n')
            self.server.owner.stream_may_go_on.wait(60)
        self.chunk(f"event: message\ndata: {json.dumps(result)}\n\n")
        self.wfile.write(b"0\r\n\r\n")

    def begin_stream(self):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def chunk(self, text):
        data = text.encode()
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def do_GET(self):
        self.note(b"")
        if self.server.owner.answer_status:
            return self.answer(self.server.owner.answer_status)
        self.begin_stream()
        self.wfile.flush()
        owner, said = self.server.owner, 0
        try:
            while not owner.stopping.is_set() and not self.other_side_closed():
                while said < len(owner.said):
                    self.chunk(owner.said[said])
                    said += 1
                with owner.changed:
                    owner.changed.wait(0.5)
        except OSError:
            pass
        self.close_connection = True

    def other_side_closed(self):
        try:
            return self.connection.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) == b""
        except BlockingIOError:
            return False

    def do_DELETE(self):
        self.note(b"")
        self.answer(204)


class Listening(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 1024

    def handle_error(self, request, client_address):
        """A client that is cut leaves us with a broken pipe, which is what the tests are about."""


class McpUpstream:
    def __init__(self):
        self.seen = []
        self.said = []
        self.answer_status = None
        self.streams_lists = False
        self.slow_began = threading.Event()
        self.slow_may_end = threading.Event()
        self.stream_may_go_on = threading.Event()
        self.stream_may_go_on.set()
        self.stopping = threading.Event()
        self.changed = threading.Condition()
        self._server = Listening(("127.0.0.1", 0), Handler)
        self._server.owner = self
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    @classmethod
    def start(cls):
        return cls()

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_address[1]}/mcp"

    def say(self, text):
        with self.changed:
            self.said.append(text)
            self.changed.notify_all()

    def stop(self):
        self.stopping.set()
        self.slow_may_end.set()
        self.stream_may_go_on.set()
        self._server.shutdown()
        self._server.server_close()
