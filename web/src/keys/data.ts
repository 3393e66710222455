// What the pages about keys ask the server for.

import { useInfiniteQuery, useQuery } from "@tanstack/react-query";

import { answer, api, type Key, type Schemas } from "../api/client";
import { shownPartOf } from "./kinds";

const kPage = 50;

export type View = "" | "expiring" | "idle" | "forever";

export interface Filters {
  q: string;
  status: string;
  kind: string;
  view: View;
}

export interface Where {
  owner?: string;           // left out: the keys of the person who asks
  organization_id?: string;
  kind?: string;            // fixed by the place
}

const kDay = 86_400_000;

export const views: { value: View; label: string; shows(key: Key, now: number): boolean }[] = [
  { value: "", label: "All", shows: () => true },
  {
    value: "expiring",
    label: "Expiring in 14 days",
    shows: (key, now) => key.status === "active" && key.expires_at !== null
      && Date.parse(key.expires_at) < now + 14 * kDay,
  },
  {
    value: "idle",
    label: "Idle for 90 days",
    shows: (key, now) => key.status === "active"
      && Date.parse(key.last_used_at ?? key.created_at) < now - 90 * kDay,
  },
  {
    value: "forever",
    label: "Never expires",
    shows: (key) => key.status === "active" && key.expires_at === null,
  },
];

type KeyPage = Schemas["KeyList"];

function included(filters: Filters): string[] {
  return [...(filters.q && !filters.status ? ["revoked"] : []), "usage"];
}

export function askKeys(where: Where, filters: Filters, limit: number, cursor: string | null): Promise<KeyPage> {
  return answer(api.GET("/api/v1/keys", {
    params: {
      query: {
        owner: where.owner,
        organization_id: where.organization_id,
        kind: where.kind || filters.kind || undefined,
        status: filters.status || (filters.view ? "active" : undefined),
        q: shownPartOf(filters.q).search || undefined,
        include: included(filters).join(","),
        limit,
        cursor: cursor ?? undefined,
      },
    },
  }));
}

const kLooksMax = 50;  // pages of 200 that a saved view looks through before it shows what it has

async function page(where: Where, filters: Filters, cursor: string | null): Promise<KeyPage> {
  const shows = views.find((view) => view.value === filters.view)?.shows;
  if (!filters.view || !shows) return askKeys(where, filters, kPage, cursor);
  const now = Date.now();
  const items: Key[] = [];
  let next = cursor;
  for (let looks = 0; looks < kLooksMax && items.length < kPage; ++looks) {
    const found = await askKeys(where, filters, 200, next);
    items.push(...found.items.filter((key) => shows(key, now)));
    next = found.next_cursor;
    if (next === null) break;
  }
  return { items, next_cursor: next };
}

export function useKeys(where: Where, filters: Filters) {
  return useInfiniteQuery({
    queryKey: ["keys", "list", where, filters],
    queryFn: ({ pageParam }) => page(where, filters, pageParam),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
  });
}

export function useKey(id: string) {
  return useQuery({
    queryKey: ["keys", "one", id],
    queryFn: () => answer(api.GET("/api/v1/keys/{id}", { params: { path: { id } } })),
  });
}

export const setEnabled = (id: string, on: boolean) =>
  on
    ? answer(api.POST("/api/v1/keys/{id}/enable", { params: { path: { id } } }))
    : answer(api.POST("/api/v1/keys/{id}/disable", { params: { path: { id } } }));

export const finishRotation = (id: string, number: number) =>
  answer(api.POST("/api/v1/keys/{id}/finish-rotation", { params: { path: { id } }, body: { number } }));

export const revokeKey = (id: string, reason?: string) =>
  answer(api.POST("/api/v1/keys/{id}/revoke", { params: { path: { id } }, body: reason ? { reason } : {} }));
