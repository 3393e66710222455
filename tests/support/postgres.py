"""A PostgreSQL of its own, and several nodes on it, for integration tests.

    from postgres import Cluster, Postgres

    class Mine(ClusterTest):                         # for all tests of a class
        def test_it(self):
            first, second, third = self.nodes        # keywright.Server, set up and serving

    postgres = Postgres.start()                      # or piece by piece
    cluster = Cluster(postgres, nodes=3)
    cluster.stop()
    postgres.remove()

The work of starting PostgreSQL is in postgres.sh, which the C++ tests use, too.
"""

import atexit
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import tempfile
import threading
import unittest

from keywright import Server, Unexpected, wait_until

SCRIPT = pathlib.Path(__file__).resolve().parent / "postgres.sh"
STARTED = set()


@atexit.register
def remove_started():
    for postgres in list(STARTED):
        postgres.remove()


class Postgres:
    def __init__(self, folder, url):
        self.folder = folder
        self.url = url

    @classmethod
    def start(cls):
        folder = tempfile.mkdtemp(prefix="keywright-pg-")
        made = cls(folder, None)
        STARTED.add(made)
        made.url = made._run("start")
        return made

    def follow(self):
        """A streaming standby of this one."""
        made = Postgres(tempfile.mkdtemp(prefix="keywright-pg-"), None)
        STARTED.add(made)
        made.url = made._run("follow", PRIMARY=str(self.folder))
        return made

    def lag(self):
        """A standby gets nothing any more."""
        self.sql("ALTER SYSTEM SET primary_conninfo = ''")
        self.sql("SELECT pg_reload_conf()")
        wait_until(lambda: not self.sql("SELECT pid FROM pg_stat_wal_receiver"), what="it lags")

    def promote(self):
        self._run("promote")

    def url_with(self, standby):
        """Leads to whichever of the two writes."""
        port = re.search(r":(\d+)/", standby.url).group(1)
        return re.sub(r"(@127.0.0.1:\d+)/", rf"\1,127.0.0.1:{port}/", self.url)

    def _run(self, action, **environment):
        done = subprocess.run([str(SCRIPT), action, self.folder], text=True, capture_output=True,
                              env={**os.environ, **environment}, timeout=120)
        if done.returncode != 0:
            raise Unexpected(f"postgres.sh {action}: {done.stdout}{done.stderr}")
        return done.stdout.strip()

    def stop(self, mode="immediate"):
        self._run("stop", MODE=mode)

    def again(self):
        self._run("again")

    def remove(self):
        STARTED.discard(self)
        self._run("remove")

    @property
    def password(self):
        return self.url.split(":", 2)[2].split("@")[0]

    def sql(self, text):
        """Rows as lists of texts, by psql."""
        done = subprocess.run(["psql", "-X", "-A", "-t", "-F", "|", "-v", "ON_ERROR_STOP=1", "-c",
                               text, self.url], text=True, capture_output=True, timeout=60)
        if done.returncode != 0:
            raise Unexpected(f"psql: {done.stderr}")
        return [line.split("|") for line in done.stdout.splitlines() if line]

    def log(self):
        return (pathlib.Path(self.folder) / "log").read_text(errors="replace")

    def session(self):
        """An open psql that takes statements line by line, for transactions that stay open."""
        return subprocess.Popen(["psql", "-X", "-q", "-A", "-t", self.url], text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT)


class Wire:
    """A port that leads to PostgreSQL, until it is cut: then bytes vanish and nobody is told."""

    def __init__(self, postgres, drops_notices=False):
        self.drops_notices = drops_notices
        self.dropped = 0
        self.target = int(re.search(r":(\d+)/", postgres.url).group(1))
        self.listener = socket.create_server(("127.0.0.1", 0))
        port = self.listener.getsockname()[1]
        self.url = postgres.url.replace(f":{self.target}/", f":{port}/")
        if drops_notices:  # messages can be told apart from the first byte on
            self.url += "?sslmode=disable&gssencmode=disable"
        self.is_cut = threading.Event()
        self.sockets = []
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.target))
            self.sockets += [client, server]
            back = self._copy_messages if self.drops_notices else self._copy
            for copy, source, sink in ((self._copy, client, server), (back, server, client)):
                threading.Thread(target=copy, args=(source, sink), daemon=True).start()

    def _copy(self, source, sink):
        try:
            while data := source.recv(65536):
                if not self.is_cut.is_set():
                    sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def _copy_messages(self, source, sink):
        """What the server says, but for NotificationResponse."""
        try:
            pending = b""
            while data := source.recv(65536):
                pending += data
                while len(pending) >= 5:
                    size = 1 + int.from_bytes(pending[1:5], "big")
                    if len(pending) < size:
                        break
                    message, pending = pending[:size], pending[size:]
                    if message[:1] == b"A":
                        self.dropped += 1
                    elif not self.is_cut.is_set():
                        sink.sendall(message)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def cut(self):
        self.is_cut.set()

    def mend(self):
        """What was open is lost; new connections work."""
        for one in self.sockets:
            one.close()
        self.sockets = []
        self.is_cut.clear()

    def close(self):
        self.listener.close()
        self.mend()


class Cluster:
    """Nodes that share a store and a digest key."""

    def __init__(self, postgres, nodes=3, options=(), url=None):
        self.postgres = postgres
        self.url = url or postgres.url
        self.options = list(options)
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="keywright-cluster-"))
        self.nodes = []
        self.made = 0
        first = self.make_node()
        first.set_up()
        for _ in range(nodes - 1):
            self.make_node()
        for node in self.nodes:
            node.serve()

    def make_node(self):
        self.made += 1
        data = self.folder / f"node{self.made}"
        node = Server(data, self.options, {"KEYWRIGHT_STORE": self.url})
        data.mkdir(mode=0o700)
        if self.nodes:
            first = self.nodes[0]
            shutil.copy(first.data / "digest.key", data / "digest.key")
            node.organization_id, node.user_id = first.organization_id, first.user_id
        self.nodes.append(node)
        return node

    def stop(self):
        for node in self.nodes:
            if node.process is not None and node.process.poll() is None:
                node.process.send_signal(signal.SIGCONT)
                node.stop()
            else:
                node.discard()
        shutil.rmtree(self.folder, ignore_errors=True)


class ClusterTest(unittest.TestCase):
    """Several nodes, and the owner signed in on each."""

    node_count = 3
    options = ()

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.postgres = Postgres.start()
        cls.addClassCleanup(cls.postgres.remove)
        cls.cluster = Cluster(cls.postgres, cls.node_count, cls.options)
        cls.addClassCleanup(cls.cluster.stop)
        cls.nodes = cls.cluster.nodes
        cls.owners = [node.sign_in() for node in cls.nodes]
