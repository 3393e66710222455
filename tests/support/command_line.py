"""Runs the keywright program as a person or a script would.

    cli = CommandLine(server)                     # a configuration directory of its own
    done = cli.run("keys", "list", "--json")      # stdout and stderr are pipes
    done.stdout, done.stderr, done.returncode
    shown = cli.run_on_terminal("login", answers=["ada@example.org", PASSWORD])

run_on_terminal() gives the program a pseudo-terminal for all three streams and types each answer
when the program waits for input; what it printed comes back as one text.
"""

import os
import pathlib
import pty
import re
import select
import shutil
import signal
import struct
import subprocess
import tempfile
import termios
import time
import fcntl

from keywright import ANSWER_SECONDS, PASSWORD, ServerTest, Unexpected, binary

CONTROL_SEQUENCE = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")


class Shown:
    """What a terminal session printed, and how it ended."""

    def __init__(self, text, returncode):
        self.raw = text
        self.text = CONTROL_SEQUENCE.sub("", text).replace("\r\n", "\n")
        self.returncode = returncode


class CommandLine:
    def __init__(self, server=None, url=None):
        self.directory = pathlib.Path(tempfile.mkdtemp(prefix="keywright-cli-"))
        self.environment = {"KEYWRIGHT_CONFIG_DIR": str(self.directory / "config"),
                            "KEYWRIGHT_URL": url or (server.url if server else ""),
                            "PATH": os.environ.get("PATH", ""), "HOME": str(self.directory),
                            "LANG": "C.UTF-8", "TERM": "xterm"}

    def close(self):
        shutil.rmtree(self.directory, ignore_errors=True)

    def file(self, name, text):
        """A file only we can read; its path."""
        path = self.directory / name
        path.write_text(text)
        path.chmod(0o600)
        return path

    def environment_with(self, changes):
        merged = {**self.environment, **(changes or {})}
        return {name: value for name, value in merged.items() if value is not None}

    def run(self, *arguments, stdin="", environment=None, timeout=ANSWER_SECONDS):
        return subprocess.run([binary(), *map(str, arguments)], input=stdin, text=True,
                              capture_output=True, timeout=timeout,
                              env=self.environment_with(environment))

    def expect(self, *arguments, code=0, **options):
        """Its result, if it ended with that exit code."""
        done = self.run(*arguments, **options)
        if done.returncode != code:
            raise Unexpected(f"{arguments}: {done.returncode}, not {code}\n"
                             f"{done.stdout[:2000]}\n{done.stderr[:2000]}")
        return done

    def sign_in(self, email, password):
        secret = self.file("password", password + "\n")
        return self.expect("login", "--email", email, "--password-file", secret)

    def run_on_terminal(self, *arguments, answers=(), environment=None, columns=100,
                        interrupt=False, seconds=ANSWER_SECONDS):
        """`answers` are typed one after the other, each at a prompt that ends in ": " or "] "."""
        process, terminal = pty.fork()
        if process == 0:
            os.execve(binary(), [binary(), *map(str, arguments)],
                      self.environment_with(environment))
        fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
        waiting = list(answers)
        shown, unanswered = b"", b""
        deadline = time.monotonic() + seconds
        try:
            while True:
                if time.monotonic() > deadline:
                    os.kill(process, signal.SIGKILL)
                    raise Unexpected(f"{arguments}: no end on the terminal:\n{shown!r}")
                if not select.select([terminal], [], [], 0.1)[0]:
                    continue
                try:
                    piece = os.read(terminal, 65536)
                except OSError:  # the other side is closed
                    piece = b""
                if not piece:
                    break
                shown += piece
                unanswered += piece
                if unanswered.endswith((b": ", b"] ")):
                    unanswered = b""
                    if interrupt:
                        os.write(terminal, b"\x03")
                    elif waiting:
                        os.write(terminal, waiting.pop(0).encode() + b"\n")
        finally:
            os.close(terminal)
        status = os.waitpid(process, 0)[1]
        return Shown(shown.decode(errors="replace"), os.waitstatus_to_exitcode(status))


class CommandLineTest(ServerTest):
    """A ServerTest with a command line on which its owner signed in."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.cli = CommandLine(cls.server)
        cls.cli.sign_in(cls.server.email, PASSWORD)

    @classmethod
    def tearDownClass(cls):
        cls.cli.close()
        super().tearDownClass()
