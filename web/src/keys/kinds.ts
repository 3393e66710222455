// The kinds of key in plain words, and what a form has to ask for each.

import type { Key } from "../api/client";

export type KindName =
  | "access" | "personal" | "mcp" | "connect" | "ingest" | "target" | "account" | "management"
  | "customer";

export interface KindWords {
  name: KindName;
  purpose: string;   // what somebody wants to do
  detail: string;    // what this kind opens
  owner: "me" | "project" | "target" | "organization" | "customer";
  mustExpire?: boolean;
  sentIn: string;
}

export const kinds: KindWords[] = [
  {
    name: "access",
    purpose: "Call the API as me",
    detail: "One key for the APIs, Keywright's MCP server and services. It may do what you may do.",
    owner: "me",
    sentIn: "Authorization: Bearer",
  },
  {
    name: "connect",
    purpose: "Connect an AI client to MCP servers",
    detail: "Opens the MCP servers you choose, and nothing else.",
    owner: "me",
    sentIn: "Authorization: Bearer or X-API-Key",
  },
  {
    name: "personal",
    purpose: "Run a script as me, until a date",
    detail: "GraphQL and REST with your rights. Always expires.",
    owner: "me",
    mustExpire: true,
    sentIn: "Authorization: Bearer",
  },
  {
    name: "mcp",
    purpose: "Let an AI assistant use Keywright",
    detail: "Keywright's own MCP server with your rights. Always expires.",
    owner: "me",
    mustExpire: true,
    sentIn: "Authorization: Bearer",
  },
  {
    name: "ingest",
    purpose: "Send traces",
    detail: "Belongs to a project; may be narrowed to some of its platforms.",
    owner: "project",
    sentIn: "x-api-key or Authorization: Bearer",
  },
  {
    name: "target",
    purpose: "Manage one target",
    detail: "The targets API, for one target alone.",
    owner: "target",
    sentIn: "Authorization: JWT or Bearer",
  },
  {
    name: "account",
    purpose: "Manage all targets",
    detail: "The targets API for the whole organization, and the keys of its targets.",
    owner: "organization",
    sentIn: "Authorization: JWT or Bearer",
  },
  {
    name: "management",
    purpose: "Check and manage keys from my backend",
    detail: "For a program of yours. It may do what you tick, and nothing else.",
    owner: "organization",
    sentIn: "Authorization: Bearer",
  },
  {
    name: "customer",
    purpose: "Give a customer access to my product",
    detail: "Your own prefix and permissions, checked by your services.",
    owner: "customer",
    sentIn: "Authorization: Bearer or X-API-Key",
  },
];

export function kindNamed(name: string | null | undefined): KindWords | undefined {
  return kinds.find((kind) => kind.name === name);
}

export const managementPermissions: [string, string][] = [
  ["keys:verify", "Check keys"],
  ["keys:read", "List keys"],
  ["keys:write", "Create, rotate and revoke keys (never more than it may do itself)"],
  ["audit:read", "Read the audit log"],
];

// What a pasted token shows of itself in lists. The rest of it stays in this browser.
export function shownPartOf(text: string): { search: string; isToken: boolean } {
  const token = text.trim();
  const connect = /^(ok1-\d+-\d+-)[0-9A-Za-z]{8,}$/.exec(token);
  if (connect) return { search: connect[1]!, isToken: true };
  if (/^eyJ[\w-]+\.[\w-]+\.[\w-]+$/.test(token)) return { search: `…${token.slice(-4)}`, isToken: true };
  if (/^mibo_[0-9A-Za-z]{12,}$/.test(token)) return { search: `mibo_...${token.slice(-4)}`, isToken: true };
  if (/^[A-Za-z][\w-]*_[0-9A-Za-z]{30,}$/.test(token)) return { search: token.slice(0, 12), isToken: true };
  return { search: token, isToken: false };
}

const scopeNouns: Record<string, [string, string]> = {
  mcp_server: ["server", "servers"],
  platform: ["platform", "platforms"],
  target: ["target", "targets"],
  service: ["service", "services"],
};

export function scopeText(key: Key): string {
  const nouns = scopeNouns[key.scope?.resource_type ?? (key.kind === "connect" ? "mcp_server" : key.kind === "ingest" ? "platform" : "")]
    ?? ["resource", "resources"];
  if (key.kind === "target") return "1 target";
  if (!key.scope) {
    if (key.kind === "ingest") return "All platforms";
    if (key.kind === "account") return "All targets";
    if (key.kind === "management" || key.kind === "customer") return permissionsText(key);
    return "As its owner";
  }
  if (key.scope.all) return `All ${nouns[1]}`;
  const count = key.scope.ids?.length ?? 0;
  return `${count} ${count === 1 ? nouns[0] : nouns[1]}`;
}

function permissionsText(key: Key): string {
  const count = key.permissions?.length ?? 0;
  return count === 1 ? "1 permission" : `${count} permissions`;
}
