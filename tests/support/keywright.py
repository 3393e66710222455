"""A real Keywright for integration tests: starts it on a fresh data directory, and talks to it.

    from keywright import ServerTest

    class Keys(ServerTest):                          # one server for all tests of the class
        def test_a_new_key_works(self):
            key = self.owner.create_key("access", name="ci")
            answer = self.server.client(key["key"]).get("/api/v1/whoami")
            self.assertEqual(200, answer.status)

    server = Server.start()                          # or by hand: setup + serve on a free port
    owner = server.sign_in()                         # the person who set it up, with a cookie
    server.stop()                                    # fails unless it ends by itself with status 0

The program is found in the environment (KEYWRIGHT_BIN or KEYWRIGHT_BINARY), else build/keywright.
Nothing here checks the product: helpers raise `Unexpected` when a step a test builds upon fails.
A machine may be slow and busy: wait for what must come with wait_until(), never for a time.
Standard library only.
"""

import atexit
import datetime
import http.client
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import time
import unittest
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
PASSWORD = "correct horse battery staple"
START_SECONDS = 60  # sanitizer builds are slow to start
ANSWER_SECONDS = 60
WAIT_SECONDS = 60   # for what comes at once where nothing else runs
STOP_SECONDS = 60


class Unexpected(AssertionError):
    """A step that a test builds upon went wrong."""


def binary():
    """The program under test."""
    named = os.environ.get("KEYWRIGHT_BIN") or os.environ.get("KEYWRIGHT_BINARY")
    path = pathlib.Path(named) if named else ROOT / "build" / "keywright"
    if not path.exists():
        raise Unexpected(f"no program at {path}: make build, or set KEYWRIGHT_BIN")
    return str(path.absolute())


def in_time(**delta):
    """An RFC 3339 time that far from now: in_time(hours=1)."""
    at = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(**delta)
    return at.strftime("%Y-%m-%dT%H:%M:%S.") + f"{at.microsecond // 1000:03d}Z"


def free_port():
    """A port of 127.0.0.1 for a program that has to be told one. None that the kernel gives to
    whoever asks for any, so that nobody else has got it when that program listens."""
    for port in random.SystemRandom().sample(range(15_000, 32_000), 100):
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError:
            continue
    raise Unexpected("no free port")


def wait_until(condition, seconds=WAIT_SECONDS, what="the condition"):
    """Asks `condition` until it is true; what it gave. Raises after `seconds`."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise Unexpected(f"{what} did not come true within {seconds} s")
        time.sleep(0.02)


class Answer:
    """One HTTP answer, read to its end."""

    def __init__(self, status, headers, body):
        self.status = status
        self.headers = headers  # http.client.HTTPMessage: names without case
        self.body = body

    def json(self):
        try:
            return json.loads(self.body)
        except ValueError as error:
            raise Unexpected(f"{self.status}: not JSON: {self.body[:500]!r}") from error

    @property
    def text(self):
        return self.body.decode()

    @property
    def code(self):
        """The `code` of a problem; None if the body is none."""
        if not (self.headers.get("Content-Type") or "").startswith("application/problem+json"):
            return None
        return self.json().get("code")

    def expect(self, *statuses):
        """Itself, if its status is one of these."""
        if self.status not in statuses:
            raise Unexpected(f"status {self.status}, not {statuses}: {self.body[:2000]!r}")
        return self

    def __repr__(self):
        return f"<Answer {self.status} {self.body[:300]!r}>"


class Client:
    """Somebody who calls: with a key, a session, or nothing. Keeps one connection. One thread."""

    def __init__(self, server, token=None, carrier="bearer", headers=None):
        self.server = server
        self.token = token
        self.carrier = carrier
        self.extra_headers = dict(headers or {})
        self.cookie = None
        self.csrf_token = None
        self.user = None
        self._connection = None

    def __del__(self):
        self.close()

    # -- plain HTTP

    def credentials(self, method):
        """The header fields that say who this is."""
        if self.cookie:
            fields = {"Cookie": self.cookie}
            if method not in ("GET", "HEAD") and self.csrf_token:
                fields["X-CSRF-Token"] = self.csrf_token
            return fields
        if not self.token:
            return {}
        return {"bearer": {"Authorization": f"Bearer {self.token}"},
                "jwt": {"Authorization": f"JWT {self.token}"},
                "x-api-key": {"X-API-Key": self.token}}[self.carrier]

    def request(self, method, path, json_body=None, body=None, headers=None):
        """`headers` win over everything; a value of None takes the field away."""
        fields = {**self.extra_headers, **self.credentials(method)}
        if json_body is not None:
            body = json.dumps(json_body).encode()
            fields["Content-Type"] = "application/json"
        fields.update(headers or {})
        fields = {name: value for name, value in fields.items() if value is not None}
        for attempt in (1, 2):
            fresh = self._connection is None
            if fresh:
                self._connection = self.server.connection()
            try:
                self._connection.request(method, path, body=body, headers=fields)
                reply = self._connection.getresponse()
                answer = Answer(reply.status, reply.headers, reply.read())
                if reply.will_close:
                    self.close()
                self.server.remember(method, path, answer)
                return answer
            except (http.client.RemoteDisconnected, ConnectionResetError, BrokenPipeError):
                self.close()  # a kept connection that the server had closed meanwhile
                if fresh or attempt == 2:
                    raise

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def post(self, path, json_body=None, **options):
        return self.request("POST", path, json_body, **options)

    def patch(self, path, json_body=None, **options):
        return self.request("PATCH", path, json_body, **options)

    def delete(self, path, **options):
        return self.request("DELETE", path, **options)

    def close(self):
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    # -- steps that tests build upon

    def create(self, collection, **fields):
        """POST /api/v1/<collection>, which must succeed: what was made."""
        return self.post(f"/api/v1/{collection}", fields).expect(201).json()

    def create_key(self, kind, **fields):
        """A key of this kind; the token is under "key". Fills in what its kind needs."""
        fields.setdefault("name", f"test {kind}")
        if kind in ("personal", "mcp"):
            fields.setdefault("expires_at", in_time(days=30))
        if kind == "connect":
            fields.setdefault("scope", {"all": True})
        return self.create("keys", kind=kind, **fields)

    def create_user(self, role, **fields):
        """A person with that role who can sign in with PASSWORD."""
        fields.setdefault("email", f"{role}-{os.urandom(5).hex()}@example.org")
        fields.setdefault("password", PASSWORD)
        return self.create("users", role=role, **fields)

    def all_items(self, path):
        """Every item of a list, page after page."""
        items, cursor = [], None
        while True:
            separator = "&" if "?" in path else "?"
            more = f"{separator}cursor={urllib.parse.quote(cursor)}" if cursor else ""
            page = self.get(path + more).expect(200).json()
            items += page["items"]
            cursor = page["next_cursor"]
            if cursor is None:
                return items


STARTED = set()  # those not yet discarded


@atexit.register
def discard_started():
    """A test that fails while it sets itself up leaves nothing running."""
    for server in list(STARTED):
        server.discard()


class Server:
    """One running program and its data directory."""

    def __init__(self, data, options=(), environment=None):
        self.data = pathlib.Path(data)
        self.options = list(options)
        self.environment = dict(environment or {})
        self.organization_id = None
        self.user_id = None
        self.email = "owner@example.org"
        self.password = PASSWORD
        self.process = None
        self.port = None
        self.ports = []
        self.output = []       # lines of standard output so far
        self.log_path = None
        self.answers = None    # a list, once record_answers() was called
        self._owns_data = False

    # -- life

    @classmethod
    def start(cls, options=(), environment=None, organization="Acme"):
        """A fresh installation, set up and serving."""
        server = cls(tempfile.mkdtemp(prefix="keywright-test-"), options, environment)
        server._owns_data = True
        try:
            server.set_up(organization)
            server.serve()
        except BaseException:
            server.discard()
            raise
        return server

    def set_up(self, organization="Acme"):
        """keywright setup: the first organization and its owner."""
        self.data.mkdir(parents=True, exist_ok=True)
        secret = self.data.parent / (self.data.name + ".password")
        secret.write_text(self.password + "\n")
        secret.chmod(0o600)
        try:
            done = self.run("setup", "--data", self.data, "--organization", organization,
                            "--email", self.email, "--password-file", secret, "--json")
        finally:
            secret.unlink()
        if done.returncode != 0:
            raise Unexpected(f"setup: {done.returncode}: {done.stdout}{done.stderr}")
        made = json.loads(done.stdout)
        self.organization_id, self.user_id = made["organization_id"], made["user_id"]

    def run(self, *arguments, stdin=None, timeout=ANSWER_SECONDS):
        """Another command of the program, to its end."""
        return subprocess.run([binary(), *map(str, arguments)], input=stdin, text=True,
                              capture_output=True, timeout=timeout,
                              env={**os.environ, **self.environment})

    def serve(self):
        """Starts serving; returns when it says that it listens."""
        if self.log_path is None:
            descriptor, name = tempfile.mkstemp(prefix="keywright-log-")
            os.close(descriptor)
            self.log_path = pathlib.Path(name)
        arguments = [binary(), "serve", "--data", str(self.data)]
        if "--listen" not in self.options:
            arguments += ["--listen", "127.0.0.1:0"]
        STARTED.add(self)
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(
                [*arguments, *map(str, self.options)], stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE, stderr=log, text=True,
                env={**os.environ, **self.environment})
        self.output, self.ports = [], []
        ready = threading.Event()
        threading.Thread(target=self._read_output, args=(self.process, ready), daemon=True).start()
        expected = max(1, self.options.count("--listen"))
        deadline = time.monotonic() + START_SECONDS
        while len(self.ports) < expected:
            ready.wait(0.2)
            ready.clear()
            if self.process.poll() is not None and len(self.ports) < expected:
                raise Unexpected(f"serve ended with {self.process.returncode}:\n"
                                 f"{''.join(self.output)}{self.log()}")
            if time.monotonic() > deadline:
                self.kill()
                raise Unexpected(f"serve was not ready in time:\n{self.log()}")
        self.port = self.ports[0]
        return self

    def _read_output(self, process, ready):
        with process.stdout:
            for line in process.stdout:
                self.output.append(line)
                found = re.match(r"listening on https?://.*:(\d+)\s*$", line)
                if found:
                    self.ports.append(int(found.group(1)))
                ready.set()
        ready.set()

    def stop(self, seconds=STOP_SECONDS):
        """SIGTERM; it must end by itself with status 0. Then its directory is removed."""
        try:
            if self.process is not None and self.process.poll() is None:
                self.process.send_signal(signal.SIGTERM)
                try:
                    code = self.process.wait(seconds)
                except subprocess.TimeoutExpired:
                    self.kill()
                    raise Unexpected(f"still there {seconds} s after SIGTERM") from None
                if code != 0:
                    raise Unexpected(f"ended with {code}:\n{self.log()[-4000:]}")
            elif self.process is not None:
                raise Unexpected(f"had ended with {self.process.returncode}:\n"
                                 f"{self.log()[-4000:]}")
        finally:
            self.discard()

    def kill(self):
        """kill -9; the directory stays, so that serve() can start on it again."""
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()

    def end(self):
        """Ends it in good order; the directory stays, so that serve() can start on it again."""
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(STOP_SECONDS)
        if code != 0:
            raise Unexpected(f"ended with {code}:\n{self.log()[-4000:]}")

    def restart(self):
        """Ends it and starts it again on the same data, on another port."""
        self.end()
        return self.serve()

    def discard(self):
        STARTED.discard(self)
        self.kill()
        if self._owns_data:
            shutil.rmtree(self.data, ignore_errors=True)
        if self.log_path is not None:
            self.log_path.unlink(missing_ok=True)

    # -- looking at it

    def log(self):
        """What it wrote to standard error so far."""
        if self.log_path is None or not self.log_path.exists():
            return ""
        return self.log_path.read_text(errors="replace")

    def record_answers(self):
        """From now on every answer to a Client is kept in `answers`: (method, path, Answer)."""
        self.answers = []

    def remember(self, method, path, answer):
        if self.answers is not None:
            self.answers.append((method, path, answer))

    def data_files(self):
        """Every file below the data directory, as (path, bytes)."""
        for path in sorted(self.data.rglob("*")):
            try:
                if path.is_file():
                    yield path, path.read_bytes()
            except FileNotFoundError:
                pass  # the server has put it away meanwhile

    # -- talking to it

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"

    def connection(self):
        return http.client.HTTPConnection("127.0.0.1", self.port, timeout=ANSWER_SECONDS)

    def client(self, token=None, carrier="bearer", headers=None):
        return Client(self, token, carrier, headers)

    def sign_in(self, email=None, password=None, transport="cookie"):
        """A Client with a session: of the owner, unless somebody else is named."""
        client = Client(self)
        fields = {"email": email or self.email, "password": password or self.password}
        if transport == "bearer":
            fields["transport"] = "bearer"
        answer = client.post("/api/v1/session", fields).expect(200)
        made = answer.json()
        client.user, client.csrf_token = made["user"], made["csrf_token"]
        if transport == "bearer":
            client.token = made["token"]
        else:
            client.cookie = answer.headers["Set-Cookie"].split(";")[0]
        return client

    def raw(self, data, seconds=ANSWER_SECONDS, half_close=False):
        """Sends these bytes on a connection of their own; everything that came back until the
        server closed it or was silent for `seconds`."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=seconds) as connection:
            connection.sendall(data)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            received = b""
            try:
                while True:
                    piece = connection.recv(65536)
                    if not piece:
                        return received
                    received += piece
            except (TimeoutError, ConnectionResetError):
                return received

    def raw_request(self, lines, body=b""):
        """One request from lines of its head, closed afterwards: an Answer. For header fields that
        http.client would not send: the same one twice, odd spellings."""
        head = "\r\n".join([*lines, "Host: 127.0.0.1", "Connection: close", "", ""])
        received = self.raw(head.encode("latin-1") + body)
        head, _, rest = received.partition(b"\r\n\r\n")
        status_line, *fields = head.decode("latin-1").split("\r\n")
        if not status_line.startswith("HTTP/1.1 "):
            raise Unexpected(f"no answer: {received[:200]!r}")
        headers = http.client.HTTPMessage()
        for field in fields:
            name, _, value = field.partition(":")
            headers[name] = value.strip()
        return Answer(int(status_line.split(" ")[1]), headers, rest)


class ServerTest(unittest.TestCase):
    """One server for all tests of a class, and the session of its owner."""

    options = ()
    transport = "cookie"

    @classmethod
    def setUpClass(cls):
        cls.server = Server.start(cls.options)
        cls.owner = cls.server.sign_in(transport=cls.transport)

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
