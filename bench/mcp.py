"""MCP servers behind /mcp-connect: tools/call, the first byte of a stream, idle streams."""

import contextlib
import http.client
import json
import re
import resource
import socket
import statistics
import threading
import time

import gateway
from processes import Failed, Keywright, get, wrk

PATH = "/mcp-connect/bench"
TOOL = "search"
KEYS = 100
CONNECTIONS = 64
PACED_CONNECTIONS = 16
SLICE_SECONDS = 1
STREAMS = 1000
HEADERS = {"Accept": "application/json, text/event-stream", "Content-Type": "application/json",
           "MCP-Protocol-Version": "2025-11-25"}
CALL = json.dumps({"jsonrpc": "2.0", "id": 7, "method": "tools/call",
                   "params": {"name": TOOL, "arguments": {"query": "bench"}}})

EVENT = (b'data: {"jsonrpc":"2.0","method":"notifications/progress","params":{"progressToken":1,'
         b'"progress":%d}}\n\n')


class Stub(gateway.Nginx):
    """Answers every call at once, with a small result."""

    def _configuration(self, body_bytes):
        answer = json.dumps({"jsonrpc": "2.0", "id": 7, "result": {
            "content": [{"type": "text", "text": "x" * body_bytes}], "isError": False}})
        plain = super()._configuration(body_bytes)
        head, rest = plain.split("location / { return 200 '", 1)
        return f"{head}location / {{ return 200 '{answer}{rest[rest.index(chr(39)):]}"


class Streams:
    """Answers each GET with a stream that stays open, and each POST with one event of its time."""

    def __init__(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=STREAMS)
        self.port = self.listener.getsockname()[1]
        self.open = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self.listener.accept()
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self.open.append(connection)
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        pending = b""
        with contextlib.suppress(OSError):
            while piece := connection.recv(65536):
                pending += piece
                head, found, body = pending.partition(b"\r\n\r\n")
                if not found:
                    continue
                is_post = head.startswith(b"POST")
                if is_post and len(body) < len(CALL):
                    continue
                pending = b""
                connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
                                   b"Transfer-Encoding: chunked\r\n\r\n")
                if not is_post:
                    return
                time.sleep(0.002)  # the head has gone before
                event = EVENT % time.monotonic_ns()
                connection.sendall(b"%x\r\n%s\r\n" % (len(event), event))
                time.sleep(0.002)
                connection.sendall(b"0\r\n\r\n")

    def close(self):
        self.listener.close()
        for connection in self.open:
            connection.close()


def register(server, seed, upstream_port):
    """The MCP server "bench", and keys that may call one of its tools."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)

    def post(path, body, **headers):
        connection.request("POST", "/api/v1" + path, json.dumps(body),
                           {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status // 100 != 2:
            raise Failed(f"{path}: {answer.status} {text[:300]!r}")
        return json.loads(text)

    session = post("/session", {"email": seed.email, "password": seed.password,
                                "transport": "bearer"})
    bearer = {"Authorization": "Bearer " + session["token"]}
    made = post("/mcp-servers", {"name": "bench", "slug": "bench",
                                 "url": f"http://127.0.0.1:{upstream_port}/mcp"}, **bearer)
    keys = [post("/keys", {"kind": "connect", "name": f"bench {number}",
                           "scope": {"ids": [made["id"]]},
                           "permissions": [f"tools/call:{TOOL}", "tools/call:other"]},
                 **bearer)["key"] for number in range(KEYS)]
    connection.close()
    return keys


@contextlib.contextmanager
def serving(bench, upstream_port):
    """Keywright on core 0 with a copy of the seed, the MCP server, and keys for it."""
    seed = bench.seed(bench.keys)
    with gateway.loopback_allowed(), bench.copy_of(seed) as data, \
            Keywright(data, threads=1, cores="0") as server:
        keys = register(server, seed, upstream_port)
        path = bench.scratch / "connect-tokens.txt"
        path.write_text("\n".join(keys) + "\n")
        yield server, keys, path


def dropped(server):
    """Audit events that the store was too slow for, so far."""
    metrics = get(server.port, "/metrics")
    return int(re.search(r"^keywright_mcp_connect_audit_dropped_total (\d+)", metrics, re.M)[1])


def calls(bench, row):
    """tools/call of 100 keys to an nginx that answers at once, beside nginx proxy_pass to it."""
    def spent(served):
        before = served.cpu_nanoseconds()
        load = wrk(served, "mcp", tokens, PATH, CONNECTIONS, SLICE_SECONDS, "1")
        return (served.cpu_nanoseconds() - before) / load.requests

    def paced(served):
        return wrk(served, "mcp-paced", tokens, PATH, PACED_CONNECTIONS, 3, "1")

    with Stub(200, cores="1") as stub, gateway.NginxProxy(stub.port, "0") as proxy, \
            serving(bench, stub.port) as (server, _, tokens):
        cpu = gateway.rounds_of(bench, {
            "proxy": lambda: spent(proxy), "keywright": lambda: spent(server),
            "again": lambda: spent(proxy)})
        at_rate = gateway.rounds_of(bench, {
            "direct": lambda: paced(stub), "keywright": lambda: paced(server),
            "proxy": lambda: paced(proxy)})
        lost = dropped(server)
    is_good, a_a = gateway.a_a_row(row, "MCP", gateway.ratios(cpu, "again", "proxy"))
    yield a_a
    values = gateway.ratios(cpu, "keywright", "proxy")
    yield row("MCP tools/call, CPU ÷ nginx proxy_pass", gateway.spread(values), "≤ 1.6",
              statistics.median(values) <= 1.6 if is_good else None,
              "key, tool rule and one audit event for each call, "
              f"{lost} of them dropped; the same nginx upstream; "
              f"{statistics.median(cpu['keywright']) / 1000:.2f} µs")
    added, by_nginx = (statistics.median(
        (load.p99_us - direct.p99_us) / 1000
        for load, direct in zip(at_rate[name], at_rate["direct"]))
        for name in ("keywright", "proxy"))
    rate = statistics.median(load.rate for load in at_rate["keywright"])
    yield row("MCP tools/call, p99 over direct, ms", f"{added:.2f}", "≤ 1", added <= 1,
              f"at {rate:,.0f} calls/s over {PACED_CONNECTIONS} connections, the median of rounds "
              f"of 3 s; nginx proxy_pass in the same rounds {by_nginx:.2f}")


def delays(port, headers, count):
    """Milliseconds from the upstream's write to the first byte of the event here."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    found = []
    for _ in range(count):
        connection.request("POST", PATH, CALL, {**HEADERS, **headers})
        answer = connection.getresponse()
        line = answer.readline()
        now = time.monotonic_ns()
        if not line.startswith(b"data: "):
            raise Failed(f"no event came through: {answer.status} {line!r}")
        found.append((now - json.loads(line[6:])["params"]["progress"]) / 1e6)
        answer.read()
    connection.close()
    return found


def first_bytes(bench, row):
    """An event's way through, by the clock that both ends share."""
    count = 200 if bench.quick else 2000
    streams = Streams()
    try:
        with serving(bench, streams.port) as (server, keys, _):
            direct = delays(streams.port, {}, count)
            through = delays(server.port, {"Authorization": f"Bearer {keys[0]}"}, count)
    finally:
        streams.close()
    p99 = statistics.quantiles(through, n=100)[98]
    direct_p99 = statistics.quantiles(direct, n=100)[98]
    yield row("MCP stream, first byte after the upstream's, ms p99", f"{p99:.2f}", "≤ 5", p99 <= 5,
              f"median {statistics.median(through):.2f}; without Keywright "
              f"{statistics.median(direct):.2f}, p99 {direct_p99:.2f}")


def idle_streams(bench, row):
    """Resident memory with 1,000 open streams minus without, for each."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    streams, clients = Streams(), []
    try:
        with serving(bench, streams.port) as (server, keys, _):
            before, _ = server.memory_bytes()
            for number in range(STREAMS):
                client = socket.create_connection(("127.0.0.1", server.port), 30)
                clients.append(client)
                client.sendall((f"GET {PATH} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                                "Accept: text/event-stream\r\n"
                                f"Authorization: Bearer {keys[number % KEYS]}\r\n\r\n").encode())
                if not client.recv(4096).startswith(b"HTTP/1.1 200"):
                    raise Failed("a stream was refused")
            after, _ = server.memory_bytes()
    finally:
        for client in clients:
            client.close()
        streams.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    each = (after - before) / STREAMS / 1024
    yield row("MCP idle stream, KiB each", f"{each:.1f}", "≤ 40", each <= 40,
              f"{STREAMS:,} streams, both connections of each included")


def mcp(bench, row):
    yield from calls(bench, row)
    yield from first_bytes(bench, row)
    yield from idle_streams(bench, row)
