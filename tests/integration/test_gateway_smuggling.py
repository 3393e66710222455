"""Requests that two readers could read in two ways: the gateway and what stands behind it agree on
each, or it goes no further. Against nginx, Node and Python's http.server."""

import re
import threading
import unittest

import smuggling
from keywright import wait_until
from real_upstreams import NginxUpstream, NodeUpstream, PythonUpstream
from test_gateway import GatewayTest


class Desync(GatewayTest):
    def run_case(self, case, number, root, token, upstream, client, silence_seconds):
        """What went wrong, or None. The server is done when it closes, or is silent for so long."""
        before = len(upstream.seen())
        path = f"{root}/case-{number}"
        data = case.bytes(root, path, token)
        after = (f"GET {root}/after-{number} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                 f"Authorization: Bearer {token}\r\n\r\n").encode()
        raw = self.server.raw(data + after, silence_seconds)
        if client.get(f"{root}/probe-{number}").status != 200:
            return "the next request is not answered"

        def complete():
            return any(target == f"/probe-{number}" for _, target, _ in upstream.seen()[before:])
        wait_until(complete, what="the probe in the upstream's log")
        seen = upstream.seen()[before:]
        sent = re.match(rb"\s*\S+[ \t]+(?:https?://[^/\r\n]*)?(\S*)", data, re.I)
        forwarded = sent[1].decode("utf-8").removeprefix(root) if sent else None
        expected = {forwarded, f"/after-{number}", f"/probe-{number}"}
        targets = [target for _, target, _ in seen]
        if any("smuggled" in target.split("?")[0] for target in targets):
            return f"smuggled: {targets}"
        if not set(targets) <= expected or len(targets) != len(set(targets)):
            return f"the upstream saw {targets}, not some of {expected}"
        passed = len(re.findall(rb"HTTP/1\.1 2\d\d ", raw))
        if passed != len(targets) - 1:
            return f"{passed} answers for {targets}: {raw[:500]}"
        if raw and not raw.startswith(b"HTTP/1.1 "):
            return f"no HTTP: {raw[:100]}"
        return None

    one_at_a_time = threading.Lock()

    def check(self, make_upstream, problems, counts):
        with make_upstream() as upstream:
            with self.one_at_a_time:  # the owner's client is for one thread
                root = f"/services/{self.service(upstream.url)['slug']}"
                token = self.key()["key"]
            client = self.server.client(token)
            for number, case in enumerate(smuggling.cases()):
                try:
                    problem = self.run_case(case, number, root, token, upstream, client, 1)
                    if problem and "smuggled" not in problem:  # or was it slow?
                        problem = self.run_case(case, f"{number}-again", root, token, upstream,
                                                client, 15)
                except Exception as error:  # noqa: BLE001 - told with its case
                    problem = repr(error)
                counts.append(number)
                if problem:
                    problems.append(f"{upstream.name}: {case.name}: {problem}")

    def test_no_case_is_read_in_two_ways(self):
        problems, counts = [], []
        threads = [threading.Thread(target=self.check, args=(each, problems, counts))
                   for each in (NginxUpstream, NodeUpstream, PythonUpstream)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        self.assertEqual([], problems)
        self.assertGreaterEqual(len(counts), 3 * 300)


if __name__ == "__main__":
    unittest.main()
