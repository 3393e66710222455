// Which platform a trace would go to, by the rules of docs/guide/traces.md, told in words. A dry run for
// people: the server decides by itself, from the same table.

import type { Platform } from "../api/objects";

export interface Routed {
  platform: Platform | null;
  by?: "platformId" | "metadata" | "serviceName" | "keyScope";
  status: number;
  code?: string;
  why: string;
}

type Json = Record<string, unknown>;

function objectOf(value: unknown): Json {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Json) : {};
}

function textOf(value: unknown): string | undefined {
  return typeof value === "string" && value !== "" ? value : undefined;
}

function explicitId(body: Json): string | undefined {
  const metadata = objectOf(body.metadata);
  return textOf(body.platformId) ?? textOf(objectOf(metadata.mibo).platform_id) ?? textOf(metadata["mibo.platform_id"]);
}

// OTLP attributes are a list of {key, value: {stringValue}}.
function resourceAttribute(body: Json, key: string): string | undefined {
  const spans = Array.isArray(body.resourceSpans) ? body.resourceSpans : [];
  const attributes = objectOf(objectOf(spans[0]).resource).attributes;
  const found = (Array.isArray(attributes) ? attributes : []).map(objectOf).find((one) => one.key === key);
  return textOf(objectOf(found?.value).stringValue);
}

interface Hint {
  said: string;
  by: "metadata" | "serviceName";
  matches(platform: Platform): boolean;
}

function hintsIn(body: Json): Hint[] {
  const hints: Hint[] = [];
  for (const place of [objectOf(body.metadata), objectOf(body.externalMetadata)]) {
    const chatflow = textOf(place.chatflowId) ?? textOf(place.chatflow_id);
    if (chatflow) hints.push({ said: `chatflow ${chatflow}`, by: "metadata", matches: (one) => one.type === "flowise" && one.external_id === chatflow });
    const workflow = textOf(place.workflowId) ?? textOf(place.workflow_id);
    if (workflow) hints.push({ said: `workflow ${workflow}`, by: "metadata", matches: (one) => one.type === "n8n" && one.external_id === workflow });
  }
  const service = resourceAttribute(body, "service.name") ?? textOf(objectOf(body.metadata)["service.name"]);
  if (service) hints.push({ said: `service ${service}`, by: "serviceName", matches: (one) => one.service_name === service });
  return hints;
}

function refused(status: number, code: string, why: string): Routed {
  return { platform: null, status, code, why };
}

function withoutName(scope: Platform[] | null, said: string | null): Routed {
  const only = scope?.length === 1 ? scope[0]! : null;
  if (only) {
    return {
      platform: only, by: "keyScope", status: 201,
      why: said ? `Nothing here matches the ${said}; the key is for one platform only, so it goes there, with a warning.` : "Nothing names a platform; the key is for one platform only.",
    };
  }
  return refused(400, "PLATFORM_REQUIRED",
    `${said ? `No platform matches the ${said}.` : "Nothing names a platform."} Add platformId, add a chatflowId or workflowId to the metadata, or use a key for exactly one platform.`);
}

function byHints(hints: Hint[], platforms: Platform[], inScope: (one: Platform) => boolean, scope: Platform[] | null): Routed {
  for (const hint of hints) {
    const matches = platforms.filter(hint.matches);
    if (matches.length === 0) continue;
    const allowed = matches.filter(inScope);
    if (allowed.length === 1) return { platform: allowed[0]!, by: hint.by, status: 201, why: `The ${hint.said} belongs to it.` };
    if (allowed.length > 1) return refused(422, "PLATFORM_AMBIGUOUS", `Several platforms have the ${hint.said}: ${allowed.map((one) => one.name).join(", ")}.`);
    return refused(403, "PLATFORM_NOT_ALLOWED", `The ${hint.said} belongs to ${matches.map((one) => one.name).join(", ")}, which this key is not for. It is not sent anywhere else instead.`);
  }
  return withoutName(scope, hints[0]?.said ?? null);
}

export function dryRun(text: string, platforms: Platform[], scopeIds: string[] | null): Routed {
  let body: Json;
  try {
    body = objectOf(JSON.parse(text));
  } catch {
    return refused(400, "VALIDATION_ERROR", "The body is not JSON.");
  }
  if (!body.data && !body.spans && !body.resourceSpans) {
    return refused(400, "VALIDATION_ERROR", "A trace has data, spans or resourceSpans.");
  }
  const scope = scopeIds && platforms.filter((one) => scopeIds.includes(one.id));
  const inScope = (one: Platform) => scope === null || scope.includes(one);
  const id = explicitId(body) ?? resourceAttribute(body, "mibo.platform_id");
  if (id) {
    const named = platforms.find((one) => one.id === id);
    if (!named) return refused(404, "PLATFORM_NOT_FOUND", "No platform of this project has that id.");
    if (!inScope(named)) return refused(403, "PLATFORM_NOT_ALLOWED", `The trace names ${named.name}, which this key is not for.`);
    return { platform: named, by: "platformId", status: 201, why: "The trace names it." };
  }
  return byHints(hintsIn(body), platforms, inScope, scope);
}
