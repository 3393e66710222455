"""Upstreams for the gateway's tests: one that answers as it is told, and one that only misbehaves.

    with Recorder() as upstream:              # keep-alive, remembers every request as it came
        upstream.requests[-1].head            # bytes up to and with the empty line
    with Scripted(lambda peer: peer.sendall(b"...")) as upstream:   # whatever a socket can do

Standard library only; everything on 127.0.0.1, on threads of its own.
"""

import base64
import hashlib
import re
import socket
import struct
import threading


class Listener:
    """Accepts on a free port and gives each connection to `serve(peer)` on its own thread."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.socket.getsockname()[1]
        self.accepted = 0
        self.open = 0
        self._lock = threading.Lock()
        self._peers = set()
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def _accept(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            peer.settimeout(60)
            with self._lock:
                self.accepted += 1
                self.open += 1
                self._peers.add(peer)
            threading.Thread(target=self._run, args=(peer,), daemon=True).start()

    def _run(self, peer):
        try:
            self.serve(peer)
        except OSError:
            pass
        finally:
            peer.close()
            with self._lock:
                self.open -= 1
                self._peers.discard(peer)

    def serve(self, peer):
        raise NotImplementedError

    def close(self):
        self.socket.close()
        with self._lock:
            peers = list(self._peers)
        for peer in peers:
            try:
                peer.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class Scripted(Listener):
    """Does what `script(peer)` does, once for each connection, and then closes it."""

    def __init__(self, script):
        self.script = script
        super().__init__()

    def serve(self, peer):
        self.script(peer)


def read_head(peer):
    """The bytes of one request head; b"" if the peer closed."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = peer.recv(1)
        if not byte:
            return b""
        head += byte
    return head


def read_request(peer):
    """A head and the body that it announces: who closes with something unread resets."""
    head = read_head(peer)
    length = re.search(rb"^content-length: *(\d+)", head, re.I | re.M)
    read_exactly(peer, int(length[1]) if length else 0)
    return head


class Seen:
    """One request as the upstream read it."""

    def __init__(self, head, body):
        self.head = head
        self.body = body
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, self.version = lines[0].split(" ", 2)
        self.fields = [tuple(part.strip() for part in line.split(":", 1))
                       for line in lines[1:] if line]

    def all(self, name):
        return [value for field, value in self.fields if field.lower() == name.lower()]

    def one(self, name):
        values = self.all(name)
        assert len(values) == 1, f"{name}: {values} in {self.fields}"
        return values[0]

    def names(self):
        return {field.lower() for field, _ in self.fields}


def frame(payload, opcode=2):
    """A small WebSocket frame of a server."""
    return bytes([0x80 | opcode, len(payload)]) + payload


def masked_frame(payload, opcode=2):
    """A small WebSocket frame of a client."""
    mask = b"\x01\x02\x03\x04"
    masked = bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))
    return bytes([0x80 | opcode, 0x80 | len(payload)]) + mask + masked


def read_exactly(peer, count):
    data = b""
    while len(data) < count:
        more = peer.recv(count - len(data))
        if not more:
            raise ConnectionError("closed")
        data += more
    return data


def read_frame(peer):
    """The payload of one small frame; None at its close."""
    first, length = struct.unpack("BB", read_exactly(peer, 2))
    mask = read_exactly(peer, 4) if length & 0x80 else b"\0\0\0\0"
    payload = read_exactly(peer, length & 0x7f)
    if first & 0x0f == 8:
        return None
    return bytes(byte ^ mask[i % 4] for i, byte in enumerate(payload))


class Recorder(Listener):
    """A strict little HTTP/1.1 server with keep-alive. By the end of the path:

    /status/N     that status, body "body"
    /large/N      N bytes
    /echo         the request's body, piece by piece as it comes, in chunks
    /events       an event each time events.release() was called, without an end
    /slow         nothing, until `hold` is set
    /ws           WebSocket echo
    otherwise     200, "ok", with Content-Length
    """

    def __init__(self):
        self.requests = []
        self.hold = threading.Event()
        self.events = threading.Semaphore(0)
        self.streams_closed = threading.Semaphore(0)
        super().__init__()

    def last(self):
        return self.requests[-1]

    def serve(self, peer):
        while True:
            head = read_head(peer)
            if not head:
                return
            seen = Seen(head, b"")
            path = seen.target.split("?")[0]
            if path.endswith("/echo"):
                self.requests.append(seen)
                self.echo(peer, seen)
                continue
            for piece in self.body(peer, seen):
                seen.body += piece
            self.requests.append(seen)
            if not self.answer(peer, seen, path):
                return

    def body(self, peer, seen):
        if seen.all("Content-Length"):
            left = int(seen.one("Content-Length"))
            while left:
                piece = peer.recv(min(left, 65536))
                if not piece:
                    raise ConnectionError("closed")
                left -= len(piece)
                yield piece
        elif seen.all("Transfer-Encoding"):
            while True:
                size = b""
                while not size.endswith(b"\r\n"):
                    size += read_exactly(peer, 1)
                piece = read_exactly(peer, int(size, 16))
                read_exactly(peer, 2)
                if not piece:
                    return
                yield piece

    def echo(self, peer, seen):
        peer.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        for piece in self.body(peer, seen):
            seen.body += piece
            peer.sendall(b"%x\r\n%s\r\n" % (len(piece), piece))
        peer.sendall(b"0\r\n\r\n")

    def answer(self, peer, seen, path):
        if path.endswith("/ws"):
            return self.websocket(peer, seen)
        if path.endswith("/events"):
            return self.stream(peer)
        if path.endswith("/slow"):
            self.hold.wait(60)
        status, body = 200, b"ok"
        if "/status/" in path:
            status, body = int(path.rsplit("/", 1)[1]), b"body"
        if "/large/" in path:
            body = b"x" * int(path.rsplit("/", 1)[1])
        head = f"HTTP/1.1 {status} Whatever\r\nX-Upstream: yes\r\n"
        if status not in (204, 304):
            head += f"Content-Length: {len(body)}\r\n"
        bodyless = seen.method == "HEAD" or status in (204, 304)
        peer.sendall(head.encode() + b"\r\n" + (b"" if bodyless else body))
        return True

    def stream(self, peer):
        peer.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                     b"Transfer-Encoding: chunked\r\n\r\n")
        peer.settimeout(0.02)
        number = 0
        try:
            while True:
                if self.events.acquire(timeout=0.02):
                    number += 1
                    event = b"data: %d\n\n" % number
                    peer.sendall(b"%x\r\n%s\r\n" % (len(event), event))
                try:
                    if not peer.recv(1):
                        return False
                except TimeoutError:
                    pass
        finally:
            self.streams_closed.release()

    def websocket(self, peer, seen):
        guid = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
        accept = hashlib.sha1(seen.one("Sec-WebSocket-Key").encode() + guid).digest()
        peer.sendall(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                     b"Connection: Upgrade\r\nSec-WebSocket-Accept: "
                     + base64.b64encode(accept) + b"\r\n\r\n")
        try:
            while (payload := read_frame(peer)) is not None:
                peer.sendall(frame(payload))
            peer.sendall(frame(b"", opcode=8))
        finally:
            self.streams_closed.release()
        return False


def unanswered(case):
    """URL of a server whose queue of connections is full, so that further ones are not answered;
    until the test case ends."""
    full = socket.socket()
    case.addCleanup(full.close)
    full.bind(("127.0.0.1", 0))
    full.listen(0)
    for _ in range(3):
        each = socket.socket()
        case.addCleanup(each.close)
        each.setblocking(False)
        each.connect_ex(full.getsockname())
    return f"http://127.0.0.1:{full.getsockname()[1]}"
