"""Secrets leave the program once, in the answer that makes them, and are nowhere else.

Known secrets of every sort (a token of each key kind, a rotated one, sessions, passwords, links,
header values) are used at every door, rightly and wrongly. Then the data directory, the log, the
audit log, the metrics and every answer but the one that showed it are searched for them, as they
are and as base64, hex, URL-encoded and reversed.
"""

import base64
import os
import unittest
import urllib.parse

from keywright import PASSWORD, Server

HEADER_SECRET = "upstream-header-" + "Q7w" * 8


def spellings(secret):
    """The ways in which a secret may hide in bytes."""
    raw = secret.encode()
    made = {raw, raw[::-1], raw.hex().encode(), raw.hex().upper().encode(),
            urllib.parse.quote(secret, safe="").encode()}
    for offset in range(3):  # base64 of the secret anywhere inside a longer text
        padded = b"\0" * offset + raw
        text = base64.b64encode(padded)
        middle = text[(offset * 8 + 5) // 6 + 1:(len(padded) * 8) // 6 - 1]
        made.add(middle)
        made.add(middle.replace(b"+", b"-").replace(b"/", b"_"))
    return made


class Canary(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server.start(options=["--access-log", "on",
                                            "--allow-upstream", "192.0.2.0/24"])
        cls.secrets = {}   # what it is: the secret
        cls.shown_by = {}  # what it is: the one answer that may hold it
        cls.server.record_answers()
        cls.use_everything()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    @classmethod
    def keep(cls, name, secret):
        """`secret` was in the answer that came last."""
        cls.secrets[name] = secret
        cls.shown_by[name] = cls.server.answers[-1][2]

    @classmethod
    def use_everything(cls):
        server = cls.server
        owner = server.sign_in()
        cls.keep("session cookie", owner.cookie.partition("=")[2])
        cls.keep("csrf token", owner.csrf_token)
        cls.secrets["password"] = PASSWORD
        bearer = server.sign_in(transport="bearer")
        cls.keep("session token", bearer.token)
        tokens = cls.make_keys(owner)
        cls.make_links(owner)
        for token in tokens:
            cls.use_token(token, owner)
        server.client().post("/api/v1/session", {"email": PASSWORD, "password": "wrong"})
        bearer.get("/api/v1/audit-events?limit=200").expect(200)
        owner.get("/api/v1/keys?owner=all&include=revoked&limit=200").expect(200)
        owner.get("/api/v1/users").expect(200)
        owner.get("/api/v1/me/sessions").expect(200)
        server.client().get("/metrics").expect(200)

    @classmethod
    def make_keys(cls, owner):
        project = owner.create("projects", name="canary")
        target = owner.create("targets", name="canary", url="https://example.org/")
        keyspace = owner.create("keyspaces", name="canary", prefix="canary_")
        organization = {"type": "organization", "id": cls.server.organization_id}
        kinds = {"personal": {}, "mcp": {}, "access": {}, "connect": {},
                 "ingest": {"owner": {"type": "project", "id": project["id"]}},
                 "account": {"owner": organization},
                 "target": {"owner": {"type": "target", "id": target["id"]}},
                 "management": {"owner": organization, "permissions": ["keys:verify"]},
                 "customer": {"owner": {"type": "external", "id": "c"},
                              "keyspace_id": keyspace["id"]}}
        tokens = []
        for kind, fields in kinds.items():
            headers = {"Idempotency-Key": f"canary-{kind}"}
            body = {"kind": kind, "name": f"canary {kind}", **fields}
            if kind in ("personal", "mcp"):
                body["expires_at"] = "2099-01-01T00:00:00Z"
            if kind == "connect":
                body["scope"] = {"all": True}
            made = owner.post("/api/v1/keys", body, headers=headers).expect(201).json()
            cls.keep(f"{kind} token", made["key"])
            tokens.append(made["key"])
            owner.post("/api/v1/keys", body, headers=headers).expect(201)
            owner.get(f"/api/v1/keys/{made['id']}").expect(200)
            owner.patch(f"/api/v1/keys/{made['id']}", {"description": "seen"}).expect(200)
            rotated = owner.post(f"/api/v1/keys/{made['id']}/rotate", {"overlap_seconds": 60})
            cls.keep(f"{kind} token, rotated", rotated.expect(200).json()["key"])
            tokens.append(rotated.json()["key"])
        return tokens

    @classmethod
    def make_links(cls, owner):
        invited = owner.create("users", email="canary@example.org", role="member")
        cls.keep("invitation token", invited["invite_url"].partition("#token=")[2])
        person = owner.create_user("member", password="another long password 4711")
        cls.secrets["password of another"] = "another long password 4711"
        link = owner.post(f"/api/v1/users/{person['id']}/reset-link").expect(200, 201).json()
        url = next(value for value in link.values() if "#token=" in str(value))
        cls.keep("reset token", url.partition("#token=")[2])
        cls.secrets["header value"] = HEADER_SECRET
        headers = {"X-Upstream": HEADER_SECRET}
        made = [owner.create("mcp-servers", name="canary", slug="canary",
                             url="https://192.0.2.1/mcp", headers=headers),
                owner.create("services", name="canary", slug="canary",
                             upstream_url="https://192.0.2.2/", headers=headers)]
        for collection, item in zip(("mcp-servers", "services"), made):
            owner.get(f"/api/v1/{collection}/{item['id']}").expect(200)
            owner.patch(f"/api/v1/{collection}/{item['id']}", {"headers": headers}).expect(200)

    @classmethod
    def use_token(cls, token, owner):
        """At every door, in every field, in good and in bad order."""
        server = cls.server
        quoted = urllib.parse.quote(token, safe="")
        for carrier in ("bearer", "x-api-key", "jwt"):
            client = server.client(token, carrier)
            for method, path in [("GET", "/api/v1/whoami"), ("GET", "/api/v1/me"),
                                 ("GET", "/api/v1/projects"), ("POST", "/api/v1/keys"),
                                 ("GET", "/nothing"), ("PUT", "/api/v1/keys"),
                                 ("GET", "/metrics"), ("GET", "/public/whoami"),
                                 ("POST", "/public/traces"), ("GET", "/targets/"),
                                 ("POST", "/api/mcp/v1"), ("POST", "/api/console/v1/graphql"),
                                 ("POST", "/mcp-connect/canary"), ("GET", "/auth/canary"),
                                 ("GET", "/services/canary/x")]:
                client.request(method, path)
        nobody = server.client()
        nobody.get(f"/api/v1/me?api_key={quoted}")
        nobody.get(f"/api/v1/projects?access_token={quoted}")
        nobody.get("/api/v1/me", headers={"Authorization": f"Basic {token}"})
        nobody.get("/api/v1/me", headers={"Authorization": token})
        for request in ({"key": token}, {"key": token, "explain": True, "audience": "rest"},
                        {"key": token[:-1]}):
            owner.post("/api/v1/keys/verify", request).expect(200)
        owner.post("/api/v1/keys/verify-batch", {"items": [{"key": token}]}).expect(200)
        server.raw(f"GET /api/v1/me HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {token}\r\n"
                   f"X-Api-Key: {token}\r\nConnection: close\r\n\r\n".encode())
        server.raw(f"GET /api/v1/me HTTP/9.9\r\nAuthorization: Bearer {token}\r\n\r\n".encode())

    def assert_absent(self, data, place, names=None):
        for name in names or self.secrets:
            for spelling in spellings(self.secrets[name]):
                if spelling in data:
                    at = data.index(spelling)
                    self.fail(f"{name} in {place} near {data[max(0, at - 60):at]!r}")

    def test_the_search_finds_what_is_there(self):
        secret = self.secrets["access token"]
        for hidden in (secret.encode(), base64.b64encode(b"ab" + secret.encode() + b"c"),
                       secret.encode().hex().encode()):
            with self.assertRaises(AssertionError):
                self.assert_absent(b"before " + hidden + b" after", "a test")

    def test_no_secret_is_in_the_data_directory(self):
        files = list(self.server.data_files())
        self.assertTrue(any(len(data) > 4096 for _, data in files))
        for path, data in files:
            self.assert_absent(data, path)

    def test_no_secret_is_in_the_log(self):
        log = self.server.log().encode()
        self.assertIn(b'"path"', log, "the access log is off")
        self.assert_absent(log, "the log")
        self.assert_absent("".join(self.server.output).encode(), "the standard output")

    def test_no_answer_shows_a_secret_but_the_one_that_made_it(self):
        for method, path, answer in self.server.answers:
            text = answer.body + repr(sorted(answer.headers.items())).encode()
            for name in self.secrets:
                if answer is not self.shown_by.get(name):
                    self.assert_absent(text, f"the answer to {method} {path.partition('?')[0]}",
                                       [name])

    def test_no_secret_is_in_the_command_line_or_environment(self):
        for name in ("cmdline", "environ"):
            with open(f"/proc/{self.server.process.pid}/{name}", "rb") as file:
                self.assert_absent(file.read(), name)

    def test_a_password_file_is_not_kept(self):
        left = [name for name in os.listdir(self.server.data.parent)
                if name.startswith(self.server.data.name) and name != self.server.data.name]
        self.assertEqual([], left)


if __name__ == "__main__":
    unittest.main()
