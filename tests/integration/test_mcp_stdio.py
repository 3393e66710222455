"""`keywright mcp`, the MCP server for hosts that start a program, as such a host drives it."""

import json
import os
import re
import subprocess
import threading
import unittest
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from keywright import ROOT, Server, ServerTest, binary
from mcp_upstream import McpUpstream

MODERN = "2026-07-28"
META = "io.modelcontextprotocol/"


class Upstream(BaseHTTPRequestHandler):
    """A small MCP server of the legacy era: sessions, event streams, a stream of its own."""

    protocol_version = "HTTP/1.1"
    sessions = set()
    seen = []
    lost = threading.Event()  # the server has forgotten its sessions

    def log_message(self, *arguments):
        pass

    def answer(self, status, body=b"", **headers):
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def events(self, *messages):
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()
        for message in messages:
            text = f": hello\n\nevent: message\ndata: {json.dumps(message)}\n\n".encode()
            self.wfile.write(b"%x\r\n%s\r\n" % (len(text), text))
            self.wfile.flush()
        self.wfile.write(b"0\r\n\r\n")

    def do_GET(self):
        Upstream.seen.append(("GET", self.headers.get("Mcp-Session-Id")))
        if "Last-Event-ID" in self.headers or Upstream.seen.count(("GET", "s1")) > 1:
            return self.answer(405)
        return self.events({"jsonrpc": "2.0", "method": "notifications/message",
                            "params": {"level": "info", "data": "unasked"}})

    def do_DELETE(self):
        Upstream.seen.append(("DELETE", self.headers.get("Mcp-Session-Id")))
        self.answer(200)

    def do_POST(self):
        message = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        session = self.headers.get("Mcp-Session-Id")
        Upstream.seen.append((message.get("method"), session, self.path,
                              self.headers.get("Authorization")))
        if message.get("method") == "initialize":
            session = f"s{len(Upstream.sessions) + 1}"
            Upstream.sessions.add(session)
            body = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": {
                "protocolVersion": "2025-11-25", "capabilities": {},
                "serverInfo": {"name": "u", "version": "1"}}}, indent=2).encode()
            return self.answer(200, body, Content_Type="application/json", Mcp_Session_Id=session)
        if session not in Upstream.sessions or (session == "s1" and Upstream.lost.is_set()):
            return self.answer(404)
        if "id" not in message:
            return self.answer(202)
        if message["method"] == "tools/call":
            progress = {"jsonrpc": "2.0", "method": "notifications/progress",
                        "params": {"progressToken": 1, "progress": 1}}
            return self.events(progress, {"jsonrpc": "2.0", "id": message["id"],
                                          "result": {"content": [], "cut": "\ud83d"}})
        body = json.dumps({"jsonrpc": "2.0", "id": message["id"], "result": {}}).encode()
        return self.answer(200, body, Content_Type="application/json")


class Stdio:
    """`keywright mcp` as a host starts it."""

    def __init__(self, url, key, *arguments):
        environment = {"KEYWRIGHT_URL": url, "PATH": os.environ.get("PATH", "")}
        if key is not None:
            environment["KEYWRIGHT_API_KEY"] = key
        self.process = subprocess.Popen([binary(), "mcp", *arguments], text=True, env=environment,
                                        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE)

    def write(self, message):
        text = message if isinstance(message, str) else json.dumps(message)
        self.process.stdin.write(text + "\n")
        self.process.stdin.flush()

    def ask(self, method, identity=1, **params):
        self.write({"jsonrpc": "2.0", "id": identity, "method": method, "params": params})
        return self.read()

    def read(self):
        return json.loads(self.process.stdout.readline())

    def end(self):
        """Closes its input: what it still said, and how it ended."""
        out, err = self.process.communicate(timeout=30)
        return self.process.returncode, out, err


class TestStdio(ServerTest):
    transport = "bearer"

    def test_a_session_of_both_eras(self):
        host = Stdio(self.server.url, self.owner.create_key("mcp")["key"])
        made = host.ask("initialize", protocolVersion="2025-11-25", capabilities={},
                        clientInfo={"name": "t", "version": "1"})
        self.assertEqual("keywright", made["result"]["serverInfo"]["name"])
        host.write({"jsonrpc": "2.0", "method": "notifications/initialized"})
        listed = host.ask("tools/list", identity="two")
        self.assertEqual("two", listed["id"])
        names = {tool["name"] for tool in listed["result"]["tools"]}
        self.assertLessEqual({"whoami", "list_targets"}, names)
        meta = {META + "protocolVersion": MODERN, META + "clientCapabilities": {}}
        called = host.ask("tools/call", identity=3, name="whoami", arguments={}, _meta=meta)
        self.assertEqual("complete", called["result"]["resultType"])
        self.assertEqual(-32700, self.broken(host)["error"]["code"])
        code, out, err = host.end()
        self.assertEqual((0, "", ""), (code, out, err))

    @staticmethod
    def broken(host):
        host.write("{broken")
        return host.read()

    def test_what_was_asked_is_answered_before_the_end(self):
        host = Stdio(self.server.url, self.owner.create_key("access")["key"])
        for identity in range(20):
            host.write({"jsonrpc": "2.0", "id": identity, "method": "ping"})
        code, out, _ = host.end()
        self.assertEqual(0, code)
        self.assertEqual(set(range(20)), {json.loads(line)["id"] for line in out.splitlines()})

    def test_a_refused_key_is_said_to_the_host_and_to_the_person(self):
        key = self.owner.create_key("mcp")
        self.owner.post(f"/api/v1/keys/{key['id']}/revoke", {}).expect(200)
        host = Stdio(self.server.url, key["key"])
        answer = host.ask("initialize", protocolVersion="2025-11-25", capabilities={},
                          clientInfo={"name": "t", "version": "1"})
        self.assertEqual(401, answer["error"]["code"])
        code, _, err = host.end()
        self.assertEqual(4, code)
        self.assertIn("credential", err)
        self.assertNotIn(key["key"], err)
        wrong = Stdio(self.server.url, self.owner.create_key("personal")["key"])
        self.assertIn("mcp or access", wrong.ask("ping")["error"]["message"])
        self.assertEqual(4, wrong.end()[0])

    def test_the_configurations_in_the_docs_work(self):
        text = (ROOT / "docs" / "guide" / "mcp.md").read_text()
        blocks = re.findall(r"<!-- config: ([a-z-]+) -->\n```json\n(.*?)^```$", text, re.M | re.S)
        self.assertEqual({"cursor", "claude-desktop", "vs-code"}, {name for name, _ in blocks})
        key = self.owner.create_key("mcp")["key"]
        for name, block in blocks:
            with self.subTest(name):
                block = block.replace("https://keys.example.com", self.server.url)
                block = block.replace("kwm_YOUR_KEY", key).replace("${input:keywright-key}", key)
                config = json.loads(block)
                entry = (config.get("mcpServers") or config["servers"])["keywright"]
                if "command" in entry:
                    self.assertEqual(("keywright", ["mcp"]), (entry["command"], entry["args"]))
                    env = entry["env"]
                    host = Stdio(env["KEYWRIGHT_URL"], env["KEYWRIGHT_API_KEY"])
                    self.assertIn("result", host.ask("ping"))
                    self.assertEqual(0, host.end()[0])
                else:
                    path = entry["url"].removeprefix(self.server.url)
                    answer = self.server.client().post(
                        path, {"jsonrpc": "2.0", "id": 1, "method": "ping"},
                        headers=entry["headers"])
                    self.assertEqual(200, answer.status)

    def test_without_a_key_or_a_server_it_says_so(self):
        code, _, err = Stdio(self.server.url, None).end()
        self.assertEqual(4, code)
        self.assertIn("KEYWRIGHT_API_KEY", err)
        self.assertEqual(2, Stdio("ftp://nowhere", "kwm_x").end()[0])
        host = Stdio("http://127.0.0.1:1", "kwm_x")
        self.assertEqual(0, host.ask("ping")["error"]["code"])
        self.assertEqual(7, host.end()[0])

    def test_with_a_server_it_bridges_to_that_one(self):
        upstream = ThreadingHTTPServer(("127.0.0.1", 0), Upstream)
        threading.Thread(target=upstream.serve_forever, daemon=True).start()
        self.addCleanup(upstream.server_close)
        self.addCleanup(upstream.shutdown)
        host = Stdio(f"http://127.0.0.1:{upstream.server_address[1]}", "ok1-1-2-x", "--server",
                     "my server")
        host.ask("initialize", protocolVersion="2025-11-25", capabilities={},
                 clientInfo={"name": "t", "version": "1"})
        host.write({"jsonrpc": "2.0", "method": "notifications/initialized"})
        self.assertEqual("unasked", host.read()["params"]["data"])
        progress = host.ask("tools/call", identity=5, name="slow", arguments={})
        self.assertEqual("notifications/progress", progress["method"])
        answer = host.read()
        self.assertEqual((5, "\ud83d"), (answer["id"], answer["result"]["cut"]))
        Upstream.lost.set()
        self.assertEqual({}, host.ask("ping", identity=6)["result"])  # on a session begun again
        code, out, err = host.end()
        self.assertEqual((0, ""), (code, out), err)
        self.assertIn(("initialize", None, "/mcp-connect/my%20server", "Bearer ok1-1-2-x"),
                      Upstream.seen)
        self.assertIn(("DELETE", "s2"), Upstream.seen)

    def test_a_connect_key_reaches_a_registered_server_until_it_is_revoked(self):
        upstream = McpUpstream.start()
        self.addCleanup(upstream.stop)
        server = Server.start(options=["--allow-upstream", "127.0.0.0/8"])
        self.addCleanup(server.stop)
        owner = server.sign_in(transport="bearer")
        owner.create("mcp-servers", name="Tools", slug="tools", url=upstream.url)
        key = owner.create_key("connect", permissions=["tools/call:stream", "tools/call:echo"])
        host = Stdio(server.url, key["key"], "--server", "tools")
        host.ask("initialize", protocolVersion="2025-11-25", capabilities={},
                 clientInfo={"name": "t", "version": "1"})
        host.write({"jsonrpc": "2.0", "method": "notifications/initialized"})
        listed = host.ask("tools/list", identity=2)["result"]["tools"]
        self.assertEqual({"stream", "echo"}, {tool["name"] for tool in listed})
        steps = [host.ask("tools/call", identity=3, name="stream", arguments={"a": 1})]
        while "id" not in steps[-1]:
            steps.append(host.read())
        self.assertEqual([0, 1, 2, '{"a": 1}'],
                         [step["params"]["progress"] for step in steps[:-1]] +
                         [steps[-1]["result"]["content"][0]["text"]])
        hidden = host.ask("tools/call", identity=4, name="secret", arguments={})
        self.assertEqual(-32602, hidden["error"]["code"])
        upstream.say('data: {"jsonrpc":"2.0","method":"notifications/message",'
                     '"params":{"level":"info","data":"unasked"}}\n\n')
        self.assertEqual("unasked", host.read()["params"]["data"])
        owner.post(f"/api/v1/keys/{key['id']}/revoke", {}).expect(200)
        self.assertEqual(401, host.ask("ping", identity=5)["error"]["code"])
        self.assertEqual(4, host.end()[0])


if __name__ == "__main__":
    unittest.main()
