// 30 days in one line of a table: allowed above the base line, refused below it. Opens the numbers.

import { lazy, Suspense, useState } from "react";

import type { Key } from "../api/client";
import { sum, usageOf } from "./usage";

const UsageDialog = lazy(() => import("./usage-dialog"));

const kBar = 2.5;
const kUp = 20;
const kDown = 7;

// All bars as one path: rows are many.
function path(counts: number[], most: number, room: number, base: number, direction: 1 | -1): string {
  return counts.map((count, index) => {
    if (count <= 0) return "";
    const length = Math.max(1.5, (count / most) * room) * direction;
    return `M${index * kBar} ${base}v${length.toFixed(1)}h${kBar - 1}v${(-length).toFixed(1)}z`;
  }).join("");
}

export function Sparkline({ item }: { item: Key }) {
  const [open, setOpen] = useState(false);
  const usage = usageOf(item);
  if (!usage) return <span className="text-quiet">–</span>;
  const most = Math.max(1, ...usage.accepted, ...usage.refused);
  const allowed = sum(usage.accepted);
  const refused = sum(usage.refused);
  const says = `Usage of ${item.name}, last 30 days: ${allowed.toLocaleString("en")} allowed, ${refused.toLocaleString("en")} refused`;
  const width = usage.accepted.length * kBar;
  return (
    <>
      <button type="button" aria-label={`${says}. Show the numbers`} title={says} className="flex min-h-7 items-center rounded hover:bg-sunken" onClick={() => setOpen(true)}>
        <svg aria-hidden width={width} height={kUp + kDown + 1} viewBox={`0 0 ${width} ${kUp + kDown + 1}`}>
          <rect y={kUp} width={width} height={1} className="fill-edge" />
          <path d={path(usage.accepted, most, kUp, kUp, -1)} className="fill-accent" />
          <path d={path(usage.refused, most, kDown, kUp + 1, 1)} className="fill-bad" />
        </svg>
      </button>
      {open && <Suspense><UsageDialog item={item} onClose={() => setOpen(false)} /></Suspense>}
    </>
  );
}
