"""Commands on objects of the API: tables, pipes, JSON, paging, exit codes."""

import json
import unittest

from command_line import CommandLine, CommandLineTest
from keywright import PASSWORD

NOWHERE = "0190a1b2-0000-7000-8000-000000000000"


class Objects(CommandLineTest):
    def create(self, *arguments):
        return self.cli.expect(*arguments, "-q").stdout.strip()

    def test_an_object_lives_from_create_to_delete(self):
        made = self.cli.expect("projects", "create", "--name", "Life")
        project = made.stdout.strip()
        self.assertIn("Created project Life", made.stderr)
        shown = json.loads(self.cli.expect("projects", "get", project, "--json").stdout)
        self.assertEqual("Life", shown["name"])
        self.cli.expect("projects", "edit", project, "--name", "Second life")
        self.assertIn("name\tSecond life\n", self.cli.expect("projects", "get", project).stdout)
        self.cli.expect("projects", "delete", project)
        gone = self.cli.expect("projects", "get", project, code=3)
        self.assertIn("error:", gone.stderr)
        self.assertIn("request id:", gone.stderr)

    def test_a_pipe_gets_lines_with_tabs_and_no_header(self):
        project = self.create("projects", "create", "--name", "Piped")
        lines = self.cli.expect("projects", "list", "--all").stdout.splitlines()
        found = [line.split("\t") for line in lines if line.startswith(project)]
        self.assertEqual([project, "Piped"], found[0][:2])
        self.assertRegex(found[0][2], r"^\d{4}-\d\d-\d\dT.*Z$")

    def test_a_terminal_gets_a_table_that_fits(self):
        self.create("projects", "create", "--name", "x" * 200)
        shown = self.cli.run_on_terminal("projects", "list", columns=80)
        self.assertEqual(0, shown.returncode)
        self.assertIn("Created at", shown.text)
        self.assertIn("…", shown.text)
        for line in shown.text.splitlines():
            self.assertLessEqual(len(line), 80, line)

    def test_text_cannot_move_the_cursor(self):
        refused = self.cli.run("projects", "create", "--name", "evil\x1b[2Jname")
        self.assertEqual(2, refused.returncode)
        made = self.cli.expect("keys", "create", "--kind", "access", "--name", "Evil",
                               "--description", "evil\x1b[2Jtext", "--json")
        key = json.loads(made.stdout)["id"]
        shown = self.cli.run_on_terminal("keys", "get", key, columns=120)
        self.assertIn("evil", shown.raw)
        self.assertNotIn("\x1b[2J", shown.raw)
        self.assertNotIn("\x1b", self.cli.expect("keys", "get", key).stdout)

    def test_colour_follows_terminal_and_environment(self):
        self.create("projects", "create", "--name", "Colour")
        self.assertIn("\x1b[1m", self.cli.run_on_terminal("projects", "list").raw)
        for changes in ({"NO_COLOR": "1"}, {"TERM": "dumb"},
                        {"NO_COLOR": "1", "CLICOLOR_FORCE": "1"}):
            plain = self.cli.run_on_terminal("projects", "list", environment=changes)
            self.assertNotIn("\x1b[1m", plain.raw, changes)
        never = self.cli.run_on_terminal("projects", "list", "--color", "never")
        self.assertNotIn("\x1b[", never.raw)
        forced = self.cli.run("projects", "get", NOWHERE, environment={"CLICOLOR_FORCE": "1"})
        self.assertIn("\x1b[1;31merror:", forced.stderr)

    def test_json_is_json_everywhere(self):
        self.create("targets", "create", "--name", "T", "--url", "https://t.example.com")
        for group in ("keys", "users", "projects", "targets", "mcp-servers", "registries",
                      "services", "keyspaces", "organizations", "audit"):
            answer = json.loads(self.cli.expect(group, "list", "--json").stdout)
            self.assertIn("items", answer, group)
        fields = json.loads(self.cli.expect("targets", "list", "--json=id,name").stdout)
        self.assertEqual({"id", "name"}, set(fields["items"][0]))
        on_terminal = self.cli.run_on_terminal("targets", "list", "--json")
        self.assertEqual(fields["items"][0]["id"], json.loads(on_terminal.text)["items"][0]["id"])

    def test_lists_are_followed_to_their_end(self):
        for i in range(5):
            self.create("keyspaces", "create", "--name", f"Space {i}", "--prefix", f"pre{i}_")
        some = self.cli.expect("keyspaces", "list", "--limit", "2", "-q")
        self.assertEqual(2, len(some.stdout.splitlines()))
        self.assertIn("--all", some.stderr)
        everything = self.cli.expect("keyspaces", "list", "--all", "-q")
        self.assertEqual(5, len(everything.stdout.splitlines()))
        self.assertEqual("", everything.stderr)
        self.cli.expect("keyspaces", "list", "--limit", "0", code=2)
        self.cli.expect("keyspaces", "list", "--limit", "2", "--all", code=2)

    def test_platforms_belong_to_a_project(self):
        project = self.create("projects", "create", "--name", "Senders")
        platform = self.create("platforms", "create", "--project", project, "--name", "Flow",
                               "--type", "flowise", "--external-id", "chat-1")
        lines = self.cli.expect("platforms", "list", "--project", project).stdout.splitlines()
        self.assertEqual([platform, "Flow", "flowise", "chat-1"], lines[0].split("\t")[:4])
        self.cli.expect("platforms", "edit", platform, "--project", project, "--external-id",
                        "chat-2")
        self.cli.expect("platforms", "delete", platform, "--project", project)
        refused = self.cli.expect("platforms", "list", code=2)
        self.assertIn("--project", refused.stderr)

    def test_header_values_come_from_a_file_and_are_never_shown(self):
        headers = self.cli.file("headers", "Authorization: Bearer upstream-secret-1\n")
        server = self.create("mcp-servers", "create", "--name", "Tools", "--url",
                             "https://mcp.example.com/mcp", "--headers-file", headers)
        shown = self.cli.expect("mcp-servers", "get", server, "--json").stdout
        self.assertIn("authorization", shown.lower())
        self.assertNotIn("upstream-secret-1", shown)
        self.cli.expect("mcp-servers", "edit", server, "--enabled=false")
        self.assertFalse(json.loads(
            self.cli.expect("mcp-servers", "get", server, "--json").stdout)["enabled"])
        registry = self.create("registries", "create", "--name", "Set", "--mcp-server-ids",
                               server, "--everyone")
        self.assertTrue(json.loads(
            self.cli.expect("registries", "get", registry, "--json").stdout)["everyone"])

    def test_wrong_usage_ends_with_2_and_names_the_flag(self):
        for arguments, named in (
                (("projects", "create"), "--name"),
                (("projects", "create", "--nmae", "x"), "did you mean --name?"),
                (("projects", "creat"), "did you mean 'create'?"),
                (("keys", "create", "--kind", "access", "--name", "x", "--expires-at", "soon"),
                 "--expires-at"),
                (("projects", "list", "--limit"), "--limit"),
                (("projects", "list", "--json", "--json"), "--json"),
                (("platforms", "create", "--project", NOWHERE, "--name", "x", "--type", "zapier"),
                 "--type"),
                (("projects", "list", "--timeout", "x"), "--timeout"),
                (("serve", "--threads", "many", "--data", "/nonexistent"), "--threads"),
                (("projects", "list", "--url", "ftp://x"), "--server"),
                (("projects", "get"), "ID")):
            done = self.cli.expect(*arguments, code=2)
            self.assertIn(named, done.stderr, arguments)
            self.assertEqual("", done.stdout, arguments)

    def test_what_the_server_says_of_a_field_names_the_flag(self):
        refused = self.cli.expect("projects", "create", "--name", " ", code=2)
        self.assertIn("--name: ", refused.stderr)

    def test_a_conflict_ends_with_5(self):
        self.create("services", "create", "--name", "S", "--slug", "taken", "--upstream-url",
                    "https://s.example.com")
        done = self.cli.expect("services", "create", "--name", "S", "--slug", "taken",
                               "--upstream-url", "https://s.example.com", code=5)
        self.assertIn("taken", done.stderr)

    def test_what_one_may_not_do_ends_with_4(self):
        viewer = self.server.sign_in().create_user("viewer")
        cli = CommandLine(self.server)
        self.addCleanup(cli.close)
        cli.sign_in(viewer["email"], PASSWORD)
        cli.expect("projects", "create", "--name", "x", code=4)
        cli.expect("projects", "list")

    def test_a_server_that_is_not_there_ends_with_7(self):
        done = self.cli.expect("projects", "list", "--server", "http://127.0.0.1:9", code=4)
        self.assertIn("not signed in", done.stderr)
        done = self.cli.expect("projects", "list", "--server", "http://127.0.0.1:9", code=7,
                               environment={"KEYWRIGHT_API_KEY": "kwa_x"})
        self.assertIn("127.0.0.1:9", done.stderr)
        self.assertIn("next:", done.stderr)

    def test_deleting_asks_on_a_terminal(self):
        project = self.create("projects", "create", "--name", "Asked")
        no = self.cli.run_on_terminal("projects", "delete", project, answers=["n"])
        self.assertEqual(1, no.returncode)
        self.assertIn("Asked", no.text)
        self.cli.expect("projects", "get", project)
        yes = self.cli.run_on_terminal("projects", "delete", project, answers=["y"])
        self.assertEqual(0, yes.returncode, yes.text)
        self.cli.expect("projects", "get", project, code=3)
        other = self.create("projects", "create", "--name", "Unasked")
        self.assertEqual(0, self.cli.run_on_terminal("projects", "delete", other, "-y").returncode)

    def test_an_interrupted_prompt_ends_with_130(self):
        project = self.create("projects", "create", "--name", "Interrupted")
        shown = self.cli.run_on_terminal("projects", "delete", project, interrupt=True)
        self.assertEqual(130, shown.returncode)
        self.cli.expect("projects", "get", project)

    def test_audit_events_are_listed_and_exported(self):
        self.create("projects", "create", "--name", "Audited")
        listed = self.cli.expect("audit", "list", "--action", "projects.create").stdout
        self.assertIn("projects.create", listed)
        out = self.cli.directory / "audit.jsonl"
        self.cli.expect("audit", "export", "--out", out)
        events = [json.loads(line) for line in out.read_text().splitlines()]
        self.assertGreater(len(events), 5)
        self.assertIn("projects.create", {event["action"] for event in events})
        self.assertEqual(len(events), len({event["id"] for event in events}))
        self.cli.expect("audit", "export", "--out", out, code=5)
        piped = self.cli.expect("audit", "export", "--action", "projects.create").stdout
        self.assertEqual({"projects.create"},
                         {json.loads(line)["action"] for line in piped.splitlines()})

    def test_people_are_invited_and_let_in_again(self):
        invited = self.cli.expect("users", "create", "--email", "new@example.org", "--role",
                                  "member")
        self.assertRegex(invited.stdout, r"^https?://\S+\n$")
        users = json.loads(self.cli.expect("users", "list", "--json=id,email").stdout)["items"]
        user = next(user["id"] for user in users if user["email"] == "new@example.org")
        link = self.cli.expect("users", "reset-link", user).stdout
        self.assertRegex(link, r"^https?://\S+\n$")
        self.cli.expect("users", "edit", user, "--role", "viewer")
        self.cli.expect("users", "edit", user, "--role", "king", code=2)


if __name__ == "__main__":
    unittest.main()
