"""Upstreams that misbehave, and what must hold at every door that leads to one.

    class Upstreams(BadUpstreams, GatewayTest):     # gets its tests from the first
        def through(self, script): ...              # an upstream that does this: (it, a path to it)
        def call(self, path): ...                   # one request that goes on: an Answer
        def begin(self, path): ...                  # the same, not yet answered: a connection
"""

import http.client
import os
import socket
import struct
import threading
import time

from keywright import wait_until
from upstreams import read_head, read_request


def reset(peer):
    """The next close sends a reset."""
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))


def answering(data, end=None):
    def script(peer):
        read_request(peer)
        peer.sendall(data)
        if end:
            end(peer)
    return script


def trickle(peer):
    read_request(peer)
    for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"x" * 1000:
        peer.sendall(bytes([byte]))
        time.sleep(0.05)


def endless_head(peer):
    read_head(peer)
    peer.sendall(b"HTTP/1.1 200 OK\r\n")
    while True:
        peer.sendall(b"X-More: " + b"x" * 1000 + b"\r\n")


def endless_interim(peer):
    read_head(peer)
    while True:
        peer.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")


def hold(peer):
    while peer.recv(1000):
        pass


HEAD = b"HTTP/1.1 200 OK\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"

# What the upstream does after the request, by the status the client gets.
INSTEAD = {
    502: {
        "closes": answering(b""),
        "resets": answering(b"", reset),
        "closes inside the head": answering(HEAD + b"X: "),
        "half closes": answering(b"", lambda peer: (peer.shutdown(socket.SHUT_WR), hold(peer))),
        "endless head": endless_head,
        "endless interim answers": endless_interim,
        "not HTTP": answering(b"SSH-2.0-OpenSSH_9.2\r\n"),
        "HTTP/0.9": answering(b"<html>hello</html>\n"),
        "HTTP/2 preface": answering(b"\0\0\0\4\0\0\0\0\0"),
        "two lengths": answering(HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\nok"),
        "length and chunks": answering(HEAD + b"Content-Length: 2\r\n"
                                       b"Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n"),
        "negative length": answering(HEAD + b"Content-Length: -1\r\n\r\n"),
        "folded field": answering(HEAD + b"X: a\r\n b\r\nContent-Length: 0\r\n\r\n"),
        "bare line feeds": answering(b"HTTP/1.1 200 OK\nContent-Length: 0\n\n"),
        "space before colon": answering(HEAD + b"Content-Length : 0\r\n\r\n"),
        "unknown coding": answering(HEAD + b"Transfer-Encoding: gzip\r\n\r\nxx"),
        "101 unasked": answering(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n"
                                 b"Connection: Upgrade\r\n\r\n"),
        "bad first chunk": answering(CHUNKED + b"zz\r\n"),
        "status 99": answering(b"HTTP/1.1 099 No\r\nContent-Length: 0\r\n\r\n"),
    },
    504: {
        "hangs": answering(b"", hold),
        "trickles": trickle,
    },
}


def breaking(later):
    """Sends more when the client has got the head."""
    def script(peer, begun):
        answering(CHUNKED + b"5\r\n12345\r\n")(peer)
        begun.wait(60)
        peer.sendall(later)
    return script


def at_once(*arguments):
    return lambda peer, _: answering(*arguments)(peer)


# What breaks off after a good head, of a peer and an event: the client must notice.
BREAKS = {
    "fewer bytes than said": at_once(HEAD + b"Content-Length: 10\r\n\r\n12345"),
    "reset in the body": at_once(HEAD + b"Content-Length: 10\r\n\r\n12345", reset),
    "chunks without an end": at_once(CHUNKED + b"5\r\n12345\r\n"),
    "chunk cut short": at_once(CHUNKED + b"10\r\n12345"),
    "bad later chunk": breaking(b"zz\r\n"),
    "forbidden trailer": breaking(b"0\r\nContent-Length: 9\r\n\r\n"),
}


class UpstreamChecks:
    """Of a test case with one server, and a `client` of it."""

    def upstream_closed(self, upstream):
        wait_until(lambda: upstream.open == 0, what="the end of the connection")

    def check_misbehaviour(self, status, code):
        for name, script in INSTEAD[status].items():
            with self.subTest(name):
                upstream, path = self.through(script)
                answer = self.call(path)
                self.assertEqual((status, code), (answer.status, answer.code))
                self.upstream_closed(upstream)


class BadUpstreams(UpstreamChecks):
    def test_each_misbehaviour_is_502_and_leaves_no_socket(self):
        self.check_misbehaviour(502, "upstream_failed")

    def test_an_answer_that_breaks_off_is_not_taken_for_whole(self):
        for name, script in BREAKS.items():
            with self.subTest(name):
                begun = threading.Event()
                upstream, path = self.through(lambda peer: script(peer, begun))
                answer = self.begin(path).getresponse()
                self.assertEqual(200, answer.status)
                begun.set()
                with self.assertRaises((http.client.IncompleteRead, ConnectionError)):
                    answer.read()
                self.upstream_closed(upstream)

    def test_more_bytes_than_said_never_become_the_next_answer(self):
        def script(peer):
            while read_request(peer):
                peer.sendall(HEAD + b"Content-Length: 2\r\n\r\nok" + HEAD +
                             b"Content-Length: 6\r\n\r\nforged")
        _, path = self.through(script)
        for _ in range(20):
            self.assertEqual(b"ok", self.call(path).body)

    def open_files(self):
        return len(os.listdir(f"/proc/{self.server.process.pid}/fd"))

    def test_five_of_each_leave_nothing_behind(self):
        before = self.open_files()
        begun = threading.Event()
        begun.set()
        breaks = [lambda peer, script=script: script(peer, begun) for script in BREAKS.values()]
        for script in [*INSTEAD[502].values(), *breaks]:
            _, path = self.through(script)
            for _ in range(5):
                try:
                    self.call(path)
                except (http.client.HTTPException, ConnectionError):
                    self.client.close()
        self.client.close()
        wait_until(lambda: self.open_files() <= before + 2, what="as many open files as before")
        wait_until(lambda: self.metric("keywright_proxy_open") == 0, what="no open exchange")
