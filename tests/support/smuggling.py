"""Requests made to be read in two ways: (name, bytes) with {path}, {auth} and {host} filled in.

    for case in cases():
        data = case.bytes(path="/services/x/case-7", auth=token)

Every case is one request, or what pretends to be one. What it hides, a second request for a path
with "smuggled" in it, must never reach an upstream.
"""

import itertools

HIDDEN = "GET {root}/smuggled HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {auth}\r\n\r\n"
HEAD = "Host: a\r\nAuthorization: Bearer {auth}\r\n"
CHUNKS = "5\r\nhello\r\n0\r\n\r\n"

LENGTHS = [
    "+5", "-5", "5 ", " 5", "\t5", "05", "5,5", "5, 5", "5,6", "5;", "5.0", "0x5", "5e0", "",
    "five", "5 5", "99999999999999999999", "18446744073709551621", "5\x0b", "\x0b5", "5\x00", "٥",
    "5\t", "00000000000000000000005",
]

CODINGS = [
    "chunked", "Chunked", "CHUNKED", "chunked ", " chunked", "\tchunked", "chunked\t",
    "\x0bchunked", "chunked\x0b", "\x00chunked", "xchunked", "chunkedx", "chunked;q=1",
    '"chunked"', "'chunked'", "chunked, identity", "identity, chunked", "chunked, chunked",
    "chunked,", ",chunked", "gzip, chunked", "chunked, gzip", "identity", "gzip", "x", "",
    "chunk", "cow", "chunked\r\n ", "chunked\r\n\t, identity", "\r\n chunked", "ch\tunked",
]

CODING_NAMES = [
    "Transfer-Encoding", "transfer-encoding", "Transfer-Encoding ", "Transfer-Encoding\t",
    " Transfer-Encoding", "Transfer_Encoding", "Transfer-Encoding\x00", "X: y\nTransfer-Encoding",
    "X: y\rTransfer-Encoding", "Transfer-Encoding\r\n", "\x0bTransfer-Encoding",
]

# Bodies of a chunked request.
CHUNKED = [
    "5;ext\r\nhello\r\n0\r\n\r\n", '5;a="b"\r\nhello\r\n0\r\n\r\n', "5 \r\nhello\r\n0\r\n\r\n",
    " 5\r\nhello\r\n0\r\n\r\n", "0x5\r\nhello\r\n0\r\n\r\n", "+5\r\nhello\r\n0\r\n\r\n",
    "-5\r\nhello\r\n0\r\n\r\n", "5\nhello\n0\n\n", "5\r\nhello\n0\r\n\r\n",
    "5\rhello\r\n0\r\n\r\n", "5\r\nhello0\r\n\r\n", "05\r\nhello\r\n0\r\n\r\n",
    "00000000000000005\r\nhello\r\n0\r\n\r\n", "10000000000000005\r\nhello\r\n0\r\n\r\n",
    "FFFFFFFFFFFFFFFB\r\nhello\r\n0\r\n\r\n", "5;\r\nhello\r\n0\r\n\r\n",
    "5;a\nb\r\nhello\r\n0\r\n\r\n", "5;a\rb\r\nhello\r\n0\r\n\r\n",
    "5;" + "x" * 2000 + "\r\nhello\r\n0\r\n\r\n", "\r\n5\r\nhello\r\n0\r\n\r\n",
    "5\r\n\r\nhello\r\n0\r\n\r\n", "5\r\nhello\r\n0\r\nX: y\r\n\r\n",
    "5\r\nhello\r\n0\r\nContent-Length: 50\r\n\r\n",
    "5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n",
    "5\r\nhello\r\n0\r\nHost: evil\r\n\r\n", "5\r\nhello\r\n0\r\nX-Keywright-Owner: me\r\n\r\n",
    "5\r\nhello\r\n0\r\n folded\r\n\r\n", "5\r\nhello\r\n0\r\nX\r\n\r\n", "5\r\nhello\r\n0\n\n",
    "5\r\nhello\r\n00\r\n\r\n", "5\r\nhello\r\n0;x\r\n\r\n", "5\r\nhello\r\n\r\n0\r\n\r\n",
    "h\r\nhello\r\n0\r\n\r\n", "5\x00\r\nhello\r\n0\r\n\r\n", "5\r\nhel\r\n0\r\n\r\n",
    "3\r\nhello\r\n0\r\n\r\n",
]

TARGETS = [
    "http://a{path}", "HTTP://A{path}", "http://evil.example{path}", "https://a{path}",
    "http://a:80{path}", "http://user@a{path}", "http://a@evil{path}", "http://{path}",
    "//evil{path}", "ftp://a{path}", "a{path}", "{path}#x", "{path}\\x", "{path}\\..\\x",
    "{path} x", "{path}\tx", "{path}\x00", "{path}\x7f", "{path}é", "{path}/../../smuggled",
    "{path}/..%2fsmuggled", "{path}/%2e%2e/smuggled", "{path}/%2e%2e%2fsmuggled",
    "{path}/.%2e/smuggled", "{path}/%2E%2E/smuggled", "{path}/..;/smuggled",
    "{path}/..%00/smuggled", "{path}/..%5csmuggled", "{path}//smuggled", "{path}/./smuggled",
    "{path}/%2fsmuggled", "{path}/a%2Fsmuggled", "{path}/%5c..%5csmuggled",
    "{path}/%0d%0asmuggled", "{path}/%0asmuggled", "{path}/%", "{path}/%2", "{path}/%zz",
    "{path}/%u002e", "{path}/..", "{path}/.", "{path}/;/../smuggled",
    "{path}/%c0%ae%c0%ae/smuggled", "{path}/%252e%252e/x", "{path}?x=/../smuggled",
    "{path}?a=b#c", "{path}?a b", "*", "", "{path}\"<>",
]

HOSTS = [
    "", "Host:\r\n", "Host: \r\n", "Host: a\r\nHost: a\r\n", "Host: a\r\nHost: b\r\n",
    "Host: a, b\r\n", "Host: a/b\r\n", "Host: a b\r\n", "Host: a@b\r\n", "Host: a:b\r\n",
    "Host: a:99999\r\n", "Host : a\r\n", " Host: a\r\n", "Host: a\r\n b\r\n", "Host: [::1\r\n",
    "Host: a\x00\r\n", "Host: a\r\nX-Host: b\r\n", "Host: é\r\n", "Host: a?b\r\n",
    "Host: a#b\r\n", "Host: a\\b\r\n",
]

LINES = [
    "X: a\r\n b\r\n", "X: a\r\n\tb\r\n", "X: a\nY: b\r\n", "X: a\rY: b\r\n", "X: a\x00b\r\n",
    ": empty\r\n", "X\r\n", "X : a\r\n", "X\t: a\r\n", "X y: a\r\n", "(X): a\r\n", "X[]: a\r\n",
    "é: a\r\n", "X: \x01\r\n", "X: a\r\r\n", "\nX: a\r\n", "\r\nX: a\r\n",
    "Connection: Content-Length\r\n", "Connection: Transfer-Encoding\r\n", "Connection: Host\r\n",
    "Connection: close, X-Keywright-Owner\r\n", "Connection: keep-alive\r\n",
    "Upgrade: h2c\r\nConnection: Upgrade\r\n", "Upgrade: websocket\r\nConnection: Upgrade\r\n",
    "Expect: 100-continue\r\n", "Expect: 200-ok\r\n", "TE: trailers\r\n",
    "Trailer: Content-Length\r\n", "X-HTTP-Method-Override: DELETE\r\n",
]

FIRST_LINES = [
    "GET  {path} HTTP/1.1", " GET {path} HTTP/1.1", "GET {path}  HTTP/1.1",
    "GET {path} HTTP/1.1 ", "GET\t{path}\tHTTP/1.1", "GET {path} HTTP/1.0", "GET {path} HTTP/1.2",
    "GET {path} HTTP/2.0", "GET {path} HTTP/0.9", "GET {path}", "GET {path} http/1.1",
    "GET {path} HTTP/1.1x", "GET {path} HTTP/11", "get {path} HTTP/1.1", "G(T {path} HTTP/1.1",
    "CONNECT {path} HTTP/1.1", "TRACE {path} HTTP/1.1", "PRI * HTTP/2.0",
    "GET {path} HTTP/1.1\rX: y", "\r\nGET {path} HTTP/1.1", "\r\n\r\nGET {path} HTTP/1.1",
    "\nGET {path} HTTP/1.1", "GET {path} HTTP/1.1\n", "FOO {path} HTTP/1.1",
    "GET {path}\x00 HTTP/1.1",
]


class Case:
    def __init__(self, name, text):
        self.name = name
        self.text = text

    def bytes(self, root, path, auth):
        text = self.text
        for key, value in (("{hidden}", HIDDEN), ("{head}", HEAD), ("{root}", root),
                           ("{path}", path), ("{auth}", auth)):
            text = text.replace(key, value)
        return text.encode("utf-8")


def posts(name, fields, body):
    return Case(name, "POST {path} HTTP/1.1\r\n{head}" + fields + "\r\n" + body)


def cases():
    """All of them, more than 300."""
    for value in LENGTHS:
        yield posts(f"length {value!r}", f"Content-Length: {value}\r\n", "hello")
        yield posts(f"length {value!r} and 5",
                    f"Content-Length: 5\r\nContent-Length: {value}\r\n", "hello")
    for value, other in itertools.product(CODINGS, ("", "before", "after")):
        fields = f"Transfer-Encoding: {value}\r\n"
        length = "Content-Length: 15\r\n"
        fields = {"": fields, "before": length + fields, "after": fields + length}[other]
        yield posts(f"coding {value!r} length {other}", fields,
                    CHUNKS + ("{hidden}" if other else ""))
    for name in CODING_NAMES:
        yield posts(f"coding name {name!r}", f"{name}: chunked\r\n", CHUNKS)
        yield posts(f"coding name {name!r} and length", f"Content-Length: 4\r\n{name}: chunked\r\n",
                    "5c\r\nhidden\r\n0\r\n\r\n{hidden}")
    for body in CHUNKED:
        yield posts(f"chunks {body[:30]!r}", "Transfer-Encoding: chunked\r\n", body)
    for first, second in (("chunked", "identity"), ("identity", "chunked"), ("chunked", "chunked")):
        yield posts(f"codings {first} and {second}",
                    f"Transfer-Encoding: {first}\r\nTransfer-Encoding: {second}\r\n", CHUNKS)
    yield Case("coding in 1.0", "POST {path} HTTP/1.0\r\n{head}Transfer-Encoding: chunked\r\n\r\n"
               + CHUNKS)
    for target in TARGETS:
        yield Case(f"target {target!r}", "GET " + target + " HTTP/1.1\r\n{head}\r\n")
    for host in HOSTS:
        for target in ("{path}", "http://b{path}"):
            yield Case(f"host {host!r} {target}", "GET " + target + " HTTP/1.1\r\n" + host +
                       "Authorization: Bearer {auth}\r\n\r\n")
    for line in LINES:
        yield Case(f"line {line!r}", "GET {path} HTTP/1.1\r\n" + line + "{head}\r\n")
        yield posts(f"line {line!r} with a body", line + "Content-Length: 5\r\n", "hello")
    for line in FIRST_LINES:
        yield Case(f"first line {line!r}", line + "\r\n{head}\r\n")
    for method in ("GET", "HEAD", "DELETE", "OPTIONS", "PUT"):
        line = method + " {path} HTTP/1.1\r\n{head}"
        yield Case(f"{method} with a body", line + "Content-Length: 5\r\n\r\nhello")
        yield Case(f"{method} with a hidden request",
                   line + "Content-Length: 0\r\nContent-Length: 9\r\n\r\n{hidden}")
