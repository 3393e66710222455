"""Every door works the same on PostgreSQL: tests of other files once more, each server on a
database of its own. `make test-long` takes all of these files."""

import os
import unittest

import keywright
from postgres import Postgres

FILES = ["test_standing", "test_targets_api"]
if os.environ.get("KEYWRIGHT_LONG"):
    FILES += ["test_access_matrix", "test_rest_protocol", "test_graphql", "test_cli_keys",
              "test_cli_objects", "test_traces", "test_traces_bodies", "test_forwarding"]


class OnPostgres(unittest.TestSuite):
    """While it runs, every Server is given a new database."""

    def run(self, result, debug=False):
        postgres = Postgres.start()
        plain, count = keywright.Server.__init__, 0

        def with_database(server, data, options=(), environment=None):
            nonlocal count
            count += 1
            postgres.sql(f"CREATE DATABASE d{count}")
            url = f"{postgres.url.rsplit('/', 1)[0]}/d{count}"
            plain(server, data, options, {**(environment or {}), "KEYWRIGHT_STORE": url})

        keywright.Server.__init__ = with_database
        try:
            return super().run(result, debug)
        finally:
            keywright.Server.__init__ = plain
            postgres.remove()


def load_tests(loader, tests, pattern):
    here = os.path.dirname(__file__)
    names = [name for name in FILES if os.path.exists(os.path.join(here, name + ".py"))]
    return OnPostgres([loader.loadTestsFromNames(names)])


if __name__ == "__main__":
    unittest.main()
