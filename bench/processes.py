"""Everything that the measurements start: servers, nginx, load. All on loopback, all ended again.

    with Keywright(data, threads=1, cores="0") as server:
        before = server.cpu_nanoseconds()
        load = wrk(server.port, "verify", tokens, credential, connections=64, cores="1")
        spent = server.cpu_nanoseconds() - before

A process is only ever ended by its own id, and whatever is left at the end of the program is ended
too. Standard library only.
"""

import atexit
import http.client
import json
import os
import pathlib
import random
import re
import select
import shutil
import signal
import socket
import subprocess
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent
START_SECONDS = 120
STOP_SECONDS = 20
ANSWER_SECONDS = 60

_running = []


class Failed(Exception):
    """A measurement that cannot be trusted, and why."""


@atexit.register
def end_all():
    for process in _running:
        if process.poll() is None:
            process.kill()
            process.wait()


def spawn(command, **options):
    process = subprocess.Popen([str(part) for part in command], stdin=subprocess.DEVNULL, **options)
    _running.append(process)
    return process


def end(process, signal_number=signal.SIGTERM, pid=None):
    """Asks the process (or its child `pid`) to end; kills it if it does not."""
    if process.poll() is None:
        os.kill(pid or process.pid, signal_number)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process in _running:
        _running.remove(process)
    return process.returncode


def children_of(pid):
    return [int(child) for child in
            pathlib.Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def cpu_nanoseconds(pid):
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((task / "schedstat").read_text().split()[0])
        except OSError:  # a thread that has just ended
            continue
    return total


def on_cores(cores, command):
    return ["taskset", "-c", cores, *command] if cores else list(command)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Served:
    """What Keywright and nginx have in common."""

    port = 0
    pid = 0

    def cpu_nanoseconds(self):
        return cpu_nanoseconds(self.pid)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


class Keywright(Served):
    binary = ROOT / "build/release/bin/keywright"

    def __init__(self, data, threads=1, cores=None, wrapper=(), binary=None):
        self.log = tempfile.TemporaryFile()
        started = time.monotonic()
        command = [*wrapper, binary or self.binary, "serve", "--data", data,
                   "--listen", "127.0.0.1:0", "--threads", threads, "--log-level", "error"]
        self.process = spawn(on_cores(cores, command), stdout=subprocess.PIPE, stderr=self.log)
        self.pid = self.process.pid
        self.port = self._wait_for_port(started)
        self.ready_seconds = time.monotonic() - started
        traced = wrapper and pathlib.Path(str(wrapper[0])).name == "strace"
        if traced:
            self.pid = children_of(self.process.pid)[0]

    def _wait_for_port(self, started):
        said = b""
        while time.monotonic() - started < START_SECONDS:
            if select.select([self.process.stdout], [], [], 0.2)[0]:
                piece = os.read(self.process.stdout.fileno(), 65536)
                said += piece
                found = re.search(rb"listening on http://127\.0\.0\.1:(\d+)\n", said)
                if found:
                    return int(found[1])
                if not piece:
                    break
        end(self.process)
        self.log.seek(0)
        raise Failed(f"keywright did not start: {said[-500:]!r} {self.log.read()[-2000:]!r}")

    def stop(self):
        code = end(self.process, pid=self.pid if self.process.poll() is None else None)
        self.process.stdout.close()
        self.log.close()
        return code

    def memory_bytes(self):
        """Resident: all of it, and the part that is a mapped file."""
        status = pathlib.Path(f"/proc/{self.pid}/status").read_text()
        kib = {name: int(value) for name, value in
               re.findall(r"^(VmRSS|RssAnon|RssFile|RssShmem):\s+(\d+) kB", status, re.M)}
        return kib["VmRSS"] * 1024, (kib["RssFile"] + kib["RssShmem"]) * 1024

    def answers(self):
        """How many answers it has given, by class of status."""
        text = get(self.port, "/metrics")
        return {name: int(float(value)) for name, value in
                re.findall(r'^keywright_http_requests_total\{class="(\dxx)"\} (\S+)$', text, re.M)}


class Nginx(Served):
    """One worker that answers everything with the same 200."""

    def __init__(self, body_bytes, cores):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="keywright-bench-nginx-"))
        self.port = free_port()
        (self.folder / "nginx.conf").write_text(self._configuration(body_bytes))
        self.process = spawn(on_cores(cores, ["nginx", "-p", self.folder, "-c", "nginx.conf",
                                              "-e", self.folder / "error.log"]),
                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 10
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                problem = (self.folder / "error.log").read_text()
                self.stop()
                raise Failed(f"nginx did not start: {problem}")
            time.sleep(0.05)
        self.pid = children_of(self.process.pid)[0]

    def _answers(self):
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def _configuration(self, body_bytes):
        start = '{"valid":true,"pad":"'
        body = start + "x" * max(0, body_bytes - len(start) - 2) + '"}'
        temporary = "\n".join(f"{name}_temp_path {self.folder}/{name};"
                              for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        return f"""
daemon off;
{"user root;" if os.geteuid() == 0 else ""}
worker_processes 1;
pid {self.folder}/nginx.pid;
error_log {self.folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  keepalive_requests 1000000;
  default_type application/json;
  {temporary}
  server {{
    listen 127.0.0.1:{self.port};
    location = /status {{ stub_status; }}
    location / {{ return 200 '{body}'; }}
  }}
}}
"""

    def answers(self):
        numbers = get(self.port, "/status").split("requests", 1)[1].split()
        return {"2xx": int(numbers[2])}

    def stop(self):
        end(self.process, signal.SIGTERM)
        shutil.rmtree(self.folder, ignore_errors=True)


def get(port, path):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=ANSWER_SECONDS)
    try:
        connection.request("GET", path)
        return connection.getresponse().read().decode()
    finally:
        connection.close()


def post(connection, path, credential, body):
    """The decoded answer; anything but 2xx fails."""
    connection.request("POST", "/api/v1" + path, json.dumps(body),
                       {"Authorization": "Bearer " + credential,
                        "Content-Type": "application/json"})
    response = connection.getresponse()
    text = response.read()
    if response.status // 100 != 2:
        raise Failed(f"POST {path}: {response.status} {text[:500]!r}")
    return json.loads(text), len(text)


class Load:
    """What wrk has done."""

    def __init__(self, numbers):
        self.__dict__.update(numbers)
        self.seconds = self.duration_us / 1e6
        self.rate = self.requests / self.seconds


def wrk(served, mode, source, credential, connections, seconds, cores=None, threads=1):
    """Runs wrk; fails on anything but 2xx, and when the server counts other answers than wrk."""
    before = served.answers()
    done = subprocess.run(
        [str(part) for part in
         on_cores(cores, ["wrk", "-t", threads, "-c", connections, "-d", f"{seconds}s",
                          "--timeout", "10s", "-s", HERE / "load.lua",
                          f"http://127.0.0.1:{served.port}", "--", mode, source, credential,
                          random.randrange(1 << 30)])],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=seconds + 60, check=False)
    lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
    if done.returncode != 0 or not lines:
        raise Failed(f"wrk failed: {done.stdout[-500:]} {done.stderr[-500:]}")
    load = Load(json.loads(lines[-1]))
    if load.not_2xx or load.socket_errors or load.requests == 0:
        raise Failed(f"{load.requests} requests, {load.not_2xx} of them not 2xx, "
                     f"{load.socket_errors} socket errors")
    after = served.answers()
    served_now = after["2xx"] - before["2xx"]
    # Besides: what was on its way when wrk stopped counting, and the question itself.
    if not load.requests <= served_now <= load.requests + connections * threads + 2:
        raise Failed(f"wrk counted {load.requests} answers, the server {served_now}")
    if any(after.get(name, 0) != before.get(name, 0) for name in ("4xx", "5xx")):
        raise Failed("the server refused something")
    return load


def h2load(served, path, credential, body_file, requests, streams, cores=None):
    """So many POSTs of one body over one HTTP/2 connection, without TLS. How long they took; fails
    unless every one is answered with 2xx, by the server's count too."""
    before = served.answers()
    started = time.monotonic()
    done = subprocess.run(
        [str(part) for part in
         on_cores(cores, ["h2load", "-n", requests, "-c", 1, "-m", streams, "-d", body_file,
                          "-H", f"Authorization: Bearer {credential}",
                          "-H", "Content-Type: application/json",
                          f"http://127.0.0.1:{served.port}{path}"])],
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=120, check=False)
    seconds = time.monotonic() - started
    if done.returncode != 0 or f"status codes: {requests} 2xx" not in done.stdout:
        raise Failed(f"h2load failed: {done.stdout[-800:]} {done.stderr[-500:]}")
    counted = served.answers()["2xx"] - before["2xx"]
    if not requests <= counted <= requests + 2:
        raise Failed(f"h2load counted {requests} answers, the server {counted}")
    return seconds


class Exact:
    """A load of exactly so many requests, over connections that stay open."""

    def __init__(self, port, credential, tokens, connections=16):
        self.requests = [self._request(credential, token) for token in tokens]
        self.sockets = [socket.create_connection(("127.0.0.1", port), timeout=ANSWER_SECONDS)
                        for _ in range(connections)]
        self.next = 0

    @staticmethod
    def _request(credential, token):
        body = json.dumps({"key": token})
        return (f"POST /api/v1/keys/verify HTTP/1.1\r\nHost: 127.0.0.1\r\n"
                f"Authorization: Bearer {credential}\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n\r\n{body}").encode()

    def run(self, rounds):
        """One request on each connection, all answers, and so on. Returns how many that were."""
        for _ in range(rounds):
            for connection in self.sockets:
                connection.sendall(self.requests[self.next % len(self.requests)])
                self.next += 1
            for connection in self.sockets:
                self._read(connection)
        return rounds * len(self.sockets)

    @staticmethod
    def _read(connection):
        text = b""
        while b"\r\n\r\n" not in text:
            piece = connection.recv(65536)
            if not piece:
                raise Failed("the server closed a connection")
            text += piece
        head, body = text.split(b"\r\n\r\n", 1)
        if b" 200 " not in head.split(b"\r\n", 1)[0]:
            raise Failed(f"not 200: {head[:200]!r}")
        length = int(re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)[1])
        while len(body) < length:
            piece = connection.recv(65536)
            if not piece:
                raise Failed("an answer was cut off")
            body += piece

    def close(self):
        for connection in self.sockets:
            connection.close()
