"""One installation with something of everything in it, for tests that try every operation.

    world = World(["owner", "viewer"])               # a person of each role
    world.session("viewer").get("/api/v1/projects")
    world.new_target()["id"]                         # an object to read, change or delete
    world.server.stop()
"""

import os

from keywright import PASSWORD, Server

ALL_PERMISSIONS = ["keys:verify", "keys:read", "keys:write", "audit:read"]
CARRIERS = {"account": "jwt", "target": "jwt", "ingest": "x-api-key"}


def unique(text="x"):
    return f"{text}-{os.urandom(5).hex()}"


class World:
    """One installation with something of everything in it, and the people to try it."""

    def __init__(self, roles):
        self.server = Server.start(options=["--allow-upstream", "192.0.2.0/24",
                                            "--allow-upstream", "127.0.0.0/8"])
        self.owner = self.server.sign_in(transport="bearer")
        self.emails, self.users = {}, {}
        for role in roles:  # the owner who tries is another one than the owner who prepares
            user = self.owner.create_user(role)
            self.users[role], self.emails[role] = user, user["email"]
        self.project = self.owner.create("projects", name="Matrix")
        self.platform = self.new_platform()
        self.target = self.new_target()
        self.mcp_server = self.new_mcp_server()
        self.keyspace = self.new_keyspace()

    def session(self, role):
        return self.server.sign_in(self.emails[role], PASSWORD, transport="bearer")

    # Each makes a new object as the owner, for a request to read, change or delete.
    def new_project(self):
        return self.owner.create("projects", name=unique())

    def new_platform(self):
        return self.owner.create(f"projects/{self.project['id']}/platforms", name=unique(),
                                 type="http_api")

    def new_trace(self):
        sender = self.key_client("ingest")
        body = {"data": {"input": "x"}, "platformId": self.platform["id"]}
        return sender.post("/public/traces", body).expect(201).json()["data"]

    def new_target(self):
        return self.owner.create("targets", name=unique(), url="https://target.example.org/")

    def new_mcp_server(self):
        return self.owner.create("mcp-servers", name=unique(), slug=unique("s"),
                                 url="https://192.0.2.10/mcp")

    def new_registry(self):
        return self.owner.create("registries", name=unique(), everyone=True,
                                 mcp_server_ids=[self.mcp_server["id"]])

    def new_service(self):
        return self.owner.create("services", name=unique(), slug=unique("s"),
                                 upstream_url="https://192.0.2.11/")

    def new_keyspace(self):
        return self.owner.create("keyspaces", name=unique(), prefix=f"k{os.urandom(6).hex()}_")

    def new_service_account(self):
        return self.owner.create("users", service_account=True, name=unique(), role="viewer")

    def new_person(self):
        return self.owner.create_user("viewer")

    def new_key(self, kind, **fields):
        """A key for its own kind of owner, made by the owner of the organization."""
        fields = {**self.key_fields(kind), **fields}
        return self.owner.create_key(kind, **fields)

    def key_fields(self, kind):
        organization = {"type": "organization", "id": self.server.organization_id}
        return {
            "ingest": {"owner": {"type": "project", "id": self.project["id"]}},
            "account": {"owner": organization},
            "target": {"owner": {"type": "target", "id": self.target["id"]}},
            "management": {"owner": organization, "permissions": ALL_PERMISSIONS},
            "customer": {"owner": {"type": "external", "id": "customer-1"},
                         "keyspace_id": self.keyspace["id"]},
        }.get(kind, {})

    def customer_key(self):
        return self.new_key("customer")

    def key_client(self, kind, **fields):
        key = self.new_key(kind, **fields)
        return self.server.client(key["key"], CARRIERS.get(kind, "bearer"))

    def user_key_client(self, role, kind):
        key = self.session(role).create_key(kind)
        return self.server.client(key["key"])

    def token_of_link(self, url):
        return url.partition("#token=")[2]
