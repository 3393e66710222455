// The parts every page has: a heading that takes the focus after navigation, and its states.

import { AlertTriangle, CircleCheck, Info } from "lucide-react";
import { useEffect, useRef, type ReactNode } from "react";

import { asProblem } from "../api/client";
import { Button } from "./button";

export function Page({ title, lead, actions, children }: {
  title: string;
  lead?: ReactNode;
  actions?: ReactNode;
  children: ReactNode;
}) {
  const heading = useRef<HTMLHeadingElement>(null);
  useEffect(() => {
    document.title = `${title} · Keywright`;
  }, [title]);
  useEffect(() => {
    // Unless the page put the focus into a field of its own.
    const main = heading.current?.closest("main");
    if (!main?.contains(document.activeElement)) heading.current?.focus({ preventScroll: true });
  }, []);
  return (
    <div className="flex flex-col gap-5">
      <div className="flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
        <div className="min-w-0 max-w-3xl">
          <h1 ref={heading} tabIndex={-1} className="text-2xl font-semibold tracking-tight wrap-anywhere">{title}</h1>
          {lead && <p className="mt-1 text-quiet">{lead}</p>}
        </div>
        {actions && <div className="flex flex-wrap gap-2">{actions}</div>}
      </div>
      {children}
    </div>
  );
}

export function Section({ title, actions, children }: {
  title: string;
  actions?: ReactNode;
  children: ReactNode;
}) {
  return (
    <section className="card flex min-w-0 flex-col gap-3 p-4 sm:p-5" aria-label={title}>
      <div className="flex flex-wrap items-center justify-between gap-2">
        <h2 className="text-base font-semibold">{title}</h2>
        {actions}
      </div>
      {children}
    </section>
  );
}

const notes = {
  info: [Info, "bg-tint text-ink"],
  good: [CircleCheck, "bg-good-tint text-good"],
  warn: [AlertTriangle, "bg-warn-tint text-warn"],
} as const;

export function Note({ tone = "info", children }: { tone?: "info" | "good" | "warn"; children: ReactNode }) {
  const [Icon, look] = notes[tone];
  return (
    <div className={`flex items-start gap-2.5 rounded-lg px-3 py-2 text-sm ${look}`}>
      <Icon size={18} aria-hidden className="mt-px shrink-0" />
      <div className="min-w-0">{children}</div>
    </div>
  );
}

export function Empty({ title, children, action }: { title: string; children?: ReactNode; action?: ReactNode }) {
  return (
    <div className="flex flex-col items-center gap-2 px-4 py-12 text-center">
      <p className="font-medium">{title}</p>
      {children && <div className="max-w-md text-sm text-quiet">{children}</div>}
      {action && <div className="mt-2">{action}</div>}
    </div>
  );
}

export function Failed({ error, retry }: { error: unknown; retry?(): void }) {
  const problem = asProblem(error);
  const what = problem.status === 403
    ? `${problem.message} An admin of this organization can give you the role that is needed.`
    : problem.message;
  return (
    <div role="alert" className="flex flex-col items-center gap-3 px-4 py-10 text-center">
      <p className="max-w-lg">{what}</p>
      {problem.requestId && <p className="text-sm text-quiet">Request <code>{problem.requestId}</code></p>}
      {retry && problem.status !== 403 && <Button onClick={retry}>Try again</Button>}
    </div>
  );
}

export function Loading({ label = "Loading" }: { label?: string }) {
  return <p role="status" className="px-4 py-12 text-center text-quiet">{label}…</p>;
}

export function Facts({ items }: { items: [string, ReactNode][] }) {
  return (
    <dl className="grid gap-x-6 gap-y-3 sm:grid-cols-[minmax(8rem,auto)_1fr]">
      {items.map(([name, value]) => (
        <div key={name} className="contents">
          <dt className="text-quiet max-sm:-mb-2.5 max-sm:text-sm">{name}</dt>
          <dd className="min-w-0 wrap-anywhere">{value}</dd>
        </div>
      ))}
    </dl>
  );
}
