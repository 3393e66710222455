"""Real proxies on loopback, started from the configurations in the documentation.

    with Nginx({"8080": keywright_port, "9000": service_port}) as proxy:
        proxy.port

Each takes its blocks from docs/operating/behind-proxies.md, with the ports of that page replaced.
"""

import os
import pathlib
import re
import shutil
import socket
import subprocess
import tempfile
import time

from keywright import ROOT, Unexpected, free_port

PAGE = ROOT / "docs/operating/behind-proxies.md"


def block(language):
    """The one fenced block of this language on the page."""
    found = re.findall(rf"^```{language}\n(.*?)^```$", PAGE.read_text(), re.M | re.S)
    if len(found) != 1:
        raise Unexpected(f"{PAGE.name} has {len(found)} {language} blocks")
    return found[0]


class Proxy:
    """A program of its own folder, until the end of the with block."""

    program = ""

    def __init__(self, ports):
        self.port = free_port()
        self.ports = {"8000": self.port, **ports}
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="keywright-proxy-"))
        self.process = None

    def with_ports(self, text):
        return re.sub(r"127\.0\.0\.1:(\d+)",
                      lambda found: f"127.0.0.1:{self.ports.get(found[1], found[1])}", text)

    def write(self, name, text):
        path = self.folder / name
        path.write_text(text)
        return str(path)

    def command(self):
        raise NotImplementedError

    def __enter__(self):
        log = open(self.folder / "log", "wb")
        with log:
            environment = dict(os.environ, HOME=str(self.folder),
                               XDG_DATA_HOME=str(self.folder), XDG_CONFIG_HOME=str(self.folder))
            self.process = subprocess.Popen(self.command(), stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, env=environment, cwd=self.folder)
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return self
            except OSError:
                if self.process.poll() is not None or time.monotonic() > deadline:
                    said = (self.folder / "log").read_text(errors="replace")
                    self.__exit__()
                    raise Unexpected(f"{self.program} did not start:\n{said}") from None
                time.sleep(0.05)

    def __exit__(self, *_):
        if self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(10)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


class Nginx(Proxy):
    program = "nginx"

    def servers(self):
        return block("nginx")

    def command(self):
        places = "".join(f"  {name}_temp_path {self.folder}/{name};\n" for name in
                         ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        text = (f"daemon off;\nmaster_process off;\npid {self.folder}/pid;\n"
                f"error_log {self.folder}/error.log;\nevents {{}}\n"
                f"http {{\n  access_log off;\n{places}{self.servers()}\n}}\n")
        config = self.write("nginx.conf", self.with_ports(text))
        return ["nginx", "-p", str(self.folder), "-c", config, "-e", f"{self.folder}/error.log"]


class Caddy(Proxy):
    program = "caddy"

    def command(self):
        text = "{\n  admin off\n  auto_https off\n}\n" + self.with_ports(block("caddyfile"))
        return ["caddy", "run", "--adapter", "caddyfile", "--config", self.write("Caddyfile", text)]


class Haproxy(Proxy):
    program = "haproxy"

    def command(self):
        script = self.write("keywright.lua", block("lua"))
        text = self.with_ports(block("haproxy")).replace("/etc/haproxy/keywright.lua", script)
        return ["haproxy", "-db", "-f", self.write("haproxy.cfg", text)]
