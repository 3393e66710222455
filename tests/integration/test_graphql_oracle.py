"""The GraphQL API against graphql-js: the same schema, the same refusals, the same answers.

tests/interop/graphql makes a few hundred documents, good, bad and broken, and says what graphql-js
does with each over the same data; the server must do the same. The package is pinned, and installed
into that folder when it is not there.
"""

import json
import os
import re
import shutil
import subprocess
import unittest

from keywright import ROOT, PASSWORD, Server

PATH = "/api/console/v1/graphql"
FOLDER = ROOT / "tests" / "interop" / "graphql"
GENERATED = 1500 if os.environ.get("KEYWRIGHT_LONG") else 250
# What the limits refuse is not for the oracle to say.
OURS = re.compile(r"^The (operation|document) |nested deeper|more than 15000 tokens|"
                  r"same name to tell")
# Said in our own words: only the places are compared.
OWN_WORDS = re.compile(r"^Variable \"\$\w+\" got invalid value|^Fields \"|^Expected value of type|"
                       r"cannot represent|^Value \"|^Syntax Error")


def oracle(command, given=None):
    done = subprocess.run(["node", "oracle.mjs", command], cwd=FOLDER, text=True, timeout=300,
                          input=json.dumps(given) if given is not None else "",
                          capture_output=True)
    if done.returncode != 0:
        raise AssertionError(done.stderr[-4000:])
    return done.stdout


def in_one_order(data, name=None):
    """Types in one order: each side has its own. Those of introspection are left out: graphql-js
    has what the next edition of the specification will bring."""
    if isinstance(data, dict):
        return {key: in_one_order(value, key) for key, value in data.items()}
    if isinstance(data, list):
        items = [in_one_order(item) for item in data
                 if name != "types" or not str(item.get("name")).startswith("__")]
        return sorted(items, key=json.dumps) if name in ("types", "possibleTypes") else items
    return data


def without_guess(message):
    return re.sub(r" Did you mean (?!\"\w+ \{).*$", "", message, flags=re.DOTALL)


def normal(error):
    """An error as it is compared: words where they are the same, places, path."""
    message = without_guess(error["message"])
    if OWN_WORDS.search(message):
        message = "-"
    places = tuple(sorted((place["line"], place["column"])
                          for place in error.get("locations") or []))
    if error["message"].startswith("Fields "):
        places = places[:1]  # of long conflicts graphql-js names the first few fields
    return message, places, json.dumps(error.get("path"))


@unittest.skipUnless(shutil.which("npm") and shutil.which("node"), "needs Node.js and npm")
class Oracle(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        if not (FOLDER / "node_modules" / "graphql").exists():
            subprocess.run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=FOLDER,
                           check=True, timeout=300, stdout=subprocess.DEVNULL)
        cls.server = Server.start()
        cls.owner = cls.server.sign_in(transport="bearer")
        cls.client = cls.server.client(cls.owner.create_key("access")["key"])
        second = cls.owner.create("organizations", name="Second")
        for name in ("Web shop", "Blog \"quoted\"", "Über", "\U0001f600", "last"):
            cls.owner.create("targets", name=name, url="https://x.example.com")
        for organization in (None, second["id"]):
            more = {"organization_id": organization} if organization else {}
            cls.owner.create("projects", name="Support bot", **more)
        cls.owner.create_user("viewer", password=PASSWORD)
        cls.introspection = cls.ask({"query": oracle("introspection")})["data"]

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    @classmethod
    def ask(cls, document):
        answer = cls.client.post(PATH, document)
        if answer.status != 200:
            raise AssertionError(f"{answer.status} {answer.body[:500]!r} for {document}")
        return answer.json()

    def world(self):
        """All that the server has, for the oracle's resolvers."""
        member = "id email name role active serviceAccount createdAt"
        data = self.ask({"query": """{ viewer { id email name createdAt memberships { role
            organization { id name createdAt
              targets(first: 50) { edges { cursor node { id name url createdAt } } }
              projects(first: 50) { edges { cursor node { id name createdAt } } }
              mcpServers(first: 50) { edges { cursor node { id name slug url enabled createdAt } } }
              members(first: 50) { edges { cursor node { %s } } } } } } }""" % member})["data"]
        organizations, memberships = [], []
        for membership in data["viewer"]["memberships"]:
            organization = dict(membership["organization"], typename="Organization")
            for name, typename in (("targets", "Target"), ("projects", "Project"),
                                   ("mcpServers", "MCPServer"), ("members", "Member")):
                organization[name] = [dict(edge["node"], cursor=edge["cursor"], typename=typename,
                                           organization_id=organization["id"])
                                      for edge in organization[name]["edges"]]
            organizations.append(organization)
            memberships.append({"role": membership["role"], "organization": organization["id"]})
        viewer = dict(data["viewer"], memberships=memberships, typename="Identity")
        return {"viewer": viewer, "organizations": organizations, "identities": []}

    def test_the_schema_is_the_one_in_the_repository(self):
        def types(text):
            return sorted(re.split(r"\n\n(?=\"\"\"|\w+ \w+)(?! )", text.strip()))
        golden = (ROOT / "tests" / "golden" / "schema.graphql").read_text()
        printed = oracle("sdl", {"introspection": self.introspection})
        self.assertEqual(types(printed), types(golden))

    def test_documents_are_refused_and_answered_alike(self):
        answers = json.loads(oracle("answers", {"introspection": self.introspection,
                                                "world": self.world(), "count": GENERATED}))
        stages, ours, wrong = {}, 0, []
        for each in answers:
            document, expected = each["document"], each["expected"]
            got = self.ask(document)
            errors = got.get("errors", [])
            if "data" not in got and any(OURS.search(error["message"]) for error in errors):
                ours += 1
                continue
            stages[expected["stage"]] = stages.get(expected["stage"], 0) + 1
            problem = self.difference(expected, got)
            if problem:
                wrong.append((problem, document, expected, got))
        for problem, document, expected, got in wrong[:10]:
            print(f"\n--- {problem}\n{document['query']}\n{document.get('variables')}\n"
                  f"graphql-js {json.dumps(expected)[:1500]}\nours       {json.dumps(got)[:1500]}")
        self.assertEqual([], [problem for problem, *_ in wrong], f"{len(wrong)} of {len(answers)}")
        self.assertGreater(len(answers), 600)
        for stage, least in (("parse", 100), ("validate", 150), ("execute", 150)):
            self.assertGreater(stages[stage], least, stages)
        self.assertLess(ours, len(answers) / 20)

    def difference(self, expected, got):
        errors = got.get("errors", [])
        if expected["stage"] in ("parse", "validate", "request"):
            if "data" in got:
                return "was executed"
            theirs = {normal(error) for error in expected["errors"]}
            mine = {normal({**error, "path": None}) for error in errors}
            if len(expected["errors"]) > 99 or theirs == mine:  # we stop counting at 100
                return None
            return f"other errors: {sorted(theirs ^ mine)}"
        if "data" not in got:
            no_root = expected["data"] is None and expected["errors"] == [
                {**error, "path": None} for error in [{key: each[key] for key in
                                                       ("message", "locations")}
                                                      for each in errors]]
            return None if no_root else "was refused"
        theirs, mine = in_one_order(expected["data"]), in_one_order(got["data"])
        if json.dumps(theirs) != json.dumps(mine):
            return "other data"
        places = {normal({**error, "message": "-"}) for error in expected["errors"]}
        mine = {normal({**error, "message": "-"}) for error in errors}
        return None if places == mine else f"other places: {sorted(places ^ mine)}"


if __name__ == "__main__":
    unittest.main()
