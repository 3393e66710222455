// Allowed and refused over time: a chart for those who see it, a table for everybody, and the reasons.

import { useLayoutEffect, useRef, useState } from "react";

import { outcomeWords } from "../keys/outcomes";
import { CheckField } from "../ui/field";
import { Failed, Loading } from "../ui/page";
import { ranges, reasonsOf, refusedAt, useUsage, type Point, type Step, type Usage } from "./usage";

const kMarkRoom = 120;  // of a time below the chart
const kHeight = 160;
const kLeft = 44;
const kBottom = 22;

const clock = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const day = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short" });
const dayAndClock = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

function nameOfStep(at: string, step: Step): string {
  const time = new Date(at);
  return step === "day" ? day.format(time) : step === "hour" ? dayAndClock.format(time) : clock.format(time);
}

// A round number above the highest bar: 1, 2, 5, 10, 20, ...
function roundAbove(count: number): number {
  const ten = 10 ** Math.floor(Math.log10(Math.max(1, count)));
  return [1, 2, 5, 10].map((times) => times * ten).find((one) => one >= count) ?? 1;
}

// In pixels, so that its texts are as large as others wherever it stands.
function useWidth() {
  const box = useRef<HTMLDivElement>(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const element = box.current!;
    setWidth(element.clientWidth);
    const observer = new ResizeObserver(() => setWidth(element.clientWidth));
    observer.observe(element);
    return () => observer.disconnect();
  }, []);
  return { box, width };
}

function Bars({ points, step, across }: { points: Point[]; step: Step; across: number }) {
  const top = roundAbove(Math.max(1, ...points.map((point) => point.accepted + refusedAt(point))));
  const room = (across - kLeft) / points.length;
  const width = Math.max(1.5, room - Math.min(2, room / 4));
  const high = (count: number) => (count / top) * (kHeight - kBottom - 8);
  const base = kHeight - kBottom;
  return points.map((point, index) => {
    const refused = refusedAt(point);
    const allowed = high(point.accepted);
    const denied = refused > 0 ? Math.max(2, high(refused)) : 0;
    const x = kLeft + index * room;
    return (
      <g key={point.at}>
        <title>{`${nameOfStep(point.at, step)}: ${point.accepted} allowed, ${refused} refused`}</title>
        <rect x={x} y={8} width={room} height={base - 8} fill="transparent" />
        {allowed > 0 && <rect x={x} y={base - Math.max(1, allowed)} width={width} height={Math.max(1, allowed)} className="fill-accent" />}
        {denied > 0 && <rect x={x} y={base - allowed - denied} width={width} height={denied} fill="url(#refused)" className="stroke-bad" strokeWidth={1} />}
      </g>
    );
  });
}

function Chart({ usage, label }: { usage: Usage; label: string }) {
  const { box, width } = useWidth();
  return <div ref={box} className="min-h-40 overflow-hidden">{width > kLeft && <Drawing usage={usage} label={label} width={width} />}</div>;
}

function Drawing({ usage, label, width }: { usage: Usage; label: string; width: number }) {
  const { points, step } = usage;
  const top = roundAbove(Math.max(1, ...points.map((point) => point.accepted + refusedAt(point))));
  const count = Math.max(1, Math.min(6, Math.floor((width - kLeft) / kMarkRoom)));
  const marks = Array.from({ length: count }, (_, mark) => Math.floor((mark / count) * points.length));
  const base = kHeight - kBottom;
  return (
    <svg role="img" aria-label={label} width={width} height={kHeight} className="text-quiet">
      <defs>
        <pattern id="refused" width="5" height="5" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">
          <rect width="5" height="5" className="fill-bad-tint" />
          <rect width="2.5" height="5" className="fill-bad" />
        </pattern>
      </defs>
      {[1, 0.5].map((share) => (
        <g key={share}>
          <line x1={kLeft} x2={width} y1={base - share * (base - 8)} y2={base - share * (base - 8)} className="stroke-line" />
          {top * share >= 1 && <text x={kLeft - 6} y={base - share * (base - 8) + 4} textAnchor="end" fontSize="12" fill="currentColor">{(top * share).toLocaleString("en", { notation: "compact" })}</text>}
        </g>
      ))}
      <line x1={kLeft} x2={width} y1={base + 0.5} y2={base + 0.5} className="stroke-edge" />
      <Bars points={points} step={step} across={width} />
      {marks.map((index) => points[index] && (
        <text key={index} x={kLeft + (index * (width - kLeft)) / points.length} y={kHeight - 6} fontSize="12" fill="currentColor">{nameOfStep(points[index].at, step)}</text>
      ))}
    </svg>
  );
}

function Legend() {
  return (
    <p aria-hidden className="flex flex-wrap gap-x-5 text-sm text-quiet">
      <span className="inline-flex items-center gap-2"><span className="size-3 rounded-sm bg-accent" />Allowed, solid</span>
      <span className="inline-flex items-center gap-2">
        <svg width="12" height="12"><rect width="12" height="12" fill="url(#refused)" className="stroke-bad" /></svg>Refused, striped
      </span>
    </p>
  );
}

function Numbers({ usage, caption }: { usage: Usage; caption: string }) {
  const rows = usage.points.filter((point) => point.accepted > 0 || refusedAt(point) > 0).reverse();
  if (rows.length === 0) return null;
  return (
    <div className="max-h-72 overflow-y-auto" tabIndex={0} role="region" aria-label={caption}>
      <table className="w-full text-left text-sm">
        <caption className="sr-only">{caption}; steps without any request are left out</caption>
        <thead><tr className="text-quiet"><th scope="col" className="py-1 pr-4 font-medium">Time</th><th scope="col" className="py-1 pr-4 text-right font-medium">Allowed</th><th scope="col" className="py-1 text-right font-medium">Refused</th></tr></thead>
        <tbody>
          {rows.map((point) => (
            <tr key={point.at} className="border-t border-line tabular-nums">
              <th scope="row" className="py-1 pr-4 font-normal">{nameOfStep(point.at, usage.step)}</th>
              <td className="py-1 pr-4 text-right">{point.accepted.toLocaleString("en")}</td>
              <td className="py-1 text-right">{refusedAt(point).toLocaleString("en")}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

// A count is of a whole step: when in it, is not known.
const stepWords: Record<Step, string> = { minute: "last at", hour: "last in the hour from", day: "last on" };

function Reasons({ usage }: { usage: Usage }) {
  const reasons = reasonsOf(usage.points);
  if (reasons.length === 0) return null;
  return (
    <div>
      <h3 className="mb-1 font-medium">Why it was refused</h3>
      <ul className="flex flex-col gap-2">
        {reasons.map(([code, count, last]) => {
          const { why, advice } = outcomeWords(code);
          return (
            <li key={code}>
              {count === 1 ? "Once" : `${count.toLocaleString("en")} times`}, {stepWords[usage.step]} {nameOfStep(last, usage.step)}: {why} <span className="text-quiet">{advice}</span>
            </li>
          );
        })}
      </ul>
    </div>
  );
}

export default function UsagePanel({ id, first = "24h", table = false }: { id: string; first?: string; table?: boolean }) {
  const [name, setName] = useState(first);
  const [asTable, setAsTable] = useState(table);
  const range = ranges.find((one) => one.name === name) ?? ranges[1]!;
  const usage = useUsage(id, range);
  const says = usage.data
    ? `${usage.data.accepted.toLocaleString("en")} allowed, ${usage.data.refused.toLocaleString("en")} refused in the last ${range.title}`
    : "";
  return (
    <div className="flex min-w-0 flex-col gap-3">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <div role="group" aria-label="How far back" className="flex flex-wrap gap-1.5">
          {ranges.map((one) => (
            <button
              key={one.name}
              type="button"
              aria-pressed={one.name === name}
              onClick={() => setName(one.name)}
              className="min-h-8 rounded-full border border-line px-3 text-sm hover:bg-sunken aria-pressed:border-accent aria-pressed:bg-tint aria-pressed:font-medium"
            >
              {one.title}
            </button>
          ))}
        </div>
        <CheckField label="As a table" checked={asTable} onChange={(event) => setAsTable(event.target.checked)} />
      </div>
      {usage.isPending && <Loading />}
      {usage.isError && <Failed error={usage.error} retry={() => void usage.refetch()} />}
      {usage.data && (
        <>
          <p role="status">{usage.data.accepted + usage.data.refused === 0 ? `Not used in the last ${range.title}.` : `${says}.`}</p>
          <figure className="flex min-w-0 flex-col gap-2">
            <Chart usage={usage.data} label={says} />
            <Legend />
          </figure>
          {asTable && <Numbers usage={usage.data} caption={`Usage in the last ${range.title}`} />}
          <Reasons usage={usage.data} />
        </>
      )}
    </div>
  );
}
