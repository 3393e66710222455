"""The pages in the binary: where they are, how they are protected, and what their links do."""

import gzip
import html.parser
import os
import re
import tempfile
import unittest
import urllib.parse

from keywright import PASSWORD, Server, wait_until

PAGES = ("/console/", "/console/setup", "/console/invitation", "/console/reset",
         "/console/account/keys", "/docs")


class Page(html.parser.HTMLParser):
    """Addresses that a page loads, and anything inline."""

    def __init__(self, text):
        super().__init__()
        self.loads, self.inline = [], []
        self.lang = None
        self._in_script = False
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        attributes = dict(attributes)
        self.inline += [name for name in attributes if name.startswith("on") or name == "style"]
        if tag == "html":
            self.lang = attributes.get("lang")
        if tag == "style":
            self.inline.append("style element")
        if tag in ("script", "img", "link"):
            self.loads.append(attributes.get("src") or attributes.get("href"))
        self._in_script = tag == "script"

    def handle_data(self, data):
        if self._in_script and data.strip():
            self.inline.append("script text")
        self._in_script = False


class Pages(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server.start()
        cls.client = cls.server.client()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def test_the_root_leads_to_the_console(self):
        answer = self.client.get("/")
        self.assertIn(answer.status, (302, 308))
        self.assertEqual("/console/", answer.headers["Location"])

    def test_pages_run_nothing_but_files_of_this_server(self):
        for path in PAGES:
            with self.subTest(path):
                answer = self.client.get(path)
                self.assertEqual(200, answer.status)
                policy = answer.headers["Content-Security-Policy"]
                for part in ("default-src 'none'", "script-src 'self'", "style-src 'self'",
                             "connect-src 'self'", "frame-ancestors 'none'", "base-uri 'none'"):
                    self.assertIn(part, policy)
                self.assertNotIn("unsafe", policy)
                self.assertEqual("nosniff", answer.headers["X-Content-Type-Options"])
                self.assertEqual("no-referrer", answer.headers["Referrer-Policy"])
                page = Page(answer.text)
                self.assertEqual([], page.inline)
                self.assertEqual("en", page.lang)
                for address in page.loads:
                    self.assertTrue(address.startswith("/"), address)
                    self.assertEqual(200, self.client.get(address).status, address)

    def test_our_scripts_ask_no_other_server(self):
        for path in ("/console/theme.js", "/docs/docs.js"):
            self.assertNotRegex(self.client.get(path).text, r"https?://")
        docs = self.client.get("/docs/docs.js").text
        self.assertRegex(docs, r'request\.credentials\s*=\s*"omit"')
        self.assertRegex(docs, r"validatorUrl:\s*null")

    def test_files_are_compressed_and_kept(self):
        plain = self.client.get("/docs/swagger-ui-bundle.js")
        packed = self.client.get("/docs/swagger-ui-bundle.js",
                                 headers={"Accept-Encoding": "gzip"})
        self.assertEqual("gzip", packed.headers["Content-Encoding"])
        self.assertEqual(plain.body, gzip.decompress(packed.body))
        self.assertLess(len(packed.body), len(plain.body) / 2)
        self.assertNotEqual(plain.headers["ETag"], packed.headers["ETag"])
        again = self.client.get("/docs/swagger-ui-bundle.js",
                                headers={"If-None-Match": plain.headers["ETag"]})
        self.assertEqual((304, b""), (again.status, again.body))

    def test_files_named_after_their_content_are_kept_for_good(self):
        page = Page(self.client.get("/console/").text)
        kept = [address for address in page.loads if address.startswith("/console/assets/")]
        self.assertTrue(kept)
        for address in kept:
            caching = self.client.get(address).headers["Cache-Control"]
            self.assertIn("immutable", caching, address)
        self.assertEqual("no-cache", self.client.get("/console/").headers["Cache-Control"])

    def test_only_pages_of_the_console_are_pages(self):
        self.assertEqual(404, self.client.get("/console/nothing").status)
        self.assertEqual("unknown_path", self.client.get("/console/assets/none.js").code)
        shown = self.client.get("/console/nothing", headers={"Accept": "text/html"})
        self.assertEqual(200, shown.status)  # a person is told by the page itself

    def test_an_invitation_link_leads_to_a_password(self):
        owner = self.server.sign_in()
        made = owner.create("users", email="invited@example.org", role="member")
        link = urllib.parse.urlsplit(made["invite_url"])
        self.assertEqual("/console/invitation", link.path)
        self.assertEqual("", link.query)
        self.assertEqual(200, self.client.get(link.path).status)
        token = urllib.parse.parse_qs(link.fragment)["token"][0]
        accept = {"token": token, "password": PASSWORD, "name": "Invited"}
        self.assertEqual(200, self.client.post("/api/v1/invitations/accept", accept).status)
        self.assertEqual("invited@example.org",
                         self.server.sign_in("invited@example.org").user["email"])
        self.assertEqual(404, self.client.post("/api/v1/invitations/accept", accept).status)


class SetUpLink(unittest.TestCase):
    def test_an_empty_installation_prints_a_link_that_works_once(self):
        with tempfile.TemporaryDirectory() as folder:
            server = Server(os.path.join(folder, "data")).serve()
            try:
                wait_until(lambda: "token=" in "".join(server.output), what="the link")
                output = "".join(server.output)
                link = urllib.parse.urlsplit(re.search(r"http\S+", output.partition("once")[2])[0])
                self.assertEqual(("/console/setup", ""), (link.path, link.query))
                nobody = server.client()
                self.assertEqual(200, nobody.get(link.path).status)
                self.assertEqual(401, nobody.get("/api/v1/me").status)
                fields = {"token": urllib.parse.parse_qs(link.fragment)["token"][0],
                          "organization": "First", "email": "first@example.org",
                          "password": PASSWORD}
                wrong = nobody.post("/api/v1/setup", {**fields, "token": "x" * 43})
                self.assertIn(wrong.status, (401, 403, 404))
                self.assertEqual(201, nobody.post("/api/v1/setup", fields).status)
                self.assertIn(nobody.post("/api/v1/setup", fields).status, (404, 409))
                signed_in = server.sign_in("first@example.org")
                self.assertEqual("owner", signed_in.user["organizations"][0]["role"])
            finally:
                server.stop()


if __name__ == "__main__":
    unittest.main()
