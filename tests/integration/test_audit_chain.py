"""The chain of the audit log as the server verifies it, and what one request did."""

import sqlite3
import unittest

from command_line import CommandLine
from keywright import PASSWORD, Server


class AuditChain(unittest.TestCase):
    def setUp(self):
        self.server = Server.start()
        self.addCleanup(self.server.stop)
        self.owner = self.server.sign_in()
        self.cli = CommandLine(self.server)
        self.addCleanup(self.cli.close)
        self.cli.sign_in(self.server.email, PASSWORD)

    def verified(self, **body):
        return self.owner.post("/api/v1/audit-events/verify", body).expect(200).json()

    def test_a_whole_chain_is_said_to_be_whole(self):
        for number in range(5):
            self.owner.create("projects", name=f"p{number}")
        chain = self.verified()
        self.assertEqual((True, None, None, None), tuple(
            chain[name] for name in ("intact", "broken_at", "problem", "next_cursor")))
        self.assertEqual(chain["events"], chain["verified"])
        self.assertGreaterEqual(chain["events"], 6)
        shown = self.cli.expect("audit", "check")
        self.assertRegex(shown.stdout, r"^The audit log is intact: \d+ events\n$")
        self.assertTrue(self.cli.expect("audit", "check", "--json").stdout.startswith("{"))

    def test_it_is_asked_by_those_who_read_the_log_only(self):
        for role, status in (("auditor", 200), ("admin", 200), ("member", 403), ("viewer", 403)):
            person = self.server.sign_in(self.owner.create_user(role)["email"])
            self.assertEqual(status, person.post("/api/v1/audit-events/verify").status, role)
        for cursor in ("x", "", "A" * 53, "_" * 54):
            self.owner.post("/api/v1/audit-events/verify", {"cursor": cursor}).expect(400)

    def test_an_altered_event_is_found_and_what_it_says_is_not_told(self):
        self.owner.create("projects", name="before")
        store = sqlite3.connect(self.server.data / "keywright.db")
        store.execute("UPDATE audit_events SET object_name = 'a secret name' WHERE number = 2")
        store.commit()
        store.close()
        chain = self.verified()
        self.assertEqual((False, 1, 2, None), tuple(
            chain[name] for name in ("intact", "verified", "broken_at", "next_cursor")))
        self.assertIn("Event 2 ", chain["problem"])
        self.assertNotIn("secret", chain["problem"])
        told = self.cli.run("audit", "check")
        self.assertEqual(1, told.returncode)
        self.assertIn("was changed", told.stderr)

    def test_a_request_is_found_by_its_id(self):
        requests = [self.owner.post("/api/v1/projects", {"name": name}).expect(201)
                    .headers["X-Request-Id"] for name in ("one", "other")]
        for request in requests:
            found = self.owner.get(f"/api/v1/audit-events?request_id={request}").expect(200).json()
            self.assertEqual([("projects.create", request)],
                             [(item["action"], item["request_id"]) for item in found["items"]])
        nothing = self.owner.get(
            f"/api/v1/audit-events?request_id={requests[0][:-1]}").expect(200).json()
        self.assertEqual([], nothing["items"])


class FinishedRotation(unittest.TestCase):
    def test_an_old_secret_is_refused_once_the_answer_is_there(self):
        server = Server.start()
        self.addCleanup(server.stop)
        owner = server.sign_in()
        key = owner.create_key("access")
        path = f"/api/v1/keys/{key['id']}"
        new = owner.post(f"{path}/rotate", {"overlap_seconds": 86400}).expect(200).json()["key"]
        old = server.client(key["key"])
        old.get("/api/v1/whoami").expect(200)
        answer = owner.post(f"{path}/finish-rotation", {"number": 1}).expect(200).json()
        old.get("/api/v1/whoami").expect(401)
        server.client(new).get("/api/v1/whoami").expect(200)
        self.assertEqual(1, answer["effective_on"]["nodes"])
        self.assertEqual([2, 1], [version["number"] for version in answer["versions"]])
        self.assertIsNone(answer["versions"][0]["retires_at"])
        self.assertEqual("current_version", owner.post(
            f"{path}/finish-rotation", {"number": 2}).expect(409).code)
        found = owner.get("/api/v1/audit-events?action=keys.finish_rotation").expect(200).json()
        self.assertEqual([{"number": 1}], [item["details"] for item in found["items"]])

        cli = CommandLine(server)
        self.addCleanup(cli.close)
        cli.sign_in(server.email, PASSWORD)
        newer = cli.expect("keys", "rotate", key["id"], "--overlap-seconds", "1h").stdout.strip()
        said = cli.expect("keys", "finish-rotation", key["id"], "--yes")
        self.assertIn("In effect on 1 node", said.stderr)
        server.client(new).get("/api/v1/whoami").expect(401)
        server.client(newer).get("/api/v1/whoami").expect(200)


if __name__ == "__main__":
    unittest.main()
