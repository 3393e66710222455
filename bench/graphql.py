"""The GraphQL API: what one small query costs."""

import json
import statistics
import urllib.request

from processes import Failed, Keywright

QUERY = b'{"query":"{viewer{id email}}"}'


def check(server, token):
    """The answer must be one: a load of refusals measures nothing."""
    request = urllib.request.Request(
        f"http://127.0.0.1:{server.port}/api/console/v1/graphql", QUERY,
        {"Authorization": f"Bearer {token}", "Content-Type": "application/json"})
    with urllib.request.urlopen(request, timeout=10) as answer:
        body = json.load(answer)
    if "errors" in body or not body["data"]["viewer"]["email"]:
        raise Failed(f"no viewer: {body}")


def graphql(bench, row, slice_of, spread):
    """Server on core 0, wrk on core 1; a random access key of many people in each request."""
    seed = bench.seed(bench.keys)
    tokens = [token for token in seed.tokens() if token.startswith("kwa_")]
    path = bench.scratch / "access-tokens.txt"
    path.write_text("\n".join(tokens) + "\n")
    cpu, loads = [], []
    with Keywright(seed.data, threads=1, cores="0") as server:
        check(server, tokens[0])
        for number in range(bench.rounds + 1):
            nanoseconds, load = slice_of(server, "graphql", path, "-")
            if number == 0:  # warm-up
                continue
            cpu.append(nanoseconds / 1000)
            loads.append(load)
    rate = statistics.median(load.rate for load in loads)
    middle = statistics.median(cpu)
    yield row("GraphQL {viewer{id email}}, CPU \u00b5s a request", spread(cpu), "\u2264 25",
              middle <= 25, f"{len(tokens):,} access keys, key check included; "
                            f"{rate:,.0f} requests/s")
