"""Asking registered MCP servers whether they answer, and what keys show of it."""

import http.server
import json
import socket
import threading
import time
import unittest

from keywright import Server, wait_until
from mcp_upstream import McpUpstream
from upstreams import Scripted, read_head

MODERN = "2026-07-28"


class ModernHandler(http.server.BaseHTTPRequestHandler):
    """A stateless server of two pages of tools; `answers_events` chooses the framing."""
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def do_POST(self):
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        owner = self.server.owner
        owner.seen.append((message["method"], self.headers))
        meta = message["params"]["_meta"]
        assert meta["io.modelcontextprotocol/protocolVersion"] == MODERN
        if message["method"] == "server/discover":
            result = {"supportedVersions": [MODERN], "capabilities": {"tools": {}},
                      "resultType": "complete", "ttlMs": 0, "cacheScope": "private",
                      "_meta": {"io.modelcontextprotocol/serverInfo": {"name": owner.name,
                                                                       "version": "3.1"}}}
        elif message["params"].get("cursor") == "next \"page\"":
            result = {"tools": [{"name": "c"}]}
        else:
            result = {"tools": [{"name": "a"}, {"name": "b"}], "nextCursor": "next \"page\""}
        text = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": result})
        events = owner.answers_events
        body = f": hello\n\nevent: message\ndata: {text}\n\n" if events else text
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream" if events else "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body.encode())


class Modern:
    def __init__(self):
        self.seen, self.answers_events, self.name = [], False, "modern"
        self.http = http.server.ThreadingHTTPServer(("127.0.0.1", 0), ModernHandler)
        self.http.owner = self
        self.url = f"http://127.0.0.1:{self.http.server_port}/mcp"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def close(self):
        self.http.shutdown()
        self.http.server_close()


def answering(status, fields="", body="{}"):
    def script(peer):
        while read_head(peer):
            peer.sendall(f"HTTP/1.1 {status} X\r\n{fields}Content-Length: {len(body)}\r\n"
                         f"Connection: close\r\n\r\n{body}".encode())
            return
    return script


def hanging(peer):
    read_head(peer)
    while peer.recv(1000):
        pass


class McpHealth(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server.start(options=["--allow-upstream", "127.0.0.0/8"])
        cls.addClassCleanup(cls.server.stop)
        cls.owner = cls.server.sign_in()
        cls.count = 0

    def register(self, url, **fields):
        type(self).count += 1
        return self.owner.create("mcp-servers", name=f"s{self.count}", url=url, **fields)

    def probe(self, server):
        return self.owner.post(f"/api/v1/mcp-servers/{server['id']}/probe").expect(200).json()

    def person(self, role):
        made = self.owner.create_user(role)
        return made["id"], self.server.sign_in(made["email"])

    def problem_of(self, script):
        upstream = Scripted(script)
        self.addCleanup(upstream.close)
        found = self.probe(self.register(upstream.url))
        self.assertFalse(found["reachable"])
        self.assertIsNone(found["era"])
        return found["problem"]

    def modern(self):
        upstream = Modern()
        self.addCleanup(upstream.close)
        return upstream

    # -- what is found

    def test_a_stateless_server_is_asked_nothing_but_what_it_is(self):
        upstream = self.modern()
        server = self.register(upstream.url, headers={"X-Upstream-Secret": "s3cret"})
        for events in (False, True):
            upstream.answers_events = events
            found = self.probe(server)
            shown = {name: found[name] for name in ("reachable", "era", "protocol_version",
                                                    "server_name", "server_version", "tools_count",
                                                    "problem")}
            self.assertEqual({"reachable": True, "era": "modern", "protocol_version": MODERN,
                              "server_name": "modern", "server_version": "3.1", "tools_count": 3,
                              "problem": None}, shown)
            self.assertLess(found["latency_ms"], 60_000)
        self.assertEqual({"server/discover", "tools/list"}, {name for name, _ in upstream.seen})
        for method, headers in upstream.seen:
            self.assertEqual(method, headers["Mcp-Method"])
            self.assertEqual("s3cret", headers["X-Upstream-Secret"])

    def test_an_older_server_gets_its_session_back(self):
        upstream = McpUpstream.start()
        self.addCleanup(upstream.stop)
        found = self.probe(self.register(upstream.url))
        self.assertEqual((True, "legacy", "2025-11-25", "u", 4),
                         (found["reachable"], found["era"], found["protocol_version"],
                          found["server_name"], found["tools_count"]))
        methods = [json.loads(one["body"])["method"] for one in upstream.seen if one["body"]]
        self.assertEqual(["server/discover", "initialize", "notifications/initialized",
                          "tools/list"], methods)
        self.assertEqual("DELETE", upstream.seen[-1]["method"])
        self.assertEqual("upstream-session-1", upstream.seen[-1]["headers"]["Mcp-Session-Id"])

    def test_each_way_not_to_answer_has_its_words(self):
        with socket.create_server(("127.0.0.1", 0)) as free:
            dead = f"http://127.0.0.1:{free.getsockname()[1]}/mcp"
        found = self.probe(self.register(dead))
        self.assertEqual((False, "It cannot be reached."), (found["reachable"], found["problem"]))
        self.assertIn("credential", self.problem_of(answering(401)))
        self.assertIn("credential", self.problem_of(answering(403)))
        self.assertIn("redirect", self.problem_of(answering(307, "Location: /elsewhere\r\n")))
        self.assertIn("HTTP 404", self.problem_of(answering(404)))
        self.assertIn("not as an MCP server", self.problem_of(answering(200, body="<html>")))
        self.assertIn("reached", self.problem_of(lambda peer: read_head(peer)))

    def test_a_server_that_hangs_holds_up_nobody(self):
        upstream = Scripted(hanging)
        self.addCleanup(upstream.close)
        server = self.register(upstream.url)
        began = time.monotonic()
        done = []
        thread = threading.Thread(target=lambda: done.append(
            self.server.sign_in().post(f"/api/v1/mcp-servers/{server['id']}/probe").json()))
        thread.start()
        while not done and time.monotonic() - began < 2:
            asked = time.monotonic()
            self.owner.get("/api/v1/mcp-servers").expect(200)
            self.assertLess(time.monotonic() - asked, 8)  # it hangs for ten
        thread.join()
        self.assertEqual("It does not answer in time.", done[0]["problem"])

    # -- where it is shown

    def test_the_result_is_shown_until_the_address_changes(self):
        upstream = self.modern()
        server = self.register(upstream.url)
        path = f"/api/v1/mcp-servers/{server['id']}"
        self.assertIsNone(self.owner.get(path).expect(200).json()["health"])
        before = self.owner.get(path).headers["ETag"]
        found = self.probe(server)
        shown = self.owner.get(path)
        self.assertEqual(found, shown.json()["health"])
        self.assertEqual(before, shown.headers["ETag"])
        self.owner.patch(path, {"name": "another"}).expect(200)
        self.assertEqual(found, self.owner.get(path).json()["health"])
        self.owner.patch(path, {"url": upstream.url + "/x"}).expect(200)
        self.assertIsNone(self.owner.get(path).json()["health"])

    def test_what_a_server_says_of_itself_is_cut_and_blotted(self):
        upstream = self.modern()
        upstream.name = self.owner.create_key("access")["key"]
        self.assertEqual("(a token)", self.probe(self.register(upstream.url))["server_name"])
        upstream.name = "x" * 5000
        self.assertLess(len(self.probe(self.register(upstream.url))["server_name"]), 300)

    def test_a_key_shows_which_of_its_servers_it_does_not_reach(self):
        upstream = self.modern()
        good, down, off, gone = (self.register(upstream.url) for _ in range(4))
        key = self.owner.create_key("connect", scope={
            "ids": [server["id"] for server in (good, down, off, gone)]})
        with socket.create_server(("127.0.0.1", 0)) as free:
            dead = f"http://127.0.0.1:{free.getsockname()[1]}/mcp"
        self.owner.patch(f"/api/v1/mcp-servers/{down['id']}", {"url": dead}).expect(200)
        self.owner.patch(f"/api/v1/mcp-servers/{off['id']}", {"enabled": False}).expect(200)
        self.owner.delete(f"/api/v1/mcp-servers/{gone['id']}").expect(204)
        self.probe(good)
        self.probe(down)
        access = self.owner.get(f"/api/v1/keys/{key['id']}/access").expect(200).json()
        found = {item["id"]: (item["reachable"], item["code"], item["problem"])
                 for item in access["items"]}
        self.assertEqual({good["id"]: (True, "VALID", None),
                          down["id"]: (False, "VALID", "It cannot be reached."),
                          off["id"]: (False, "OUT_OF_SCOPE", None),
                          gone["id"]: (False, "OUT_OF_SCOPE", None)}, found)

    def test_a_server_out_of_the_registry_is_not_reached(self):
        server = self.register(self.modern().url)
        member_id, member = self.person("member")
        registry = self.owner.create("registries", name="r", mcp_server_ids=[server["id"]],
                                     user_ids=[member_id])
        key = member.create_key("connect", scope={"ids": [server["id"]]})
        path = f"/api/v1/keys/{key['id']}/access"
        self.assertTrue(member.get(path).json()["items"][0]["reachable"])
        self.owner.delete(f"/api/v1/registries/{registry['id']}").expect(204)
        self.assertFalse(member.get(path).json()["items"][0]["reachable"])

    # -- who may

    def test_only_who_may_change_a_server_makes_us_call_it(self):
        upstream = self.modern()
        server = self.register(upstream.url)
        path = f"/api/v1/mcp-servers/{server['id']}/probe"
        for role, status in (("member", 403), ("viewer", 403), ("auditor", 403), ("admin", 200)):
            _, person = self.person(role)
            self.assertEqual(status, person.post(path).status, role)
        self.assertEqual(401, self.server.client().post(path).status)
        key = self.owner.create_key("connect")
        self.assertEqual(403, self.server.client(key["key"]).post(path).status)
        self.assertEqual(404, self.owner.post(
            "/api/v1/mcp-servers/019a0000-0000-7000-8000-000000000001/probe").status)


class Guard(unittest.TestCase):
    def test_what_is_not_allowed_any_more_is_not_called(self):
        server = Server.start(options=["--allow-upstream", "127.0.0.0/8"])
        self.addCleanup(server.stop)
        upstream = Modern()
        self.addCleanup(upstream.close)
        owner = server.sign_in()
        made = owner.create("mcp-servers", name="s", url=upstream.url)
        server.options = []
        server.restart()
        found = server.sign_in().post(f"/api/v1/mcp-servers/{made['id']}/probe").expect(200).json()
        self.assertFalse(found["reachable"])
        self.assertIn("may not", found["problem"])
        self.assertEqual([], upstream.seen)


class Unprompted(unittest.TestCase):
    def test_each_server_is_asked_now_and_then_and_nobody_elses_credential_goes_there(self):
        server = Server.start(options=["--allow-upstream", "127.0.0.0/8",
                                       "--mcp-probe-interval", "1s"])
        self.addCleanup(server.stop)
        good, switched_off = Modern(), Modern()
        self.addCleanup(good.close)
        self.addCleanup(switched_off.close)
        with socket.create_server(("127.0.0.1", 0)) as free:
            dead = f"http://127.0.0.1:{free.getsockname()[1]}/mcp"
        owner = server.sign_in()
        made = owner.create("mcp-servers", name="good", url=good.url)
        owner.create("mcp-servers", name="down", url=dead)
        owner.create("mcp-servers", name="off", url=switched_off.url, enabled=False)
        key = owner.create_key("connect")

        def shown():
            items = owner.get("/api/v1/mcp-servers").expect(200).json()["items"]
            return {item["name"]: item["health"] for item in items}
        found = wait_until(lambda: (shown() if shown()["good"] and shown()["down"] else None),
                           what="both were asked")
        self.assertEqual((True, "modern", None), tuple(
            found["good"][name] for name in ("reachable", "era", "problem")))
        self.assertEqual((False, "It cannot be reached."),
                         (found["down"]["reachable"], found["down"]["problem"]))
        self.assertIsNone(found["off"])
        first = found["good"]["checked_at"]
        wait_until(lambda: shown()["good"]["checked_at"] > first, what="it is asked again")
        self.assertEqual({"server/discover", "tools/list"}, {name for name, _ in good.seen})
        for _, headers in good.seen:
            self.assertIsNone(headers["Authorization"])
            self.assertIsNone(headers["Cookie"])
        self.assertEqual([], switched_off.seen)
        access = owner.get(f"/api/v1/keys/{key['id']}/access").expect(200).json()
        health = {item["name"]: item["health"] for item in access["items"]}
        self.assertEqual("modern", health["good"]["era"])
        self.assertFalse(health["down"]["reachable"])

        metrics = server.client().get("/metrics").expect(200).text
        self.assertIn('keywright_mcp_server_reachable{server="good"} 1', metrics)
        self.assertIn('keywright_mcp_server_reachable{server="down"} 0', metrics)
        self.assertRegex(metrics, r'keywright_mcp_probes_total\{result="reachable"\} [1-9]')


if __name__ == "__main__":
    unittest.main()
