// Keys as CSV: what the table shows and what reports ask for. There is no secret in it.

import type { Key } from "../api/client";
import { allPages, csvOf, datedName, saveFile } from "../ui/csv";
import { askKeys, views, type Filters, type Where } from "./data";
import { scopeText } from "./kinds";

const kMost = 10_000;

const head = [
  "id", "name", "description", "kind", "mask", "status", "owner_type", "owner", "scope", "permissions", "created_at",
  "expires_at", "last_used_at", "last_used_ip", "revoked_at", "status_reason",
];

export function saveKeys(keys: Key[]): void {
  const rows = keys.map((key) => [
    key.id, key.name, key.description, key.kind, key.mask, key.status, key.owner.type, key.owner.name || key.owner.id,
    key.scope && !key.scope.all ? key.scope.ids?.join(" ") : scopeText(key), key.permissions?.join(" "),
    key.created_at, key.expires_at, key.last_used_at, key.last_used_ip, key.revoked_at, key.status_reason,
  ]);
  saveFile(datedName("keys", "csv"), "text/csv", csvOf(head, rows));
}

export async function exportKeys(where: Where, filters: Filters): Promise<{ count: number; more: boolean }> {
  const now = Date.now();
  const shows = views.find((view) => view.value === filters.view)?.shows ?? (() => true);
  const { items, more } = await allPages((cursor) => askKeys(where, filters, 200, cursor), kMost);
  const keys = items.filter((key) => shows(key, now));
  saveKeys(keys);
  return { count: keys.length, more };
}
