// What the pages ask of the audit log.

import { useInfiniteQuery } from "@tanstack/react-query";

import { answer, api, type AuditEvent, type Schemas } from "../api/client";
import { allPages, csvOf, datedName, saveFile } from "../ui/csv";

export interface AuditFilters {
  key_id?: string;
  object_id?: string;
  actor?: string;
  action?: string;
  from?: string;
  to?: string;
  request?: string;  // its X-Request-Id
}

const kMost = 10_000;

function askEvents(organization: string, filters: AuditFilters, limit: number, cursor: string | null): Promise<Schemas["AuditEventList"]> {
  const { request, ...query } = filters;
  return answer(api.GET("/api/v1/audit-events", {
    params: { query: { ...query, request_id: request, organization_id: organization, limit, cursor: cursor ?? undefined } },
  }));
}

export function useEvents(organization: string, filters: AuditFilters) {
  return useInfiniteQuery({
    queryKey: ["audit", organization, filters],
    queryFn: ({ pageParam }) => askEvents(organization, filters, 50, pageParam),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
  });
}

const head = [
  "id", "time", "actor_type", "actor_id", "actor_key_id", "action", "object_type", "object_id", "object_name",
  "outcome", "reason", "request_id", "address", "details",
];

function rowOf(event: AuditEvent) {
  return [
    event.id, event.time, event.actor.type, event.actor.id, event.actor.key_id, event.action, event.object.type,
    event.object.id, event.object.name, event.outcome, event.reason, event.request_id, event.address,
    event.details === null || event.details === undefined ? "" : JSON.stringify(event.details),
  ];
}

export async function exportEvents(organization: string, filters: AuditFilters, form: "csv" | "jsonl"): Promise<{ count: number; more: boolean }> {
  const found = await allPages((cursor) => askEvents(organization, filters, 200, cursor), kMost);
  const { items } = found;
  if (form === "csv") saveFile(datedName("audit", "csv"), "text/csv", csvOf(head, items.map(rowOf)));
  else saveFile(datedName("audit", "jsonl"), "application/jsonl", items.map((event) => `${JSON.stringify(event)}\n`).join(""));
  return { count: items.length, more: found.more };
}

export type Chain = Schemas["AuditChain"];

// The server follows the chain some ten thousand events at a time; `tell` hears how far it is.
export async function verifyChain(organization: string, tell: (chain: Chain) => void, signal: AbortSignal): Promise<void> {
  let cursor: string | undefined;
  do {
    const chain: Chain = await answer(api.POST("/api/v1/audit-events/verify", {
      body: { organization_id: organization, cursor }, signal,
    }));
    if (signal.aborted) return;
    tell(chain);
    cursor = chain.next_cursor ?? undefined;
  } while (cursor);
}
