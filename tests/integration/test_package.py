"""The Debian package on a bare Debian 12: installed, served, upgraded, removed, purged.

The bare machine is a folder that debootstrap makes once (build/debian-12) and that each run copies.
There is no systemd in it: the unit is checked by systemd-analyze, and the program is run as the
user, with the settings and the directory that the unit names. Skipped where one may not be root or
the folder cannot be made, unless KEYWRIGHT_LONG asks for it.
"""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import unittest

from keywright import PASSWORD, ROOT, Client, Server, binary, free_port, wait_until

BARE = ROOT / "build/debian-12/root"
DATA = "var/lib/keywright"
SETTINGS = "etc/default/keywright"
UNIT = "lib/systemd/system/keywright.service"
# Exposure in tenths, as systemd-analyze counts: 20 is what it calls OK.
EXPOSURE_MAX = 16


def make_bare():
    """Why there is no bare Debian 12; None if there is."""
    if os.geteuid() != 0:
        return "not root"
    if (BARE / "usr/bin/dpkg").exists() and not (BARE / "debootstrap").exists():
        return None
    if not shutil.which("debootstrap"):
        return "no debootstrap"
    shutil.rmtree(BARE, ignore_errors=True)
    done = subprocess.run(["debootstrap", "--variant=minbase", "bookworm", BARE],
                          text=True, capture_output=True)
    return None if done.returncode == 0 else f"debootstrap: {done.stdout[-300:]}"


class PackageTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        missing = make_bare()
        if missing and not os.environ.get("KEYWRIGHT_LONG"):
            raise unittest.SkipTest(missing)
        if missing:
            raise AssertionError(missing)
        cls.addClassCleanup(cls.clean)
        cls.process = None
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="keywright-deb-", dir=ROOT / "build"))
        cls.root = cls.folder / "root"
        subprocess.run(["cp", "-a", "--reflink=auto", BARE, cls.root], check=True)
        for name in ("resolv.conf", "hosts"):
            shutil.copy(f"/etc/{name}", cls.root / "etc" / name)
        cls.old = cls.package("0.0.9")
        cls.new = cls.package((ROOT / "VERSION").read_text().strip())
        cls.reach_debian()
        cls.installed = cls.apt("install", cls.old)

    @classmethod
    def reach_debian(cls):
        try:
            cls.in_root("apt-get", "-o", "APT::Update::Error-Mode=any", "update", "-q")
        except AssertionError as error:
            if os.environ.get("KEYWRIGHT_LONG"):
                raise
            raise unittest.SkipTest(f"Debian's packages cannot be reached: {error}") from None

    @classmethod
    def clean(cls):
        cls.stop()
        shutil.rmtree(cls.folder)

    @classmethod
    def package(cls, version):
        made = cls.folder / version
        subprocess.run([ROOT / "packaging/build_deb.sh"], check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, "KEYWRIGHT_BIN": binary(), "PACKAGE_VERSION": version,
                            "PACKAGE_FOLDER": str(made)})
        found = next(made.glob("*.deb"))
        shutil.copy(found, cls.root / "root")
        return f"/root/{found.name}"

    @classmethod
    def in_root(cls, *command, user=None, stdin=None):
        done = subprocess.run(["chroot", *([f"--userspec={user}:{user}"] if user else []),
                               str(cls.root), *map(str, command)], text=True, input=stdin,
                              capture_output=True, timeout=300,
                              env={"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8",
                                   "DEBIAN_FRONTEND": "noninteractive"})
        if done.returncode != 0:
            raise AssertionError(f"{command}: {done.stdout}{done.stderr}")
        return done.stdout + done.stderr

    @classmethod
    def apt(cls, *arguments):
        return cls.in_root("apt-get", "-y", "-q", "--no-install-recommends", "-o",
                           "DPkg::Options::=--force-confold", *arguments)

    def settings(self):
        """What the unit hands to the program."""
        unit = (self.root / UNIT).read_text()
        path = re.search(r"^EnvironmentFile=-/(.*)$", unit, re.M)[1]
        lines = (self.root / path).read_text().splitlines()
        return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))

    def serve(self):
        """As the unit does: its user, its command, its settings. The Server to ask."""
        unit = (self.root / UNIT).read_text()
        user = re.search(r"^User=(.*)$", unit, re.M)[1]
        command = re.search(r"^ExecStart=(.*)$", unit, re.M)[1].split()
        settings = self.settings()
        with open(self.folder / "log", "ab") as log:
            type(self).process = subprocess.Popen(
                ["/usr/sbin/chroot", f"--userspec={user}:{user}", str(self.root), *command],
                env=settings, stdout=log, stderr=subprocess.STDOUT, umask=0o077)
        server = Server(self.folder / "unused")
        server.port = int(settings["KEYWRIGHT_LISTEN"].rpartition(":")[2])
        server.email = "ada@example.org"

        def ready():
            try:
                return Client(server).get("/readyz").status == 200
            except OSError:
                return False

        wait_until(ready, what="readiness")
        return server

    @classmethod
    def stop(cls):
        if cls.process is None:
            return 0
        process, cls.process = cls.process, None
        process.send_signal(signal.SIGTERM)
        return process.wait(60)

    def test_from_the_first_install_to_the_purge(self):
        self.check_files()
        self.check_unit()
        key = self.check_first_start()
        self.check_upgrade(key)
        self.check_removal()

    def check_files(self):
        self.assertIn("Setting up keywright (0.0.9)", self.installed)
        listed = self.in_root("dpkg", "-L", "keywright").split()
        for name in ("usr/bin/keywright", UNIT, SETTINGS, "usr/share/man/man1/keywright.1.gz",
                     "usr/share/bash-completion/completions/keywright",
                     "usr/share/doc/keywright/copyright",
                     "usr/share/doc/keywright/examples/prometheus-rules.yaml"):
            self.assertIn(f"/{name}", listed)
        self.assertRegex(self.in_root("keywright", "version"), r"^keywright \d")
        self.assertEqual("", self.in_root("dpkg", "--verify", "keywright"))
        self.assertNotIn("not found", self.in_root("ldd", "/usr/bin/keywright"))
        account = self.in_root("getent", "passwd", "keywright").strip().split(":")
        self.assertEqual(["/var/lib/keywright", "/usr/sbin/nologin"], account[5:])
        self.assertEqual((0o100640, 0), ((self.root / SETTINGS).stat().st_mode,
                                         (self.root / SETTINGS).stat().st_uid))
        data = (self.root / DATA).stat()
        self.assertEqual((0o40700, int(account[2])), (data.st_mode, data.st_uid))

    def check_unit(self):
        if not shutil.which("systemd-analyze"):
            return
        # A bare Debian has none of the units that this one is ordered by: it is read among ours.
        unit = self.folder / "keywright.service"
        text = (self.root / UNIT).read_text()
        unit.write_text(text.replace("/usr/bin/", f"{self.root}/usr/bin/"))
        verified = subprocess.run(["systemd-analyze", "--man=no", "verify", str(unit)], text=True,
                                  capture_output=True)
        self.assertEqual([], [line for line in verified.stderr.splitlines() if "keywright" in line])
        secure = subprocess.run(
            ["systemd-analyze", "security", "--offline=true", f"--root={self.root}",
             f"--threshold={EXPOSURE_MAX}", "--no-pager", "keywright.service"],
            text=True, capture_output=True)
        self.assertEqual(0, secure.returncode, secure.stdout[-300:])

    def check_first_start(self):
        path = self.root / SETTINGS
        path.write_text(path.read_text().replace(":8080", f":{free_port()}")
                        + "# ours\n")
        self.in_root("keywright", "setup", "--data", f"/{DATA}", "--organization", "Acme",
                     "--email", "ada@example.org", "--password-file", "-", user="keywright",
                     stdin=PASSWORD)
        server = self.serve()
        key = server.sign_in().create_key("access")
        Client(server, key["key"]).get("/api/v1/whoami").expect(200)
        self.assertEqual(0, self.stop())
        owners = {file.stat().st_uid for file in (self.root / DATA).rglob("*")}
        self.assertEqual({(self.root / DATA).stat().st_uid}, owners)
        readable = [file for file in (self.root / DATA).rglob("*") if file.stat().st_mode & 0o077]
        self.assertEqual([], readable)
        return key

    def check_upgrade(self, key):
        before = (self.root / SETTINGS).read_text()
        said = self.apt("install", self.new)
        self.assertRegex(said, r"Unpacking keywright \(\d.*\) over \(0\.0\.9\)")
        self.assertEqual(before, (self.root / SETTINGS).read_text())
        server = self.serve()
        Client(server, key["key"]).get("/api/v1/whoami").expect(200)
        self.assertEqual(0, self.stop())

    def check_removal(self):
        self.apt("remove", "keywright")
        self.assertFalse((self.root / "usr/bin/keywright").exists())
        self.assertTrue((self.root / SETTINGS).exists())
        self.apt("purge", "keywright")
        self.assertFalse((self.root / SETTINGS).exists())
        self.assertTrue((self.root / DATA / "keywright.db").exists())
        self.assertTrue((self.root / DATA / "digest.key").exists())
        self.in_root("getent", "passwd", "keywright")


if __name__ == "__main__":
    unittest.main()
