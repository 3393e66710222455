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
  request?: string;  // looked for by the page, in the newest events
}

const kRequestPages = 10;
const kMost = 10_000;

function askEvents(organization: string, filters: AuditFilters, limit: number, cursor: string | null): Promise<Schemas["AuditEventList"]> {
  const { request: _, ...query } = filters;
  return answer(api.GET("/api/v1/audit-events", {
    params: { query: { ...query, organization_id: organization, limit, cursor: cursor ?? undefined } },
  }));
}

// The API has no filter for requests: the newest 2,000 events are looked through.
async function ofRequest(organization: string, filters: AuditFilters, start: string | null): Promise<Schemas["AuditEventList"]> {
  let cursor = start;
  for (let looks = 0; looks < kRequestPages; ++looks) {
    const page = await askEvents(organization, filters, 200, cursor);
    const items = page.items.filter((event) => event.request_id === filters.request);
    if (items.length > 0) return { items, next_cursor: null };
    cursor = page.next_cursor;
    if (cursor === null) break;
  }
  return { items: [], next_cursor: cursor };
}

export function useEvents(organization: string, filters: AuditFilters) {
  return useInfiniteQuery({
    queryKey: ["audit", organization, filters],
    queryFn: ({ pageParam }) => filters.request
      ? ofRequest(organization, filters, pageParam)
      : askEvents(organization, filters, 50, pageParam),
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
  const items = found.items.filter((event) => !filters.request || event.request_id === filters.request);
  if (form === "csv") saveFile(datedName("audit", "csv"), "text/csv", csvOf(head, items.map(rowOf)));
  else saveFile(datedName("audit", "jsonl"), "application/jsonl", items.map((event) => `${JSON.stringify(event)}\n`).join(""));
  return { count: items.length, more: found.more };
}
