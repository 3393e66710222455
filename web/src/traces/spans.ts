// Spans as they were sent, as a tree with times. Senders leave fields out and send them in any order; what
// cannot be read stays in the raw JSON.

export interface Span {
  id: string;
  name: string;
  start: number;  // milliseconds since the beginning of the trace
  length: number;
  failed: boolean;
  message: string;
  attributes: [string, string][];
  depth: number;
  raw: unknown;
}

type Json = Record<string, unknown>;

function text(value: unknown): string {
  return typeof value === "string" ? value : value === undefined || value === null ? "" : JSON.stringify(value);
}

function nanoseconds(span: Json, ...names: string[]): bigint | null {
  for (const name of names) {
    const value = span[name];
    if (typeof value === "string" && /^\d+$/.test(value)) return BigInt(value);
    if (typeof value === "number" && Number.isFinite(value)) return BigInt(Math.round(value));
    const time = typeof value === "string" ? Date.parse(value) : NaN;
    if (!Number.isNaN(time)) return BigInt(time) * 1_000_000n;
  }
  return null;
}

function attributesOf(span: Json): [string, string][] {
  const list = span.attributes;
  if (Array.isArray(list)) {
    return list.map((one) => {
      const { key, value } = one as { key?: unknown; value?: Json };
      return [text(key), text(Object.values(value ?? {})[0])];
    });
  }
  return typeof list === "object" && list !== null ? Object.entries(list).map(([name, value]) => [name, text(value)]) : [];
}

export function treeOf(raw: unknown[]): Span[] {
  const all = raw.filter((one): one is Json => typeof one === "object" && one !== null);
  const idOf = (span: Json, index: number) => text(span.spanId ?? span.span_id ?? span.id) || `span ${index + 1}`;
  const ids = new Set(all.map(idOf));
  const starts = all.map((span) => nanoseconds(span, "startTimeUnixNano", "start_time", "startTime"));
  const known = starts.filter((start) => start !== null);
  const zero = known.reduce((least, start) => (start < least ? start : least), known[0] ?? 0n);
  const children = new Map<string, number[]>();
  all.forEach((span, index) => {
    const parent = text(span.parentSpanId ?? span.parent_span_id ?? span.parentId);
    const under = parent && ids.has(parent) && parent !== idOf(span, index) ? parent : "";
    children.set(under, [...(children.get(under) ?? []), index]);
  });
  const rows: Span[] = [];
  const seen = new Set<number>();
  const add = (index: number, depth: number) => {
    if (seen.has(index)) return;
    seen.add(index);
    const span = all[index]!;
    const start = starts[index] ?? zero;
    const end = nanoseconds(span, "endTimeUnixNano", "end_time", "endTime") ?? start;
    const status = (span.status ?? {}) as { code?: unknown; message?: unknown };
    rows.push({
      id: idOf(span, index),
      name: text(span.name) || "unnamed",
      start: Number(start - zero) / 1e6,
      length: Math.max(0, Number(end - start) / 1e6),
      failed: status.code === 2 || status.code === "STATUS_CODE_ERROR" || span.status === "error",
      message: text(status.message),
      attributes: attributesOf(span),
      depth,
      raw: span,
    });
    for (const child of children.get(idOf(span, index)) ?? []) add(child, depth + 1);
  };
  for (const index of children.get("") ?? []) add(index, 0);
  all.forEach((_, index) => add(index, 0));  // a circle of parents has no beginning
  return rows;
}

export function duration(milliseconds: number): string {
  if (milliseconds >= 60_000) return `${(milliseconds / 60_000).toFixed(1)} min`;
  if (milliseconds >= 1000) return `${(milliseconds / 1000).toFixed(2)} s`;
  return `${milliseconds < 10 ? milliseconds.toFixed(1) : Math.round(milliseconds)} ms`;
}
