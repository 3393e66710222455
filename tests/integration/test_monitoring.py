"""The alert rules and the dashboard, against a running node.

promtool checks and tests the rules. A real Prometheus follows one node on PostgreSQL through all
kinds of traffic: every metric and every value of a label that a rule or a panel names must have
been there, and every panel must show something.
"""

import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import unittest
import urllib.parse
import urllib.request

from keywright import ROOT, free_port, wait_until
from mcp_upstream import McpUpstream
from postgres import Cluster, Postgres
from read_yaml import yaml
from upstreams import Recorder

RULES = ROOT / "packaging/prometheus/rules.yaml"
DASHBOARD = ROOT / "packaging/grafana/keywright.json"
PAGE = ROOT / "docs/operating/monitoring.md"
METRIC = re.compile(r"\bkeywright_[a-z_0-9]+")
SELECTOR = re.compile(r'(keywright_[a-z_0-9]+)\{([^}]*)\}')
MATCHER = re.compile(r'(\w+)(=~|!~|!=|=)"([^"]*)"')
# What the place decides where Prometheus runs, and what Grafana fills in.
OUTER_LABELS = {"job", "instance"}


def rules():
    return yaml.safe_load(RULES.read_text())["groups"][0]["rules"]


def panels():
    return [panel for panel in json.loads(DASHBOARD.read_text())["panels"]
            if panel["type"] != "row"]


def queries():
    """(where, PromQL) of every rule, panel and annotation."""
    for rule in rules():
        yield rule["alert"], rule["expr"]
    board = json.loads(DASHBOARD.read_text())
    for panel in panels():
        for target in panel["targets"]:
            yield f"{panel['title']}/{target['refId']}", target["expr"]
    for annotation in board["annotations"]["list"]:
        yield annotation["name"], annotation["expr"]


def filled_in(query):
    """As Grafana would send it."""
    return (query.replace("$job", ".*").replace("$instance", ".*")
            .replace("$__rate_interval", "30s"))


@unittest.skipUnless(shutil.which("promtool"), "no Prometheus: tools/setup.sh test installs it")
class RulesTest(unittest.TestCase):
    def promtool(self, *arguments):
        done = subprocess.run(["promtool", *map(str, arguments)], text=True, capture_output=True,
                              cwd=RULES.parent, timeout=60)
        self.assertEqual(0, done.returncode, done.stdout + done.stderr)

    def test_the_rules_are_well_formed(self):
        self.promtool("check", "rules", RULES)

    def test_each_alert_fires_when_it_should_and_only_then(self):
        self.promtool("test", "rules", RULES.with_name("rules_test.yaml"))

    def test_each_alert_is_tested_explained_and_says_what_to_do(self):
        page, tests = PAGE.read_text(), RULES.with_name("rules_test.yaml").read_text()
        headings = set(re.findall(r"^### (\w+)$", page, re.M))
        self.assertEqual({rule["alert"] for rule in rules()}, headings)
        for rule in rules():
            self.assertIn(rule["alert"], tests)
            self.assertIn(rule["labels"]["severity"], ("critical", "warning"))
            self.assertEqual(f"docs/operating/monitoring.md#{rule['alert'].lower()}",
                             rule["annotations"]["runbook"])

    def test_every_query_of_the_dashboard_is_promql(self):
        rules_of_queries = [{"record": "q", "expr": filled_in(query)} for _, query in queries()]
        with tempfile.TemporaryDirectory() as made:
            path = pathlib.Path(made) / "queries.yaml"
            path.write_text(yaml.safe_dump({"groups": [
                {"name": f"q{i}", "rules": [rule]} for i, rule in enumerate(rules_of_queries)]}))
            self.promtool("check", "rules", path)


class DashboardTest(unittest.TestCase):
    def test_panels_have_numbers_of_their_own_and_do_not_overlap(self):
        board = json.loads(DASHBOARD.read_text())
        numbers = [panel["id"] for panel in board["panels"]]
        self.assertEqual(len(numbers), len(set(numbers)))
        taken = set()
        for panel in board["panels"]:
            at = panel["gridPos"]
            cells = {(x, y) for x in range(at["x"], at["x"] + at["w"])
                     for y in range(at["y"], at["y"] + at["h"])}
            self.assertFalse(cells & taken, panel["title"])
            self.assertLessEqual(at["x"] + at["w"], 24, panel["title"])
            taken |= cells

    def test_it_can_be_imported_anywhere(self):
        text = DASHBOARD.read_text()
        self.assertEqual({"${datasource}"}, set(re.findall(r'"uid": "(\$[^"]*)"', text)))
        self.assertIsNone(re.search(r'"id": null', text))


class LiveTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.addClassCleanup(cls.clean)
        cls.postgres = cls.cluster = cls.process = None
        cls.upstream, cls.mcp = Recorder(), McpUpstream.start()
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="keywright-prometheus-"))
        cls.postgres = Postgres.start()
        cls.cluster = Cluster(cls.postgres, nodes=1, options=["--allow-upstream", "127.0.0.0/8"])
        cls.node = cls.cluster.nodes[0]
        cls.owner = cls.node.sign_in()
        cls.prepare()
        cls.traffic()  # every series begins here: a rate needs two looks at it
        if shutil.which("prometheus"):
            cls.start_prometheus()
            wait_until(cls.everything_is_shown, what="all panels")

    @classmethod
    def clean(cls):
        if cls.process:
            cls.process.send_signal(signal.SIGTERM)
            cls.process.wait(60)
        if cls.cluster:
            cls.cluster.stop()
        if cls.postgres:
            cls.postgres.remove()
        cls.upstream.close()
        cls.mcp.stop()
        shutil.rmtree(cls.folder, ignore_errors=True)

    @classmethod
    def prepare(cls):
        owner = cls.owner
        space = owner.create("keyspaces", name="k", prefix="mon_")
        owner.create("services", name="S", slug="s", upstream_url=cls.upstream.url,
                     required_permission="s:use")
        server = owner.create("mcp-servers", name="Tools", slug="tools", url=cls.mcp.url)
        owner.post(f"/api/v1/mcp-servers/{server['id']}/probe").expect(200)
        project = owner.create("projects", name="p")
        platform = owner.create(f"projects/{project['id']}/platforms", name="one",
                                type="http_api")
        cls.access = owner.create_key("access")
        cls.revoked = owner.create_key("access")
        cls.customer = owner.create_key("customer", keyspace_id=space["id"],
                                        permissions=["s:*"], owner={"type": "external", "id": "1"})
        cls.connect = owner.create_key("connect", scope={"ids": [server["id"]]})
        cls.ingest = owner.create_key("ingest", owner={"type": "project", "id": project["id"]},
                                      scope={"ids": [platform["id"]]})
        owner.post(f"/api/v1/keys/{cls.revoked['id']}/revoke", {}).expect(200)

    @classmethod
    def traffic(cls):
        client = cls.node.client
        for token, status in ((cls.access["key"], 200), (cls.revoked["key"], 401),
                              ("nonsense", 401), ("kwa_" + "0" * 40, 401)):
            client(token).get("/api/v1/whoami").expect(status)
        customer = client(cls.customer["key"])
        customer.get("/auth/s").expect(200)
        customer.get("/services/s/x").expect(200)
        message = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
        client(cls.connect["key"]).post("/mcp-connect/tools", message).expect(200)
        accept = {"Accept": "application/json, text/event-stream"}
        client(cls.access["key"]).post("/api/mcp/v1", message, headers=accept).expect(200)
        client(cls.ingest["key"]).post("/public/traces", {"data": {}}).expect(200, 201, 202)

    @classmethod
    def start_prometheus(cls):
        cls.prometheus_port = free_port()
        (cls.folder / "prometheus.yml").write_text(yaml.safe_dump({
            "global": {"scrape_interval": "500ms", "scrape_timeout": "500ms",
                       "evaluation_interval": "500ms"},
            "rule_files": [str(RULES)],
            "scrape_configs": [{"job_name": "keywright", "static_configs": [
                {"targets": [f"127.0.0.1:{cls.node.port}"]}]}]}))
        with open(cls.folder / "log", "wb") as log:
            cls.process = subprocess.Popen(
                ["prometheus", f"--config.file={cls.folder}/prometheus.yml",
                 f"--storage.tsdb.path={cls.folder}/data",
                 f"--web.listen-address=127.0.0.1:{cls.prometheus_port}"],
                stdout=log, stderr=subprocess.STDOUT,
                env={**os.environ, "GOMAXPROCS": "1"})
        wait_until(lambda: cls.result("up == 1"), what="Prometheus")

    @classmethod
    def everything_is_shown(cls):
        cls.traffic()
        return all(cls.result(filled_in(target["expr"])) for panel in panels()
                   for target in panel["targets"])

    @classmethod
    def result(cls, query):
        url = f"http://127.0.0.1:{cls.prometheus_port}/api/v1/query?" + urllib.parse.urlencode(
            {"query": query})
        try:
            with urllib.request.urlopen(url, timeout=10) as answer:
                return json.load(answer)["data"]["result"]
        except OSError:
            return None

    def samples(self):
        """Name -> label -> values, as the node gives them now."""
        found = {}
        for line in self.node.client().get("/metrics").expect(200).text.splitlines():
            name = METRIC.match(line)
            if name:
                labels = found.setdefault(name[0], {})
                for label, value in re.findall(r'(\w+)="([^"]*)"', line):
                    labels.setdefault(label, set()).add(value)
        return found

    def test_every_metric_and_label_that_is_named_is_there(self):
        samples = self.samples()
        for where, query in queries():
            for name in METRIC.findall(query):
                self.assertIn(name, samples, where)
            for name, matchers in SELECTOR.findall(query):
                for label, operator, wanted in MATCHER.findall(matchers):
                    if label in OUTER_LABELS:
                        continue
                    values = samples[name].get(label, set())
                    for one in wanted.split("|") if operator.endswith("~") else [wanted]:
                        self.assertIn(one, values, where)
            for labels in re.findall(r"by \(([^)]*)\)", query):
                known = OUTER_LABELS.union(*(samples[name] for name in METRIC.findall(query)))
                self.assertLessEqual({one.strip() for one in labels.split(",")}, known, where)

    def test_every_metric_is_on_the_dashboard_or_explained(self):
        shown = {name for _, query in queries() for name in METRIC.findall(query)}
        shown |= set(METRIC.findall(PAGE.read_text()))
        self.assertEqual(set(), set(self.samples()) - shown)

    def test_every_metric_that_the_page_names_is_there(self):
        self.assertEqual(set(), set(METRIC.findall(PAGE.read_text())) - set(self.samples()))

    @unittest.skipUnless(shutil.which("prometheus"), "no Prometheus")
    def test_every_panel_shows_something(self):
        for panel in panels():
            for target in panel["targets"]:
                with self.subTest(panel["title"], query=target["expr"]):
                    self.assertTrue(self.result(filled_in(target["expr"])))

    @unittest.skipUnless(shutil.which("prometheus"), "no Prometheus")
    def test_a_healthy_node_raises_no_alert(self):
        self.assertEqual([], self.result('ALERTS{alertstate="firing"}'))


if __name__ == "__main__":
    unittest.main()
