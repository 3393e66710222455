"""How often a key was used: counted at once, kept through everything, told by the API and the CLI.

No test waits for a minute to end: the running one is told with those that are written, and a server
that stops writes it.
"""

import json
import sqlite3
import unittest

from command_line import CommandLine
from keywright import PASSWORD, Server, ServerTest, in_time, wait_until
from postgres import ClusterTest


class Reports:
    def report(self, key, query=""):
        return self.owner.get(f"/api/v1/keys/{key['id']}/usage{query}").expect(200).json()

    def use(self, key, times=1, status=200):
        client = self.server.client(key["key"])
        for _ in range(times):
            client.get("/api/v1/whoami").expect(status)

    def wait_for(self, key, accepted, refused=0, query="?step=minute"):
        """Its report, as soon as this was counted."""
        return wait_until(lambda: (lambda found: found if (found["accepted"], found["refused"]) ==
                                   (accepted, refused) else None)(self.report(key, query)),
                          what=f"{accepted} accepted, {refused} refused")


class Usage(Reports, ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.key = cls.owner.create_key("access", name="ci")

    def test_uses_and_refusals_are_counted_by_reason(self):
        key = self.owner.create_key("access", limits=[
            {"name": "burst", "limit": 3, "window_seconds": 86400, "algorithm": "fixed"}])
        self.use(key, 3)
        self.use(key, 2, 429)
        self.owner.post(f"/api/v1/keys/{key['id']}/disable").expect(200)
        self.use(key, 1, 401)
        found = self.wait_for(key, 3, 3)
        self.assertEqual("minute", found["step"])
        self.assertEqual(1440, len(found["points"]))
        told = {}
        for point in found["points"]:
            for code, count in point["refused"].items():
                told[code] = told.get(code, 0) + count
        self.assertEqual({"RATE_LIMITED": 2, "DISABLED": 1}, told)
        self.assertEqual(3, sum(point["accepted"] for point in found["points"]))

    def test_left_out_it_is_the_last_day_by_the_hour(self):
        found = self.report(self.key)
        self.assertEqual(("hour", 24), (found["step"], len(found["points"])))
        self.assertEqual(found["from"], found["points"][0]["at"])
        self.assertRegex(found["to"], r":00:00\.000Z$")
        self.assertEqual(30, len(self.report(self.key, "?step=day")["points"]))

    def test_a_span_is_told_in_whole_steps(self):
        found = self.report(self.key, f"?from={in_time(minutes=-2)}&to={in_time()}&step=minute")
        self.assertIn(len(found["points"]), (3, 4))
        self.assertRegex(found["from"], r":00\.000Z$")

    def test_what_cannot_be_asked_for_names_its_field(self):
        for query, field in ((f"step=minute&from={in_time(days=-2)}", "step"),
                             (f"from={in_time()}&to={in_time(hours=-1)}", "to"),
                             ("step=week", "step"), ("from=yesterday", "from"), ("to=", "to"),
                             ("step=minute&from=0001-01-01T00:00:00Z", "step"),
                             ("step=minute&to=9999-12-31T23:59:59Z&from=2026-01-01T00:00:00Z",
                              "step")):
            answer = self.owner.get(f"/api/v1/keys/{self.key['id']}/usage?{query}").expect(400)
            self.assertIn(field, str(answer.json()), query)
        self.owner.get("/api/v1/keys?include=use").expect(400)
        self.owner.get("/api/v1/keys?include=usage,").expect(400)

    def test_a_list_tells_thirty_days_of_each_key(self):
        key = self.owner.create_key("access")
        self.use(key, 4)
        self.wait_for(key, 4)
        items = self.owner.get("/api/v1/keys?include=revoked,usage").expect(200).json()["items"]
        usage = {item["id"]: item["usage"] for item in items}[key["id"]]
        self.assertEqual("day", usage["step"])
        self.assertEqual((30, 30), (len(usage["accepted"]), len(usage["refused"])))
        # The day may have ended meanwhile.
        self.assertEqual((4, 0), (sum(usage["accepted"][-2:]), sum(usage["refused"])))
        for item in self.owner.get("/api/v1/keys").expect(200).json()["items"]:
            self.assertNotIn("usage", item)

    def test_who_may_not_read_a_key_does_not_see_its_usage(self):
        user = self.owner.create_user("member")
        member = self.server.sign_in(user["email"], PASSWORD)
        member.get(f"/api/v1/keys/{self.key['id']}/usage").expect(404)
        user = self.owner.create_user("auditor")
        auditor = self.server.sign_in(user["email"], PASSWORD)
        auditor.get(f"/api/v1/keys/{self.key['id']}/usage").expect(200)
        self.server.client(self.key["key"]).get(
            f"/api/v1/keys/{self.key['id']}/usage").expect(403)
        self.server.client().get(f"/api/v1/keys/{self.key['id']}/usage").expect(401)
        self.owner.get("/api/v1/keys/nosuchkey123/usage").expect(404)

    def used_within_an_hour(self):
        """A key with five uses and two refusals in the same hour."""
        while True:
            hour = in_time()[:13]
            key = self.owner.create_key("access", name="drawn")
            self.use(key, 5)
            self.owner.post(f"/api/v1/keys/{key['id']}/disable").expect(200)
            self.use(key, 2, 401)
            self.wait_for(key, 5, 2)
            if in_time()[:13] == hour:
                return key

    def test_the_command_line_draws_it(self):
        key = self.used_within_an_hour()
        cli = CommandLine(self.server)
        self.addCleanup(cli.close)
        cli.sign_in(self.server.email, PASSWORD)
        made = json.loads(cli.expect("keys", "usage", key["id"], "--json").stdout)
        self.assertEqual((5, 2), (made["accepted"], made["refused"]))
        done = cli.expect("keys", "usage", key["id"], "--step", "day")
        lines = [line.split("\t") for line in done.stdout.splitlines()]
        self.assertEqual(30, len(lines))
        # The day may have ended meanwhile.
        self.assertIn(["5", "2", "DISABLED=2"], [line[1:] for line in lines[-2:]])
        self.assertIn("5 accepted, 2 refused", done.stderr)
        shown = cli.run_on_terminal("keys", "usage", key["id"])
        self.assertIn("#####", shown.text)
        self.assertRegex(shown.text, r"#x+ +5 +2 +DISABLED 2")
        self.assertNotEqual(0, cli.run("keys", "usage", key["id"], "--step", "week").returncode)


class Kept(Reports, unittest.TestCase):
    def setUp(self):
        self.server = Server.start()
        self.addCleanup(self.server.discard)
        self.owner = self.server.sign_in()
        self.key = self.owner.create_key("access")

    def again(self):
        self.owner = self.server.sign_in()

    def test_a_server_that_stops_writes_what_it_counted(self):
        self.use(self.key, 6)
        self.server.restart()
        with sqlite3.connect(f"file:{self.server.data}/usage.db?mode=ro", uri=True) as counts:
            rows = counts.execute("SELECT step, sum(count) FROM counts WHERE serial = ? AND "
                                  "reason = 0 GROUP BY step", (self.key["serial"],)).fetchall()
        self.assertEqual([(0, 6), (1, 6), (2, 6)], rows)
        self.again()
        self.use(self.key, 1)
        self.wait_for(self.key, 7)

    def test_kill_loses_nothing_that_was_counted(self):
        self.use(self.key, 6)
        self.owner.post(f"/api/v1/keys/{self.key['id']}/disable").expect(200)
        self.use(self.key, 2, 401)
        self.server.kill()
        self.server.serve()
        self.again()
        found = self.wait_for(self.key, 6, 2)
        # Why is held in memory only, until the minute has ended.
        told = {code for point in found["points"] for code in point["refused"]}
        self.assertLessEqual(told, {"OTHER", "DISABLED"})

    def test_a_damaged_file_of_counts_keeps_nobody_from_being_served(self):
        self.server.kill()
        for name in ("usage.db-wal", "usage.db-shm"):
            (self.server.data / name).unlink(missing_ok=True)
        (self.server.data / "usage.db").write_bytes(b"no database " * 1000)
        self.server.serve()
        self.again()
        self.use(self.key, 1)
        self.assertEqual("usage_off", self.owner.get(
            f"/api/v1/keys/{self.key['id']}/usage").expect(503).code)
        items = self.owner.get("/api/v1/keys?include=usage").expect(200).json()["items"]
        self.assertNotIn("usage", items[0])


class Shared(Reports, ClusterTest):
    """Nodes on one PostgreSQL."""

    node_count = 2

    def test_every_node_tells_the_sum(self):
        first, second = self.cluster.nodes
        self.server, self.owner = first, first.sign_in()
        key = self.owner.create_key("access")
        self.use(key, 3)
        self.wait_for(key, 3)  # by the node that counted
        self.server = second
        self.use(key, 4)
        first.restart()
        self.owner = second.sign_in()
        self.wait_for(key, 7)
        second.restart()
        for node in (first, second):
            self.owner = node.sign_in()
            for step in ("minute", "hour", "day"):
                self.wait_for(key, 7, query=f"?step={step}")
        items = self.owner.get("/api/v1/keys?include=usage").expect(200).json()["items"]
        usage = {item["id"]: item["usage"] for item in items}[key["id"]]
        self.assertEqual(7, sum(usage["accepted"]))


if __name__ == "__main__":
    unittest.main()
