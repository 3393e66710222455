"""Tests in a browser: tests/browser drives Debian's Chromium against a real, furnished server.

    @without_chromium
    class Console(BrowserCase):
        def test_every_page(self):
            self.run_furnished("pages.test.mjs")

One file of tests is one run of Node; it finds the server in KEYWRIGHT_URL, the password of
everybody in KEYWRIGHT_PASSWORD and the ids of what furnish() made in KEYWRIGHT_PLACES.
"""

import fcntl
import hashlib
import json
import os
import pathlib
import subprocess
import sys
import unittest

from keywright import PASSWORD, ROOT, Server, in_time

sys.path.insert(0, str(ROOT / "tools"))
import build_console  # noqa: E402

BROWSER = ROOT / "tests" / "browser"
CHROMIUM = pathlib.Path("/usr/bin/chromium")
SECONDS = 600

SPANS = [
    {"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174",
     "name": "answer ticket", "startTimeUnixNano": "1795000000000000000",
     "endTimeUnixNano": "1795000002500000000"},
    {"traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b175",
     "parentSpanId": "eee19b7ec3c1b174", "name": "search handbook",
     "startTimeUnixNano": "1795000000300000000", "endTimeUnixNano": "1795000001100000000",
     "status": {"code": 2, "message": "timed out"},
     "attributes": [{"key": "handbook.query", "value": {"stringValue": "returns"}}]},
]


def node():
    """The Node that builds the console; a newer one than Debian's."""
    (ROOT / "build").mkdir(exist_ok=True)
    with open(ROOT / "build" / "browser.lock", "w", encoding="utf-8") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # files of tests run at once, and each may be the first
        build_console.install_packages()
        build_console.install(BROWSER, build_console.pinned_npm())
    return build_console.node()


def furnish(server, many_keys=0):
    """People of every role, and one thing of each sort. Returns their ids."""
    owner = server.sign_in()
    for number in range(many_keys):
        owner.create_key("access", name=f"one of many {number}")
    for role in ("admin", "member", "viewer", "auditor"):
        owner.create_user(role, email=f"{role}@example.org", name=f"{role.title()} Example")
    project = owner.create("projects", name="Assistant")["id"]
    platform = owner.create(f"projects/{project}/platforms", name="Bot", type="http_api")["id"]
    owner.create(f"projects/{project}/platforms", name="Flow", type="flowise", external_id="f-1")
    target = owner.create("targets", name="Shop", url="https://shop.example.org")["id"]
    tickets = owner.create("mcp-servers", name="Tickets", slug="tickets",
                           url="https://tickets.example.org/mcp")["id"]
    owner.create("registries", name="Everybody", mcp_server_ids=[tickets], everyone=True)
    owner.create("services", name="Weather", slug="weather",
                 upstream_url="https://weather.example.org")
    keyspace = owner.create("keyspaces", name="Customers", prefix="acme_")["id"]
    key = owner.create_key("connect", name="An editor with a rather long name " * 4,
                           description="Described at length, so that it has to wrap. " * 5)["id"]
    rotated = owner.create_key("access", name="Rotated lately")["id"]
    owner.post(f"/api/v1/keys/{rotated}/rotate", {"overlap_seconds": 86_400}).expect(200)
    sender = owner.create_key("ingest", name="Sender", owner={"type": "project", "id": project})
    client = server.client(sender["key"], carrier="x-api-key")
    resource = {"attributes": [{"key": "mibo.platform_id", "value": {"stringValue": platform}}]}
    client.post("/v1/traces", {"resourceSpans": [
        {"resource": resource, "scopeSpans": [{"spans": SPANS}]}]}).expect(200)
    client.post("/public/traces", {"data": {"input": "x"}}).expect(400)
    return {"project": project, "target": target, "keyspace": keyspace, "key": key,
            "rotated": rotated}


def furnish_many(server):
    """Ten thousand keys, some of which end soon, through the import."""
    owner = server.sign_in()
    items = [{"kind": "personal" if number % 100 == 0 else "access", "name": f"imported {number}",
              "algorithm": "sha256", "prefix": f"kwa_{number:08}",
              "hash": hashlib.sha256(f"kwa_{number}".encode()).hexdigest(),
              **({"expires_at": in_time(days=10 if number % 500 == 0 else 60)}
                 if number % 100 == 0 else {})} for number in range(10_000)]
    for start in range(0, len(items), 1000):
        owner.post("/api/v1/keys/import", {"items": items[start:start + 1000]}).expect(200)


without_chromium = unittest.skipUnless(
    CHROMIUM.exists(), "no Chromium: tools/setup.sh test installs it")


class BrowserCase(unittest.TestCase):
    def run_browser(self, name, environment):
        done = subprocess.run(
            [node(), "--test", "--test-reporter=spec", BROWSER / name], cwd=BROWSER, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=SECONDS,
            env={**os.environ, "NO_COLOR": "1", "KEYWRIGHT_PASSWORD": PASSWORD, **environment})
        self.assertEqual(0, done.returncode, done.stdout)
        self.assertRegex(done.stdout, r"pass [1-9]")

    def run_furnished(self, name, many_keys=0, options=()):
        server = Server.start(options)
        try:
            self.run_browser(name, {"KEYWRIGHT_URL": server.url,
                                    "KEYWRIGHT_PLACES": json.dumps(furnish(server, many_keys))})
        finally:
            server.stop()
