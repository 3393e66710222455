// Tables as files. A cell that a spreadsheet would take for a formula gets an apostrophe before it.

type Cell = string | number | boolean | null | undefined;

function quoted(cell: Cell): string {
  let text = cell === null || cell === undefined ? "" : String(cell);
  if (typeof cell === "string" && /^[=+\-@\t\r]/.test(text)) text = `'${text}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

export function csvOf(head: string[], rows: Cell[][]): string {
  return [head, ...rows].map((row) => row.map(quoted).join(",")).join("\r\n") + "\r\n";
}

export function saveFile(name: string, type: string, text: string): void {
  const address = URL.createObjectURL(new Blob([text], { type }));
  const link = document.createElement("a");
  link.href = address;
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

// keywright-keys-2026-11-21.csv
export function datedName(what: string, ending: string): string {
  return `keywright-${what}-${new Date().toISOString().slice(0, 10)}.${ending}`;
}

// All pages of a list, up to so many items.
export async function allPages<Item>(
  page: (cursor: string | null) => Promise<{ items: Item[]; next_cursor: string | null }>, most: number,
): Promise<{ items: Item[]; more: boolean }> {
  const items: Item[] = [];
  let cursor: string | null = null;
  do {
    const next: { items: Item[]; next_cursor: string | null } = await page(cursor);
    items.push(...next.items);
    cursor = next.next_cursor;
  } while (cursor !== null && items.length < most);
  return { items: items.slice(0, most), more: cursor !== null || items.length > most };
}
