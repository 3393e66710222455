"""How the native API speaks HTTP: routes, credentials, CSRF, caching, idempotency, problems."""

import json
import re
import unittest

from keywright import ServerTest, in_time

UNKNOWN_KEY = "kwa_" + "A" * 49


class Protocol(ServerTest):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.bearer = cls.server.sign_in(transport="bearer")
        cls.nobody = cls.server.client()
        cls.key = cls.owner.create_key("access", name="protocol")["key"]
        cls.caller = cls.server.client(cls.key)

    def assert_problem(self, answer, status, code):
        self.assertEqual((status, code), (answer.status, answer.code), answer)
        self.assertEqual("application/problem+json", answer.headers["Content-Type"])
        problem = answer.json()
        self.assertEqual(status, problem["status"])
        self.assertEqual(answer.headers["X-Request-Id"], problem["request_id"])
        self.assertTrue(problem["title"] and problem["detail"] and problem["type"])
        return problem

    # -- routes

    def test_unknown_paths_are_404(self):
        for path in ("/nothing", "/api", "/api/v1", "/api/v1/", "/api/v2/keys", "/api/v1/me/",
                     "/api/v1/keys/", "/api/v1//keys", "/API/v1/me", "/openapi.json/",
                     "/api/v1/projects/x/y/z"):
            with self.subTest(path):
                self.assert_problem(self.nobody.get(path), 404, "unknown_path")

    def test_a_known_path_with_a_wrong_method_is_405_with_allow(self):
        for method, path, allowed in [("PUT", "/api/v1/projects", {"GET", "HEAD", "POST"}),
                                      ("DELETE", "/api/v1/projects", {"GET", "HEAD", "POST"}),
                                      ("POST", "/api/v1/me", {"GET", "HEAD", "PATCH"}),
                                      ("POST", "/healthz", {"GET", "HEAD"}),
                                      ("OPTIONS", "/api/v1/session", {"POST", "DELETE"})]:
            with self.subTest(method=method, path=path):
                answer = self.nobody.request(method, path)
                self.assert_problem(answer, 405, "method_not_allowed")
                self.assertEqual(allowed, set(answer.headers["Allow"].split(", ")))

    def test_the_method_cannot_be_overridden(self):
        before = len(self.owner.all_items("/api/v1/projects"))
        answer = self.owner.get("/api/v1/projects", headers={
            "X-HTTP-Method-Override": "POST", "X-HTTP-Method": "POST", "X-Method-Override": "POST"})
        self.assertEqual(200, answer.status)
        self.assertEqual(before, len(self.owner.all_items("/api/v1/projects")))

    def test_head_answers_as_get_without_the_body(self):
        get = self.caller.get("/api/v1/projects")
        head = self.caller.request("HEAD", "/api/v1/projects")
        self.assertEqual(200, head.status)
        self.assertEqual(b"", head.body)
        self.assertEqual(get.headers["Content-Type"], head.headers["Content-Type"])
        self.assertEqual(str(len(get.body)), head.headers["Content-Length"])

    def test_an_id_that_is_no_id_is_an_unknown_one(self):
        for path in ("/api/v1/projects/nothing", "/api/v1/targets/0", "/api/v1/users/me",
                     "/api/v1/projects/01890000-0000-7000-8000-000000000000"):
            with self.subTest(path):
                self.assert_problem(self.owner.get(path), 404, "not_found")
        for path in ("/api/v1/keys/short", "/api/v1/keys/AAAAAAAAAAAA"):
            with self.subTest(path):
                self.assert_problem(self.owner.get(path), 404, "not_found")

    def test_malformed_paths_are_refused(self):
        for path in ("/api/v1/projects/%zz", "/api/v1/projects/%2e%2e", "/api/v1/projects/a%2fb",
                     "/api/v1/projects/%00", "/api/v1/projects/%ff"):
            with self.subTest(path):
                self.assertIn(self.owner.get(path).status, (400, 404))

    # -- bodies

    def test_the_body_must_be_json_and_say_so(self):
        body = b'{"name":"typed"}'
        for content_type in (None, "", "text/plain", "application/x-www-form-urlencoded",
                             "application/xml", "application/json; charset=latin1",
                             "application/jsonx", "multipart/form-data; boundary=x"):
            with self.subTest(content_type):
                answer = self.owner.post("/api/v1/projects", body=body,
                                         headers={"Content-Type": content_type})
                self.assert_problem(answer, 415, "unsupported_media_type")
        for content_type in ("application/json", "Application/JSON",
                             "application/json;charset=UTF-8",
                             'application/json; charset="utf-8"'):
            with self.subTest(content_type):
                answer = self.owner.post("/api/v1/projects", body=body,
                                         headers={"Content-Type": content_type})
                self.assertEqual(201, answer.status, answer)
        for coding, status in (("identity", 201), ("gzip", 415), ("br", 415)):
            with self.subTest(coding):
                answer = self.owner.post("/api/v1/projects", body=body,
                                         headers={"Content-Type": "application/json",
                                                  "Content-Encoding": coding})
                self.assertEqual(status, answer.status, answer)

    def test_an_organization_named_twice_is_the_same_one(self):
        own = self.server.organization_id
        path = f"/api/v1/projects?organization_id={own}"
        answer = self.owner.post(path, {"name": "twice", "organization_id": own})
        self.assertEqual(201, answer.status, answer)
        other = self.owner.post("/api/v1/organizations", {"name": "Other"}).json()["id"]
        answer = self.owner.post(path, {"name": "twice", "organization_id": other})
        self.assert_problem(answer, 400, "invalid_request")

    def test_an_absent_body_counts_as_an_empty_object(self):
        answer = self.owner.post("/api/v1/projects")
        problem = self.assert_problem(answer, 400, "invalid_request")
        self.assertIn("name", [error["field"] for error in problem["errors"]])
        key = self.owner.create_key("access")
        self.owner.post(f"/api/v1/keys/{key['id']}/revoke").expect(200)

    def test_unknown_and_read_only_fields_are_named(self):
        answer = self.owner.post("/api/v1/projects", {"name": "a", "colour": "red", "id": "x"})
        problem = self.assert_problem(answer, 400, "invalid_request")
        self.assertEqual({"colour", "id"}, {error["field"] for error in problem["errors"]})
        answer = self.owner.get("/api/v1/projects?colour=red")
        problem = self.assert_problem(answer, 400, "invalid_request")
        self.assertEqual(["colour"], [error["field"] for error in problem["errors"]])

    def test_malformed_json_is_400(self):
        deep = b'{"a":' * 100 + b"1" + b"}" * 100
        for body in (b"{", b"[]", b"null", b'{"name":"a","name":"b"}', b'{"name":"\xff"}', b"{}{}",
                     b'{"name":1}', deep, b'{"name":"\\ud800"}'):
            with self.subTest(body[:30]):
                answer = self.owner.post("/api/v1/projects", body=body,
                                         headers={"Content-Type": "application/json"})
                self.assertEqual(400, answer.status, answer)
                self.assertIsNotNone(answer.code)

    def test_a_body_over_one_mebibyte_is_413(self):
        answer = self.server.client(self.key).post(
            "/api/v1/projects", body=b" " * (1024 * 1024 + 1),
            headers={"Content-Type": "application/json"})
        self.assertEqual(413, answer.status)

    # -- credentials

    def test_schemes_are_read_without_case(self):
        for scheme in ("Bearer", "bearer", "BEARER"):
            answer = self.nobody.get("/api/v1/me",
                                     headers={"Authorization": f"{scheme} {self.key}"})
            self.assertEqual(200, answer.status, scheme)

    def test_without_a_credential_the_challenge_has_no_error(self):
        answer = self.nobody.get("/api/v1/me")
        self.assert_problem(answer, 401, "credential_missing")
        self.assertEqual('Bearer realm="keywright"', answer.headers["WWW-Authenticate"])

    def test_refused_credentials_are_told_apart_by_nothing(self):
        admin = self.owner
        revoked = admin.create_key("access")
        admin.post(f"/api/v1/keys/{revoked['id']}/revoke").expect(200)
        disabled = admin.create_key("access")
        admin.post(f"/api/v1/keys/{disabled['id']}/disable").expect(200)
        person = admin.create_user("member")
        gone = self.server.sign_in(person["email"]).create_key("access")
        admin.delete(f"/api/v1/users/{person['id']}").expect(204)
        tokens = {"revoked": revoked["key"], "disabled": disabled["key"], "owner gone": gone["key"],
                  "unknown": UNKNOWN_KEY, "malformed": "kwa_x", "foreign": "abc",
                  "one off": self.key[:-1] + ("a" if self.key[-1] != "a" else "b")}
        seen = {}
        for name, token in tokens.items():
            answer = self.server.client(token).get("/api/v1/me")
            self.assert_problem(answer, 401, "unauthenticated")
            fields = {field: value for field, value in answer.headers.items()
                      if field not in ("Date", "X-Request-Id")}
            body = answer.body.replace(answer.headers["X-Request-Id"].encode(), b"")
            seen[name] = (sorted(fields.items()), body)
        self.assertEqual(1, len({repr(value) for value in seen.values()}), seen)
        self.assertIn('error="invalid_token"', repr(seen["unknown"]))

    def test_authorization_that_cannot_be_read_is_401(self):
        for value in ("Bearer", "Bearer  ", f"Bearer {self.key} x", self.key, "Basic dTpw",
                      f"Token {self.key}", "", "Digest a=b"):
            with self.subTest(value[:12]):
                answer = self.nobody.get("/api/v1/me", headers={"Authorization": value})
                self.assert_problem(answer, 401, "unauthenticated")
                self.assertTrue(answer.headers["WWW-Authenticate"].startswith("Bearer "))

    def test_two_different_credentials_are_400(self):
        bearer, api_key = f"Authorization: Bearer {self.key}", f"X-API-Key: {self.key}x"
        cookie = f"Cookie: {self.owner.cookie}"
        for fields in ([bearer, api_key], [bearer, bearer], [api_key, api_key], [bearer, cookie],
                       [api_key, cookie], [bearer, api_key, cookie]):
            with self.subTest([field[:10] for field in fields]):
                answer = self.server.raw_request(["GET /api/v1/me HTTP/1.1", *fields])
                self.assert_problem(answer, 400, "several_credentials")

    def test_the_same_key_in_both_fields_is_one_credential(self):
        answer = self.nobody.get("/api/v1/me", headers={"Authorization": f"Bearer {self.key}",
                                                        "X-API-Key": self.key})
        self.assertEqual(200, answer.status)

    def test_keys_in_the_query_are_refused_and_not_logged(self):
        for name in ("api_key", "access_token", "API_KEY", "Access_Token", "api%5Fkey"):
            answer = self.nobody.get(f"/api/v1/me?{name}={self.key}")
            self.assert_problem(answer, 400, "credential_in_query")
            self.assertNotIn(self.key, answer.text)
            answer = self.caller.get(f"/api/v1/projects?limit=1&{name}=x")
            self.assert_problem(answer, 400, "credential_in_query")
        self.assertNotIn(self.key, self.server.log())

    def test_a_key_of_another_kind_is_403_that_names_the_right_ones(self):
        project = self.owner.create("projects", name="p")
        key = self.owner.create_key("ingest", owner={"type": "project", "id": project["id"]})
        for carrier in ("bearer", "x-api-key"):
            answer = self.server.client(key["key"], carrier).get("/api/v1/projects")
            problem = self.assert_problem(answer, 403, "wrong_key_kind")
            self.assertIn("ingest", problem["detail"])
            self.assertIn("access", problem["detail"])

    def test_a_key_in_the_wrong_field_is_403(self):
        answer = self.server.client(self.key, "x-api-key").get("/api/v1/projects")
        self.assert_problem(answer, 403, "wrong_key_kind")
        answer = self.server.client(self.key, "jwt").get("/api/v1/projects")
        self.assert_problem(answer, 403, "wrong_key_kind")

    def test_api_me_is_the_same_as_api_v1_me(self):
        self.assertEqual(self.caller.get("/api/v1/me").json(), self.caller.get("/api/me").json())
        connect = self.owner.create_key("connect")
        self.assertEqual(200, self.server.client(connect["key"]).get("/api/me").status)

    # -- sessions and CSRF

    def test_the_session_cookie_is_out_of_reach_of_scripts_and_other_sites(self):
        answer = self.nobody.post("/api/v1/session", {"email": self.server.email,
                                                      "password": self.server.password})
        self.assertEqual(200, answer.status)
        cookie = answer.headers["Set-Cookie"]
        self.assertTrue(cookie.startswith("keywright_session=kws_"), cookie)
        attributes = {part.strip().partition("=")[0].lower() for part in cookie.split(";")[1:]}
        self.assertLessEqual({"path", "httponly", "samesite", "max-age"}, attributes)
        self.assertIn("SameSite=Lax", cookie)
        self.assertNotIn("token", answer.json())
        self.assertEqual("no-store", answer.headers["Cache-Control"])

    def test_a_bearer_session_sets_no_cookie(self):
        answer = self.nobody.post("/api/v1/session", {
            "email": self.server.email, "password": self.server.password, "transport": "bearer"})
        self.assertNotIn("Set-Cookie", answer.headers)
        self.assertTrue(answer.json()["token"].startswith("kws_"))

    def test_a_write_with_a_cookie_needs_the_csrf_token(self):
        for method, path, body in (("POST", "/api/v1/projects", {"name": "x"}),
                                   ("PATCH", "/api/v1/me", {"name": "x"}),
                                   ("DELETE", "/api/v1/session", None)):
            answer = self.owner.request(method, path, body, headers={"X-CSRF-Token": None})
            self.assert_problem(answer, 403, "csrf_token_missing")
            answer = self.owner.request(method, path, body, headers={"X-CSRF-Token": "x" * 43})
            self.assert_problem(answer, 403, "csrf_token_wrong")
        other = self.server.sign_in()
        answer = self.owner.post("/api/v1/projects", {"name": "x"},
                                 headers={"X-CSRF-Token": other.csrf_token})
        self.assert_problem(answer, 403, "csrf_token_wrong")
        self.assertEqual(201, self.owner.post("/api/v1/projects", {"name": "x"}).status)
        self.assertEqual(200, self.owner.get("/api/v1/me",
                                             headers={"X-CSRF-Token": None}).status)

    def test_a_bearer_session_needs_no_csrf_token(self):
        self.assertEqual(201, self.bearer.post("/api/v1/projects", {"name": "y"}).status)

    def test_signing_out_answers_and_ends_the_session(self):
        client = self.server.sign_in()
        answer = client.delete("/api/v1/session")
        self.assertEqual(204, answer.status)
        self.assertIn("Max-Age=0", answer.headers["Set-Cookie"])
        self.assertEqual(401, client.get("/api/v1/me").status)

    def test_who_gives_up_his_key_is_told_so(self):
        key = self.owner.create_key("access")["key"]
        client = self.server.client(key)
        self.assertIn(client.post("/api/v1/whoami/revoke").status, (200, 204))
        self.assertEqual(401, client.get("/api/v1/whoami").status)

    # -- caching and conditions

    def test_nothing_of_the_api_may_be_kept_by_a_cache(self):
        for answer in (self.caller.get("/api/v1/me"), self.caller.get("/api/v1/projects"),
                       self.owner.post("/api/v1/keys", {"kind": "access", "name": "c"}),
                       self.nobody.get("/api/v1/me")):
            self.assertIn("no-store", answer.headers["Cache-Control"])
            self.assertEqual("nosniff", answer.headers["X-Content-Type-Options"])

    def test_a_known_etag_is_304_and_a_stale_one_412(self):
        project = self.owner.create("projects", name="versioned")
        path = f"/api/v1/projects/{project['id']}"
        answer = self.owner.get(path)
        etag = answer.headers["ETag"]
        self.assertRegex(etag, r'^"[^"]+"$')
        for known in (etag, f"W/{etag}", f'"other", {etag}', "*"):
            unchanged = self.owner.get(path, headers={"If-None-Match": known})
            self.assertEqual((304, b""), (unchanged.status, unchanged.body), known)
            self.assertEqual(etag, unchanged.headers["ETag"])
        changed = self.owner.patch(path, {"name": "new"}, headers={"If-Match": etag})
        self.assertEqual(200, changed.status)
        self.assertNotEqual(etag, self.owner.get(path).headers["ETag"])
        stale = self.owner.patch(path, {"name": "newer"}, headers={"If-Match": etag})
        self.assertEqual(412, stale.status)
        self.assertEqual("new", self.owner.get(path).json()["name"])

    def test_what_was_made_has_a_location(self):
        answer = self.owner.post("/api/v1/projects", {"name": "somewhere"}).expect(201)
        self.assertEqual(f"/api/v1/projects/{answer.json()['id']}", answer.headers["Location"])
        self.assertEqual(200, self.owner.get(answer.headers["Location"]).status)

    def test_a_repeated_post_is_answered_again_and_not_done_again(self):
        headers = {"Idempotency-Key": "once-1"}
        first = self.owner.post("/api/v1/projects", {"name": "once"}, headers=headers).expect(201)
        second = self.owner.post("/api/v1/projects", {"name": "once"}, headers=headers)
        self.assertEqual(first.json(), second.expect(201).json())
        self.assertEqual("true", second.headers["Idempotent-Replayed"])
        self.assertNotIn("Idempotent-Replayed", first.headers)
        named = [item for item in self.owner.all_items("/api/v1/projects")
                 if item["name"] == "once"]
        self.assertEqual(1, len(named))
        other = self.owner.post("/api/v1/projects", {"name": "twice"}, headers=headers)
        self.assertEqual(422, other.status)

    def test_a_repeated_key_creation_answers_without_the_secret(self):
        headers = {"Idempotency-Key": "key-1"}
        fields = {"kind": "access", "name": "once"}
        first = self.owner.post("/api/v1/keys", fields, headers=headers).expect(201).json()
        again = self.owner.post("/api/v1/keys", fields, headers=headers).expect(201)
        self.assertEqual(first["id"], again.json()["id"])
        self.assertNotIn(first["key"], again.text)
        self.assertFalse(again.json().get("key"))

    def test_an_idempotency_key_is_visible_ascii(self):
        for value in ("", "a b", "x" * 256, "caf\u00e9"):
            answer = self.owner.post("/api/v1/projects", {"name": "x"},
                                     headers={"Idempotency-Key": value.encode("latin-1")})
            self.assert_problem(answer, 400, "invalid_request")

    # -- machines

    def test_health_and_readiness_answer_without_a_key(self):
        for path in ("/healthz", "/health"):
            answer = self.nobody.get(path)
            self.assertEqual((200, {"status": "ok"}), (answer.status, answer.json()))
        self.assertEqual(200, self.nobody.get("/readyz").status)

    def test_metrics_are_prometheus_text_without_ids(self):
        answer = self.nobody.get("/metrics")
        self.assertEqual(200, answer.status)
        self.assertTrue(answer.headers["Content-Type"].startswith("text/plain; version=0.0.4"))
        families, sample = {}, re.compile(
            r'^([a-z_:][a-z0-9_:]*)(\{[a-z_]+="[^"]*"(,[a-z_]+="[^"]*")*\})? [-+0-9.eEinfa]+$')
        for line in answer.text.splitlines():
            if line.startswith("# TYPE "):
                _, _, name, kind = line.split(" ")
                self.assertNotIn(name, families)
                families[name] = kind
            elif not line.startswith("# HELP "):
                found = sample.match(line)
                self.assertTrue(found, line)
                self.assertIn(found.group(1), families)
        for name in ("keywright_http_requests_total", "keywright_http_connections",
                     "keywright_keys", "keywright_build_info", "keywright_uptime_seconds"):
            self.assertIn(name, families)
        for secret in (self.server.user_id, self.server.organization_id, self.key[:12]):
            self.assertNotIn(secret, answer.text)

    def test_every_answer_has_a_request_id_of_ours(self):
        seen = set()
        for path in ("/api/v1/me", "/healthz", "/nothing", "/openapi.json"):
            for _ in range(2):
                seen.add(self.nobody.get(path).headers["X-Request-Id"])
        self.assertEqual(8, len(seen))

    def test_times_outside_the_rules_are_400_naming_the_field(self):
        answer = self.owner.post("/api/v1/keys", {"kind": "personal", "name": "late",
                                                  "expires_at": in_time(hours=-1)})
        problem = self.assert_problem(answer, 400, "invalid_request")
        self.assertEqual(["expires_at"], [error["field"] for error in problem["errors"]])

    def test_nothing_a_client_sends_is_a_500(self):
        bodies = [b"\x00", b"{", b"[[[[", b'{"a":1e999}', b'{"name":' + b"9" * 400 + b"}",
                  b'"' + b"\\" * 100, b"\xef\xbb\xbf{}", json.dumps({"name": "x" * 70000}).encode()]
        for path in ("/api/v1/projects", "/api/v1/keys", "/api/v1/session", "/api/v1/users",
                     "/api/v1/keys/verify", "/api/v1/keys/import", "/api/v1/registries"):
            for body in bodies:
                answer = self.owner.post(path, body=body,
                                         headers={"Content-Type": "application/json"})
                self.assertLess(answer.status, 500, (path, body[:20], answer))

    def test_no_spelling_of_an_address_is_a_500(self):
        """Every door, with a slash more, one less, and cut short, without a key."""
        paths = {re.sub(r"\{\w+\}", "x", path)
                 for path in self.nobody.get("/openapi.json").json()["paths"]}
        paths |= {"/", "/console/", "/docs", "/healthz", "/metrics", "/api/console/v1/graphql",
                  "/api/mcp/v1", "/mcp-connect/x", "/services/x/y", "/auth/x", "/auth/obtain/",
                  "/keys/x/", "/targets/x/keys/y/", "/public/traces/x", "/public/traces/v1/traces",
                  "/public/traces/batch", "/public/traces/limits",
                  "/public/otel/v1/traces", "/public/whoami", "/v1/traces", "/register",
                  "/.well-known/oauth-protected-resource"}
        for path in list(paths):
            parts = path.split("/")
            paths.update("/".join(parts[:end]) or "/" for end in range(2, len(parts)))
        for path in sorted(paths):
            for address in {path, path + "/", path + "//", "/" + path, path[:-1] or "/"}:
                for method in "GET", "DELETE":
                    answer = self.nobody.request(method, address)
                    self.assertLess(answer.status, 500, (method, address))


if __name__ == "__main__":
    unittest.main()
