"""Traces from outside: keys that route, the order of checks, and reading back."""

import gzip
import socket
import unittest
import uuid

from keywright import Server, in_time
from traces import MIB, Project, TraceTest, otlp, span


class Routing(TraceTest):
    # -- who may

    def test_without_a_key_or_with_a_wrong_one(self):
        nobody = self.server.client()
        answer = nobody.post("/public/traces", {"data": {}})
        self.refused(answer, 401, "MISSING_API_KEY")
        self.assertNotIn("error=", answer.headers["WWW-Authenticate"])
        for token in ("mibo_nonsense", "mibo_" + "a" * 43):
            for carrier in ("x-api-key", "bearer"):
                answer = self.server.client(token, carrier).post("/public/traces", {"data": {}})
                self.refused(answer, 401, "INVALID_API_KEY")
                self.assertIn("error=", answer.headers["WWW-Authenticate"])

    def test_what_the_head_decides_is_answered_before_the_body_is_sent(self):
        key = self.project.key(self.project.platform()).token
        for path in ("/public/traces", "/v1/traces"):
            for fields, length, status in ((["x-api-key: mibo_nonsense"], 100, 401),
                                           ([], 9_000_000, 401),
                                           ([f"x-api-key: {key}"], 11_000_000, 413),
                                           ([f"x-api-key: {key}", "Content-Encoding: br"], 9, 415)):
                head = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", *fields,
                        "Content-Type: application/json", f"Content-Length: {length}", "", ""]
                with socket.create_connection(("127.0.0.1", self.server.port), 60) as connection:
                    connection.sendall("\r\n".join(head).encode())
                    answer = connection.recv(65536).decode()
                    self.assertTrue(answer.startswith(f"HTTP/1.1 {status} "), answer)
                    # Who goes on sending is not met with a reset.
                    connection.sendall(b"x" * length)

    def test_what_is_far_too_large_is_answered_in_the_same_order_and_shape(self):
        key = self.project.key(self.project.platform()).token
        for path, media_type, said in (("/public/traces", "application/json", '"success":false'),
                                       ("/v1/traces", "application/json", '"details":['),
                                       ("/v1/traces", "application/x-protobuf", "\x08")):
            for token, status in (("mibo_nonsense", 401), (key, 413)):
                head = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"x-api-key: {token}",
                        f"Content-Type: {media_type}", "Content-Length: 104857600", "", ""]
                with socket.create_connection(("127.0.0.1", self.server.port), 60) as connection:
                    connection.sendall("\r\n".join(head).encode())
                    answer = connection.recv(65536).decode()
                self.assertTrue(answer.startswith(f"HTTP/1.1 {status} "), answer)
                self.assertIn(f"Content-Type: {media_type}\r\n", answer)
                self.assertIn(said, answer.split("\r\n\r\n")[1])

    def test_a_key_of_another_kind_is_told_the_right_one(self):
        access = self.owner.create_key("access")
        account = self.owner.create_key("account", owner={"type": "organization",
                                                          "id": self.server.organization_id})
        for token, carrier in ((access["key"], "bearer"), (access["key"], "x-api-key"),
                               (account["key"], "jwt")):
            for path in ("/public/traces", "/v1/traces"):
                answer = self.server.client(token, carrier).post(path, {"data": {}})
                refused = self.refused_otlp if path == "/v1/traces" else self.refused
                self.assertIn("ingest", refused(answer, 403, "WRONG_KEY_KIND")["message"])

    def test_revoked_disabled_and_expired_keys_stop_at_once_and_look_alike(self):
        platform = self.project.platform()
        answers = []
        for how in ("revoke", "disable"):
            sender = self.project.key(platform)
            sender.post("/public/traces", {"data": {}}).expect(201)
            self.owner.post(f"/api/v1/keys/{sender.made['id']}/{how}").expect(200)
            answers.append(sender.post("/public/traces", {"data": {}}))
        for answer in answers:
            error = self.refused(answer, 401, "INVALID_API_KEY")
            self.assertEqual("The API key is not valid.", error["message"])

    def test_a_body_that_is_still_coming_in_is_cut_when_its_key_is_revoked(self):
        for path, length in (("/public/traces", "Content-Length: 9000000"),
                             ("/v1/traces", "Transfer-Encoding: chunked")):
            sender = self.project.key(self.project.platform())
            head = [f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"x-api-key: {sender.token}",
                    "Content-Type: application/json", length, "Expect: 100-continue", "", ""]
            with socket.create_connection(("127.0.0.1", self.server.port), 60) as connection:
                connection.sendall("\r\n".join(head).encode())
                self.assertTrue(connection.recv(100).startswith(b"HTTP/1.1 100 "))
                connection.sendall(b"b\r\n" + b'{"data": { ' + b"\r\n")
                self.owner.post(f"/api/v1/keys/{sender.made['id']}/revoke", {}).expect(200)
                answer = connection.recv(65536).decode()  # without another byte of the body
                self.assertTrue(answer.startswith("HTTP/1.1 401 "), answer)
        self.assertEqual([], self.project.key().get("/public/traces?limit=1").json()["data"])

    def test_the_same_key_in_several_fields_is_one_and_two_keys_are_refused(self):
        platform = self.project.platform()
        sender = self.project.key(platform)
        other = self.project.key(platform)
        token = sender.token
        same = {"Authorization": f"Bearer {token}", "api_key": token}
        sender.post("/public/traces", {"data": {}}, headers=same).expect(201)
        self.refused(sender.post("/public/traces", {"data": {}},
                                 headers={"Authorization": f"Bearer {other.token}"}),
                     400, "VALIDATION_ERROR")
        self.refused(sender.post("/public/traces", {"data": {}},
                                 headers={"Cookie": self.owner.cookie}), 400, "VALIDATION_ERROR")
        answer = self.server.client().post(f"/public/traces?api_key={token}", {"data": {}})
        self.refused(answer, 400, "VALIDATION_ERROR")

    def test_last_use_is_shown(self):
        sender = self.project.key(self.project.platform())
        sender.post("/public/traces", {"data": {}}).expect(201)
        key = self.owner.get(f"/api/v1/keys/{sender.made['id']}").expect(200).json()
        self.assertIsNotNone(key["last_used_at"])

    def test_the_keys_own_limit(self):
        sender = self.project.key(self.project.platform(), limits=[
            {"name": "few", "limit": 2, "window_seconds": 86400, "algorithm": "fixed"}])
        for _ in range(2):
            answer = sender.post("/public/traces", {"data": {}}).expect(201)
        self.assertIn("r=0", answer.headers["RateLimit"])
        answer = sender.post("/public/traces", {"data": {}})
        self.refused(answer, 429, "RATE_LIMITED")
        self.assertTrue(1 <= int(answer.headers["Retry-After"]) <= 86400)

    # -- the order of checks

    def test_key_before_size_before_body_before_platform(self):
        platform = self.project.platform()
        sender = self.project.key()
        huge = b"x" * (10 * MIB + 1)
        kind = {"Content-Type": "application/json"}
        self.refused(self.server.client().post("/public/traces", body=huge, headers=kind),
                     401, "MISSING_API_KEY")
        self.refused(self.server.client("mibo_x", "x-api-key").post(
            "/public/traces", body=huge, headers=kind), 401, "INVALID_API_KEY")
        self.refused(sender.post("/public/traces", body=huge, headers=kind),
                     413, "PAYLOAD_TOO_LARGE")
        self.refused(sender.post("/public/traces", {"platformId": str(uuid.uuid4())}),
                     400, "VALIDATION_ERROR")
        self.refused(sender.post("/public/traces", {"data": {}, "platformId": str(uuid.uuid4())}),
                     404, "PLATFORM_NOT_FOUND")
        sender.post("/public/traces", {"data": {}, "platformId": platform}).expect(201)

    def test_ten_mebibytes_are_taken_and_one_byte_more_is_not(self):
        sender = self.project.key(self.project.platform())
        frame = len('{"data":{"x":""}}')
        for extra, status in ((0, 201), (1, 413)):
            body = b'{"data":{"x":"' + b"a" * (10 * MIB - frame + extra) + b'"}}'
            kind = {"Content-Type": "application/json"}
            sender.post("/public/traces", body=body, headers=kind).expect(status)
            packed = {**kind, "Content-Encoding": "gzip"}
            sender.post("/public/traces", body=gzip.compress(body, 1),
                        headers=packed).expect(status)

    def test_a_decompression_bomb_costs_its_limit_and_no_more(self):
        sender = self.project.key(self.project.platform())
        bomb = gzip.compress(b" " * (300 * MIB), 9)
        self.assertLess(len(bomb), MIB)
        headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
        self.refused(sender.post("/public/traces", body=bomb, headers=headers),
                     413, "PAYLOAD_TOO_LARGE")

    # -- the table

    def test_resolves_inside_the_scope(self):
        flowise = self.project.platform("flowise", external_id="chat-1")
        n8n = self.project.platform("n8n", external_id="7", service_name="agents")
        for key in (self.project.key(), self.project.key(flowise, n8n)):
            send = lambda body: key.post("/public/traces", {"data": {"a": 1}, **body})
            for body, by, platform in (
                    ({"platformId": flowise}, "platformId", flowise),
                    ({"platformId": flowise.upper()}, "platformId", flowise),
                    ({"metadata": {"mibo": {"platform_id": n8n}}}, "platformId", n8n),
                    ({"metadata": {"mibo.platform_id": n8n}}, "platformId", n8n),
                    ({"metadata": {"chatflowId": "chat-1"}}, "metadata", flowise),
                    ({"externalMetadata": {"chatflow_id": "chat-1"}}, "metadata", flowise),
                    ({"metadata": {"workflowId": "7"}}, "metadata", n8n),
                    ({"externalMetadata": {"workflow_id": 7}}, "metadata", n8n),
                    ({"metadata": {"service.name": "agents"}}, "serviceName", n8n)):
                data = self.stored(send(body), by)
                self.assertEqual(platform, data["platformId"])
                self.assertEqual([], data["routing"]["warnings"])

    def test_unknown_deleted_and_foreign_ids_are_the_same_404(self):
        other = Project(self.server, self.owner)
        foreign, deleted = other.platform(), self.project.platform()
        self.project.delete(deleted)
        sender = self.project.key()
        errors = []
        for platform in (foreign, deleted, str(uuid.uuid4())):
            error = self.refused(
                sender.post("/public/traces", {"data": {}, "platformId": platform}),
                404, "PLATFORM_NOT_FOUND")
            error.pop("requestId", None)
            errors.append(error)
        self.assertEqual(errors[0], errors[1])
        self.assertEqual(errors[0], errors[2])

    def test_outside_the_scope_is_refused_and_never_rerouted(self):
        inside = self.project.platform("n8n", external_id="in")
        second = self.project.platform("n8n", external_id="in-2")
        outside = self.project.platform("n8n", external_id="out", service_name="out")
        for sender in (self.project.key(inside), self.project.key(inside, second)):
            for body in ({"platformId": outside}, {"metadata": {"workflowId": "out"}},
                         {"metadata": {"service.name": "out"}}):
                error = self.refused(sender.post("/public/traces", {"data": {}, **body}),
                                     403, "PLATFORM_NOT_ALLOWED")
                self.assertIn("restricted", error["message"])
                self.assertIn("allowed", error["message"])
            self.assertEqual([], sender.get("/public/traces").json()["data"])

    def test_what_several_platforms_match_goes_to_the_one_that_is_in_scope(self):
        one = self.project.platform("flowise", external_id="twin")
        self.project.platform("flowise", external_id="twin")
        body = {"data": {}, "metadata": {"chatflowId": "twin"}}
        self.refused(self.project.key().post("/public/traces", body), 422, "PLATFORM_AMBIGUOUS")
        data = self.stored(self.project.key(one).post("/public/traces", body), "metadata")
        self.assertEqual(one, data["platformId"])

    def test_nothing_names_a_platform(self):
        only = self.project.platform("n8n", external_id="w")
        for body in ({}, {"metadata": {"workflowId": "other"}}):
            sent = {"data": {}, **body}
            error = self.refused(self.project.key().post("/public/traces", sent),
                                 400, "PLATFORM_REQUIRED")
            for way in ("platformId", "metadata", "restricted"):
                self.assertIn(way, error["message"])
            data = self.stored(self.project.key(only).post("/public/traces", sent), "keyScope")
            self.assertEqual(["metadata_unmatched"] if body else [],
                             data["routing"]["warnings"])
        second = self.project.platform()
        self.refused(self.project.key(only, second).post("/public/traces", {"data": {}}),
                     400, "PLATFORM_REQUIRED")

    def test_a_list_whose_platforms_are_deleted_never_widens(self):
        first, second = self.project.platform(), self.project.platform()
        left = self.project.platform()
        sender = self.project.key(first, second)
        self.project.delete(first)
        self.refused(sender.post("/public/traces", {"data": {}}), 400, "PLATFORM_REQUIRED")
        self.project.delete(second)
        for body in ({}, {"platformId": left}, {"platformId": first}):
            self.refused(sender.post("/public/traces", {"data": {}, **body}), 403, "SCOPE_EMPTY")

    def test_a_change_of_scope_counts_for_the_next_trace(self):
        first, second = self.project.platform(), self.project.platform()
        sender = self.project.key(first)
        self.stored(sender.post("/public/traces", {"data": {}}), "keyScope")
        self.owner.patch(f"/api/v1/keys/{sender.made['id']}",
                         {"scope": {"ids": [second]}}).expect(200)
        self.refused(sender.post("/public/traces", {"data": {}, "platformId": first}),
                     403, "PLATFORM_NOT_ALLOWED")
        self.assertEqual(second, self.stored(sender.post("/public/traces", {"data": {}}),
                                             "keyScope")["platformId"])


class Reading(TraceTest):
    # -- reading

    def test_lists_filter_and_page(self):
        first, second = self.project.platform(), self.project.platform()
        sender = self.project.key()
        ids = []
        for number in range(6):
            body = {"data": {"n": number}, "platformId": (first, second)[number % 2],
                    "status": ("success", "error")[number // 3]}
            ids.append(self.stored(sender.post("/public/traces", body), "platformId")["id"])

        def listed(query=""):
            answer = sender.get(f"/public/traces{query}").expect(200).json()
            self.assertIs(True, answer["success"])
            return [item["id"] for item in answer["data"]]
        self.assertEqual(ids[::-1], listed())
        self.assertEqual(ids[-2::-2], listed(f"?platformId={first}"))
        self.assertEqual(ids[:2:-1], listed("?status=error"))
        self.assertEqual([], listed(f"?to={in_time(minutes=-30)}"))
        self.assertEqual(ids[::-1], listed(f"?from={in_time(minutes=-30)}&to={in_time(hours=1)}"))
        self.assertEqual([], listed(f"?platformId={uuid.uuid4()}"))
        self.assertEqual([], listed("?platformId=x"))
        collected, cursor = [], ""
        while cursor is not None:
            page = sender.get(f"/public/traces?limit=4&cursor={cursor}").expect(200).json()
            collected += [item["id"] for item in page["data"]]
            cursor = page["nextCursor"]
        self.assertEqual(ids[::-1], collected)
        for query in ("?limit=0", "?limit=201", "?limit=x", "?from=yesterday", "?cursor=%20"):
            self.refused(sender.get(f"/public/traces{query}"), 400, "VALIDATION_ERROR")

    def test_lists_are_of_what_is_asked_for(self):
        platform, other = self.project.platform(), self.project.platform()
        sender, narrow = self.project.key(), self.project.key(platform)
        made = [self.stored(sender.post("/public/traces", {"data": {}, "platformId": platform},
                                        headers={"x-request-id": name}), "platformId")["id"]
                for name in ("one", "two")]
        made.append(self.stored(
            sender.post("/public/traces", {"data": {}, "platformId": other, "status": "error"},
                        headers={"x-request-id": "one"}), "platformId")["id"])
        failed = span("a" * 32, "1" * 16, "ask", status={"code": 2})
        sender.post("/v1/traces", otlp([failed], **{"mibo.platform_id": platform})).expect(200)
        made.append(sender.get("/public/traces?limit=1").json()["data"][0]["id"])
        key_id = sender.get("/public/whoami").json()["data"]["id"]
        narrow_id = narrow.get("/public/whoami").json()["data"]["id"]

        for public, mine, asked in (
                ("externalId=one", "external_id=one", [made[2], made[0]]),
                ("externalId=" + "a" * 32, "external_id=" + "a" * 32, [made[3]]),
                ("externalId=on", "external_id=on", []),
                (f"keyId={key_id}", f"key_id={key_id}", made[::-1]),
                (f"keyId={narrow_id}", f"key_id={narrow_id}", []),
                ("name=ask", "name=ask", [made[3]]),
                ("hasError=true", "has_error=true", [made[3], made[2]]),
                ("hasError=false&externalId=one", "has_error=false&external_id=one", [made[0]]),
                (f"hasError=true&platformId={other}", f"has_error=true&platform_id={other}",
                 [made[2]])):
            page = sender.get(f"/public/traces?{public}").expect(200).json()
            self.assertEqual(asked, [item["id"] for item in page["data"]], public)
            page = self.owner.get(
                f"/api/v1/projects/{self.project.id}/traces?{mine}").expect(200).json()
            self.assertEqual(asked, [item["id"] for item in page["items"]], mine)
        # A restricted key finds its own only.
        for query, asked in (("externalId=one", [made[0]]), ("hasError=true", [made[3]])):
            page = narrow.get(f"/public/traces?{query}").expect(200).json()
            self.assertEqual(asked, [item["id"] for item in page["data"]], query)
        for public, mine in (("hasError", "has_error"), ("keyId", "key_id")):
            answer = sender.get(f"/public/traces?{public}=perhaps")
            self.refused(answer, 400, "VALIDATION_ERROR")
            self.assertIn(public, answer.text)
            answer = self.owner.get(
                f"/api/v1/projects/{self.project.id}/traces?{mine}=perhaps").expect(400)
            self.assertIn(mine, answer.text)

    def test_a_trace_is_deleted_by_who_manages_its_project(self):
        platform = self.project.platform()
        sender = self.project.key(platform)
        made = self.stored(sender.post("/public/traces", {"data": {}},
                                       headers={"x-request-id": "run"}), "keyScope")["id"]
        other = Project(self.server, self.owner)
        self.owner.delete(f"/api/v1/projects/{other.id}/traces/{made}").expect(404)
        path = f"/api/v1/projects/{self.project.id}/traces/{made}"
        self.owner.delete(path).expect(204)
        self.owner.get(path).expect(404)
        self.owner.delete(path).expect(404)
        sender.get(f"/public/traces/{made}").expect(404)
        self.assertEqual([], sender.get("/public/traces").json()["data"])
        events = self.owner.get("/api/v1/audit-events?action=traces.delete").json()["items"]
        self.assertTrue(any(made in str(event) for event in events), events)
        again = self.stored(sender.post("/public/traces", {"data": {}},
                                        headers={"x-request-id": "run"}), "keyScope")["id"]
        self.assertNotEqual(made, again)

    def test_scope_counts_for_reading_too(self):
        inside, outside = self.project.platform(), self.project.platform()
        sender, narrow = self.project.key(), self.project.key(inside)
        made = {platform: self.stored(
            sender.post("/public/traces", {"data": {}, "platformId": platform}),
            "platformId")["id"] for platform in (inside, outside)}
        seen = narrow.get("/public/traces").json()["data"]
        self.assertEqual([made[inside]], [item["id"] for item in seen])
        self.assertEqual([], narrow.get(f"/public/traces?platformId={outside}").json()["data"])
        narrow.get(f"/public/traces/{made[inside]}").expect(200)
        self.refused(narrow.get(f"/public/traces/{made[outside]}"), 404, "NOT_FOUND")
        self.refused(sender.get(f"/public/traces/{uuid.uuid4()}"), 404, "NOT_FOUND")
        self.refused(sender.get("/public/traces/no-id"), 404, "NOT_FOUND")
        stranger = Project(self.server, self.owner).key()
        self.refused(stranger.get(f"/public/traces/{made[inside]}"), 404, "NOT_FOUND")
        self.assertEqual([], stranger.get("/public/traces").json()["data"])

    def test_what_is_wrong_is_said_with_the_place_where_it_stands(self):
        sender = self.project.key(self.project.platform())
        for answer, location, path in (
                (sender.get("/public/traces?limit=0"), "query", "limit"),
                (sender.post("/public/traces", {"data": 1}), "body", "data"),
                (sender.post("/public/traces", {"data": {}}, headers={"X-Request-Id": "a b"}),
                 "headers", "X-Request-Id")):
            details = self.refused(answer, 400, "VALIDATION_ERROR")["details"]
            self.assertEqual([("field", location, path)],
                             [(one["type"], one["location"], one["path"]) for one in details])

    def test_whoami_tells_a_sender_what_its_key_may_reach(self):
        platform = self.project.platform()
        expires = in_time(days=1)
        for sender, scope in ((self.project.key(), {"all": True}),
                              (self.project.key(platform, expires_at=expires),
                               {"ids": [platform]})):
            answer = sender.get("/public/whoami").expect(200).json()
            self.assertIs(True, answer["success"])
            self.assertEqual({"id", "name", "projectId", "scope", "expiresAt"},
                             set(answer["data"]))
            self.assertEqual((sender.made["id"], self.project.id, scope,
                              sender.made["expires_at"]),
                             tuple(answer["data"][name]
                                   for name in ("id", "projectId", "scope", "expiresAt")))
        self.refused(self.server.client().get("/public/whoami"), 401, "MISSING_API_KEY")

    def test_people_read_the_same(self):
        platform = self.project.platform()
        sender = self.project.key(platform)
        data = self.stored(sender.post("/public/traces", {"data": {"q": 1}}), "keyScope")
        base = f"/api/v1/projects/{self.project.id}/traces"
        page = self.owner.get(base).expect(200).json()
        self.assertEqual(({"items", "next_cursor"}, [data["id"]]),
                         (set(page), [item["id"] for item in page["items"]]))
        one = self.owner.get(f"{base}/{data['id']}").expect(200).json()
        self.assertEqual(({"data": {"q": 1}}, platform, "keyScope"),
                         (one["body"], one["platform_id"], one["routing"]["by"]))
        self.owner.get(f"{base}/{uuid.uuid4()}").expect(404)
        other = Project(self.server, self.owner)
        self.owner.get(f"/api/v1/projects/{other.id}/traces/{data['id']}").expect(404)

    def test_what_did_not_arrive_is_listed_with_its_reason(self):
        self.project.platform()
        sender = self.project.key()
        sender.post("/public/traces", {"data": {"secret": "s3cret"}},
                    headers={"x-request-id": "lost-1", "User-Agent": "n8n"}).expect(400)
        sender.post("/public/traces", {"data": {}}).expect(400)
        answer = self.owner.get(f"/api/v1/projects/{self.project.id}/unrouted").expect(200)
        self.assertNotIn("s3cret", answer.text)
        report = answer.json()
        self.assertEqual([(sender.made["id"], "PLATFORM_REQUIRED", 2)],
                         [(c["key_id"], c["reason"], c["count"]) for c in report["counts"]])
        last = report["items"][-1]
        self.assertEqual(("lost-1", "n8n", "/public/traces"),
                         (last["external_id"], last["user_agent"], last["path"]))

    def test_the_dry_run_names_the_rule(self):
        inside = self.project.platform("flowise", external_id="c")
        outside = self.project.platform()
        sender = self.project.key(inside)
        path = f"/api/v1/projects/{self.project.id}/route-test"

        def dry(**body):
            return self.owner.post(path, body).expect(200).json()
        verdict = dry(trace={"metadata": {"chatflowId": "c"}})
        self.assertEqual(("ROUTED", inside, "metadata"),
                         (verdict["outcome"], verdict["platform_id"], verdict["by"]))
        verdict = dry(key_id=sender.made["id"], trace={"platformId": outside})
        self.assertEqual("PLATFORM_NOT_ALLOWED", verdict["outcome"])
        self.assertIn("restricted", verdict["message"])
        self.assertTrue(verdict["rule"])
        self.assertEqual("PLATFORM_REQUIRED", dry(resource={"service.name": "x"})["outcome"])
        self.owner.post(path, {"key_id": "unknown"}).expect(400)
        self.assertEqual([], sender.get("/public/traces").json()["data"])

    def test_a_slash_at_the_end_changes_nothing_and_other_addresses_are_404(self):
        sender = self.project.key(self.project.platform())
        sender.post("/public/traces/", {"data": {}}).expect(201)
        self.assertEqual(1, len(sender.get("/public/traces/").expect(200).json()["data"]))
        sender.get("/public/whoami/").expect(200)
        for path in "/public/nothing", "/public/", "/public/traces//", "/public/traces/a/b":
            self.refused(sender.get(path), 404, "NOT_FOUND")
        for path in "/public/traces", "/public/traces/":
            self.refused(self.server.client().get(path), 401, "MISSING_API_KEY")
            self.assertEqual("GET, HEAD, POST",
                             sender.request("DELETE", path).expect(405).headers["Allow"])

    # -- durability

    def test_a_restart_keeps_everything_and_its_identity(self):
        server = Server.start()
        try:
            project = Project(server, server.sign_in())
            project.platform(service_name="a")
            sender = project.key()
            platform = project.platform()
            body = {"data": {"kept": True}, "platformId": platform}
            made = sender.post("/public/traces", body,
                               headers={"x-request-id": "r"}).expect(201).json()["data"]
            sender.post("/v1/traces", otlp([span("1" * 32, "1" * 16)],
                                           service__name="a")).expect(200)
            server.restart()
            sender.close()
            again = sender.post("/public/traces", body,
                                headers={"x-request-id": "r"}).expect(200).json()["data"]
            self.assertEqual(made["id"], again["id"])
            sender.post("/v1/traces", otlp([span("1" * 32, "2" * 16)],
                                           service__name="a")).expect(200)
            rows = sender.get("/public/traces").json()["data"]
            self.assertEqual([2, 0], [row["spanCount"] for row in rows])
        finally:
            server.stop()

    def test_a_key_that_stands_in_its_own_trace_is_blotted_out(self):
        sender = self.project.key(self.project.platform())
        body = {"data": {"headers": {"x-api-key": sender.token}}}
        made = self.stored(sender.post("/public/traces", body), "keyScope")
        read = sender.get(f"/public/traces/{made['id']}").expect(200)
        self.assertNotIn(sender.token, read.text)
        self.assertIn(sender.token[-4:], read.text)
        for path, content in self.server.data_files():
            self.assertNotIn(sender.token.encode(), content, path)


if __name__ == "__main__":
    unittest.main()
