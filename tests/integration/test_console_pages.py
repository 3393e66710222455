"""The console in a real browser: every page and dialog, for every role, scheme and size."""

import unittest

from browser import BrowserCase, without_chromium


@without_chromium
class ConsolePages(BrowserCase):
    def test_every_page_for_every_role(self):
        self.run_furnished("pages.test.mjs")


if __name__ == "__main__":
    unittest.main()
