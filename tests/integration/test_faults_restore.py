"""A backup in place of the store brings back what was lost, and nothing that was taken away."""

import pathlib
import shutil
import tempfile
import unittest

from keywright import Server, in_time

REVOKED = 20


class Restore(unittest.TestCase):
    def setUp(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="keywright-restore-"))
        self.addCleanup(shutil.rmtree, self.folder, ignore_errors=True)
        self.server = Server(self.folder / "data")
        self.server.set_up()
        self.server.serve()
        self.addCleanup(self.server.discard)
        self.owner = self.server.sign_in()
        self.backup = self.folder / "backup.db"

    def end(self):
        self.owner.close()
        self.server.end()

    def make_backup(self):
        done = self.server.run("backup", "--data", self.server.data, "--to", self.backup)
        self.assertEqual(0, done.returncode, done.stderr)

    def restore(self, data=None):
        return self.server.run("restore", "--data", data or self.server.data, "--from",
                               self.backup)

    def use(self, token):
        client = self.server.client(token)
        try:
            return client.get("/api/v1/whoami").status
        finally:
            client.close()

    def test_what_was_revoked_since_stays_dead(self):
        keys = [self.owner.create_key("access") for _ in range(REVOKED + 5)]
        disabled = self.owner.create_key("access")
        rotated = self.owner.create_key("access")
        member = self.owner.create_user("member")
        member_key = self.server.sign_in(member["email"]).create_key("access")
        self.make_backup()
        for key in keys[:REVOKED]:
            self.owner.post(f"/api/v1/keys/{key['id']}/revoke", {"reason": "leaked"}).expect(200)
        self.owner.post(f"/api/v1/keys/{disabled['id']}/disable", {}).expect(200)
        self.owner.post(f"/api/v1/keys/{rotated['id']}/rotate",
                        {"overlap_seconds": 0}).expect(200)
        self.owner.delete(f"/api/v1/users/{member['id']}").expect(204)
        lost = self.owner.create_key("access")
        self.end()
        done = self.restore()
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)
        self.server.serve()
        seen = self.server.sign_in().get(f"/api/v1/keys/{keys[0]['id']}").expect(200).json()
        self.assertEqual("revoked", seen["status"])
        self.assertEqual("leaked", seen["status_reason"])
        for token in [*(key["key"] for key in keys[:REVOKED]), disabled["key"], rotated["key"],
                      member_key["key"], lost["key"]]:
            self.assertEqual(401, self.use(token))
        for key in keys[REVOKED:]:
            self.assertEqual(200, self.use(key["key"]))
        verified = self.server.run("audit", "verify", "--data", self.server.data)
        self.assertEqual(0, verified.returncode, verified.stdout + verified.stderr)
        fresh = self.server.sign_in().create_key("access", expires_at=in_time(hours=1))
        self.assertEqual(200, self.use(fresh["key"]))

    def test_backup_holds_no_secret_and_replaces_nothing(self):
        key = self.owner.create_key("access")
        self.make_backup()
        content = self.backup.read_bytes()
        self.assertNotIn(key["key"].encode(), content)
        ring = (self.server.data / "digest.key").read_text().splitlines()[-1].split()[-1]
        self.assertNotIn(ring.encode(), content)
        again = self.server.run("backup", "--data", self.server.data, "--to", self.backup)
        self.assertNotEqual(0, again.returncode)
        self.assertEqual(content, self.backup.read_bytes())
        self.assertEqual(0o600, self.backup.stat().st_mode & 0o777)

    def test_restore_is_refused_while_a_server_runs(self):
        self.make_backup()
        done = self.restore()
        self.assertNotEqual(0, done.returncode)
        self.assertIn(str(self.server.data), done.stderr)
        self.owner.get("/api/v1/me").expect(200)

    def test_backup_of_another_store_is_refused_and_nothing_changes(self):
        other = Server(self.folder / "other")
        other.set_up("Other")
        self.make_backup()
        done = self.restore(other.data)
        self.assertNotEqual(0, done.returncode)
        self.assertIn("digest key", done.stderr)
        other.serve()
        self.addCleanup(other.discard)
        other.sign_in()

    def test_damaged_backup_is_refused_and_nothing_changes(self):
        key = self.owner.create_key("access")
        self.make_backup()
        content = bytearray(self.backup.read_bytes())
        content[4096:12288] = bytes(8192)
        self.backup.write_bytes(content)
        self.end()
        done = self.restore()
        self.assertNotEqual(0, done.returncode)
        self.server.serve()
        self.assertEqual(200, self.use(key["key"]))

    def test_locked_out_owner_gets_back_in(self):
        self.end()
        secret = self.folder / "password"
        secret.write_text("a new password for ada\n")
        done = self.server.run("users", "reset-password", "--data", self.server.data,
                               "--password-file", secret)
        self.assertEqual(0, done.returncode, done.stderr)
        link = self.server.run("users", "reset-password", "--data", self.server.data)
        self.assertEqual(0, link.returncode, link.stderr)
        self.assertIn("/console/reset#token=", link.stdout)
        self.server.serve()
        self.server.sign_in(password="a new password for ada")
        refused = self.server.client().post(
            "/api/v1/session", {"email": self.server.email, "password": self.server.password})
        self.assertEqual(401, refused.status)


if __name__ == "__main__":
    unittest.main()
