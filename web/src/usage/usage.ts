// How often keys were let in and refused, as the server counts it by the minute.
//
//   const usage = useUsage(key.id, ranges[1]);
//
// Points come oldest first, one for each step, empty ones included.

import { useQuery } from "@tanstack/react-query";

import { answer, api, type Key, type Schemas } from "../api/client";

export type Usage = Schemas["UsageReport"];
export type Point = Schemas["UsagePoint"];
export type Step = Usage["step"];

export interface Range {
  name: string;
  title: string;
  hours: number;
  step: Step;
}

export const ranges: Range[] = [
  { name: "1h", title: "1 hour", hours: 1, step: "minute" },
  { name: "24h", title: "24 hours", hours: 24, step: "hour" },
  { name: "7d", title: "7 days", hours: 168, step: "hour" },
  { name: "30d", title: "30 days", hours: 720, step: "day" },
];

const kStepMilliseconds: Record<Step, number> = { minute: 60_000, hour: 3_600_000, day: 86_400_000 };

// The whole steps that end with the one that is running.
function windowOf({ hours, step }: Range, now = Date.now()): { from: number; to: number } {
  const length = kStepMilliseconds[step];
  const to = Math.floor(now / length) * length + length;
  return { from: to - hours * 3_600_000, to };
}

export function refusedAt(point: Point): number {
  return Object.values(point.refused).reduce((sum, count) => sum + count, 0);
}

export function reasonsOf(points: Point[]): [code: string, count: number, last: string][] {
  const reasons = new Map<string, { count: number; last: string }>();
  for (const point of points) {
    for (const [code, count] of Object.entries(point.refused)) {
      if (count > 0) reasons.set(code, { count: (reasons.get(code)?.count ?? 0) + count, last: point.at });
    }
  }
  return [...reasons].map(([code, { count, last }]): [string, number, string] => [code, count, last])
    .sort((one, other) => other[1] - one[1]);
}

export function useUsage(id: string, range: Range) {
  return useQuery({
    queryKey: ["keys", "usage", id, range.name],
    refetchInterval: 30_000,
    placeholderData: (before) => before,
    queryFn: () => {
      const { from, to } = windowOf(range);
      return answer(api.GET("/api/v1/keys/{id}/usage", {
        params: { path: { id }, query: { from: new Date(from).toISOString(), to: new Date(to).toISOString(), step: range.step } },
      }));
    },
  });
}

// The last 30 days of a key in a list that was asked for with include=usage.
export const usageOf = (key: Key) => key.usage ?? null;

export const sum = (numbers: number[]) => numbers.reduce((total, one) => total + one, 0);
