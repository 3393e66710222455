"""The model of docs/operating/sizing.md: its tables, and its constants measured again.

The constants are rounded up from measurements; on a busy machine counts stay the same and times do
not, so counts are measured here and times are compared with what `make bench` wrote down.
"""

import importlib.util
import pathlib
import re
import subprocess
import time
import unittest

from keywright import ROOT
from postgres import Cluster, Postgres

PAGE = ROOT / "docs/operating/sizing.md"
PROGRAM = ROOT / "tools/sizing.py"
RESULTS = ROOT / "bench/RESULTS.md"
# A model that is further off than this misleads.
TOLERANCE = 1.25
IDLE_SECONDS = 5
CHANGES = 40


def model():
    spec = importlib.util.spec_from_file_location("sizing", PROGRAM)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def measured(label):
    """The value of the row of RESULTS.md that begins like this."""
    found = re.search(rf"^\| {re.escape(label)}[^|]*\|[^|]*\| ([0-9.,]+)", RESULTS.read_text(),
                      re.M)
    return float(found[1].replace(",", ""))


class PageTest(unittest.TestCase):
    def test_the_tables_are_the_ones_that_the_program_computes(self):
        page = PAGE.read_text()
        for name, table in model().TABLES.items():
            expected = f"<!-- sizing: {name} -->\n" + "\n".join(table()) + "\n"
            self.assertIn(expected, page, "run tools/sizing.py --tables")

    def test_the_examples_run(self):
        lines = re.findall(r"^tools/sizing\.py .*$", PAGE.read_text(), re.M)
        self.assertEqual(2, len(lines))
        for line in lines:
            done = subprocess.run(line.split(), cwd=ROOT, text=True, capture_output=True)
            self.assertEqual(0, done.returncode, done.stderr)
            self.assertIn("memory of each node", done.stdout)
            self.assertNotIn("too much", done.stdout)

    def test_what_cannot_be_done_is_called_so(self):
        done = subprocess.run([PROGRAM, "--nodes", "1000"], text=True, capture_output=True)
        self.assertIn("too much for one PostgreSQL", done.stdout)


class BenchTest(unittest.TestCase):
    """The constants beside bench/RESULTS.md."""

    def close(self, constant, value):
        self.assertLess(max(constant / value, value / constant), TOLERANCE, (constant, value))

    def test_memory_checks_and_starts_are_the_measured_ones(self):
        sizing = model()
        self.close(sizing.MEMORY_BYTES_A_KEY, measured("memory, bytes a key"))
        self.close(sizing.CHECK_SECONDS, measured("verify, CPU µs a request") * 1e-6)
        self.close(sizing.CHECK_SECONDS_HTTP2, measured("verify over h2c, CPU µs a request") * 1e-6)
        self.close(sizing.CHECK_SECONDS_BATCH, measured("verify-batch of 1000") * 1e-6)
        self.close(sizing.SQLITE_START_SECONDS_A_KEY, measured("start, s") / 1e6)


class DatabaseTest(unittest.TestCase):
    """Counts what PostgreSQL is asked, in its own log."""

    @classmethod
    def setUpClass(cls):
        cls.addClassCleanup(cls.clean)
        cls.cluster = None
        cls.postgres = Postgres.start()
        cls.cluster = Cluster(cls.postgres, nodes=3, options=["--threads", "1"])
        cls.owner = cls.cluster.nodes[0].sign_in()
        cls.keys = [cls.owner.create_key("access") for _ in range(CHANGES)]
        cls.postgres.sql("ALTER SYSTEM SET log_min_duration_statement = 0")
        cls.postgres.sql("SELECT pg_reload_conf()")
        time.sleep(0.5)

    @classmethod
    def clean(cls):
        if cls.cluster:
            cls.cluster.stop()
        cls.postgres.remove()

    def statements(self):
        log = (pathlib.Path(self.postgres.folder) / "log").read_text(errors="replace")
        return len(re.findall(r"duration: .*(?:statement|execute)", log))

    def connections(self):
        return int(self.postgres.sql("SELECT count(*) FROM pg_stat_activity WHERE "
                                     "backend_type = 'client backend' "
                                     "AND pid <> pg_backend_pid()")[0][0])

    def idle_statements(self):
        before, began = self.statements(), time.monotonic()
        time.sleep(IDLE_SECONDS)
        return (self.statements() - before) / (time.monotonic() - began)

    def test_the_load_on_the_database_is_what_the_model_says(self):
        sizing = model()
        idle = min(self.idle_statements() for _ in range(3))  # what was made before still echoes
        self.assertLess(idle, sizing.idle_statements(3) * TOLERANCE)
        self.assertLess(idle, 8 * 3)
        before, began = self.statements(), time.monotonic()
        for key in self.keys:
            self.owner.post(f"/api/v1/keys/{key['id']}/revoke", {}).expect(200)
        each = (self.statements() - before - idle * (time.monotonic() - began)) / CHANGES
        self.assertLess(each, sizing.statements_a_turn(3) * TOLERANCE)
        self.assertGreater(each, sizing.statements_a_turn(3) / TOLERANCE / 1.5)
        self.assertLessEqual(self.connections(), 3 * sizing.CONNECTIONS_A_NODE)


if __name__ == "__main__":
    unittest.main()
