"""The GraphQL API: who may do what, whenever that changes, and what is too much for anybody."""

import json
import threading
import time
import unittest

from graphql_client import CREATE_KEY, PATH, REVOKE_KEY, GraphqlTest, ask
from keywright import in_time


class Authority(GraphqlTest):
    CREATE = """mutation($o: ID!) { createProject(input: {organizationId: $o, name: "x"}) {
        project { id } } }"""

    def test_a_role_change_is_felt_by_the_next_request(self):
        user, person = self.person("member")
        client = self.server.client(person.create_key("personal")["key"])
        variables = {"o": self.organization}
        self.assertIsNone(ask(client, self.CREATE, variables).code)
        self.owner.patch(f"/api/v1/users/{user['id']}", {"role": "viewer"}).expect(200)
        self.assertEqual("FORBIDDEN", ask(client, self.CREATE, variables).code)
        self.owner.patch(f"/api/v1/users/{user['id']}", {"role": "admin"}).expect(200)
        self.assertIsNone(ask(client, self.CREATE, variables).code)
        self.owner.patch(f"/api/v1/users/{user['id']}", {"active": False}).expect(200)
        self.assertEqual(401, client.post(PATH, {"query": "{ viewer { id } }"}).status)

    def test_a_key_reaches_every_organization_of_its_owner(self):
        user, person = self.person("viewer")
        client = self.server.client(person.create_key("personal")["key"])
        second = person.create("organizations", name="Second")
        asked = ask(client, self.CREATE, {"o": second["id"]})
        self.assertIsNone(asked.code)
        self.assertEqual("FORBIDDEN", ask(client, self.CREATE, {"o": self.organization}).code)
        self.assertEqual("NOT_FOUND", ask(self.client, self.CREATE, {"o": second["id"]}).code)
        roles = ask(client, "{ viewer { memberships { organization { name } role } } }")
        self.assertEqual([("Acme", "VIEWER"), ("Second", "OWNER")],
                         [(each["organization"]["name"], each["role"])
                          for each in roles.data["viewer"]["memberships"]])
        seen = ask(self.client, "query($i: ID!) { node(id: $i) { ... on Identity { memberships { "
                                "organization { name } } } } }", {"i": user["id"]})
        self.assertEqual([{"organization": {"name": "Acme"}}], seen.data["node"]["memberships"])

    def test_a_request_in_flight_ends_with_401_when_its_key_is_revoked(self):
        query = """query($o: ID!) { organization(id: $o) { """ + " ".join(
            f"a{i}: targets(last: {i + 1}) {{ nodes {{ id }} }}" for i in range(40)) + " } }"
        statuses, after = set(), []
        for _ in range(8):
            key = self.owner.create_key("access")
            answered, revoked = threading.Event(), threading.Event()

            def keep_asking(token=key["key"], answered=answered, revoked=revoked):
                client = self.server.client(token)
                while True:
                    late = revoked.is_set()
                    status = client.post(PATH, {"query": query,
                                                "variables": {"o": self.organization}}).status
                    statuses.add(status)
                    answered.set()
                    if late:
                        after.append(status)
                    if status != 200:
                        return
            threads = [threading.Thread(target=keep_asking) for _ in range(4)]
            for thread in threads:
                thread.start()
            self.assertTrue(answered.wait(60))
            self.owner.post(f"/api/v1/keys/{key['id']}/revoke").expect(200)
            revoked.set()
            for thread in threads:
                thread.join()
        self.assertEqual({200, 401}, statuses)
        self.assertNotIn(200, after)

    # Every field that asks for something: who is refused. A field that is not here fails the test.
    KEY_FIELDS = {"createPersonalAPIKey", "revokePersonalAPIKey"}
    WRITES = {"createTarget", "deleteTarget", "createProject", "deleteProject"}
    QUERIES = {"viewer", "node", "organization"}
    LISTS = {"targets", "projects", "mcpServers", "members"}
    ADMIN_LISTS = {"apiKeys"}
    OWN_LISTS = {"personalAPIKeys"}

    def fields_of(self, name):
        asked = ask(self.client, '{ __type(name: "%s") { fields { name args { name } } } }' % name)
        return asked.data["__type"]["fields"]

    def test_every_field_is_in_the_matrix(self):
        self.assertEqual(self.QUERIES, {field["name"] for field in self.fields_of("Query")})
        self.assertEqual(self.KEY_FIELDS | self.WRITES,
                         {field["name"] for field in self.fields_of("Mutation")})
        paged = {field["name"] for name in ("Organization", "Identity", "Membership", "Target",
                                            "Project", "Member", "MCPServer", "APIKey",
                                            "PersonalAPIKey", "APIKeyOwner")
                 for field in self.fields_of(name) if field["args"]}
        self.assertEqual(self.LISTS | self.ADMIN_LISTS | self.OWN_LISTS, paged)

    def document(self, field):
        """A document that would succeed for an owner in a session, and its variables."""
        organization = {"o": self.organization}
        if field in self.LISTS | self.ADMIN_LISTS:
            return (f"query($o: ID!) {{ organization(id: $o) {{ {field} {{ totalCount }} }} }}",
                    organization)
        if field == "personalAPIKeys":
            return "{ viewer { personalAPIKeys { totalCount } } }", {}
        if field == "viewer":
            return "{ viewer { id } }", {}
        if field in ("node", "organization"):
            return f"query($o: ID!) {{ {field}(id: $o) {{ id }} }}", organization
        if field == "createPersonalAPIKey":
            return CREATE_KEY, {"name": "x", "at": in_time(days=1)}
        if field == "createTarget":
            return ("""mutation($o: ID!) { createTarget(input: {organizationId: $o, name: "x",
                url: "https://x.example.com"}) { target { id } } }""", organization)
        if field == "createProject":
            return self.CREATE, organization
        if field == "deleteTarget":
            made = self.owner.create("targets", name="x", url="https://x.example.com")
            return ("mutation($i: ID!) { deleteTarget(input: {targetId: $i}) { targetId } }",
                    {"i": made["id"]})
        made = self.owner.create("projects", name="x")
        return ("mutation($i: ID!) { deleteProject(input: {projectId: $i}) { projectId } }",
                {"i": made["id"]})

    def expected(self, field, role, is_key):
        if field in self.KEY_FIELDS | self.OWN_LISTS:
            return "FORBIDDEN" if is_key else None
        if field in self.ADMIN_LISTS:
            return None if not is_key and role in ("owner", "admin", "auditor") else "FORBIDDEN"
        if field in self.WRITES:
            return None if role in ("owner", "admin", "member") else "FORBIDDEN"
        return None

    def test_every_field_for_every_role_and_kind(self):
        every = (self.QUERIES | self.LISTS | self.ADMIN_LISTS | self.OWN_LISTS | self.WRITES
                 | self.KEY_FIELDS)
        for role in ("owner", "admin", "member", "viewer", "auditor"):
            _, session = self.person(role)
            callers = [("session", session)]
            callers += [(kind, self.server.client(session.create_key(kind)["key"]))
                        for kind in ("personal", "access")]
            for kind, client in callers:
                for field in sorted(every):
                    if field == "revokePersonalAPIKey":
                        key = session.create_key("access")["id"]
                        document, variables = REVOKE_KEY, {"id": key}
                    else:
                        document, variables = self.document(field)
                    with self.subTest(role=role, kind=kind, field=field):
                        asked = ask(client, document, variables)
                        self.assertEqual(200, asked.status)
                        self.assertEqual(self.expected(field, role, kind != "session"), asked.code,
                                         asked.errors)

    def test_every_kind_that_may_not_come_is_refused_for_every_field(self):
        project = self.owner.create("projects", name="matrix")
        target = self.owner.create("targets", name="matrix", url="https://x.example.com")
        keyspace = self.owner.create("keyspaces", name="matrix", prefix="gqlmatrix_")
        organization = {"type": "organization", "id": self.organization}
        owners = {"mcp": {}, "connect": {},
                  "ingest": {"owner": {"type": "project", "id": project["id"]}},
                  "account": {"owner": organization},
                  "target": {"owner": {"type": "target", "id": target["id"]}},
                  "management": {"owner": organization, "permissions": ["keys:read"]},
                  "customer": {"owner": {"type": "external", "id": "c"},
                               "keyspace_id": keyspace["id"]}}
        for kind, fields in owners.items():
            key = self.owner.create_key(kind, **fields)
            client = self.server.client(key["key"])
            for document in ("{ viewer { id } }", "{ __typename }", "{ nope }"):
                with self.subTest(kind=kind):
                    answer = client.post(PATH, {"query": document})
                    self.assertEqual(403, answer.status)
                    self.assertEqual("FORBIDDEN",
                                     answer.json()["errors"][0]["extensions"]["code"])


class Bombs(GraphqlTest):
    def refused(self, query, word, **more):
        started = time.monotonic()
        asked = ask(self.client, query, **more)
        self.assertNotIn("data", asked.body)
        self.assertIn(word, asked.errors[0]["message"])
        self.assertLess(time.monotonic() - started, 30)

    def test_they_are_refused_before_anything_is_executed(self):
        deep = "organization { id } "
        for _ in range(12):
            deep = f"organization {{ targets {{ nodes {{ {deep} }} }} }} "
        self.refused("{ viewer { memberships { " + deep + " } } }", "deep")
        wide = "organization { id } "
        for _ in range(3):
            wide = f"organization {{ targets(first: 100) {{ nodes {{ {wide} }} }} }} "
        self.refused("{ viewer { memberships { " + wide + " } } }", "complex")
        self.refused("{ " + " ".join(f"a{i}: __typename" for i in range(200)) + " }", "aliases")
        self.refused("{ " + "__typename " * 5000 + " }", "fields")
        self.refused("{ " + "a " * 20000 + " }", "tokens")
        self.refused("{" * 10000, "Expected Name")
        self.refused("{a" * 5000, "nested deeper")
        self.refused("{ a(x: " + "[" * 5000, "nested deeper")
        self.refused("#" * 200_000, "longer")
        self.refused(" ".join(f"query Q{i} {{ __typename }}" for i in range(300)), "definitions")
        doubling = "{ viewer { ...F0 } } " + " ".join(
            f"fragment F{i} on Identity {{ ...F{i + 1} ...F{i + 1} }}" for i in range(50))
        self.refused(doubling + " fragment F50 on Identity { id }", "fields")
        types = "fields { type { " * 6 + "name" + " } }" * 6
        self.refused("{ __schema { types { " + types + " } } }", "complex")
        self.refused("{ viewer { ...A } } fragment A on Identity { ...A }", "within itself")
        self.assertEqual(200, ask(self.client, "{ viewer { id } }").status)

    def test_batches_are_refused(self):
        answer = self.client.post(PATH, [{"query": "{ viewer { id } }"}] * 2)
        self.assertEqual(400, answer.status)
        self.assertIn("batches", answer.json()["errors"][0]["message"])

    def test_a_usual_introspection_is_not_a_bomb(self):
        asked = ask(self.client, """{ __schema { types { name fields { name args { name type { name
            ofType { name ofType { name ofType { name } } } } } type { name } } } } }""")
        self.assertEqual([], asked.errors)
        self.assertIn("PersonalAPIKey", json.dumps(asked.data))


if __name__ == "__main__":
    unittest.main()
