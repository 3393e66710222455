// Ready-to-paste text with the secret in it. Made when shown, kept nowhere.

import type { KindName } from "./kinds";

export interface Snippet {
  title: string;
  code: string;
}

interface What {
  kind: KindName;
  secret: string;
  name: string;
  servers: { name: string; slug: string }[];  // those the key may connect to
}

function curl(kind: KindName, secret: string, origin: string): string {
  const bearer = `-H 'Authorization: Bearer ${secret}'`;
  switch (kind) {
    case "connect":
      return `curl -sS ${origin}/api/me \\\n  ${bearer}`;
    case "ingest":
      return `curl -sS -X POST ${origin}/public/traces \\
  -H 'Content-Type: application/json' \\
  -H 'x-api-key: ${secret}' \\
  -d '{"platformId":"PLATFORM ID","data":{"input":"hello","output":"hi"}}'`;
    case "account":
    case "target":
      return `curl -sS ${origin}/targets/ \\\n  -H 'Authorization: JWT ${secret}'`;
    case "personal":
      return `curl -sS ${origin}/api/console/v1/graphql \\
  ${bearer} \\
  -H 'Content-Type: application/json' \\
  -d '{"query":"{ viewer { id email name } }"}'`;
    case "mcp":
      return `curl -sS ${origin}/api/mcp/v1 \\
  ${bearer} \\
  -H 'Content-Type: application/json' \\
  -H 'Accept: application/json, text/event-stream' \\
  -d '{"jsonrpc":"2.0","id":1,"method":"ping"}'`;
    case "management":
      return `curl -sS ${origin}/api/v1/keys/verify \\
  ${bearer} \\
  -H 'Content-Type: application/json' \\
  -d '{"key":"THE KEY TO CHECK"}'`;
    case "customer":
      return `curl -sS ${origin}/services/YOUR-SERVICE/ \\\n  ${bearer}`;
    case "access":
      return `curl -sS ${origin}/api/v1/whoami \\\n  ${bearer}`;
  }
}

function slugOf(name: string): string {
  return name.toLowerCase().replaceAll(/[^a-z0-9]+/g, "-").replaceAll(/^-+|-+$/g, "") || "keywright";
}

function mcpServers({ kind, servers }: What, origin: string): [string, string][] {
  if (kind === "mcp" || kind === "access") return [["keywright", `${origin}/api/mcp/v1`]];
  const known = servers.length > 0 ? servers : [{ name: "server", slug: "SERVER" }];
  return known.map((server) => [slugOf(server.name), `${origin}/mcp-connect/${server.slug}`]);
}

function json(value: unknown): string {
  return JSON.stringify(value, null, 2);
}

function mcpSnippets(what: What, origin: string): Snippet[] {
  const authorization = `Bearer ${what.secret}`;
  const servers = mcpServers(what, origin);
  const cursor = Object.fromEntries(servers.map(([name, url]) =>
    [name, { url, headers: { Authorization: authorization } }]));
  const desktop = Object.fromEntries(servers.map(([name, url]) =>
    [name, {
      command: "npx",
      args: ["-y", "mcp-remote", url, "--header", "Authorization:${KEYWRIGHT_AUTHORIZATION}"],
      env: { KEYWRIGHT_AUTHORIZATION: authorization },
    }]));
  const own = { keywright: {
    command: "keywright", args: ["mcp"], env: { KEYWRIGHT_API_KEY: what.secret, KEYWRIGHT_URL: origin },
  } };
  // VS Code asks for the secret and keeps it itself, so that it never stands in the file.
  const code = {
    inputs: [{ type: "promptString", id: "keywright-key", description: `Keywright key “${what.name}”`, password: true }],
    servers: Object.fromEntries(servers.map(([name, url]) =>
      [name, { type: "http", url, headers: { Authorization: "Bearer ${input:keywright-key}" } }])),
  };
  return [
    { title: "Cursor", code: json({ mcpServers: cursor }) },
    { title: "Claude Desktop", code: json({ mcpServers: what.kind === "connect" ? desktop : own }) },
    { title: "VS Code", code: json(code) },
  ];
}

export function snippetsFor(what: What, origin = location.origin): Snippet[] {
  const variable = what.kind === "ingest" ? "KEYWRIGHT_INGEST_KEY" : "KEYWRIGHT_API_KEY";
  const list: Snippet[] = [
    { title: "curl", code: curl(what.kind, what.secret, origin) },
    { title: ".env", code: `KEYWRIGHT_URL=${origin}\n${variable}=${what.secret}` },
  ];
  if (what.kind === "ingest") {
    list.push({
      title: "OpenTelemetry",
      code: `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=${origin}/v1/traces
OTEL_EXPORTER_OTLP_TRACES_PROTOCOL=http/protobuf
OTEL_EXPORTER_OTLP_TRACES_HEADERS=x-api-key=${what.secret}
OTEL_RESOURCE_ATTRIBUTES=mibo.platform_id=PLATFORM_ID`,
    });
  }
  if (["connect", "mcp", "access"].includes(what.kind)) list.push(...mcpSnippets(what, origin));
  return list;
}

// Asks the server who the key is, with the key and without the cookie, as a program would.
export async function testKey(kind: KindName, secret: string): Promise<{ works: boolean; says: string }> {
  const path = kind === "connect" ? "/api/me" : "/api/v1/whoami";
  try {
    const response = await fetch(path, {
      credentials: "omit",
      cache: "no-store",
      headers: { Authorization: `Bearer ${secret}` },
    });
    const body = (await response.json()) as { name?: string; email?: string; kind?: string; detail?: string };
    if (!response.ok) return { works: false, says: `It was refused (${response.status}): ${body.detail ?? "no reason given"}` };
    const who = kind === "connect" ? `as ${body.name || body.email}` : `as the ${body.kind} key “${body.name}”`;
    return { works: true, says: `It works: the server knows it ${who} (GET ${path}, ${response.status}).` };
  } catch {
    return { works: false, says: "The server could not be reached. Check the connection and try again." };
  }
}
