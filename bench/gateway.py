"""Forward auth and the services proxy, beside nginx doing the like."""

import contextlib
import http.client
import json
import os
import re
import statistics
import subprocess

from processes import Exact, Failed, Keywright, Nginx, wrk

CONNECTIONS = 64
SLICE_SECONDS = 1
A_A_RANGE = (0.9, 1.1)
BODY_BYTES = 200
PATHS = {"forward_auth": "/auth/bench", "gateway": "/services/bench/path"}


class NginxProxy(Nginx):
    """One worker that sends everything on to an upstream, with keep-alive; it may ask first."""

    def __init__(self, upstream_port, cores, asks=False):
        self.upstream_port = upstream_port
        self.asks = asks
        super().__init__(0, cores)

    def _configuration(self, body_bytes):
        plain = super()._configuration(body_bytes)
        head, rest = plain.split("  server {", 1)
        passing = ("proxy_pass http://upstream; proxy_http_version 1.1; "
                   "proxy_set_header Connection \"\";")
        ask = "auth_request /_ask;" if self.asks else ""
        places = (f"location = /_ask {{ internal; {passing} proxy_pass_request_body off; "
                  "proxy_set_header Content-Length \"\"; }\n"
                  f"    location / {{ {ask} {passing} }}")
        listen = rest.split("location /", 1)[0]
        return (f"{head}  upstream upstream {{ server 127.0.0.1:{self.upstream_port}; "
                f"keepalive 128; keepalive_requests 1000000; }}\n  server {{{listen}"
                f"{places}\n  }}\n}}\n")


def spread(values, digits=2):
    low, middle, high = (statistics.quantiles(values, n=4, method="inclusive")
                         if len(values) > 1 else values * 3)
    return f"{middle:.{digits}f} (IQR {low:.{digits}f}–{high:.{digits}f})"


def tokens_file(seed):
    """Those of the seed's tokens that open services."""
    path = seed.folder / "services.txt"
    path.write_text("".join(token + "\n" for token in seed.tokens()
                            if not token.startswith("ok1-")))
    return path


def register(server, seed, upstream_port):
    """The service "bench" of the seed's organization."""
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=60)

    def post(path, body, headers):
        connection.request("POST", "/api/v1" + path, json.dumps(body),
                           {"Content-Type": "application/json", **headers})
        answer = connection.getresponse()
        text = answer.read()
        if answer.status // 100 != 2 and answer.status != 409:
            raise Failed(f"{path}: {answer.status} {text[:300]!r}")
        return json.loads(text)

    session = post("/session", {"email": seed.email, "password": seed.password,
                                "transport": "bearer"}, {})
    bearer = {"Authorization": "Bearer " + session["token"]}
    made = post("/services", {"name": "bench", "slug": "bench",
                              "upstream_url": f"http://127.0.0.1:{upstream_port}"}, bearer)
    connection.close()
    return made


@contextlib.contextmanager
def loopback_allowed():
    os.environ["KEYWRIGHT_ALLOW_UPSTREAM"] = "127.0.0.0/8"
    try:
        yield
    finally:
        del os.environ["KEYWRIGHT_ALLOW_UPSTREAM"]


@contextlib.contextmanager
def serving(bench, upstream_port):
    """Keywright on core 0 with a copy of the seed, and the service."""
    seed = bench.seed(bench.keys)
    with loopback_allowed(), bench.copy_of(seed) as data, \
            Keywright(data, threads=1, cores="0") as server:
        register(server, seed, upstream_port)
        yield server, tokens_file(seed)


def slice_of(served, tokens, path):
    before = served.cpu_nanoseconds()
    load = wrk(served, "get", tokens, path, CONNECTIONS, SLICE_SECONDS, "1")
    return (served.cpu_nanoseconds() - before) / load.requests


def rounds_of(bench, targets):
    cpu = {name: [] for name in targets}
    for number in range(bench.rounds + 1):
        for name in list(targets) if number % 2 else list(targets)[::-1]:
            nanoseconds = targets[name]()
            if number > 0:  # the first round warms up
                cpu[name].append(nanoseconds)
    return cpu


def ratios(cpu, above, below):
    return [a / b for a, b in zip(cpu[above], cpu[below])]


def a_a_row(row, what, values):
    middle = statistics.median(values)
    is_good = A_A_RANGE[0] <= middle <= A_A_RANGE[1]
    return is_good, row(f"{what}: nginx ÷ nginx", spread(values), "0.9–1.1", is_good,
                        "" if is_good else "outside: the ratios of this run are void")


class ExactGets(Exact):
    """GETs of one path with these tokens."""

    path = PATHS["forward_auth"]

    @classmethod
    def _request(cls, credential, token):
        return (f"GET {cls.path} HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                f"Authorization: Bearer {token}\r\n\r\n").encode()


def counted_in(out):
    """All user instructions of one life, and those of the blocks of SHA-256 among them."""
    text = subprocess.run(["callgrind_annotate", "--threshold=100", out], check=True,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True).stdout
    total = hashing = 0
    for count, name in re.findall(r"^ *([\d,]+) \( *[\d.]+%\)  (.+)$", text, re.M):
        number = int(count.replace(",", ""))
        if "PROGRAM TOTALS" in name:
            total = number
        elif "libcrypto" in name and re.search(r"(^|:)0x", name.strip()):
            hashing += number
    return total, hashing


def instructions(bench):
    """User instructions of one forward-auth request, and those of SHA-256: two lives that differ by
    2000 requests."""
    seed = bench.seed(1000, people=100)
    plain = bench.scratch / "keywright.stripped"
    subprocess.run(["strip", "--strip-debug", "-o", plain, Keywright.binary], check=True,
                   stdin=subprocess.DEVNULL)
    totals = []
    with loopback_allowed(), bench.copy_of(seed) as data:
        with Keywright(data) as server:
            register(server, seed, 9)
        for rounds in (25, 275):
            out = bench.scratch / f"callgrind.auth.{rounds}"
            out.unlink(missing_ok=True)
            wrapper = ["env", f"LD_PRELOAD={bench.less_room}", "valgrind", "--tool=callgrind", "-q",
                       f"--callgrind-out-file={out}"]
            with Keywright(data, wrapper=wrapper, binary=plain) as server:
                # The same keys in both lives: what their counts cost at the end falls out.
                tokens = tokens_file(seed).read_text().split()[:100]
                load = ExactGets(server.port, "", tokens, connections=8)
                requests = load.run(rounds)
                load.close()
            totals.append((requests, *counted_in(out)))
    requests, total, hashing = (many - few for few, many in zip(*totals))
    return total / requests, hashing / requests


def forward_auth(bench, row):
    """ANY /auth/{slug} with random tokens, beside nginx answering 200."""
    with Nginx(0, cores="0") as nginx, serving(bench, 9) as (server, tokens):
        path = PATHS["forward_auth"]
        cpu = rounds_of(bench, {
            "nginx": lambda: slice_of(nginx, tokens, path),
            "auth": lambda: slice_of(server, tokens, path),
            "again": lambda: slice_of(nginx, tokens, path)})
    is_good, a_a = a_a_row(row, "forward auth", ratios(cpu, "again", "nginx"))
    yield a_a
    values = ratios(cpu, "auth", "nginx")
    yield row("forward auth, CPU ÷ nginx static 200", spread(values), "≤ 1.25",
              statistics.median(values) <= 1.25 if is_good else None,
              f"aim 1.10; random tokens of {bench.keys:,} keys, limits and usage counted; "
              f"{statistics.median(cpu['auth']) / 1000:.2f} µs")
    total, hashing = instructions(bench)
    counted = total - hashing
    yield row("forward auth, user instructions a request", f"{counted:,.0f}", "≤ 12,000",
              counted <= 12_000, f"without {hashing:,.0f} of SHA-256 blocks, for which valgrind "
              "hides the processor's own instructions; 1000 keys")


def gateway(bench, row):
    """ANY /services/{slug}/... to an nginx upstream, beside nginx proxy_pass to the same one."""
    with Nginx(BODY_BYTES, cores="1") as upstream, \
            NginxProxy(upstream.port, "0") as proxy, \
            NginxProxy(upstream.port, "0", asks=True) as asking, \
            serving(bench, upstream.port) as (server, tokens):
        path = PATHS["gateway"]
        cpu = rounds_of(bench, {
            "proxy": lambda: slice_of(proxy, tokens, path),
            "gateway": lambda: slice_of(server, tokens, path),
            "asking": lambda: slice_of(asking, tokens, path),
            "again": lambda: slice_of(proxy, tokens, path)})
    is_good, a_a = a_a_row(row, "gateway", ratios(cpu, "again", "proxy"))
    yield a_a
    for other, bar, what in (("proxy", 1.2, "nginx proxy_pass"),
                             ("asking", 0.8, "nginx auth_request + proxy_pass")):
        values = ratios(cpu, "gateway", other)
        yield row(f"gateway, CPU ÷ {what}", spread(values), f"≤ {bar}",
                  statistics.median(values) <= bar if is_good else None,
                  "one process each, the same nginx upstream; key check included; "
                  f"{statistics.median(cpu['gateway']) / 1000:.2f} µs")
