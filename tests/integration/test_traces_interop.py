"""The real OpenTelemetry exporters against the door for traces.

Exporters for JSON and protobuf from npm, pinned, into tests/interop/otel/node_modules; with the
simple and the batch processor, with and without gzip. The first run downloads them; without npm, or
without a network and an earlier run, these tests are skipped, unless KEYWRIGHT_LONG asks for them.
"""

import http.server
import json
import os
import shutil
import subprocess
import threading
import unittest
import urllib.request

from keywright import ROOT, Server

HERE = ROOT / "tests" / "interop" / "otel"
MODULES = HERE / "node_modules"


def install():
    """npm ci, if this lock file has not been installed yet."""
    lock = (HERE / "package-lock.json").read_bytes()
    stamp = MODULES / ".keywright-installed"
    if stamp.exists() and stamp.read_bytes() == lock:
        return
    if shutil.which("npm") is None or shutil.which("node") is None:
        raise unittest.SkipTest("there is no npm")
    done = subprocess.run(["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts",
                           "--loglevel=error"], cwd=HERE, text=True, capture_output=True,
                          timeout=600)
    if done.returncode != 0:
        message = f"npm ci: {done.stdout[-2000:]}{done.stderr[-2000:]}"
        if os.environ.get("KEYWRIGHT_LONG"):
            raise AssertionError(message)
        raise unittest.SkipTest(message)
    stamp.write_bytes(lock)


class Flaky(http.server.BaseHTTPRequestHandler):
    """In front of the server: refuses the first requests as an overloaded one does."""

    refusals = []
    target = ""

    def do_POST(self):
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
        else:
            body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.refusals:
            self.send_response(self.refusals.pop(0))
            self.send_header("Retry-After", "1")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        headers = {name: self.headers[name] for name in
                   ("Content-Type", "Content-Encoding", "x-api-key") if name in self.headers}
        request = urllib.request.Request(self.target + self.path, body, headers)
        with urllib.request.urlopen(request) as answer:
            content = answer.read()
            self.send_response(answer.status)
            self.send_header("Content-Type", answer.headers["Content-Type"])
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


class Exporters(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        install()
        cls.server = Server.start()
        cls.owner = cls.server.sign_in()
        cls.project = cls.owner.create("projects", name="OpenTelemetry")["id"]
        platforms = f"projects/{cls.project}/platforms"
        cls.agent = cls.owner.create(platforms, name="a", type="http_api",
                                     service_name="agent")["id"]
        cls.other = cls.owner.create(platforms, name="b", type="http_api",
                                     service_name="other")["id"]

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def key(self, *platforms):
        fields = {"scope": {"ids": list(platforms)}} if platforms else {}
        made = self.owner.create_key("ingest", owner={"type": "project", "id": self.project},
                                     **fields)
        return self.server.client(made["key"], "x-api-key")

    def send(self, sender, url=None, **asked):
        asked = {"url": url or f"{self.server.url}/v1/traces", "key": sender.token,
                 "form": "json", "gzip": False, "processor": "batch", "spans": 1,
                 "service": "agent", **asked}
        done = subprocess.run(["node", "send.mjs", json.dumps(asked)], cwd=HERE, text=True,
                              capture_output=True, timeout=120)
        self.assertEqual(0, done.returncode, done.stderr[-3000:])
        return json.loads(done.stdout.splitlines()[-1])

    def trace(self, sender, trace_id):
        rows = sender.get("/public/traces?limit=200").expect(200).json()["data"]
        found = [row for row in rows if row["traceId"] == trace_id]
        self.assertEqual(1, len(found))
        spans, cursor = [], ""
        while cursor is not None:
            page = sender.get(f"/public/traces/{found[0]['id']}?spanLimit=2000"
                              f"&spanCursor={cursor}").expect(200).json()["data"]
            spans += page["spans"]
            cursor = page["nextSpanCursor"]
        return found[0], spans

    def check(self, count, **asked):
        sender = self.key()
        told = self.send(sender, spans=count, **asked)
        self.assertEqual({"success"}, set(told["results"]), told)
        self.assertEqual([], told["logged"])
        row, stored = self.trace(sender, told["trace"])
        self.assertEqual((count, "root", self.agent),
                         (row["spanCount"], row["name"], row["platformId"]))
        self.assertEqual(count, len({span["spanId"] for span in stored}))
        by_name = {span["name"]: span for span in stored}
        root = by_name["root"]
        for number in sorted({1, count - 1}) if count > 1 else ():
            child = by_name[f"child {number}"]
            values = {item["key"]: item["value"] for item in child["attributes"]}
            self.assertEqual(number, int(values["int"]["intValue"]))
            self.assertEqual(2 ** 40 + number, int(values["big"]["intValue"]))
            self.assertEqual(0.5 + number, values["double"]["doubleValue"])
            self.assertEqual(number % 2 == 0, values["bool"]["boolValue"])
            self.assertEqual(["a", "b", "ä€𝄞"], [
                value["stringValue"] for value in values["list"]["arrayValue"]["values"]])
            self.assertEqual("ä€𝄞 \u0007\"\\", values["unicode"]["stringValue"])
            self.assertEqual(root["spanId"], child["parentSpanId"])
            self.assertEqual("tick", child["events"][0]["name"])
            self.assertEqual("keywright-interop", child["scope"]["name"])
            self.assertLessEqual(int(child["startTimeUnixNano"]), int(child["endTimeUnixNano"]))
        self.assertIn({"key": "service.name", "value": {"stringValue": "agent"}},
                      root["resource"]["attributes"])

    def test_batches_in_both_forms_with_and_without_gzip(self):
        for form in ("json", "protobuf"):
            for gzip in (False, True):
                for count in (1, 512):
                    with self.subTest(form=form, gzip=gzip, count=count):
                        self.check(count, form=form, gzip=gzip)

    def test_five_thousand_spans_arrive_whole(self):
        for form in ("json", "protobuf"):
            with self.subTest(form=form):
                self.check(5000, form=form, gzip=form == "json")

    def test_the_simple_processor_sends_each_span_by_itself(self):
        for form in ("json", "protobuf"):
            with self.subTest(form=form):
                self.check(60, form=form, processor="simple")

    def test_exporters_may_send_to_every_address(self):
        for path in ("/public/traces", "/public/otel/v1/traces"):
            for form in ("json", "protobuf"):
                with self.subTest(path=path, form=form):
                    self.check(2, form=form, url=self.server.url + path)

    def test_a_refusal_reaches_the_exporter_once(self):
        sender = self.key(self.agent)
        for form in ("json", "protobuf"):
            told = self.send(sender, service="other", form=form)
            self.assertEqual(1, len(told["results"]))
            self.assertNotIn("success", told["results"])
            rows = self.key().get("/public/traces?limit=200").expect(200).json()["data"]
            self.assertNotIn(told["trace"], [row["traceId"] for row in rows])

    def test_a_failed_span_makes_the_trace_an_error(self):
        sender = self.key()
        told = self.send(sender, spans=3, failing=True)
        row, _ = self.trace(sender, told["trace"])
        self.assertEqual("error", row["status"])

    def test_what_was_refused_for_the_moment_arrives_once(self):
        handler = type("Handler", (Flaky,), {"refusals": [503, 429], "target": self.server.url})
        front = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        thread = threading.Thread(target=front.serve_forever)
        thread.start()
        try:
            sender = self.key()
            told = self.send(sender, spans=20,
                             url=f"http://127.0.0.1:{front.server_port}/v1/traces")
            self.assertEqual(["success"], told["results"])
            row, stored = self.trace(sender, told["trace"])
            self.assertEqual((20, 20, 1), (row["spanCount"], len(stored), row["revision"]))
        finally:
            front.shutdown()
            thread.join()
            front.server_close()


if __name__ == "__main__":
    unittest.main()
