"""A full disk: checks go on, keys can be revoked, nothing is created; then it recovers by itself.

On a small file system of its own where the test may mount one; elsewhere a preloaded library makes
the disk look full to the server (tests/support/full_disk.c)."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

from keywright import ROOT, Server, Unexpected, wait_until

DISK = "48m"
REVOKED = 20


class MountedDisk:
    """A file system of 48 MiB and a file that fills it."""

    def __init__(self, folder):
        self.path = folder / "disk"
        self.path.mkdir()
        command = ["mount", "-t", "tmpfs", "-o", f"size={DISK},mode=0777", "none", self.path]
        if os.geteuid() != 0:
            command = ["sudo", "-n", *command]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
        self.mounted = done.returncode == 0
        self.environment = {}

    def fill(self):
        filler = self.path / "filler"
        with open(filler, "ab", buffering=0) as file:
            for size in (1 << 20, 4096, 1):
                try:
                    while True:
                        file.write(b"\0" * size)
                except OSError:
                    pass

    def clear(self):
        (self.path / "filler").unlink()

    def close(self):
        command = ["umount", self.path]
        if os.geteuid() != 0:
            command = ["sudo", "-n", *command]
        subprocess.run(command, timeout=60, check=False)


class PretendedDisk:
    """The same, as far as the server can see."""

    def __init__(self, folder):
        self.path = folder / "disk"
        self.path.mkdir()
        self.flag = folder / "full"
        library = folder / "full_disk.so"
        compiler = next((name for name in ("clang-19", "cc", "gcc") if shutil.which(name)), None)
        if compiler is None:
            raise Unexpected("no C compiler for tests/support/full_disk.c")
        subprocess.run([compiler, "-O1", "-shared", "-fPIC", "-o", library,
                        ROOT / "tests" / "support" / "full_disk.c", "-ldl"],
                       check=True, timeout=60)
        self.environment = {"LD_PRELOAD": str(library), "FULL_DISK_FLAG": str(self.flag),
                            "FULL_DISK_RELIEF": str(self.path / "data" / "ballast")}

    def fill(self):
        self.flag.write_text("")

    def clear(self):
        self.flag.unlink()

    def close(self):
        pass


class FullDisk:
    """The tests, on the disk that `make_disk` gives."""

    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="keywright-disk-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.disk = self.make_disk(self.folder)
        self.addCleanup(self.disk.close)
        self.server = Server(self.disk.path / "data", environment=self.disk.environment)
        self.server.set_up()
        self.server.serve()
        self.addCleanup(self.server.discard)
        self.owner = self.server.sign_in()

    def use(self, key):
        client = self.server.client(key["key"])
        try:
            return client.get("/api/v1/whoami").status
        finally:
            client.close()

    def create_until_refused(self):
        """What is in memory or reserved already may still take a few; then 507."""
        for _ in range(20_000):
            answer = self.owner.post("/api/v1/keys", {"kind": "access", "name": "x" * 200})
            if answer.status != 201:
                return answer
        raise Unexpected("the disk did not fill")

    def test_checks_and_revocations_go_on(self):
        # So many that their counters lie on several pages.
        keys = [self.owner.create_key("access", name="full disk") for _ in range(300)]
        self.disk.fill()
        refused = self.create_until_refused()
        self.assertEqual(507, refused.status, refused)
        self.assertEqual("storage_full", refused.code)
        for key in keys[::7]:
            self.assertEqual(200, self.use(key))
        for key in keys[:REVOKED]:
            done = self.owner.post(f"/api/v1/keys/{key['id']}/revoke", {"reason": "leaked"})
            self.assertEqual(200, done.status, done)
            self.assertEqual(401, self.use(key))
        for key in keys[REVOKED:]:
            self.assertEqual(200, self.use(key))
        self.assertEqual(507, self.owner.post("/api/v1/projects", {"name": "no room"}).status)
        # Also after a start on the full disk.
        self.server.restart()
        self.owner.close()
        self.assertEqual(401, self.use(keys[0]))
        self.assertEqual(200, self.use(keys[-1]))
        last = keys.pop()
        done = self.owner.post(f"/api/v1/keys/{last['id']}/revoke", {})
        self.assertEqual(200, done.status, done)
        self.assertEqual(401, self.use(last))
        # And by itself it takes changes again.
        self.disk.clear()
        wait_until(lambda: self.owner.post("/api/v1/projects", {"name": "room"}).status == 201,
                   what="a creation after room was made")
        for key in keys[:REVOKED] + [last]:
            self.assertEqual(401, self.use(key))
        self.assertEqual(200, self.use(self.owner.create_key("access")))
        self.server.restart()
        self.owner.close()
        for key in keys[:REVOKED] + [last]:
            self.assertEqual(401, self.use(key))
        for key in keys[REVOKED:]:
            self.assertEqual(200, self.use(key))
        verified = self.server.run("audit", "verify", "--data", self.server.data)
        self.assertEqual(0, verified.returncode, verified.stdout + verified.stderr)


class RealDisk(FullDisk, unittest.TestCase):
    @staticmethod
    def make_disk(folder):
        disk = MountedDisk(folder)
        if disk.mounted:
            return disk
        disk.path.rmdir()
        return PretendedDisk(folder)  # where tests may not mount: once more the other way


class Pretended(FullDisk, unittest.TestCase):
    @staticmethod
    def make_disk(folder):
        return PretendedDisk(folder)


if __name__ == "__main__":
    unittest.main()
