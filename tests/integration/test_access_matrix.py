"""Every operation of the native API against every role and every kind of key.

/openapi.json says under "x-keywright" whom an operation admits and which right it needs; the
tables below say, from the product's promises, who holds which right. Each pair is tried with a
request that would otherwise succeed, and must end exactly as declared: done, 401, 403 or 404. An
operation that has no line in REQUESTS fails the test, and so does a line without an operation.
"""

import os
import unittest

from access_world import ALL_PERMISSIONS, World, unique
from keywright import PASSWORD, in_time

READ = {"organization:read", "users:read", "projects:read", "targets:read", "mcp_servers:read",
        "registries:read", "services:read", "keyspaces:read"}
MEMBER = READ | {"projects:write", "targets:write", "services:write"}
ADMIN = MEMBER | {"users:write", "mcp_servers:write", "registries:write", "keyspaces:write",
                  "keys:read", "keys:write", "keys:verify", "audit:read"}
RIGHTS = {
    "owner": ADMIN | {"organization:write"},
    "admin": ADMIN,
    "member": MEMBER,
    "viewer": READ,
    "auditor": READ | {"keys:read", "keys:verify", "audit:read"},
}

# Which places a kind opens. "callers" acts as its owner, with the owner's rights.
PLACES = {
    "personal": {"callers", "any_key", "me"},
    "access": {"callers", "any_key", "me"},
    "mcp": {"any_key"},
    "connect": {"me"},
    "ingest": {"any_key"},
    "account": {"any_key"},
    "target": {"any_key"},
    "customer": {"any_key"},
    "management": {"any_key"},
}
# Rights that hang on what is asked for, so that the description does not name them.
RIGHTS_BY_INPUT = {"keys.import": "keys:write"}  # of keys for a customer


class Caller:
    """Somebody who tries every operation: what he is, and how he gets a credential."""

    def __init__(self, label, role=None, kind=None, permissions=None, fresh=None):
        self.label = label
        self.role = role                # of the person behind it
        self.kind = kind                # None: a session
        self.permissions = permissions  # of a management key
        self.fresh = fresh              # makes another credential of the same sort: a Client
        self.client = fresh()

    @property
    def is_session(self):
        return self.kind is None


def expected(access, caller):
    """What must happen: True (it is done), or a status."""
    admits, permission = access["admits"], access["permission"]
    right = access["right"] or RIGHTS_BY_INPUT.get(access["operation"])
    if admits == "anyone":
        return True
    if caller.is_session:
        if admits == "any_key":
            return 403
        return True if right is None or right in RIGHTS[caller.role] else 403
    if caller.kind == "management" and permission and admits in ("callers", "key_managers"):
        return True if permission in caller.permissions else 403
    if admits not in PLACES[caller.kind]:
        return 403
    if admits in ("any_key", "me"):
        return True
    return True if right is None or right in RIGHTS[caller.role] else 403


def callers(world):
    made = [Caller(f"session of {role}", role=role, fresh=lambda role=role: world.session(role))
            for role in RIGHTS]
    for role in RIGHTS:
        made.append(Caller(f"access key of {role}", role=role, kind="access",
                           fresh=lambda role=role: world.user_key_client(role, "access")))
    for kind in ("personal", "mcp", "connect"):
        made.append(Caller(f"{kind} key of owner", role="owner", kind=kind,
                           fresh=lambda kind=kind: world.user_key_client("owner", kind)))
    for kind in ("ingest", "account", "target", "customer"):
        made.append(Caller(f"{kind} key", kind=kind,
                           fresh=lambda kind=kind: world.key_client(kind)))
    for permissions in (ALL_PERMISSIONS, ["keys:verify"], ["audit:read"], ["keys:read"]):
        made.append(Caller(
            f"management key with {', '.join(permissions)}", kind="management",
            permissions=permissions,
            fresh=lambda p=permissions: world.key_client("management", permissions=p)))
    return made


# -- Requests that would succeed if the caller may: (path, body). `w` is the World, `c` the Caller.

def own_key(w, c):
    """A key the caller may manage: his own for a person, a customer's for a management key."""
    if c.is_session:
        return c.client.create_key("access")
    return w.customer_key()


def key_path(suffix="", body=None):
    return lambda w, c: (f"/api/v1/keys/{own_key(w, c)['id']}{suffix}", body)


def new_key_body(w, c):
    if c.is_session:
        return {"kind": "access", "name": unique()}
    return {"kind": "customer", "name": unique(), **w.key_fields("customer")}


def disabled_key(w, c):
    key = own_key(w, c)
    by = c.client if c.is_session else w.owner
    by.post(f"/api/v1/keys/{key['id']}/disable").expect(200)
    return f"/api/v1/keys/{key['id']}/enable", None


def other_session(w, c):
    """One more session of the same person, to be ended by its id."""
    role = c.role or "owner"
    w.session(role)
    sessions = w.server.client(c.client.token).get("/api/v1/me/sessions")
    items = sessions.json().get("items") if sessions.status == 200 else None
    others = [item for item in items or [] if not item.get("current")]
    return f"/api/v1/me/sessions/{others[0]['id'] if others else w.users['owner']['id']}", None


def organization_to_delete(w, c):
    """Of the caller's own making where he may, so that the one everybody uses stays."""
    if c.is_session and c.role == "owner":
        made = c.client.create("organizations", name=unique())
        return f"/api/v1/organizations/{made['id']}", None
    return f"/api/v1/organizations/{w.server.organization_id}", None


def invitation(w, _):
    made = w.owner.create("users", email=f"{unique()}@example.org", role="viewer")
    return "/api/v1/invitations/accept", {"token": w.token_of_link(made["invite_url"]),
                                          "password": PASSWORD}


def password_reset(w, _):
    person = w.new_person()
    made = w.owner.post(f"/api/v1/users/{person['id']}/reset-link").expect(200, 201).json()
    link = next(value for value in made.values() if "#token=" in str(value))
    return "/api/v1/password-resets", {"token": w.token_of_link(link), "password": PASSWORD}


def fixed(path, body=None):
    return lambda w, c: (f"/api/v1{path}", body() if callable(body) else body)


def object_of(collection, make, body=None):
    return lambda w, c: (f"/api/v1/{collection}/{getattr(w, make)()['id']}", body)


def probed(w, _):
    """Nobody is there, which is an answer, too."""
    made = w.owner.create("mcp-servers", name=unique(), slug=unique("s"),
                          url="http://no-such-name.invalid/mcp")
    return f"/api/v1/mcp-servers/{made['id']}/probe", None


def platforms(suffix=None, body=None):
    def build(w, _):
        base = f"/api/v1/projects/{w.project['id']}/platforms"
        return (base if suffix is None else f"{base}/{w.new_platform()['id']}"), body
    return build


def forwarding(suffix="", body=None):
    """Of a platform that is forwarded, to where nobody is; a test is told so at once."""
    def build(w, _):
        path = f"/api/v1/platforms/{w.new_platform()['id']}/forwarding"
        w.owner.request("PUT", path, {"type": "otlp", "url": "http://127.0.0.1:9/v1/traces"}
                        if suffix == "/test" else
                        {"type": "webhook", "url": "https://192.0.2.14/hook"}).expect(201)
        return path + suffix, body
    return build


def of_project(suffix, body=None):
    return lambda w, c: (f"/api/v1/projects/{w.project['id']}/{suffix}", body)


def verify_body(w):
    return {"key": w.customer_key()["key"]}


RENAME = {"name": "renamed"}
REQUESTS = {
    "POST /session": lambda w, c: ("/api/v1/session",
                                   {"email": w.server.email, "password": PASSWORD}),
    "DELETE /session": fixed("/session"),
    "POST /invitations/accept": invitation,
    "POST /password-resets": password_reset,
    "GET /me": fixed("/me"),
    "PATCH /me": fixed("/me", {"name": "Renamed"}),
    "GET /me/sessions": fixed("/me/sessions"),
    "DELETE /me/sessions": fixed("/me/sessions"),
    "DELETE /me/sessions/{id}": other_session,
    "GET /whoami": fixed("/whoami"),
    "POST /whoami/revoke": fixed("/whoami/revoke"),
    "GET /organizations": fixed("/organizations"),
    "POST /organizations": fixed("/organizations", lambda: {"name": unique()}),
    "GET /organizations/{id}": lambda w, c: (
        f"/api/v1/organizations/{w.server.organization_id}", None),
    "PATCH /organizations/{id}": lambda w, c: (
        f"/api/v1/organizations/{w.server.organization_id}", RENAME),
    "DELETE /organizations/{id}": organization_to_delete,
    "GET /users": fixed("/users"),
    "POST /users": fixed("/users", lambda: {"service_account": True, "name": unique(),
                                            "role": "member"}),
    "GET /users/{id}": object_of("users", "new_service_account"),
    "PATCH /users/{id}": object_of("users", "new_service_account", {"role": "member"}),
    "DELETE /users/{id}": object_of("users", "new_service_account"),
    "POST /users/{id}/reset-link": lambda w, c: (
        f"/api/v1/users/{w.new_person()['id']}/reset-link", None),
    "GET /projects": fixed("/projects"),
    "POST /projects": fixed("/projects", lambda: {"name": unique()}),
    "GET /projects/{id}": object_of("projects", "new_project"),
    "PATCH /projects/{id}": object_of("projects", "new_project", RENAME),
    "DELETE /projects/{id}": object_of("projects", "new_project"),
    "GET /projects/{project_id}/platforms": platforms(),
    "POST /projects/{project_id}/platforms": platforms(None, {"name": "p", "type": "http_api"}),
    "GET /projects/{project_id}/platforms/{id}": platforms("id"),
    "PATCH /projects/{project_id}/platforms/{id}": platforms("id", RENAME),
    "DELETE /projects/{project_id}/platforms/{id}": platforms("id"),
    "GET /platforms/{id}/forwarding": forwarding(),
    "PUT /platforms/{id}/forwarding": forwarding("", {
        "type": "webhook", "url": "https://192.0.2.14/hook", "enabled": False}),
    "DELETE /platforms/{id}/forwarding": forwarding(),
    "POST /platforms/{id}/forwarding/rotate-secret": forwarding("/rotate-secret", {}),
    "POST /platforms/{id}/forwarding/test": forwarding("/test"),
    "GET /platforms/{id}/forwarding/dead-letters": forwarding("/dead-letters"),
    "POST /platforms/{id}/forwarding/redrive": forwarding("/redrive", {}),
    "GET /projects/{project_id}/traces": of_project("traces"),
    "GET /projects/{project_id}/traces/{id}": lambda w, c: (
        f"/api/v1/projects/{w.project['id']}/traces/{w.new_trace()['id']}", None),
    "DELETE /projects/{project_id}/traces/{id}": lambda w, c: (
        f"/api/v1/projects/{w.project['id']}/traces/{w.new_trace()['id']}", None),
    "GET /projects/{project_id}/unrouted": of_project("unrouted"),
    "POST /projects/{project_id}/route-test": of_project("route-test", {"trace": {}}),
    "GET /targets": fixed("/targets"),
    "POST /targets": fixed("/targets", lambda: {"name": unique(), "url": "https://example.org/"}),
    "GET /targets/{id}": object_of("targets", "new_target"),
    "PATCH /targets/{id}": object_of("targets", "new_target", RENAME),
    "DELETE /targets/{id}": object_of("targets", "new_target"),
    "GET /mcp-servers": fixed("/mcp-servers"),
    "POST /mcp-servers": fixed("/mcp-servers", lambda: {
        "name": unique(), "slug": unique("s"), "url": "https://192.0.2.12/mcp"}),
    "GET /mcp-servers/{id}": object_of("mcp-servers", "new_mcp_server"),
    "PATCH /mcp-servers/{id}": object_of("mcp-servers", "new_mcp_server", RENAME),
    "DELETE /mcp-servers/{id}": object_of("mcp-servers", "new_mcp_server"),
    "POST /mcp-servers/{id}/probe": probed,
    "GET /registries": fixed("/registries"),
    "POST /registries": lambda w, c: ("/api/v1/registries", {
        "name": unique(), "everyone": True, "mcp_server_ids": [w.mcp_server["id"]]}),
    "GET /registries/{id}": object_of("registries", "new_registry"),
    "PATCH /registries/{id}": object_of("registries", "new_registry", RENAME),
    "DELETE /registries/{id}": object_of("registries", "new_registry"),
    "GET /services": fixed("/services"),
    "POST /services": fixed("/services", lambda: {
        "name": unique(), "slug": unique("s"), "upstream_url": "https://192.0.2.13/"}),
    "GET /services/{id}": object_of("services", "new_service"),
    "PATCH /services/{id}": object_of("services", "new_service", RENAME),
    "DELETE /services/{id}": object_of("services", "new_service"),
    "GET /keyspaces": fixed("/keyspaces"),
    "POST /keyspaces": fixed("/keyspaces", lambda: {
        "name": unique(), "prefix": f"k{os.urandom(6).hex()}_"}),
    "GET /keyspaces/{id}": object_of("keyspaces", "new_keyspace"),
    "PATCH /keyspaces/{id}": object_of("keyspaces", "new_keyspace", RENAME),
    "DELETE /keyspaces/{id}": object_of("keyspaces", "new_keyspace"),
    "GET /keys": fixed("/keys"),
    "POST /keys": lambda w, c: ("/api/v1/keys", new_key_body(w, c)),
    "GET /keys/{id}": key_path(),
    "GET /keys/{id}/access": key_path("/access"),
    "GET /keys/{id}/usage": key_path("/usage"),
    "PATCH /keys/{id}": key_path("", {"description": "changed"}),
    "DELETE /keys/{id}": key_path(),
    "POST /keys/{id}/rotate": key_path("/rotate", {"overlap_seconds": 0}),
    "POST /keys/{id}/finish-rotation": key_path("/finish-rotation"),
    "POST /keys/{id}/revoke": key_path("/revoke", {"reason": "matrix"}),
    "POST /keys/{id}/disable": key_path("/disable"),
    "POST /keys/{id}/enable": disabled_key,
    "POST /keys/verify": lambda w, c: ("/api/v1/keys/verify", verify_body(w)),
    "POST /keys/verify-batch": lambda w, c: ("/api/v1/keys/verify-batch",
                                             {"items": [verify_body(w)]}),
    "POST /keys/import": lambda w, c: ("/api/v1/keys/import", {"items": [{
        **{"kind": "customer", "name": unique()}, **w.key_fields("customer"),
        "algorithm": "sha256", "encoding": "hex", "hash": os.urandom(32).hex()}]}),
    "GET /audit-events": fixed("/audit-events"),
    "POST /audit-events/verify": fixed("/audit-events/verify"),
}
# Works only once in the life of an installation: tried in test_rest_pages.py.
ELSEWHERE = {"POST /setup"}

# These use up the caller's own credential: each try needs another one.
SPENDING = {"DELETE /session", "POST /whoami/revoke", "DELETE /me/sessions",
            "DELETE /me/sessions/{id}"}


class AccessMatrix(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.world = World(RIGHTS)
        document = cls.world.server.client().get("/openapi.json").expect(200).json()
        cls.operations = {}
        for path, methods in document["paths"].items():
            for method, operation in methods.items():
                name = f"{method.upper()} {path.removeprefix('/api/v1')}"
                cls.operations[name] = operation["x-keywright"]

    @classmethod
    def tearDownClass(cls):
        cls.world.server.stop()

    def send(self, client, name, path, body):
        return client.request(name.split(" ")[0], path, body)

    def test_every_operation_has_a_request_and_every_request_an_operation(self):
        self.assertEqual(set(self.operations), set(REQUESTS) | ELSEWHERE)

    def test_every_caller_gets_what_is_declared(self):
        wrong = []
        tried = 0
        for caller in callers(self.world):
            for name, access in self.operations.items():
                if name in ELSEWHERE:
                    continue
                want = expected(access, caller)
                if name in SPENDING:
                    caller.client = caller.fresh()
                path, body = REQUESTS[name](self.world, caller)
                answer = self.send(caller.client, name, path, body)
                tried += 1
                good = 200 <= answer.status < 300 if want is True else answer.status == want
                if not good:
                    wrong.append(f"{caller.label}: {name} -> {answer.status} "
                                 f"{answer.code or ''}, not {want}: {answer.body[:200]}")
                if name in SPENDING:
                    caller.client = caller.fresh()
        self.assertEqual([], wrong)
        self.assertGreater(tried, 1000)

    def test_without_a_credential_only_open_operations_answer(self):
        nobody = self.world.server.client()
        anyone = Caller("nobody", fresh=lambda: nobody)
        for name, access in self.operations.items():
            if name in ELSEWHERE or access["admits"] == "anyone":
                continue
            with self.subTest(name):
                path = f"/api/v1{name.split(' ')[1]}".replace("{", "").replace("}", "")
                answer = self.send(anyone.client, name, path, None)
                self.assertEqual(401, answer.status, answer)
                self.assertEqual('Bearer realm="keywright"', answer.headers["WWW-Authenticate"])

    def test_refused_credentials_are_refused_everywhere_alike(self):
        revoked = self.world.new_key("access")
        self.world.owner.post(f"/api/v1/keys/{revoked['id']}/revoke").expect(200)
        expired = self.world.new_key("personal", expires_at=in_time(hours=1))
        self.world.owner.post(f"/api/v1/keys/{expired['id']}/disable").expect(200)
        for token in (revoked["key"], expired["key"], "kwa_" + "0" * 49, "garbage"):
            client = self.world.server.client(token)
            for name, access in self.operations.items():
                if name in ELSEWHERE or access["admits"] == "anyone":
                    continue
                with self.subTest(name, token=token[:4]):
                    path = f"/api/v1{name.split(' ')[1]}".replace("{", "").replace("}", "")
                    answer = self.send(client, name, path, None)
                    self.assertEqual(401, answer.status, answer)
                    self.assertIn('error="invalid_token"', answer.headers["WWW-Authenticate"])

    def test_objects_of_another_organization_do_not_exist(self):
        """The outsider is an owner, elsewhere: each id of ours is a 404, whatever the operation."""
        world = self.world
        email = f"{unique()}@example.org"
        person = world.owner.create_user("viewer", email=email)
        outsider = world.server.sign_in(email, PASSWORD, transport="bearer")
        outsider.create("organizations", name="Elsewhere")
        world.owner.delete(f"/api/v1/users/{person['id']}").expect(204)
        insider = Caller("owner", role="owner", fresh=lambda: world.session("owner"))
        key = outsider.create_key("access")
        for client in (outsider, world.server.client(key["key"])):
            for name, access in self.operations.items():
                if "{" not in name or access["admits"] not in ("people", "callers",
                                                               "key_managers"):
                    continue
                if client is not outsider and access["admits"] != "callers":
                    continue
                if name.startswith("DELETE /me/"):
                    continue
                if name == "DELETE /organizations/{id}":
                    path, body = f"/api/v1/organizations/{world.server.organization_id}", None
                else:
                    path, body = REQUESTS[name](world, insider)
                with self.subTest(name, key=client is not outsider):
                    answer = self.send(client, name, path, body)
                    self.assertEqual(404, answer.status, answer)


if __name__ == "__main__":
    unittest.main()
