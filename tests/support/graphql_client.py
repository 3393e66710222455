"""Asking the GraphQL API, for its integration tests.

    asked = ask(client, "query($i: ID!) { node(id: $i) { id } }", {"i": target_id})
    asked.data["node"]["id"], asked.code, asked.field
"""

from keywright import PASSWORD, ServerTest

PATH = "/api/console/v1/graphql"


class Asked:
    """What one document was answered."""

    def __init__(self, answer):
        self.answer = answer
        self.status = answer.status
        self.body = answer.json()
        self.data = self.body.get("data")
        self.errors = self.body.get("errors", [])

    @property
    def code(self):
        return self.errors[0]["extensions"]["code"] if self.errors else None

    @property
    def field(self):
        return self.errors[0]["extensions"].get("field") if self.errors else None


def ask(client, query, variables=None, headers=None, **more):
    return Asked(client.post(PATH, {"query": query, "variables": variables or {}, **more},
                             headers=headers))


CREATE_KEY = """mutation($name: String!, $at: DateTime!, $kind: PersonalAPIKeyKind = PERSONAL) {
  createPersonalAPIKey(input: {name: $name, expiresAt: $at, kind: $kind}) {
    personalAPIKeyEdge { cursor node { id name kind prefix status expireReason token expiresAt } }
    token } }"""
REVOKE_KEY = """mutation($id: ID!) {
  revokePersonalAPIKey(input: {personalAPIKeyId: $id}) { personalAPIKeyId } }"""


class GraphqlTest(ServerTest):
    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.key = cls.owner.create_key("access")["key"]
        cls.client = cls.server.client(cls.key)
        cls.organization = cls.server.organization_id

    def person(self, role):
        made = self.owner.create_user(role)
        return made, self.server.sign_in(made["email"], PASSWORD, transport="bearer")
