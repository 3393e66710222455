// What a scope can be chosen from: MCP servers, or the platforms of a project.

import { mcpServers, platformsOf, registries, useObjects, type McpServer, type Registry } from "../api/objects";
import { useSession } from "../session";
import type { Pickable } from "./scope-picker";

// The rule of the server in words: enabled, and in a registry given to the owner, or made by them, or
// they are admin. The server decides at every request; this explains it.
function whyUnreachable(server: McpServer, all: Registry[], user: string, isAdmin: boolean): string | undefined {
  if (!server.enabled) return "Disabled now: refused until it is enabled.";
  if (isAdmin || server.created_by === user) return undefined;
  const given = all.some((registry) => registry.mcp_server_ids.includes(server.id)
    && (registry.everyone || registry.user_ids.includes(user)));
  return given ? undefined : "Not in a registry given to you.";
}

const kPlatformTypes = { flowise: "Flowise", n8n: "n8n", http_api: "HTTP API" };

export function usePickables(kind: string, project: string): { items: Pickable[]; servers: McpServer[]; isPending: boolean } {
  const { me, organization } = useSession();
  const isAdmin = organization.role === "owner" || organization.role === "admin";
  const servers = useObjects(mcpServers, organization.id, kind === "connect");
  const lists = useObjects(registries, organization.id, kind === "connect");
  const platforms = useObjects(platformsOf(project), organization.id, kind === "ingest" && project !== "");
  if (kind === "ingest") {
    return {
      servers: [],
      isPending: platforms.isPending,
      items: (platforms.data?.items ?? []).map((item) => ({
        id: item.id, name: item.name, detail: kPlatformTypes[item.type],
      })),
    };
  }
  const found = servers.data?.items ?? [];
  return {
    servers: found,
    isPending: servers.isPending,
    items: found.map((item) => ({
      id: item.id,
      name: item.name,
      detail: `/mcp-connect/${item.slug}`,
      unavailable: whyUnreachable(item, lists.data?.items ?? [], me.id, isAdmin),
    })),
  };
}
