"""The OpenAPI document: complete, well formed, the one in tests/golden, and what /docs needs.

KEYWRIGHT_UPDATE_GOLDEN=1 writes tests/golden/openapi.json anew; the difference is for a reviewer.
"""

import json
import os
import re
import unittest

from keywright import ROOT, Server

GOLDEN = ROOT / "tests" / "golden" / "openapi.json"
METHODS = {"get", "post", "put", "patch", "delete", "head", "options", "trace"}
SCHEMA_TYPES = {"object", "array", "string", "integer", "number", "boolean", "null"}


def walk(value, path="#"):
    """Every object in a document, with where it stands."""
    if isinstance(value, dict):
        yield path, value
        for name, inner in value.items():
            yield from walk(inner, f"{path}/{name}")
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            yield from walk(inner, f"{path}/{index}")


def resolve(document, reference):
    place = document
    for part in reference.removeprefix("#/").split("/"):
        place = place[part.replace("~1", "/").replace("~0", "~")]
    return place


class OpenApi(unittest.TestCase):
    maxDiff = None

    @classmethod
    def setUpClass(cls):
        cls.server = Server.start()
        cls.client = cls.server.client()
        cls.answer = cls.client.get("/openapi.json").expect(200)
        cls.document = cls.answer.json()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def operations(self):
        for path, item in self.document["paths"].items():
            for method, operation in item.items():
                yield path, method, operation

    def test_it_is_the_one_in_the_repository(self):
        document = json.loads(self.answer.body)
        self.assertRegex(document["info"].pop("version"), r"^\d+\.\d+\.\d+")
        text = json.dumps(document, indent=1, ensure_ascii=False) + "\n"
        if os.environ.get("KEYWRIGHT_UPDATE_GOLDEN") == "1":
            GOLDEN.parent.mkdir(exist_ok=True)
            GOLDEN.write_text(text)
        self.assertTrue(GOLDEN.exists(), "no golden file: KEYWRIGHT_UPDATE_GOLDEN=1 writes it")
        self.assertEqual(GOLDEN.read_text(), text)

    def test_it_is_an_openapi_3_1_document(self):
        self.assertEqual("3.1.0", self.document["openapi"])
        self.assertLessEqual({"title", "version", "license"}, set(self.document["info"]))
        self.assertLessEqual(set(self.document), {"openapi", "info", "servers", "tags", "paths",
                                                  "components"})
        for path, method, operation in self.operations():
            with self.subTest(path=path, method=method):
                self.assertIn(method, METHODS)
                self.assertLessEqual(
                    {"operationId", "summary", "tags", "responses", "security"}, set(operation))
                for status, response in operation["responses"].items():
                    self.assertRegex(status, r"^[1-5]\d\d$")
                    self.assertTrue("$ref" in response or response["description"])

    def test_path_parameters_are_those_of_the_path(self):
        for path, method, operation in self.operations():
            with self.subTest(path=path, method=method):
                named = set(re.findall(r"\{([^}]+)\}", path))
                parameters = operation["parameters"]
                described = {p["name"] for p in parameters if p["in"] == "path"}
                self.assertEqual(named, described)
                self.assertTrue(all(p["required"] for p in parameters if p["in"] == "path"))
                keys = [(p["in"], p["name"]) for p in parameters]
                self.assertEqual(len(keys), len(set(keys)))

    def test_operation_ids_are_unique_names(self):
        ids = [operation["operationId"] for _, _, operation in self.operations()]
        self.assertEqual(len(ids), len(set(ids)))
        for name in ids:
            self.assertRegex(name, r"^[a-z][a-z0-9_]*$")

    def test_every_reference_leads_somewhere(self):
        for path, value in walk(self.document):
            if isinstance(value.get("$ref"), str):
                with self.subTest(path):
                    self.assertIsInstance(resolve(self.document, value["$ref"]), dict)

    def test_every_component_is_used(self):
        used = {value["$ref"] for _, value in walk(self.document)
                if isinstance(value.get("$ref"), str)}
        for sort in ("schemas", "responses"):
            for name in self.document["components"][sort]:
                self.assertIn(f"#/components/{sort}/{name}", used)

    def test_schemas_use_known_types_and_name_required_properties(self):
        for name, schema in self.document["components"]["schemas"].items():
            for path, value in walk(schema, name):
                if path.endswith(("/properties", "/examples", "/example")) or "type" not in value:
                    continue
                with self.subTest(path):
                    types = value["type"] if isinstance(value["type"], list) else [value["type"]]
                    self.assertLessEqual(set(types), SCHEMA_TYPES)
                    self.assertLessEqual(set(value.get("required", [])),
                                         set(value.get("properties", {})))

    def test_security_names_schemes_that_exist(self):
        schemes = set(self.document["components"]["securitySchemes"])
        for path, method, operation in self.operations():
            for requirement in operation["security"]:
                self.assertLessEqual(set(requirement), schemes, (path, method))

    def test_every_error_of_the_api_is_a_described_problem(self):
        problem = self.document["components"]["schemas"]["Problem"]
        got = self.client.get("/api/v1/me").json()
        self.assertLessEqual(set(got), set(problem["properties"]))
        self.assertLessEqual(set(problem["required"]), set(got))

    def test_no_example_is_a_secret_of_this_server(self):
        self.assertNotIn(self.server.email, self.answer.text)

    def test_it_has_an_etag(self):
        etag = self.answer.headers["ETag"]
        again = self.client.get("/openapi.json", headers={"If-None-Match": etag})
        self.assertEqual((304, b""), (again.status, again.body))

    def test_answers_have_the_shape_that_is_described(self):
        """Properties of real answers against the schemas: nothing undescribed, nothing missing."""
        owner = self.server.sign_in(transport="bearer")
        project = owner.create("projects", name="described")
        owner.create_key("access")
        owner.create_user("viewer")
        owner.create("targets", name="t", url="https://example.org/")
        examples = [("/api/v1/projects", "/api/v1/projects"), ("/api/v1/keys", "/api/v1/keys"),
                    ("/api/v1/users", "/api/v1/users"), ("/api/v1/targets", "/api/v1/targets"),
                    ("/api/v1/me", "/api/v1/me"), ("/api/v1/audit-events", "/api/v1/audit-events"),
                    ("/api/v1/me/sessions", "/api/v1/me/sessions"),
                    ("/api/v1/organizations", "/api/v1/organizations"),
                    ("/api/v1/projects/{id}", f"/api/v1/projects/{project['id']}")]
        for path, address in examples:
            with self.subTest(path):
                operation = self.document["paths"][path]["get"]
                schema = operation["responses"]["200"]["content"]["application/json"]["schema"]
                self.check(schema, owner.get(address).expect(200).json(), path)

    def check(self, schema, value, path):
        if "$ref" in schema:
            schema = resolve(self.document, schema["$ref"])
        for choice in schema.get("anyOf", []) + schema.get("oneOf", []):
            if value is not None and choice.get("type") != "null":
                self.check(choice, value, path)
        if "enum" in schema:
            self.assertIn(value, schema["enum"], path)
        if isinstance(value, dict) and "properties" in schema:
            self.assertLessEqual(set(schema.get("required", [])), set(value), path)
            self.assertLessEqual(set(value), set(schema["properties"]), path)
            for name, inner in value.items():
                self.check(schema["properties"][name], inner, f"{path}.{name}")
        if isinstance(value, list) and "items" in schema:
            for inner in value:
                self.check(schema["items"], inner, path + "[]")
        if "type" in schema:
            types = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
            names = {dict: {"object"}, list: {"array"}, str: {"string"}, bool: {"boolean"},
                     int: {"integer", "number"}, float: {"number"}, type(None): {"null"}}
            self.assertTrue(names[type(value)] & set(types), (path, value, schema["type"]))


if __name__ == "__main__":
    unittest.main()
