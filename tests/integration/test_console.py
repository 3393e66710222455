"""The console in a real browser: keys by mouse and by keyboard, ten thousand of them."""

import pathlib
import re
import shutil
import tempfile
import unittest

from browser import BrowserCase, furnish_many, without_chromium
from keywright import Server, wait_until


def printed(server, text):
    """What the server printed so far, once it holds this text."""
    return wait_until(lambda: text in (said := "".join(server.output)) and said, what=text)


@without_chromium
class Console(BrowserCase):
    def test_the_life_of_a_key(self):
        self.run_furnished("keys.test.mjs", many_keys=60)

    def test_without_a_mouse(self):
        self.run_furnished("keyboard.test.mjs")

    def test_what_is_counted_and_sent_on(self):
        self.run_furnished("usage.test.mjs", options=("--allow-upstream", "127.0.0.0/8"))

    def test_ten_thousand_keys_are_paged_searched_and_saved_quickly(self):
        server = Server.start()
        try:
            furnish_many(server)
            self.run_browser("many.test.mjs", {"KEYWRIGHT_URL": server.url})
        finally:
            server.stop()

    def test_the_set_up_link_makes_the_first_owner_once(self):
        folder = pathlib.Path(tempfile.mkdtemp(prefix="keywright-console-"))
        server = Server(folder / "data").serve()
        try:
            link = re.search(r"http\S+#token=\S+", printed(server, "#token="))[0]
            self.run_browser("first_run.test.mjs", {"KEYWRIGHT_URL": server.url,
                                                    "KEYWRIGHT_SETUP_LINK": link})
        finally:
            server.stop()
            shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    unittest.main()
