"""The GraphQL API at its address: who may come, what it answers, what it refuses."""

import unittest

from graphql_client import CREATE_KEY, PATH, REVOKE_KEY, GraphqlTest, ask
from keywright import in_time, wait_until


class Admission(GraphqlTest):
    def refused(self, answer, status, code):
        self.assertEqual(status, answer.status, answer.body)
        body = answer.json()
        self.assertEqual(code, body["errors"][0]["extensions"]["code"])
        return body

    def test_without_a_good_credential_nothing_is_answered(self):
        query = {"query": "{ viewer { id } }"}
        nobody = self.server.client().post(PATH, query)
        body = self.refused(nobody, 401, "UNAUTHENTICATED")
        self.assertEqual({"errors", "data"}, set(body))
        self.assertIsNone(body["data"])
        self.assertEqual({"message", "extensions"}, set(body["errors"][0]))
        self.assertEqual({"code": "UNAUTHENTICATED"}, body["errors"][0]["extensions"])
        self.assertTrue(nobody.headers["WWW-Authenticate"].startswith("Bearer "))
        self.assertNotIn("error=", nobody.headers["WWW-Authenticate"])

        gone = self.owner.create_key("personal")
        self.owner.post(f"/api/v1/keys/{gone['id']}/revoke").expect(200)
        disabled = self.owner.create_key("access")
        self.owner.post(f"/api/v1/keys/{disabled['id']}/disable").expect(200)
        bodies = set()
        for token in ("nonsense", "kwp_x", gone["key"], gone["key"][:-1] + "!", disabled["key"]):
            answer = self.server.client(token).post(PATH, query)
            self.refused(answer, 401, "UNAUTHENTICATED")
            self.assertIn('error="invalid_token"', answer.headers["WWW-Authenticate"])
            bodies.add(answer.body)
        self.assertEqual(1, len(bodies))

    def test_keys_of_other_kinds_are_told_which_may_come(self):
        for kind in ("mcp", "connect"):
            token = self.owner.create_key(kind)["key"]
            answer = self.server.client(token).post(PATH, {"query": "{ viewer { id } }"})
            body = self.refused(answer, 403, "FORBIDDEN")
            self.assertIn("personal or access", body["errors"][0]["message"])

    def test_a_session_comes_with_its_csrf_token_or_as_a_bearer(self):
        bearer = self.server.sign_in(transport="bearer")
        for client in (self.owner, bearer):
            viewer = ask(client, "{ viewer { id } }").data["viewer"]
            self.assertEqual(self.server.user_id, viewer["id"])
        answer = self.owner.post(PATH, {"query": "{ viewer { id } }"},
                                 headers={"X-CSRF-Token": None})
        self.refused(answer, 403, "FORBIDDEN")

    def test_two_credentials_and_credentials_in_the_address_are_refused(self):
        query = {"query": "{ viewer { id } }"}
        both = self.client.post(PATH, query, headers={"X-API-Key": self.key + "x"})
        self.refused(both, 400, "INVALID")
        self.refused(self.client.post(PATH + "?access_token=x", query), 400, "INVALID")

    def test_only_post_with_json(self):
        for method in ("GET", "PUT", "DELETE", "OPTIONS"):
            answer = self.client.request(method, PATH)
            self.assertEqual(405, answer.status, method)
            self.assertEqual("POST", answer.headers["Allow"])
        for content_type in ("application/graphql", "text/plain", None):
            answer = self.client.post(PATH, body=b"{ viewer { id } }",
                                      headers={"Content-Type": content_type})
            self.refused(answer, 415, "INVALID")
        self.assertEqual(404, self.client.post(PATH + "/", {}).status)

    def test_a_body_that_is_too_large_is_refused_in_this_form_and_after_the_credential(self):
        large = b'{"query":"' + b" " * (1024 * 1024) + b'"}'
        fields = {"Content-Type": "application/json"}
        answer = self.client.post(PATH, body=large, headers=fields)
        self.assertEqual((413, "application/json"),
                         (answer.status, answer.headers["Content-Type"]))
        self.assertEqual("INVALID", answer.json()["errors"][0]["extensions"]["code"])
        answer = self.server.client().post(PATH, body=large, headers=fields)
        self.assertEqual(401, answer.status)
        self.assertEqual("UNAUTHENTICATED", answer.json()["errors"][0]["extensions"]["code"])

    def test_a_body_that_is_no_request_is_refused(self):
        for body in (b"", b"{", b"5", b"{}", b'{"query":5}', b'{"query":"{a}","variables":[]}',
                     b'[{"query":"{ viewer { id } }"}]', b'{"query":"{a}","query":"{b}"}',
                     b'{"query":"{a}","operationName":1}'):
            answer = self.client.post(PATH, body=body,
                                      headers={"Content-Type": "application/json"})
            self.refused(answer, 400, "INVALID")

    def test_the_newer_media_type_has_statuses_of_its_own(self):
        newer = {"Accept": "application/graphql-response+json"}
        for query, older_status, newer_status in (("{ viewer { id } }", 200, 200),
                                                  ("{ nope }", 200, 400), ("{", 200, 400),
                                                  ('{ node(id: "x") { id } }', 200, 200)):
            older = ask(self.client, query)
            self.assertEqual(older_status, older.status)
            self.assertTrue(older.answer.headers["Content-Type"].startswith("application/json"))
            new = ask(self.client, query, headers=newer)
            self.assertEqual(newer_status, new.status)
            self.assertTrue(new.answer.headers["Content-Type"].startswith(
                "application/graphql-response+json"))
            self.assertEqual(older.body, new.body)


class Answers(GraphqlTest):
    def test_the_viewer_is_the_person_behind_the_key(self):
        asked = ask(self.client, "{ viewer { id email name memberships { organization { id name } "
                                 "role } __typename } }")
        self.assertEqual({"id": self.server.user_id, "email": self.server.email,
                          "name": asked.data["viewer"]["name"], "__typename": "Identity",
                          "memberships": [{"organization": {"id": self.organization,
                                                            "name": "Acme"}, "role": "OWNER"}]},
                         asked.data["viewer"])
        self.assertEqual("no-store", asked.answer.headers["Cache-Control"])

    def test_targets_and_projects_are_made_and_deleted(self):
        for one, fields in (("Target", 'url: "https://shop.example.com"'), ("Project", "")):
            lower = one.lower()
            made = ask(self.client, f"""mutation($o: ID!) {{
                create{one}(input: {{organizationId: $o, name: "Web shop" {fields}}}) {{
                  {lower} {{ id name }} }} }}""",
                       {"o": self.organization})
            self.assertEqual([], made.errors)
            thing = made.data[f"create{one}"][lower]
            self.assertEqual("Web shop", thing["name"])
            node = ask(self.client, "query($i: ID!) { node(id: $i) { id __typename } }",
                       {"i": thing["id"]})
            self.assertEqual({"id": thing["id"], "__typename": one}, node.data["node"])
            self.client.get(f"/api/v1/{lower}s/{thing['id']}").expect(200)
            delete = f"""mutation($i: ID!) {{ delete{one}(input: {{{lower}Id: $i}}) {{
                {lower}Id }} }}"""
            gone = ask(self.client, delete, {"i": thing["id"]})
            self.assertEqual(thing["id"], gone.data[f"delete{one}"][f"{lower}Id"])
            again = ask(self.client, delete, {"i": thing["id"]})
            self.assertEqual((200, "NOT_FOUND"), (again.status, again.code))
            self.assertEqual([f"delete{one}"], again.errors[0]["path"])
            self.assertEqual([{"line": 1, "column": 21}], again.errors[0]["locations"])

    def test_wrong_inputs_are_named(self):
        create = """mutation($o: ID!, $n: String!, $u: String!) {
            createTarget(input: {organizationId: $o, name: $n, url: $u}) { target { id } } }"""
        good = {"o": self.organization, "n": "x", "u": "https://x.example.com"}
        for change, code, field in (({"n": " "}, "INVALID", "name"), ({"u": "x"}, "INVALID", "url"),
                                    ({"o": "x"}, "INVALID", "organizationId"),
                                    ({"o": self.server.user_id}, "NOT_FOUND", None)):
            asked = ask(self.client, create, {**good, **change})
            self.assertEqual((200, code, field), (asked.status, asked.code, asked.field), change)
            self.assertIsNone(asked.data["createTarget"])

    def test_every_target_is_found_page_by_page(self):
        made = {self.owner.create("targets", name=f"page {i}", url="https://x.example.com")["id"]
                for i in range(7)}
        query = """query($o: ID!, $f: Int, $a: String, $l: Int, $b: String) { organization(id: $o) {
            targets(first: $f, after: $a, last: $l, before: $b) { totalCount
              pageInfo { hasNextPage hasPreviousPage startCursor endCursor }
              edges { cursor node { id name url } } nodes { id } } } }"""

        def page(**variables):
            asked = ask(self.client, query, {"o": self.organization, **variables})
            self.assertEqual([], asked.errors)
            return asked.data["organization"]["targets"]

        whole = page(f=100)
        every = [edge["node"]["id"] for edge in whole["edges"]]
        self.assertLessEqual(made, set(every))
        self.assertEqual(len(every), whole["totalCount"])
        self.assertEqual(sorted(every, reverse=True), every)
        found, after = [], None
        while True:
            some = page(f=2, a=after)
            found += [node["id"] for node in some["nodes"]]
            after = some["pageInfo"]["endCursor"]
            if not some["pageInfo"]["hasNextPage"]:
                break
        self.assertEqual(every, found)
        found, before = [], None
        while True:
            some = page(l=3, b=before)
            found = [node["id"] for node in some["nodes"]] + found
            before = some["pageInfo"]["startCursor"]
            if not some["pageInfo"]["hasPreviousPage"]:
                break
        self.assertEqual(every, found)
        self.assertEqual([], page(f=0)["edges"])

    def test_members_and_servers_are_listed(self):
        person, _ = self.person("viewer")
        asked = ask(self.client, """query($o: ID!) { organization(id: $o) {
            members { totalCount nodes { id email role active } } mcpServers { totalCount } } }""",
                    {"o": self.organization})
        members = asked.data["organization"]["members"]
        self.assertEqual(members["totalCount"], len(members["nodes"]))
        self.assertIn({"id": person["id"], "email": person["email"], "role": "VIEWER",
                       "active": True}, members["nodes"])
        found = ask(self.client, "query($i: ID!) { node(id: $i) { ... on Identity { email } } }",
                    {"i": person["id"]})
        self.assertEqual(person["email"], found.data["node"]["email"])

    def test_what_is_unknown_is_null_and_said(self):
        for query, path in (('{ node(id: "nothing") { id } }', ["node"]),
                            ('{ organization(id: "x") { id } }', ["organization"])):
            asked = ask(self.client, query)
            self.assertEqual((200, "NOT_FOUND", path),
                             (asked.status, asked.code, asked.errors[0]["path"]))
            self.assertIsNone(asked.data[path[0]])


class PersonalKeys(GraphqlTest):
    def test_a_key_is_made_shown_once_and_revoked(self):
        at = in_time(days=2)
        made = ask(self.owner, CREATE_KEY, {"name": "ci", "at": at})
        self.assertEqual([], made.errors)
        self.assertEqual("no-store", made.answer.headers["Cache-Control"])
        payload = made.data["createPersonalAPIKey"]
        token, node = payload["token"], payload["personalAPIKeyEdge"]["node"]
        self.assertTrue(token.startswith("kwp_"))
        self.assertEqual({"id": node["id"], "name": "ci", "kind": "PERSONAL", "prefix": token[:12],
                          "status": "ACTIVE", "expireReason": None, "token": None,
                          "expiresAt": at}, node)
        client = self.server.client(token)
        self.assertEqual(self.server.user_id, ask(client, "{ viewer { id } }").data["viewer"]["id"])
        again = ask(self.owner, "query($i: ID!) { node(id: $i) { ... on PersonalAPIKey { token "
                                "lastUsedAt } } }", {"i": node["id"]})
        self.assertIsNone(again.data["node"]["token"])
        self.assertIsNotNone(again.data["node"]["lastUsedAt"])
        for _ in range(2):
            self.assertEqual(node["id"], ask(self.owner, REVOKE_KEY, {"id": node["id"]}).data[
                "revokePersonalAPIKey"]["personalAPIKeyId"])
        self.assertEqual(401, client.post(PATH, {"query": "{ viewer { id } }"}).status)
        revoked = ask(self.owner, """{ viewer { personalAPIKeys(filter: {status: REVOKED}) {
            nodes { id status expireReason revokedAt } } } }""")
        nodes = {each["id"]: each for each in revoked.data["viewer"]["personalAPIKeys"]["nodes"]}
        self.assertEqual(("REVOKED", "REVOKED"),
                         (nodes[node["id"]]["status"], nodes[node["id"]]["expireReason"]))
        shown = ask(self.owner, "{ viewer { personalAPIKeys(first: 100) { nodes { id } } } }")
        self.assertNotIn(node["id"], [each["id"] for each in
                                      shown.data["viewer"]["personalAPIKeys"]["nodes"]])

    def test_expiry_is_mandatory_and_in_the_future_and_a_name_is_needed(self):
        for variables, field in (({"name": "x", "at": in_time(hours=-1)}, "expiresAt"),
                                 ({"name": "  ", "at": in_time(hours=1)}, "name"),
                                 ({"name": "x" * 256, "at": in_time(hours=1)}, "name"),
                                 ({"name": "x", "at": "tomorrow"}, "expiresAt")):
            asked = ask(self.owner, CREATE_KEY, variables)
            self.assertEqual((200, "INVALID", field), (asked.status, asked.code, asked.field))
        missing = ask(self.owner, 'mutation { createPersonalAPIKey(input: {name: "x"}) { token } }')
        self.assertIsNone(missing.data)

    def test_a_kind_that_is_null_or_left_out_is_personal(self):
        made = """mutation($input: CreatePersonalAPIKeyInput!) {
            createPersonalAPIKey(input: $input) { personalAPIKeyEdge { node { kind } } } }"""
        for kind in ({}, {"kind": None}):
            asked = ask(self.owner, made,
                        {"input": {"name": "x", "expiresAt": in_time(days=1), **kind}})
            node = asked.data["createPersonalAPIKey"]["personalAPIKeyEdge"]["node"]
            self.assertEqual("PERSONAL", node["kind"])

    def test_an_expired_key_says_so_even_if_nobody_used_it(self):
        personal = self.owner.create_key("personal", name="soon", expires_at=in_time(seconds=3))
        idle = self.owner.create_key("access", name="idle", idle_timeout_seconds=1)
        query = """query($i: ID!) { node(id: $i) { ... on PersonalAPIKey {
            status expireReason expiresAt } } }"""

        def expired(key):
            node = ask(self.owner, query, {"i": key["id"]}).data["node"]
            return node if node["status"] == "EXPIRED" else None
        for key in (personal, idle):
            node = wait_until(lambda key=key: expired(key), what="expiry")
            self.assertEqual("IDLE_TIMEOUT", node["expireReason"])
            answer = self.server.client(key["key"]).post(PATH, {"query": "{ viewer { id } }"})
            self.assertEqual(401, answer.status)
        self.assertEqual(personal["expires_at"],
                         ask(self.owner, query, {"i": personal["id"]}).data["node"]["expiresAt"])

    def test_own_keys_are_paged_and_filtered(self):
        _, person = self.person("member")
        for kind in ("personal", "mcp", "access", "personal"):
            person.create_key(kind)
        person.create_key("connect")
        query = """query($f: Int, $a: String, $k: PersonalAPIKeyFilter) { viewer {
            personalAPIKeys(first: $f, after: $a, filter: $k) { totalCount edges { cursor
              node { kind } } pageInfo { hasNextPage endCursor } } } }"""

        def page(**variables):
            return ask(person, query, variables).data["viewer"]["personalAPIKeys"]
        whole = page()
        self.assertEqual(4, whole["totalCount"])
        kinds = [edge["node"]["kind"] for edge in whole["edges"]]
        self.assertEqual(["PERSONAL", "ACCESS", "MCP", "PERSONAL"], kinds)
        first = page(f=3)
        self.assertTrue(first["pageInfo"]["hasNextPage"])
        rest = page(f=3, a=first["pageInfo"]["endCursor"])
        self.assertEqual(whole["edges"], first["edges"] + rest["edges"])
        self.assertEqual(2, page(k={"kind": "PERSONAL"})["totalCount"])
        self.assertEqual(3, page(k={"kind": ["PERSONAL", "MCP"]})["totalCount"])
        self.assertEqual(4, page(k={"status": "ACTIVE"})["totalCount"])

    def test_nobody_elses_keys_are_seen(self):
        other, person = self.person("member")
        key = person.create_key("access")
        by_id = ask(self.owner, "query($i: ID!) { node(id: $i) { id } }", {"i": key["id"]})
        self.assertEqual("NOT_FOUND", by_id.code)
        through = ask(self.owner, """query($i: ID!) { node(id: $i) { ... on Identity {
            personalAPIKeys { totalCount } } } }""", {"i": other["id"]})
        self.assertEqual("FORBIDDEN", through.code)
        _, third = self.person("member")
        self.assertEqual("NOT_FOUND", ask(third, REVOKE_KEY, {"id": key["id"]}).code)


if __name__ == "__main__":
    unittest.main()
