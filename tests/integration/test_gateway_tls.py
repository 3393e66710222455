"""Upstreams with TLS: a certificate that is trusted, of the right name and of today, or nothing."""

import pathlib
import shutil
import ssl
import subprocess
import tempfile
import unittest

from keywright import Server
from upstreams import Recorder, Scripted

MESSAGE = {"jsonrpc": "2.0", "id": 1, "method": "ping"}


class Authority:
    """A certificate authority of our own, with what it signs, in a folder."""

    def __init__(self, folder):
        self.folder = folder
        self.certificate = folder / "authority.pem"
        self.key = folder / "authority.key"
        self.openssl("req", "-x509", *self.new_key(self.key), "-days", "2", "-subj",
                     "/CN=An authority of the tests", "-out", self.certificate)

    @staticmethod
    def openssl(*arguments):
        subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True,
                       timeout=60)

    @staticmethod
    def new_key(path):
        return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout", path]

    def sign(self, name, alternatives, days=2):
        """A server's TLS settings with a certificate for these names."""
        paths = {end: self.folder / f"{name}.{end}" for end in ("key", "csr", "ext", "pem")}
        paths["ext"].write_text(f"subjectAltName={alternatives}\n")
        self.openssl("req", *self.new_key(paths["key"]), "-subj", "/CN=x", "-out", paths["csr"])
        self.openssl("x509", "-req", "-in", paths["csr"], "-CA", self.certificate, "-CAkey",
                     self.key, "-CAcreateserial", "-days", days, "-extfile", paths["ext"],
                     "-out", paths["pem"])
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(paths["pem"], paths["key"])
        return context


class TlsRecorder(Recorder):
    def __init__(self, context):
        self.context = context
        super().__init__()

    def serve(self, peer):
        with self.context.wrap_socket(peer, server_side=True) as secured:
            super().serve(secured)


class TlsUpstreams(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="keywright-tls-"))
        cls.addClassCleanup(shutil.rmtree, cls.folder)
        cls.trusted, cls.stranger = (Authority(cls.made(name)) for name in ("ours", "theirs"))
        # The system's trust store, as OpenSSL lets a process choose it.
        cls.server = Server.start(
            ["--allow-upstream", "127.0.0.0/8", "--allow-upstream", "::1/128"],
            environment={"SSL_CERT_FILE": str(cls.trusted.certificate)})
        cls.owner = cls.server.sign_in()
        cls.client = cls.server.client(cls.owner.create_key("access")["key"])
        cls.connect = cls.server.client(cls.owner.create_key("connect")["key"])

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    @classmethod
    def made(cls, name):
        (cls.folder / name).mkdir()
        return cls.folder / name

    def ask(self, slug, upstream, host="127.0.0.1"):
        """What a client gets through a service and an MCP server that are this upstream."""
        self.addCleanup(upstream.close)
        url = f"https://{host}:{upstream.port}"
        self.owner.create("services", name=slug, slug=slug, upstream_url=url)
        self.owner.create("mcp-servers", name=slug, slug=slug, url=url)
        return (self.client.post(f"/services/{slug}/x", body=b"hello"),
                self.connect.post(f"/mcp-connect/{slug}", MESSAGE))

    def assert_refused(self, slug, upstream, host="127.0.0.1"):
        for answer in self.ask(slug, upstream, host):
            self.assertEqual((502, "upstream_unreachable"), (answer.status, answer.code), answer)
            self.assertIn("certificate", answer.json()["detail"])
        self.assertEqual([], upstream.requests)  # nothing was sent, the upstream's headers neither

    def test_a_trusted_certificate_of_the_right_name_or_address(self):
        upstream = TlsRecorder(self.trusted.sign("right", "DNS:localhost,IP:127.0.0.1"))
        for slug, host in (("by-address", "127.0.0.1"), ("by-name", "localhost")):
            for answer in self.ask(slug, upstream, host):
                self.assertEqual((200, b"ok"), (answer.status, answer.body), answer)
        self.assertEqual([b"hello"] * 2, [seen.body for seen in upstream.requests
                                          if seen.target == "/x"])

    def test_the_certificate_of_another_name(self):
        upstream = TlsRecorder(self.trusted.sign("other", "DNS:other.example,IP:127.0.0.2"))
        self.assert_refused("other-name", upstream, "localhost")
        self.assert_refused("other-address", upstream)

    def test_a_certificate_whose_time_is_over(self):
        self.assert_refused("expired", TlsRecorder(
            self.trusted.sign("expired", "IP:127.0.0.1", days=-1)))

    def test_a_certificate_that_nobody_here_trusts(self):
        self.assert_refused("untrusted", TlsRecorder(
            self.stranger.sign("untrusted", "IP:127.0.0.1")))

    def test_an_upstream_that_speaks_no_tls(self):
        upstream = Scripted(lambda peer: peer.recv(1) and peer.sendall(b"HTTP/1.1 400 No\r\n\r\n"))
        for answer in self.ask("plain", upstream):
            self.assertEqual((502, "upstream_unreachable"), (answer.status, answer.code), answer)


if __name__ == "__main__":
    unittest.main()
