// Times as people say them, with the exact one behind: on hover, on focus and for machines.

const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const brief = new Intl.RelativeTimeFormat("en", { numeric: "auto", style: "short" });
const exact = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "short" });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: "medium" });

const steps: [Intl.RelativeTimeFormatUnit, number][] = [
  ["minute", 60], ["hour", 3600], ["day", 86_400], ["month", 30.44 * 86_400], ["year", 365.25 * 86_400],
];

export function ago(time: string | number, now = Date.now(), words = relative): string {
  const seconds = (new Date(time).getTime() - now) / 1000;
  const size = Math.abs(seconds);
  if (size < 45) return seconds > 0 ? "in a moment" : "just now";
  let [unit, length] = steps[0]!;
  for (const [next, nextLength] of steps) if (size >= nextLength * 0.95) [unit, length] = [next, nextLength];
  return words.format(Math.round(seconds / length), unit);
}

export function exactTime(time: string | number): string {
  return exact.format(new Date(time));
}

function dayOf(time: string): string {
  return day.format(new Date(time));
}

export function Time({ at, as = "ago" }: { at: string; as?: "ago" | "brief" | "day" | "exact" }) {
  const text = as === "ago" ? ago(at) : as === "brief" ? ago(at, Date.now(), brief).replace(".", "") : as === "day" ? dayOf(at) : exactTime(at);
  return <time dateTime={at} title={`${exactTime(at)} (your time), ${at} (UTC)`} className="wrap-normal">{text}</time>;
}
