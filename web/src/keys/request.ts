// The form of a new key as the request that makes it, and that request as text: a sentence, curl, CLI.

import type { Schemas } from "../api/client";
import { exactTime } from "../ui/time";
import { expiresAt, type Expiry } from "./expiry";
import { kindNamed, type KindName } from "./kinds";
import type { Scope } from "./scope-picker";

export interface Form {
  kind: KindName;
  name: string;
  description: string;
  expiry: Expiry;
  serviceAccount: string;  // "" = the person who asks
  project: string;
  target: string;
  keyspace: string;
  customer: string;
  scope: Scope;
  permissions: string[];
  resourceType: string;    // customer keys: what their ids are ids of
  resourceIds: string;
  tools: string;
  idleDays: string;
  networks: string;
  limit: string;
  limitWindow: string;
}

export const kEmpty: Form = {
  kind: "access", name: "", description: "", expiry: { preset: "2160", custom: "" }, serviceAccount: "",
  project: "", target: "", keyspace: "", customer: "", scope: { all: false, ids: [] },
  permissions: [], resourceType: "", resourceIds: "", tools: "", idleDays: "", networks: "", limit: "", limitWindow: "60",
};

export function wordsOf(text: string): string[] {
  return text.split(/[\s,]+/).filter(Boolean);
}

function ownerOf(form: Form, organization: string): Schemas["OwnerInput"] | undefined {
  switch (kindNamed(form.kind)?.owner) {
    case "me": return form.serviceAccount ? { type: "user", id: form.serviceAccount } : undefined;
    case "project": return { type: "project", id: form.project };
    case "target": return { type: "target", id: form.target };
    case "organization": return { type: "organization", id: organization };
    case "customer": return { type: "external", id: form.customer.trim() };
    case undefined: return undefined;
  }
}

function scopeOf(form: Form): Schemas["CreateKey"]["scope"] {
  if (form.kind === "connect") return form.scope.all ? { all: true } : { ids: form.scope.ids };
  if (form.kind === "ingest" && !form.scope.all) return { ids: form.scope.ids };
  const ids = wordsOf(form.resourceIds);
  if (form.kind === "customer" && form.resourceType && ids.length > 0) {
    return { resource_type: form.resourceType.trim(), ids };
  }
  return undefined;
}

function permissionsOf(form: Form): string[] | undefined {
  if (form.kind === "management" || form.kind === "customer") return form.permissions;
  const tools = wordsOf(form.tools);
  return form.kind === "connect" && tools.length > 0 ? tools.map((tool) => `tools/call:${tool}`) : undefined;
}

export function requestOf(form: Form, organization: string): Schemas["CreateKey"] {
  const networks = wordsOf(form.networks);
  const body: Schemas["CreateKey"] = {
    kind: form.kind,
    name: form.name.trim(),
    organization_id: organization,
    description: form.description.trim() || undefined,
    expires_at: expiresAt(form.expiry) ?? undefined,
    idle_timeout_seconds: form.idleDays ? Math.round(Number(form.idleDays) * 86_400) : undefined,
    owner: ownerOf(form, organization),
    keyspace_id: form.kind === "customer" ? form.keyspace : undefined,
    scope: scopeOf(form),
    permissions: permissionsOf(form),
    allowed_cidrs: networks.length > 0 ? networks : undefined,
    limits: form.limit
      ? [{ name: "requests", limit: Number(form.limit), window_seconds: Number(form.limitWindow), algorithm: "gcra" }]
      : undefined,
  };
  return Object.fromEntries(Object.entries(body).filter(([, value]) => value !== undefined)) as Schemas["CreateKey"];
}

// What is wrong before the server is asked, by field.
export function problemsOf(form: Form): Record<string, string> {
  const kind = kindNamed(form.kind);
  const problems: Record<string, string> = {};
  if (!form.name.trim()) problems.name = "Give it a name that says what it is for.";
  const at = expiresAt(form.expiry);
  if (at === undefined) problems.expires_at = "Choose a date and a time.";
  else if (at !== null && Date.parse(at) <= Date.now()) problems.expires_at = "This time has passed. Choose a later one.";
  if (at === null && kind?.mustExpire) problems.expires_at = "This kind must expire. Choose when.";
  if (kind?.owner === "project" && !form.project) problems.owner = "Choose the project whose traces it sends.";
  if (kind?.owner === "target" && !form.target) problems.owner = "Choose the target.";
  if (kind?.owner === "customer" && !form.customer.trim()) problems.owner = "Say whose key it is: any id you use for the customer.";
  if (kind?.owner === "customer" && !form.keyspace) problems.keyspace_id = "Choose the keyspace; its prefix begins the key.";
  const scoped = form.kind === "connect" || form.kind === "ingest";
  if (scoped && !form.scope.all && form.scope.ids.length === 0) problems.scope = "Choose at least one, or all.";
  if (form.kind === "management" && form.permissions.length === 0) problems.permissions = "Tick at least one.";
  return problems;
}

export interface Names {
  me: string;
  organization: string;
  find(id: string): string | undefined;
}

function whatItMay(form: Form, names: Names): string {
  const list = (ids: string[]) => ids.map((id) => names.find(id) ?? id).join(", ");
  const chosen = form.scope.ids;
  switch (form.kind) {
    case "access":
    case "personal":
    case "mcp": {
      const door = { access: "the APIs, the MCP server and services", personal: "the GraphQL and REST APIs", mcp: "Keywright's MCP server" }[form.kind];
      const who = form.serviceAccount ? names.find(form.serviceAccount) ?? "the service account" : "you";
      return `Can use ${door} with every right ${who} ${who === "you" ? "have" : "has"} at that moment`;
    }
    case "connect":
      if (form.scope.all) return "Can connect to every MCP server its owner can reach, also those added later";
      return chosen.length > 0 ? `Can connect to ${list(chosen)}, as long as its owner can` : "Can connect to no MCP server yet";
    case "ingest":
      if (form.scope.all) return `Can send traces to every platform of ${names.find(form.project) ?? "its project"}`;
      return chosen.length > 0 ? `Can send traces to ${list(chosen)}` : "Can send traces nowhere yet";
    case "target":
      return `Can use the targets API for ${names.find(form.target) ?? "one target"}`;
    case "account":
      return `Can manage every target of ${names.organization} and their keys`;
    case "management":
      return form.permissions.length > 0 ? `May use ${form.permissions.join(", ")} in ${names.organization}` : "May do nothing yet";
    case "customer":
      return form.permissions.length > 0
        ? `Gives ${form.customer.trim() || "the customer"} the permissions ${form.permissions.join(", ")}`
        : `Identifies ${form.customer.trim() || "the customer"} without any permission`;
  }
}

export function sentenceOf(form: Form, names: Names): string {
  const at = expiresAt(form.expiry);
  const until = at === null ? "until somebody revokes it" : at === undefined ? "until the date you choose" : `until ${exactTime(at)}`;
  const networks = wordsOf(form.networks);
  const from = networks.length > 0 ? `, only from ${networks.join(", ")}` : "";
  const idle = form.idleDays ? `, unless it is not used for ${form.idleDays} days` : "";
  const rate = form.limit ? `, at most ${form.limit} requests per ${form.limitWindow} seconds` : "";
  return `${whatItMay(form, names)}, ${until}${from}${rate}${idle}.`;
}

const quoted = (text: string) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", `'\\''`)}'`);

export function asCurl(body: Schemas["CreateKey"], origin = location.origin): string {
  return `curl -sS ${origin}/api/v1/keys \\
  -H "Authorization: Bearer $KEYWRIGHT_SESSION" \\
  -H 'Content-Type: application/json' \\
  -d ${quoted(JSON.stringify(body))}`;
}

export function asCommand(body: Schemas["CreateKey"], origin = location.origin): string {
  const flags: [string, string | undefined | null][] = [
    ["kind", body.kind],
    ["name", body.name],
    ["description", body.description],
    ["expires-at", body.expires_at],
    ["idle-timeout-seconds", body.idle_timeout_seconds?.toString()],
    ["owner", body.owner && `${body.owner.type}:${body.owner.id}`],
    ["keyspace-id", body.keyspace_id],
    ["scope", body.scope && (body.scope.all ? "all" : body.scope.ids?.join(","))],
    ["permissions", body.permissions?.join(",")],
    ["allowed-cidrs", body.allowed_cidrs?.join(",")],
    ["limits", body.limits && JSON.stringify(body.limits[0])],
  ];
  const set = flags.filter(([, value]) => value).map(([flag, value]) => `--${flag} ${quoted(value!)}`);
  return [`keywright keys create --server ${origin}`, ...set, "--out new.key"].join(" \\\n  ");
}
