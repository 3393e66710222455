"""The API of accounts and targets at the root: shapes, pages, errors, credentials, tokens."""

import base64
import hashlib
import hmac
import json
import os
import unittest

from keywright import PASSWORD, ROOT, Server, wait_until

GOLDEN = ROOT / "tests" / "golden" / "targets_api.json"
UNKNOWN = "01a1fbe6-8a66-7b6e-b57a-1963865f3252"


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decoded(part):
    return base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))


def shape(value):
    """The same with every text and number replaced by what it is."""
    if isinstance(value, dict):
        return {name: shape(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return type(value).__name__


class Installation(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.server = Server.start()
        cls.owner = cls.server.sign_in(transport="bearer")
        cls.account_made = cls.owner.post("/keys/", {"name": "account"}).expect(201).json()
        cls.account = cls.jwt(cls.account_made["key"])
        cls.target = cls.new_target()
        cls.other = cls.new_target()
        cls.key_made = cls.new_key(cls.target)
        cls.key = cls.jwt(cls.key_made["key"])

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    @classmethod
    def jwt(cls, token):
        return cls.server.client(token, carrier="jwt")

    @classmethod
    def new_target(cls, name="shop"):
        body = {"name": name, "url": "https://shop.example.com"}
        return cls.owner.post("/targets/", body).expect(201).json()["id"]

    @classmethod
    def new_key(cls, target, name=""):
        return cls.owner.post(f"/targets/{target}/keys/", {"name": name}).expect(201).json()

    def obtain(self, email=None, password=None):
        body = {"username": email or self.server.email, "password": password or PASSWORD}
        return self.server.client().post("/auth/obtain/", body)

    def assert_refused(self, answer):
        self.assertEqual(401, answer.status, answer)
        self.assertEqual('JWT realm="api"', answer.headers["WWW-Authenticate"])
        self.assertEqual({"detail": "Incorrect authentication credentials."}, answer.json())


class Shapes(Installation):
    def answers(self):
        """One answer of every route and of every sort of refusal."""
        nobody = self.server.client()
        target = f"/targets/{self.target}/"
        token = self.obtain().json()["token"]
        yield "POST /keys/", self.owner.post("/keys/", {"name": "Object name"})
        yield "GET /keys/", self.owner.get("/keys/")
        yield "GET /keys/{id}/", self.owner.get(f"/keys/{self.account_made['id']}/")
        made = self.owner.post("/keys/").expect(201).json()
        yield "DELETE /keys/{id}/", self.owner.delete(f"/keys/{made['id']}/")
        yield "POST /targets/", self.account.post(
            "/targets/", {"name": "n", "url": "https://n.example", "unknown": 1})
        yield "GET /targets/", self.account.get("/targets/")
        yield "GET /targets/{id}/", self.account.get(target)
        yield "PATCH /targets/{id}/", self.account.patch(target, {"name": "renamed"})
        yield "PUT /targets/{id}/", self.account.request(
            "PUT", target, {"name": "shop", "url": "https://shop.example.com"})
        yield "DELETE /targets/{id}/", self.account.delete(f"/targets/{self.new_target()}/")
        yield "POST /targets/{id}/keys/", self.account.post(f"{target}keys/", {"name": "CI"})
        yield "GET /targets/{id}/keys/", self.account.get(f"{target}keys/")
        made = self.new_key(self.target)
        path = f"{target}keys/{made['id']}/"
        yield "GET /targets/{id}/keys/{id}/", self.account.get(path)
        yield "DELETE /targets/{id}/keys/{id}/", self.account.delete(path)
        yield "POST /auth/obtain/", self.obtain()
        yield "POST /auth/verify/", nobody.post("/auth/verify/", {"token": token})
        yield "POST /auth/refresh/", nobody.post("/auth/refresh/", {"token": token})
        token = self.obtain().json()["token"]
        yield "POST /auth/revoke/", nobody.post("/auth/revoke/", {"token": token})
        yield "400 field", self.account.post("/targets/", {"name": 1})
        yield "400 whole", self.owner.post("/keys/", [1])
        yield "400 sign-in", self.obtain(password="wrong")
        yield "400 token", nobody.post("/auth/verify/", {"token": "x"})
        yield "401", nobody.get("/keys/")
        yield "403", self.account.get("/keys/")
        yield "404", self.account.get(f"/targets/{UNKNOWN}/")
        yield "404 path", self.account.get("/targets/x/y/")
        yield "405", self.account.request("PUT", "/targets/", {})
        yield "415", self.account.request("POST", "/targets/", body=b"a=b",
                                          headers={"Content-Type": "text/plain"})

    def test_every_answer_has_the_shape_it_always_had(self):
        found = {}
        for name, answer in self.answers():
            body = shape(answer.json()) if answer.body else None
            found[name] = [answer.status, body]
            self.assertEqual("no-store", answer.headers["Cache-Control"], name)
            expected = None if answer.status == 204 else "application/json"
            self.assertEqual(expected, answer.headers.get("Content-Type"), name)
        if os.environ.get("KEYWRIGHT_UPDATE_GOLDEN"):
            GOLDEN.write_text("".join(
                ["{\n", ",\n".join(f"  {json.dumps(name)}: {json.dumps(value)}"
                                   for name, value in found.items()), "\n}\n"]))
        self.assertEqual(json.loads(GOLDEN.read_text()), found)

    def test_a_key_is_its_id_token_and_name_in_that_order(self):
        answer = self.owner.post(f"/targets/{self.target}/keys/", {"name": "Object name"})
        made = answer.expect(201).json()
        self.assertEqual(["id", "key", "name"], list(made))
        self.assertRegex(made["id"], r"^[A-Za-z0-9_-]{12}$")
        self.assertEqual("Object name", made["name"])
        header, claims, _ = made["key"].split(".")
        self.assertEqual({"typ": "JWT", "alg": "HS256"}, json.loads(decoded(header)))
        claims = json.loads(decoded(claims))
        self.assertEqual({"jti": made["id"], "tenant": "Acme",
                          "username": self.server.email}, claims)

    def test_a_name_is_optional_text(self):
        path = f"/targets/{self.target}/keys/"
        for body, expected in ((None, ""), ({}, ""), ({"name": ""}, ""), ({"name": "  "}, ""),
                               ({"name": "ä" * 255}, "ä" * 255)):
            self.assertEqual(expected, self.owner.post(path, body).expect(201).json()["name"])
        for value in (1, True, None, [], {}, "x" * 256):
            answer = self.owner.post(path, {"name": value})
            self.assertEqual(400, answer.status, value)
            self.assertEqual(["name"], list(answer.json()), value)

    def test_without_its_slash_an_address_redirects_before_anything_else(self):
        nobody = self.server.client()
        for path in ("/keys", "/keys/x", "/targets", f"/targets/{self.target}", "/targets/x/keys",
                     "/targets/x/keys/y", "/auth/obtain", "/auth/verify", "/auth/refresh",
                     "/auth/revoke"):
            for method in ("GET", "POST", "DELETE"):
                answer = nobody.request(method, f"{path}?page=2")
                self.assertEqual(308, answer.status, path)
                self.assertEqual(f"{path}/?page=2", answer.headers["Location"])

    def test_an_empty_segment_is_neither_collapsed_nor_redirected(self):
        for path in ("/targets//keys/", "/targets//keys", "/targets//", "/keys//",
                     f"/targets/{self.target}//keys/", f"/targets/{self.target}/keys//"):
            for method in ("GET", "POST"):
                self.assertEqual(401, self.server.client().request(method, path).status, path)
                self.assertEqual(404, self.account.request(method, path).status, path)
                self.assertEqual(404, self.owner.request(method, path).status, path)

    def test_a_wrong_method_is_told_which_there_are(self):
        for path, allowed in (("/keys/", "GET, HEAD, POST"), ("/keys/x/", "GET, HEAD, DELETE"),
                              ("/targets/x/", "GET, HEAD, PUT, PATCH, DELETE"),
                              ("/auth/obtain/", "POST")):
            answer = self.owner.request("OPTIONS", path)
            self.assertEqual(405, answer.status)
            self.assertEqual(allowed, answer.headers["Allow"])

    def test_a_body_that_is_too_large_is_refused_in_this_form_and_after_the_credential(self):
        large = b'{"name":"' + b"x" * (1024 * 1024) + b'"}'
        for path in ("/targets/", "/auth/obtain/"):
            answer = self.account.post(path, body=large)
            self.assertEqual(413, answer.status, answer)
            self.assertEqual("application/json", answer.headers["Content-Type"])
            self.assertEqual(["detail"], list(answer.json()))
        for client, status in ((self.server.client(), 401), (self.jwt("x.y.z"), 401),
                               (self.server.client(self.owner.create_key("mcp")["key"]), 403)):
            self.assertEqual(status, client.post("/targets/", body=large).status)
        self.assertEqual(404, self.account.post("/targets//keys/", body=large).status)

    def test_a_key_in_the_address_is_refused(self):
        for name in ("api_key", "access_token"):
            for path in ("/targets/", "/targets", "/auth/obtain/"):
                answer = self.account.request("POST", f"{path}?{name}=secret-text", {})
                self.assertEqual(400, answer.status, path)
        self.assertNotIn("secret-text", self.server.log())


class Lists(Installation):
    def test_pages_hold_ten_and_say_how_many_there_are(self):
        target = self.new_target()
        names = [f"key {number:02}" for number in range(23)]
        names[7] = "key 07 needle"
        made = [self.new_key(target, name)["id"] for name in names]
        path = f"/targets/{target}/keys/"
        first = self.account.get(path).json()
        self.assertEqual([23, 3, 1, 10], [first[name] for name in
                                          ("count", "page_total", "page", "length")])
        self.assertEqual(list(reversed(made))[:10], [key["id"] for key in first["results"]])
        last = self.account.get(f"{path}?page=3").json()
        self.assertEqual(3, len(last["results"]))
        for page in ("4", "0", "-1", "x", ""):
            answer = self.account.get(f"{path}?page={page}")
            self.assertEqual((404, {"detail": "Invalid page."}), (answer.status, answer.json()))
        self.assertEqual(23, len(self.account.get(f"{path}?length=10000").json()["results"]))
        self.assertEqual(10, self.account.get(f"{path}?length=0").json()["length"])
        named = self.account.get(f"{path}?ordering=name&length=2").json()
        self.assertEqual(["key 00", "key 01"], [key["name"] for key in named["results"]])
        named = self.account.get(f"{path}?ordering=-name&length=1").json()
        self.assertEqual(["key 22"], [key["name"] for key in named["results"]])
        found = self.account.get(f"{path}?search=KEY+Needle").json()
        self.assertEqual((1, ["key 07 needle"]), (found["count"],
                                           [key["name"] for key in found["results"]]))

    def test_more_than_one_read_of_the_store_are_one_list(self):
        for number in range(205):
            self.new_target(f"many {number}")
        page = self.account.get("/targets/?search=many&length=300&ordering=created_at").json()
        self.assertEqual(205, page["count"])
        self.assertEqual([f"many {number}" for number in range(205)],
                         [target["name"] for target in page["results"]])

    def test_lists_keep_apart_what_belongs_to_whom(self):
        kinds = {key["kind"] for key in self.owner.all_items("/api/v1/keys?owner=all")}
        self.assertEqual({"account", "target"}, kinds)
        listed = self.owner.get("/keys/?length=1000").json()["results"]
        self.assertIn(self.account_made["id"], [key["id"] for key in listed])
        self.assertNotIn(self.key_made["id"], [key["id"] for key in listed])
        self.assertEqual(0, self.account.get(f"/targets/{self.other}/keys/").json()["count"])


class Credentials(Installation):
    def test_keys_are_carried_as_jwt_or_bearer_in_any_case(self):
        token = self.account.token
        for value in (f"JWT {token}", f"Bearer {token}", f"jwt {token}", f"bearer {token}"):
            answer = self.server.client().get("/targets/", headers={"Authorization": value})
            self.assertEqual(200, answer.status, value[:8])
        self.assertEqual(403, self.server.client(token, "x-api-key").get("/targets/").status)
        both = {"Authorization": f"JWT {token}", "X-API-Key": token + "x"}
        self.assertEqual(400, self.server.client().get("/targets/", headers=both).status)

    def test_a_cookie_needs_its_csrf_token(self):
        browser = self.server.sign_in()
        self.assertEqual(201, browser.post("/keys/", {}).status)
        answer = browser.post("/keys/", {}, headers={"X-CSRF-Token": None})
        self.assertEqual(403, answer.status)
        self.assertEqual(["detail"], list(answer.json()))
        with_key = {"Authorization": f"JWT {self.account.token}"}
        self.assertEqual(400, browser.get("/targets/", headers=with_key).status)

    def forgeries(self):
        header, claims, signature = self.account.token.split(".")
        sign = lambda text, digest, key=b"secret": encoded(  # noqa: E731
            hmac.new(key, text.encode(), digest).digest())
        for alg, digest in (("none", None), ("None", None), ("HS256", hashlib.sha256),
                            ("HS384", hashlib.sha384), ("HS512", hashlib.sha512),
                            ("RS256", hashlib.sha256), ("ES256", hashlib.sha256)):
            for extra in ({}, {"kid": "../../dev/null"}, {"jwk": {"kty": "oct", "k": "c2Vj"}}):
                head = encoded(json.dumps({"typ": "JWT", "alg": alg, **extra}).encode())
                text = f"{head}.{claims}"
                yield f"{alg} {extra}", f"{text}.{sign(text, digest) if digest else ''}"
                yield f"{alg} {extra}, our signature", f"{text}.{signature}"
        spaced = encoded(json.dumps({"typ": "JWT", "alg": "HS256"}).encode())
        yield "another spelling of the header", f"{spaced}.{claims}.{signature}"
        turned = encoded(b'{"alg":"HS256","typ":"JWT"}')
        yield "another order of the header", f"{turned}.{claims}.{signature}"
        other = json.loads(decoded(claims))
        other["jti"] = self.key_made["id"]
        yield "another jti", f"{header}.{encoded(json.dumps(other).encode())}.{signature}"
        yield "padding", f"{header}.{claims}.{signature}="
        yield "padded header", f"{header}==.{claims}.{signature}"
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
        value = alphabet.index(signature[-1])
        for bits in (1, 2, 3):
            yield "not canonical", f"{header}.{claims}.{signature[:-1]}{alphabet[value ^ bits]}"
        standard = decoded(signature)
        yield "standard alphabet", f"{header}.{claims}.{base64.b64encode(standard).decode()}"
        for text in (f"{header}.{claims}", f"{header}.{claims}.", f"{header}.{claims}.{signature}.",
                     f"{header}..{signature}", f".{claims}.{signature}", "..", "eyJ", "x",
                     f"{header}.{claims}.{signature}{signature}", f" {header}.{claims}",
                     f"{header}.{claims}.{signature[:-1]}", "eyJ" + "A" * 5000):
            yield text[:20], text

    def test_nothing_but_the_token_itself_is_the_token(self):
        self.assertEqual(200, self.account.get("/targets/").status)
        tried = 0
        for name, token in self.forgeries():
            for carrier in ("jwt", "bearer"):
                if token == self.account.token:
                    continue
                with self.subTest(name, carrier=carrier):
                    self.assert_refused(self.server.client(token, carrier).get("/targets/"))
                tried += 1
        self.assertGreater(tried, 100)

    def test_what_ends_a_key_ends_it_at_once(self):
        made = self.owner.post("/keys/").json()
        client = self.jwt(made["key"])
        client.get("/targets/").expect(200)
        self.owner.post(f"/api/v1/keys/{made['id']}/disable").expect(200)
        self.assert_refused(client.get("/targets/"))
        self.owner.post(f"/api/v1/keys/{made['id']}/enable").expect(200)
        fresh = self.owner.post(f"/api/v1/keys/{made['id']}/rotate", {}).expect(200).json()["key"]
        self.assert_refused(client.get("/targets/"))
        self.jwt(fresh).get("/targets/").expect(200)
        self.owner.delete(f"/keys/{made['id']}/").expect(204)
        self.assertEqual(404, self.owner.delete(f"/keys/{made['id']}/").status)
        self.assert_refused(self.jwt(fresh).get("/targets/"))

    def test_keys_of_a_deleted_target_are_refused(self):
        target = self.new_target()
        client = self.jwt(self.new_key(target)["key"])
        client.get(f"/targets/{target}/").expect(200)
        self.account.delete(f"/targets/{target}/").expect(204)
        self.assert_refused(client.get("/targets/"))
        self.assertEqual(404, self.account.delete(f"/targets/{target}/").status)
        self.assertEqual(404, self.account.get(f"/targets/{target}/keys/").status)

    def test_changes_are_in_the_audit_log_under_the_key(self):
        made = self.account.post(f"/targets/{self.target}/keys/").json()
        self.account.delete(f"/targets/{self.target}/keys/{made['id']}/").expect(204)
        events = self.owner.get(f"/api/v1/audit-events?key_id={made['id']}").json()["items"]
        self.assertEqual(["keys.delete", "keys.create"], [event["action"] for event in events])
        self.assertEqual({self.account_made["id"]},
                         {event["actor"]["key_id"] for event in events})

    def test_a_use_shows_in_the_native_api(self):
        made = self.new_key(self.target)
        self.jwt(made["key"]).get("/targets/").expect(200)
        path = f"/api/v1/keys/{made['id']}"
        wait_until(lambda: self.owner.get(path).json()["last_used_at"], what="last_used_at")


class Tokens(Installation):
    def ask(self, name, token):
        return self.server.client().post(f"/auth/{name}/", {"token": token})

    def test_a_token_is_a_session_that_opens_this_api_only(self):
        token = self.obtain().expect(200).json()["token"]
        self.assertEqual(200, self.jwt(token).get("/keys/").status)
        self.assertEqual(200, self.server.client(token).get("/keys/").status)
        for path in ("/api/v1/me", "/api/v1/keys", "/api/v1/whoami"):
            self.assertEqual(401, self.server.client(token).get(path).status)
        self.assertEqual({"token": token}, self.ask("verify", token).expect(200).json())
        fresh = self.ask("refresh", token).expect(200).json()["token"]
        self.assertNotEqual(token, fresh)
        self.assert_refused(self.jwt(token).get("/keys/"))
        self.assertEqual(400, self.ask("verify", token).status)
        self.ask("revoke", fresh).expect(200)
        self.assert_refused(self.jwt(fresh).get("/keys/"))
        for name in ("verify", "refresh", "revoke"):
            answer = self.ask(name, fresh)
            self.assertEqual((400, ["non_field_errors"]), (answer.status, list(answer.json())))

    def test_what_is_asked_for_has_to_be_there(self):
        nobody = self.server.client()
        answer = nobody.post("/auth/obtain/", {})
        required = ["This field is required."]
        self.assertEqual({"username": required, "password": required}, answer.json())
        self.assertEqual({"token": required}, nobody.post("/auth/verify/").json())
        for value in (1, None, ""):
            self.assertEqual(400, nobody.post("/auth/refresh/", {"token": value}).status)

    def test_a_new_password_ends_tokens(self):
        person = self.owner.create_user("admin")
        token = self.obtain(person["email"]).expect(200).json()["token"]
        session = self.server.sign_in(person["email"], transport="bearer")
        self.jwt(token).get("/keys/").expect(200)
        session.patch("/api/v1/me", {"current_password": PASSWORD,
                                     "password": PASSWORD + " new"}).expect(200)
        self.assert_refused(self.jwt(token).get("/keys/"))
        self.assertEqual(400, self.ask("refresh", token).status)

    def test_a_role_taken_away_is_felt_by_the_next_request(self):
        person = self.owner.create_user("admin")
        client = self.jwt(self.obtain(person["email"]).json()["token"])
        client.get("/keys/").expect(200)
        self.owner.patch(f"/api/v1/users/{person['id']}", {"role": "viewer"}).expect(200)
        self.assertEqual(403, client.get("/keys/").status)
        self.owner.delete(f"/api/v1/users/{person['id']}").expect(204)
        self.assert_refused(client.get("/keys/"))

    def test_guessing_is_throttled_with_the_ordinary_sign_in(self):
        person = self.owner.create_user("admin")
        for _ in range(10):
            self.assertEqual(400, self.obtain(person["email"], "wrong").status)
        answer = self.obtain(person["email"])
        self.assertEqual(429, answer.status)
        self.assertGreater(int(answer.headers["Retry-After"]), 0)
        body = {"email": person["email"], "password": PASSWORD}
        self.assertEqual(429, self.server.client().post("/api/v1/session", body).status)


if __name__ == "__main__":
    unittest.main()
