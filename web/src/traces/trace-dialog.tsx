// One trace: why it is here, its spans on a line of time, and the JSON as it was sent.

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { answer, api, type Schemas } from "../api/client";
import { Badge } from "../keys/status";
import { CodeBlock, Mono } from "../ui/copy";
import { Modal } from "../ui/dialog";
import { Facts, Failed, Loading, Note } from "../ui/page";
import { Time } from "../ui/time";
import { duration, treeOf, type Span } from "./spans";

function SpanRow({ span, total, open, toggle }: { span: Span; total: number; open: boolean; toggle(): void }) {
  const left = (span.start / total) * 100;
  const width = Math.max(0.8, (span.length / total) * 100);
  return (
    <li>
      <button
        type="button"
        aria-expanded={open}
        onClick={toggle}
        className="grid w-full grid-cols-[minmax(0,2fr)_minmax(0,3fr)_4.5rem] items-center gap-3 rounded-md px-2 py-1 text-left hover:bg-sunken max-sm:grid-cols-[minmax(0,1fr)_auto]"
      >
        <span className="truncate text-sm" style={{ paddingInlineStart: `${Math.min(span.depth, 8)}rem` }} title={span.name}>
          {span.failed && <span className="mr-1.5 font-semibold text-bad">failed</span>}
          {span.name}
        </span>
        <span aria-hidden className="relative h-3 rounded bg-sunken max-sm:hidden">
          <span
            className={`absolute inset-y-0 rounded ${span.failed ? "bg-bad-fill" : "bg-accent"}`}
            style={{ left: `${Math.min(left, 99)}%`, width: `${Math.min(width, 100 - Math.min(left, 99))}%` }}
          />
        </span>
        <span className="text-right text-sm text-quiet tabular-nums">{duration(span.length)}</span>
      </button>
      {open && (
        <div className="flex flex-col gap-3 border-l-2 border-line px-4 py-3">
          <Facts
            items={[
              ["Span", <Mono key="id">{span.id}</Mono>],
              ["Begins after", duration(span.start)],
              ...(span.message ? [["Says", span.message] as [string, string]] : []),
              ...span.attributes.map(([name, value]): [string, React.ReactNode] => [name, <span key={name} className="whitespace-pre-wrap">{value}</span>]),
            ]}
          />
        </div>
      )}
    </li>
  );
}

function Spans({ raw }: { raw: unknown[] }) {
  const [open, setOpen] = useState<string | null>(null);
  const spans = treeOf(raw);
  const total = Math.max(1, ...spans.map((span) => span.start + span.length));
  return (
    <section aria-label="Spans">
      <h3 className="mb-2 font-semibold">Spans, {duration(total)} in all</h3>
      <ul className="flex flex-col">
        {spans.map((span) => (
          <SpanRow key={span.id} span={span} total={total} open={open === span.id} toggle={() => setOpen(open === span.id ? null : span.id)} />
        ))}
      </ul>
    </section>
  );
}

export function TraceDialog({ project, id, platform, onClose }: {
  project: string;
  id: string;
  platform(id: string): string;
  onClose(): void;
}) {
  const trace = useQuery({
    queryKey: ["traces", project, "one", id],
    queryFn: () => answer(api.GET("/api/v1/projects/{project_id}/traces/{id}", { params: { path: { project_id: project, id } } })),
  });
  const title = trace.data?.name ?? "Trace";
  return (
    <Modal title={title} onClose={onClose} wide>
      {trace.isPending && <Loading />}
      {trace.isError && <Failed error={trace.error} />}
      {trace.data && <Content trace={trace.data} platform={platform} />}
    </Modal>
  );
}

function Content({ trace, platform }: { trace: Schemas["Trace"]; platform(id: string): string }) {
  const spans = (trace.spans ?? []) as unknown[];
  const json = trace.body ?? trace.spans;
  return (
    <>
      <Facts
        items={[
          ["Platform", platform(trace.platform_id)],
          ["Why there", <span key="r">routed by <Mono>{trace.routing.by}</Mono>{trace.routing.warnings.length > 0 && `, ${trace.routing.warnings.join(", ")}`}</span>],
          ["Status", <StatusBadge key="s" status={trace.status} />],
          ["Received", <Time key="t" at={trace.created_at} as="exact" />],
          ["Sent with key", <Mono key="k">{trace.key_id}</Mono>],
          ["Trace id", <Mono key="i">{trace.id}</Mono>],
          ...(trace.external_id ? [["Sender's id", <Mono key="x">{trace.external_id}</Mono>] as [string, React.ReactNode]] : []),
          ["Size", `${trace.size_bytes.toLocaleString()} bytes, as ${trace.source}`],
        ]}
      />
      {spans.length > 0 && <Spans raw={spans} />}
      {trace.next_span_cursor && <Note>It has more spans than are shown here; the API returns all of them.</Note>}
      <details>
        <summary className="link w-fit">Raw JSON</summary>
        <div className="mt-3"><CodeBlock label="JSON" code={JSON.stringify(json, null, 2)} /></div>
      </details>
    </>
  );
}

export function StatusBadge({ status }: { status: string }) {
  const tone = status === "error" || status === "failed" ? "bad" : status === "success" || status === "ok" ? "good" : "quiet";
  return <Badge tone={tone}>{status}</Badge>;
}
