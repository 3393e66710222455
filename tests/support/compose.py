"""Runs what a compose file says without containers: the same commands and settings, on loopback.

    project = Compose(path, {"OWNER_EMAIL": "ada@example.org"}, programs, map_text)
    node = project.command("node1")          # (argv, environment) as a container would have them
    project.run("setup")                     # to its end
    project.start("node1")                   # until stop()

`programs` is a folder with what lies in /usr/bin of our image: make_programs(). `map_text` puts
places of this machine where the files name places inside containers: on_this_machine(). Images are
not built: of our own image the Dockerfile's ENTRYPOINT, CMD, ENV and HEALTHCHECK are read. Files
that a command names must have been mapped by `map_text`.
"""

import json
import os
import re
import signal
import subprocess

from keywright import ROOT, Unexpected, binary
from read_yaml import yaml

HERE = ROOT / "packaging" / "compose"


def interpolated(text, variables):
    """${A}, ${A:-default}, ${A:?message} and $$, as compose does it."""
    def value(found):
        if found[0] == "$$":
            return "$"
        name, operator, rest = found[1], found[2], found[3]
        if variables.get(name):
            return variables[name]
        if operator == ":-":
            return rest
        raise Unexpected(f"{name} is not set: {rest}")
    return re.sub(r"\$\$|\$\{(\w+)(?:(:[-?])([^}]*))?\}", value, text)


def every_text(value, change):
    """The same structure with each text changed."""
    if isinstance(value, dict):
        return {key: every_text(one, change) for key, one in value.items()}
    if isinstance(value, list):
        return [every_text(one, change) for one in value]
    return change(value) if isinstance(value, str) else value


def make_programs(folder):
    """/usr/bin of the image."""
    folder.mkdir()
    (folder / "keywright").symlink_to(binary())
    for name in ("entrypoint", "healthcheck"):
        (folder / f"keywright-{name}").symlink_to(ROOT / "packaging/container" / name)
    return folder


def on_this_machine(text, own, programs, places):
    """`text` with folders below `own` for those of one container, and with `places` for others."""
    (own / "run").mkdir(parents=True, exist_ok=True)
    (own / "data").mkdir(exist_ok=True, mode=0o700)
    for inside, here in {"/run/keywright": own / "run", "/var/lib/keywright": own / "data",
                         "/usr/bin": programs, **places}.items():
        text = text.replace(inside, str(here))
    return text


class Image:
    """What the Dockerfile says of the containers that are made of it."""

    def __init__(self):
        text = (ROOT / "Dockerfile").read_text().replace("\\\n", " ")
        last_stage = text[text.rindex("\nFROM "):]
        self.lines = [line.split(" ", 1) for line in last_stage.splitlines()
                      if re.match(r"[A-Z]+ ", line)]
        self.entrypoint = json.loads(self.one("ENTRYPOINT"))
        self.command = json.loads(self.one("CMD"))
        self.healthcheck = json.loads(self.one("HEALTHCHECK").partition(" CMD ")[2])
        self.environment = dict(pair.split("=", 1) for pair in self.one("ENV").split())

    def one(self, instruction):
        return [rest.strip() for name, rest in self.lines if name == instruction][-1]


class Compose:
    def __init__(self, path, variables, programs, map_text):
        self.path = f"{programs}:{os.environ['PATH']}"
        loaded = yaml.safe_load(path.read_text())
        self.file = every_text(loaded, lambda text: interpolated(text, variables))
        self.services = self.file["services"]
        self.map_text = map_text
        self.image = Image()
        self.running = {}

    def command(self, name, of=None):
        """The command line and the environment of a service; or another command in it."""
        service = self.services[name]
        is_ours = service["image"].startswith("keywright:")
        environment = dict(self.image.environment) if is_ours else {}
        environment.update(service.get("environment", {}))
        if of is None:
            entrypoint = service.get("entrypoint", self.image.entrypoint if is_ours else [])
            of = entrypoint + service.get("command", self.image.command if is_ours else [])

        def mapped(text):
            return self.map_text(name, text)
        return ([mapped(part) for part in of],
                {key: mapped(value) for key, value in environment.items()})

    def run(self, name, of=None):
        arguments, environment = self.command(name, of)
        return subprocess.run(arguments, env={"PATH": self.path, **environment},
                              text=True, capture_output=True, timeout=120)

    def start(self, name, log):
        arguments, environment = self.command(name)
        with open(log, "wb") as output:
            self.running[name] = subprocess.Popen(
                arguments, env={"PATH": self.path, **environment}, stdout=output,
                stderr=subprocess.STDOUT)

    def stop(self, name, how=signal.SIGTERM):
        """Its status."""
        process = self.running.pop(name)
        process.send_signal(how)
        return process.wait(60)

    def stop_all(self):
        for name in list(self.running):
            self.stop(name, signal.SIGKILL)
