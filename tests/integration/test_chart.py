"""The Helm chart and the compose file, judged by the libraries of Helm, Kubernetes and compose.

tests/interop/charts is a small Go program that holds them: it lints and renders the chart with
Helm's own code and decodes each manifest into the types of Kubernetes, strictly. Without a Go that
is new enough, or without a network at the first build, these tests are skipped, unless
KEYWRIGHT_LONG asks for them. What the chart starts is started, on loopback, with the very settings
of the rendered manifest. Not run here: a cluster.
"""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

from compose import Compose, make_programs, on_this_machine
from keywright import PASSWORD, ROOT, Client, Server, free_port, wait_until
from postgres import Postgres
from read_yaml import yaml

CHART = ROOT / "packaging/helm/keywright"
SOURCE = ROOT / "tests/interop/charts"
PROGRAM = ROOT / "build/charts/charts"
EXISTING = {"secret": {"existing": "keys"}}
EVERYTHING = {
    "replicas": 5, "secret": {"digestKey": "k", "store": "postgres://keywright:p@db/keywright"},
    "setup": {"enabled": True, "organization": "Acme", "email": "ada@example.org",
              "passwordSecret": "owner"},
    "publicUrl": "https://keys.example.org", "trustedProxies": ["10.0.0.0/8", "fd00::/8"],
    "allowUpstreams": ["10.1.0.0/16"], "accessLog": True, "threads": 4,
    "extraEnv": [{"name": "KEYWRIGHT_UPSTREAM_TIMEOUT", "value": "60"}],
    "persistence": {"enabled": True, "storageClass": "fast"},
    "imagePullSecrets": [{"name": "registry"}],
    "service": {"type": "LoadBalancer", "annotations": {"a": "b"}},
    "ingress": {"enabled": True, "className": "nginx", "hosts": ["keys.example.org"],
                "tlsSecret": "tls", "annotations": {"c": "d"}},
    "networkPolicy": {"enabled": True,
                      "from": [{"namespaceSelector": {"matchLabels": {"name": "ingress"}}}],
                      "egress": [{"ports": [{"port": 5432, "protocol": "TCP"}]}]},
    "serviceMonitor": {"enabled": True, "labels": {"release": "prometheus"}},
    "prometheusRule": {"enabled": True, "labels": {"release": "prometheus"}},
    "dashboard": {"enabled": True},
    "podAnnotations": {"e": "f"}, "podLabels": {"g": "h"}, "nodeSelector": {"disk": "ssd"},
    "tolerations": [{"key": "k", "operator": "Exists"}], "priorityClassName": "high",
}
SQLITE = {"postgres": False, "replicas": 1}


def build():
    """Why the program is not there; None if it is."""
    if not shutil.which("go"):
        return "no Go"
    done = subprocess.run(["nice", "go", "build", "-trimpath", "-o", PROGRAM, "."], cwd=SOURCE,
                          text=True, capture_output=True,
                          env={**os.environ, "GOFLAGS": "-mod=readonly -buildvcs=false"})
    return None if done.returncode == 0 else f"go build: {done.stderr[-500:]}"


class TextTest(unittest.TestCase):
    """What needs no Helm."""

    def test_every_value_is_declared_described_and_used(self):
        values = yaml.safe_load((CHART / "values.yaml").read_text())
        schema = json.loads((CHART / "values.schema.json").read_text())["properties"]
        self.assertEqual(set(values), set(schema) - {"global"})
        text = "".join(path.read_text() for path in (CHART / "templates").iterdir())
        used = set(re.findall(r"\.Values\.([A-Za-z.]+)", text))
        for path in used:
            at = values
            for name in path.split("."):
                self.assertIn(name, at, path)
                at = at[name]
        for name, value in values.items():
            inner = [f"{name}.{key}" for key in value] if name in schema and \
                schema[name].get("properties") else [name]
            for path in inner:
                self.assertIn(path, used)

    def test_the_chart_has_the_version_of_the_program(self):
        chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
        version = (ROOT / "VERSION").read_text().strip()
        self.assertEqual((version, version), (chart["version"], chart["appVersion"]))


class ToolTest(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        missing = build()
        if missing and not os.environ.get("KEYWRIGHT_LONG"):
            raise unittest.SkipTest(missing)
        if missing:
            raise AssertionError(missing)

    def run_tool(self, command, path, *values, environment=None):
        with tempfile.TemporaryDirectory() as made:
            files = []
            for number, one in enumerate(values):
                files.append(pathlib.Path(made) / f"{number}.yaml")
                files[-1].write_text(yaml.safe_dump(one))
            return subprocess.run([PROGRAM, command, path, *files], text=True,
                                  capture_output=True, env={**os.environ, **(environment or {})})

    def rendered(self, *values):
        done = self.run_tool("render", CHART, *values)
        self.assertEqual(0, done.returncode, done.stderr)
        return [one for one in yaml.safe_load_all(done.stdout) if one]

    def one(self, manifests, kind, name="keywright"):
        found = [one for one in manifests
                 if one["kind"] == kind and one["metadata"]["name"] == name]
        self.assertEqual(1, len(found), (kind, name))
        return found[0]


class ComposeFileTest(ToolTest):
    def test_compose_takes_the_file(self):
        path = ROOT / "packaging/compose/compose.yaml"
        done = self.run_tool("compose", path, environment={"OWNER_EMAIL": "ada@example.org"})
        self.assertEqual(0, done.returncode, done.stderr)
        done = self.run_tool("compose", path)
        self.assertIn("say who the owner is", done.stderr)


class ChartTest(ToolTest):
    def test_helm_has_nothing_to_complain_of(self):
        for values in (EXISTING, EVERYTHING, SQLITE):
            done = self.run_tool("lint", CHART, values)
            self.assertEqual(0, done.returncode, done.stderr)

    def test_kubernetes_knows_every_field(self):
        plain = {one["kind"] for one in self.rendered(EXISTING)}
        self.assertEqual({"StatefulSet", "Service", "ServiceAccount", "PodDisruptionBudget"}, plain)
        everything = {one["kind"] for one in self.rendered(EVERYTHING)}
        self.assertEqual(plain | {"Secret", "Job", "Ingress", "NetworkPolicy", "ServiceMonitor",
                                  "PrometheusRule", "ConfigMap"}, everything)
        self.assertEqual({"StatefulSet", "Service", "ServiceAccount"},
                         {one["kind"] for one in self.rendered(SQLITE)})

    def test_mistakes_end_before_anything_is_installed(self):
        for values, complaint in (
                ({}, "secret.existing"),
                ({"postgres": False}, "needs PostgreSQL"),
                ({**SQLITE, "persistence": {"enabled": False}}, "persistence"),
                ({**EXISTING, "setup": {"enabled": True}}, "setup needs"),
                ({**EXISTING, "ingress": {"enabled": True}}, "names no host"),
                ({**EXISTING, "replica": 2}, "replica"),
                ({**EXISTING, "maxStaleness": "soon"}, "maxStaleness")):
            done = self.run_tool("render", CHART, values)
            self.assertEqual(1, done.returncode, values)
            self.assertIn(complaint, done.stderr)

    def test_pods_have_no_rights_and_write_to_volumes_alone(self):
        manifests = self.rendered(EVERYTHING)
        for one in (self.one(manifests, "StatefulSet"),
                    self.one(manifests, "Job", "keywright-setup")):
            pod = one["spec"]["template"]["spec"]
            self.assertFalse(pod["automountServiceAccountToken"])
            self.assertEqual((True, 10001), (pod["securityContext"]["runAsNonRoot"],
                                             pod["securityContext"]["runAsUser"]))
            mounted = {volume["name"] for volume in pod["volumes"]}
            mounted |= {claim["metadata"]["name"]
                        for claim in one["spec"].get("volumeClaimTemplates", [])}
            for container in pod["containers"]:
                security = container["securityContext"]
                self.assertTrue(security["readOnlyRootFilesystem"])
                self.assertEqual(["ALL"], security["capabilities"]["drop"])
                self.assertEqual(mounted, {mount["name"] for mount in container["volumeMounts"]})

    def test_probes_ask_for_life_and_for_readiness_apart(self):
        container = self.one(self.rendered(EXISTING), "StatefulSet")["spec"]["template"]["spec"][
            "containers"][0]
        paths = {name: container[name]["httpGet"]["path"]
                 for name in ("startupProbe", "livenessProbe", "readinessProbe")}
        self.assertEqual({"startupProbe": "/healthz", "livenessProbe": "/healthz",
                          "readinessProbe": "/readyz"}, paths)

    def test_selectors_find_the_pods_and_nothing_else(self):
        manifests = self.rendered(EVERYTHING)
        pod = self.one(manifests, "StatefulSet")["spec"]["template"]["metadata"]["labels"]
        job = self.one(manifests, "Job", "keywright-setup")["spec"]["template"]["metadata"][
            "labels"]
        nodes = self.one(manifests, "Service", "keywright-nodes")
        selectors = [self.one(manifests, "Service")["spec"]["selector"],
                     nodes["spec"]["selector"],
                     self.one(manifests, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
                     self.one(manifests, "NetworkPolicy")["spec"]["podSelector"]["matchLabels"],
                     self.one(manifests, "StatefulSet")["spec"]["selector"]["matchLabels"]]
        for selector in selectors:
            self.assertLessEqual(selector.items(), pod.items())
            self.assertFalse(selector.items() <= job.items())
        monitor = self.one(manifests, "ServiceMonitor")["spec"]
        self.assertLessEqual(monitor["selector"]["matchLabels"].items(),
                             nodes["metadata"]["labels"].items())
        self.assertEqual("keywright", nodes["metadata"]["labels"][monitor["jobLabel"]])
        self.assertEqual(monitor["endpoints"][0]["port"], nodes["spec"]["ports"][0]["name"])

    def test_rules_and_dashboard_are_the_ones_of_the_repository(self):
        manifests = self.rendered(EVERYTHING)
        rules = yaml.safe_load((ROOT / "packaging/prometheus/rules.yaml").read_text())
        self.assertEqual(rules, self.one(manifests, "PrometheusRule")["spec"])
        board = self.one(manifests, "ConfigMap", "keywright-dashboard")["data"]["keywright.json"]
        self.assertEqual(json.loads((ROOT / "packaging/grafana/keywright.json").read_text()),
                         json.loads(board))


class PodTest(ToolTest):
    """The container and the job of the manifests, as processes of this machine."""

    @classmethod
    def setUpClass(cls):
        super().setUpClass()
        cls.addClassCleanup(cls.clean)
        cls.project = cls.postgres = None
        cls.folder = pathlib.Path(tempfile.mkdtemp(prefix="keywright-pod-"))
        cls.postgres = Postgres.start()
        cls.port = free_port()
        subprocess.run([ROOT / "packaging/container/make-secrets", cls.folder / "secret",
                        re.sub(r".*@", "", cls.postgres.url)], check=True)
        password = (cls.folder / "secret/database_password").read_text()
        cls.postgres.sql(f"ALTER ROLE keywright PASSWORD '{password}'")
        (cls.folder / "owner").mkdir()
        (cls.folder / "owner/owner_password").write_text(PASSWORD)
        cls.programs = make_programs(cls.folder / "bin")

    @classmethod
    def clean(cls):
        if cls.project:
            cls.project.stop_all()
        if cls.postgres:
            cls.postgres.remove()
        shutil.rmtree(cls.folder, ignore_errors=True)

    def mapped(self, name, text):
        own = self.folder / name
        (own / "tmp").mkdir(parents=True, exist_ok=True)
        return on_this_machine(text, own, self.programs, {
            "/etc/keywright": self.folder, "/tmp/setup": own / "tmp/setup",
            "0.0.0.0:8080": f"127.0.0.1:{self.port}"})

    def service(self, pod):
        container = pod["spec"]["template"]["spec"]["containers"][0]
        service = {"image": container["image"],
                   "environment": {one["name"]: one["value"] for one in container["env"]},
                   "command": container["args"]}
        if "command" in container:
            service["entrypoint"] = container["command"]
        return service, container

    def test_a_pod_serves_and_the_job_sets_it_up_meanwhile(self):
        manifests = self.rendered(EVERYTHING)
        node, container = self.service(self.one(manifests, "StatefulSet"))
        job, _ = self.service(self.one(manifests, "Job", "keywright-setup"))
        path = self.folder / "services.json"
        path.write_text(json.dumps({"services": {"node": node, "job": job}}).replace("$", "$$"))
        type(self).project = project = Compose(path, {}, self.programs, self.mapped)
        project.start("node", self.folder / "log")
        server = Server(self.folder / "unused")
        server.port, server.email = self.port, "ada@example.org"

        def answers(probe):
            try:
                return Client(server).get(container[probe]["httpGet"]["path"]).status == 200
            except OSError:
                return False

        wait_until(lambda: answers("startupProbe"), what="the start")
        for expected in ("ada@example.org", "set up already"):
            done = project.run("job")
            self.assertEqual(0, done.returncode, done.stdout + done.stderr)
            self.assertIn(expected, done.stdout + done.stderr)
        wait_until(lambda: answers("readinessProbe"), what="readiness")
        self.assertTrue(answers("livenessProbe"))
        key = server.sign_in().create_key("access")
        Client(server, key["key"]).get("/api/v1/whoami").expect(200)
        self.assertEqual(0, project.stop("node"))


if __name__ == "__main__":
    unittest.main()
