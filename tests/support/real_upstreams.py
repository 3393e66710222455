"""Ordinary servers as upstreams, each telling which requests it understood.

    with NodeUpstream() as upstream:
        upstream.url; upstream.seen()        # [("GET", "/path", body bytes or None), ...]
"""

import http.server
import json
import pathlib
import shutil
import subprocess
import threading

from keywright import Unexpected, wait_until
from proxies import Proxy


class PythonUpstream:
    """http.server as people use it: it knows Content-Length, and nothing of chunks."""

    name = "Python"

    def __init__(self):
        requests = self.requests = []

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def answer(self):
                length = int(self.headers.get("Content-Length") or 0)
                self.rfile.read(length)
                requests.append((self.command, self.path, length))
                self.send_response(200)
                self.send_header("Content-Length", "2")
                self.end_headers()
                if self.command != "HEAD":
                    self.wfile.write(b"ok")

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer
            do_FOO = answer

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def seen(self):
        return list(self.requests)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()


class NodeUpstream:
    name = "Node"

    def __init__(self):
        node = shutil.which("nodejs") or shutil.which("node")
        if node is None:
            raise Unexpected("no node: apt-get install nodejs")
        script = pathlib.Path(__file__).with_name("upstream.js")
        self.process = subprocess.Popen([node, str(script)], stdin=subprocess.DEVNULL, text=True,
                                        stdout=subprocess.PIPE)
        self.requests = []
        self.port = None
        threading.Thread(target=self._read, daemon=True).start()
        wait_until(lambda: self.port, what="the port of node")
        self.url = f"http://127.0.0.1:{self.port}"

    def _read(self):
        for line in self.process.stdout:
            said = json.loads(line)
            if "port" in said:
                self.port = said["port"]
            else:
                self.requests.append((said["method"], said["target"], said["length"]))

    def seen(self):
        return list(self.requests)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()
        self.process.stdout.close()


class NginxUpstream(Proxy):
    name = program = "nginx"

    def __init__(self):
        super().__init__({})
        self.url = f"http://127.0.0.1:{self.port}"

    def command(self):
        text = (f"daemon off;\nmaster_process off;\npid {self.folder}/pid;\n"
                f"error_log {self.folder}/error.log;\nevents {{}}\nhttp {{\n"
                "log_format seen escape=json "
                "'{\"method\":\"$request_method\",\"target\":\"$request_uri\"}';\n"
                f"access_log {self.folder}/seen seen;\nkeepalive_requests 100000;\n"
                f"client_body_temp_path {self.folder}/body;\n"
                f"server {{ listen 127.0.0.1:{self.port}; location / {{ return 200 ok; }} }}\n}}\n")
        return ["nginx", "-p", str(self.folder), "-c", self.write("nginx.conf", text), "-e",
                f"{self.folder}/error.log"]

    def seen(self):
        path = self.folder / "seen"
        lines = path.read_text().splitlines() if path.exists() else []
        found = [json.loads(line) for line in lines]
        return [(each["method"], each["target"], None) for each in found if each["method"]]
