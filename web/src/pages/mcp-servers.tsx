import { useQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { Link } from "wouter";

import { answer, api } from "../api/client";
import { mcpServers, nameOf, registries, useObjects, usersOf, type McpServer, type Registry } from "../api/objects";
import { Badge } from "../keys/status";
import { snippetsFor } from "../keys/snippets";
import { ObjectsPage, type Objects } from "../objects/objects-page";
import { useSession } from "../session";
import { Button } from "../ui/button";
import { CodeBlock, Mono } from "../ui/copy";
import { Actions, Modal } from "../ui/dialog";
import { Facts, Failed, Loading, Note } from "../ui/page";
import { eraWords, HealthLine } from "../ui/health";
import { Time } from "../ui/time";

// How a client is pointed at a server. The key itself is made on its own page; here stands a placeholder.
function ConnectDialog({ server, onClose }: { server: McpServer; onClose(): void }) {
  const snippets = snippetsFor({ kind: "connect", secret: "YOUR-KEY", name: server.name, servers: [server] });
  return (
    <Modal title={`Connect a client to ${server.name}`} onClose={onClose} wide>
      <p>The address is <Mono>{location.origin}/mcp-connect/{server.slug}</Mono>. A client needs a connect key, sent as <Mono>Authorization: Bearer</Mono> or <Mono>X-API-Key</Mono>.</p>
      <Link href="/account/keys/new?kind=connect" className="link w-fit">Create a connect key</Link>
      {snippets.filter((snippet) => !["curl", ".env"].includes(snippet.title)).map((snippet) => (
        <div key={snippet.title} className="min-w-0">
          <h3 className="mb-1 font-medium">{snippet.title}</h3>
          <CodeBlock label={snippet.title} code={snippet.code} />
        </div>
      ))}
    </Modal>
  );
}

// Asks the server now, with its own headers, as a key's call would.
function TestDialog({ server, onClose }: { server: McpServer; onClose(): void }) {
  const asked = useQuery({
    queryKey: ["mcp health", server.id],
    gcTime: 0,
    retry: false,
    queryFn: () => answer(api.POST("/api/v1/mcp-servers/{id}/probe", { params: { path: { id: server.id } } })),
  });
  const health = asked.data;
  return (
    <Modal title={`Does ${server.name} answer?`} onClose={onClose}>
      {asked.isFetching && <Loading label="Asking it" />}
      {!asked.isFetching && asked.isError && <Failed error={asked.error} retry={() => void asked.refetch()} />}
      {!asked.isFetching && health && (
        <>
          <div role="status">
            <Note tone={health.reachable ? "info" : "warn"}>
              {health.reachable ? "It answers as an MCP server." : `It does not answer. ${health.problem ?? ""} Look at its URL and headers, and whether it runs.`}
            </Note>
          </div>
          {health.reachable && (
            <Facts
              items={[
                ["Calls itself", [health.server_name, health.server_version].filter(Boolean).join(" ") || "–"],
                ["Protocol", eraWords(health) || "–"],
                ["Tools", health.tools_count ?? "–"],
                ["Answered after", health.latency_ms == null ? "–" : `${health.latency_ms} ms`],
              ]}
            />
          )}
          <Actions><Button onClick={() => void asked.refetch()}>Ask again</Button><Button look="primary" onClick={onClose}>Close</Button></Actions>
        </>
      )}
    </Modal>
  );
}

function about(more: (server: McpServer) => ReactNode, givenTo: (server: McpServer) => string): Objects<McpServer> {
  return {
    collection: mcpServers,
    noun: "MCP server",
    plural: "MCP servers",
    right: "mcp_servers:write",
    lead: "Servers that AI clients reach through Keywright with a connect key. Who may reach which is said by registries.",
    onDelete: "Clients that use it are cut off at once.",
    headersOf: (item) => item.header_names,
    valuesOf: (item) => ({ name: item.name, slug: item.slug, url: item.url, enabled: item.enabled }),
    more,
    fields: (item) => [
      { name: "name", label: "Name", required: true, placeholder: "Tickets" },
      { name: "slug", label: "Short name in the address", placeholder: "tickets", hint: "Made from the name if left empty." },
      { name: "url", label: "URL", type: "url", required: true, placeholder: "https://mcp.example.com/mcp" },
      { name: "headers", label: "Headers sent to it", type: "headers", hint: "Such as its own credentials. Kept encrypted, never shown again." },
      { name: "enabled", label: "Enabled", type: "check", initial: item?.enabled ?? true, hint: "A disabled server refuses everybody." },
    ],
    columns: [
      { title: "Name", isName: true, className: "min-w-28", cell: (item) => <span className="font-medium wrap-anywhere">{item.name}</span> },
      { title: "Address here", className: "min-w-36", cell: (item) => <Mono>/mcp-connect/{item.slug}</Mono> },
      {
        title: "URL",
        className: "min-w-44",
        cell: (item) => (
          <>
            <span className="wrap-anywhere">{item.url}</span>
            {item.header_names.length > 0 && <span className="block text-sm text-quiet wrap-anywhere">with {item.header_names.join(", ")}</span>}
          </>
        ),
      },
      { title: "Given to", cell: (item) => givenTo(item) || <span className="text-quiet">admins only</span> },
      {
        title: "State",
        className: "min-w-28",
        cell: (item) => item.enabled ? <HealthLine health={item.health} /> : <Badge tone="quiet">Disabled</Badge>,
      },
    ],
  };
}

export function McpServersPage() {
  const { organization, can } = useSession();
  const lists = useObjects(registries, organization.id);
  const [server, setServer] = useState<McpServer | null>(null);
  const [testing, setTesting] = useState<McpServer | null>(null);
  const more = (item: McpServer) => (
    <>
      {can("mcp_servers:write") && <Button small aria-label={`Test ${item.name}`} onClick={() => setTesting(item)}>Test</Button>}
      <Button small aria-label={`Connect to ${item.name}`} onClick={() => setServer(item)}>Connect</Button>
    </>
  );
  const givenTo = (one: McpServer) => (lists.data?.items ?? [])
    .filter((list) => list.mcp_server_ids.includes(one.id))
    .map((list) => list.everyone ? `${list.name} (everyone)` : list.name).join(", ");
  return (
    <>
      <ObjectsPage about={about(more, givenTo)} />
      {server && <ConnectDialog server={server} onClose={() => setServer(null)} />}
      {testing && <TestDialog server={testing} onClose={() => setTesting(null)} />}
    </>
  );
}

export function RegistriesPage() {
  const { organization } = useSession();
  const servers = useObjects(mcpServers, organization.id);
  const users = useObjects(usersOf(organization.id), organization.id);
  const serverName = (id: string) => servers.data?.items.find((one) => one.id === id)?.name ?? "deleted server";
  const userName = (id: string) => {
    const user = users.data?.items.find((one) => one.id === id);
    return user ? nameOf(user) : "former user";
  };
  const page: Objects<Registry> = {
    collection: registries,
    noun: "registry",
    plural: "registries",
    right: "registries:write",
    lead: "A registry is a set of MCP servers that is given to people. Taking something out of it takes effect at once, also for keys that name the server.",
    onDelete: "People lose the servers they reached only through it, and so do their keys.",
    valuesOf: (item) => ({ name: item.name, mcp_server_ids: item.mcp_server_ids, everyone: item.everyone, user_ids: item.user_ids }),
    fields: () => [
      { name: "name", label: "Name", required: true, placeholder: "Support team" },
      { name: "mcp_server_ids", label: "MCP servers", type: "pick", items: (servers.data?.items ?? []).map((one) => ({ id: one.id, name: one.name })) },
      { name: "everyone", label: "For everyone in the organization", type: "check" },
      {
        name: "user_ids",
        label: "For these people",
        type: "pick",
        when: (values) => values.everyone !== true,
        items: (users.data?.items ?? []).map((one) => ({ id: one.id, name: nameOf(one), detail: one.email || "service account" })),
      },
    ],
    columns: [
      { title: "Name", isName: true, className: "min-w-28", cell: (item) => <span className="font-medium wrap-anywhere">{item.name}</span> },
      { title: "MCP servers", cell: (item) => item.mcp_server_ids.map(serverName).join(", ") || <span className="text-quiet">none</span> },
      { title: "Given to", cell: (item) => item.everyone ? "Everyone" : item.user_ids.map(userName).join(", ") || <span className="text-quiet">nobody</span> },
      { title: "Created", cell: (item) => <Time at={item.created_at} as="day" /> },
    ],
  };
  if (servers.isError) return <Note tone="warn">{servers.error.message}</Note>;
  return <ObjectsPage about={page} />;
}
