// The traces of a project: a list with filters, one trace at a time, and the inbox of those that were
// refused because nothing said where they belong.

import { useInfiniteQuery, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useLocation, useSearch } from "wouter";

import { answer, api } from "../api/client";
import { platformsOf, useObjects } from "../api/objects";
import { useSession } from "../session";
import { Button } from "../ui/button";
import { Mono } from "../ui/copy";
import { Empty, Failed, Loading } from "../ui/page";
import { Table } from "../ui/table";
import { Time } from "../ui/time";
import { StatusBadge, TraceDialog } from "./trace-dialog";

const ranges: [string, string, number][] = [
  ["", "Any time", 0], ["1", "Last hour", 1], ["24", "Last 24 hours", 24], ["168", "Last 7 days", 168],
];

function useTraceFilters() {
  const search = useSearch();
  const [path, navigate] = useLocation();
  const inAddress = new URLSearchParams(search);
  const get = (name: string) => inAddress.get(name) ?? "";
  const set = (name: string, value: string) => {
    const next = new URLSearchParams(search);
    if (value) next.set(name, value);
    else next.delete(name);
    navigate(next.size > 0 ? `${path}?${next}` : path, { replace: true });
  };
  return { platform: get("platform"), status: get("status"), hours: get("hours"), trace: get("trace"), view: get("view"), set };
}

function useTraces(project: string, filters: { platform: string; status: string; hours: string }) {
  return useInfiniteQuery({
    queryKey: ["traces", project, "list", filters.platform, filters.status, filters.hours],
    queryFn: ({ pageParam }) => answer(api.GET("/api/v1/projects/{project_id}/traces", {
      params: {
        path: { project_id: project },
        query: {
          platform_id: filters.platform || undefined,
          status: filters.status || undefined,
          from: filters.hours ? new Date(Date.now() - Number(filters.hours) * 3_600_000).toISOString() : undefined,
          limit: 50,
          cursor: pageParam ?? undefined,
        },
      },
    })),
    initialPageParam: null as string | null,
    getNextPageParam: (last) => last.next_cursor,
  });
}

function Unrouted({ project }: { project: string }) {
  const report = useQuery({
    queryKey: ["traces", project, "unrouted"],
    queryFn: () => answer(api.GET("/api/v1/projects/{project_id}/unrouted", { params: { path: { project_id: project } } })),
  });
  if (report.isPending) return <Loading />;
  if (report.isError) return <Failed error={report.error} retry={() => void report.refetch()} />;
  const rows = report.data.items.map((item, index) => ({ ...item, id: `${item.request_id}-${index}` }));
  if (rows.length === 0) return <Empty title="Nothing was refused">Traces that name no platform, or one their key is not for, are listed here with the reason.</Empty>;
  return (
    <Table
      caption="Unrouted traces"
      rows={rows}
      columns={[
        { title: "Reason", isName: true, cell: (row) => <><Mono>{row.reason}</Mono><span className="mt-1 block max-w-xl text-sm text-quiet">{row.message}</span></> },
        { title: "Time", cell: (row) => <Time at={row.time} /> },
        { title: "Key", cell: (row) => <Mono>{row.key_id}</Mono> },
        { title: "Sent to", cell: (row) => <Mono>{row.path}</Mono> },
        { title: "From", cell: (row) => row.address },
      ]}
    />
  );
}

export default function TracesPanel({ project }: { project: string }) {
  const { organization } = useSession();
  const filters = useTraceFilters();
  const platforms = useObjects(platformsOf(project), organization.id);
  const traces = useTraces(project, filters);
  const [status, setStatus] = useState(filters.status);
  const nameOf = (id: string) => platforms.data?.items.find((one) => one.id === id)?.name ?? "deleted platform";
  const rows = traces.data?.pages.flatMap((page) => page.items) ?? [];
  const unrouted = filters.view === "unrouted";
  return (
    <section className="card min-w-0" aria-label="Traces">
      <div className="flex flex-wrap items-center gap-2 border-b border-line p-3 sm:p-4">
        <div role="group" aria-label="View" className="mr-2 flex gap-1.5">
          {[["", "Received"], ["unrouted", "Unrouted"]].map(([value, text]) => (
            <button
              key={value}
              type="button"
              aria-pressed={filters.view === value}
              onClick={() => filters.set("view", value!)}
              className="min-h-8 rounded-full border border-line px-3 text-sm hover:bg-sunken aria-pressed:border-accent aria-pressed:bg-tint aria-pressed:font-medium"
            >
              {text}
            </button>
          ))}
        </div>
        {!unrouted && (
          <>
            <select aria-label="Platform" className="input w-auto! max-w-full" value={filters.platform} onChange={(event) => filters.set("platform", event.target.value)}>
              <option value="">Every platform</option>
              {platforms.data?.items.map((item) => <option key={item.id} value={item.id}>{item.name}</option>)}
            </select>
            <select aria-label="Time" className="input w-auto!" value={filters.hours} onChange={(event) => filters.set("hours", event.target.value)}>
              {ranges.map(([value, text]) => <option key={value} value={value}>{text}</option>)}
            </select>
            <form
              onSubmit={(event) => {
                event.preventDefault();
                filters.set("status", status.trim());
              }}
            >
              <input aria-label="Status" placeholder="Status" list="trace-statuses" className="input w-32!" value={status} onChange={(event) => setStatus(event.target.value)} onBlur={() => filters.set("status", status.trim())} />
              <datalist id="trace-statuses"><option value="error" /><option value="success" /><option value="running" /></datalist>
            </form>
            <Button small className="ml-auto" onClick={() => void traces.refetch()} busy={traces.isFetching}>Refresh</Button>
          </>
        )}
      </div>
      {unrouted && <Unrouted project={project} />}
      {!unrouted && traces.isPending && <Loading label="Reading traces" />}
      {!unrouted && traces.isError && <Failed error={traces.error} retry={() => void traces.refetch()} />}
      {!unrouted && traces.data && rows.length === 0 && traces.hasNextPage && (
        <Empty title="None so far">None among the newest 10,000 with this status. “Show more” looks further.</Empty>
      )}
      {!unrouted && traces.data && rows.length === 0 && !traces.hasNextPage && (
        <Empty title="No traces">Send one with an API key of this project to <Mono>{location.origin}/public/traces</Mono>, or OpenTelemetry to <Mono>/v1/traces</Mono>.</Empty>
      )}
      {!unrouted && rows.length > 0 && (
        <Table
          caption="Traces"
          rows={rows}
          columns={[
            { title: "Time", cell: (row) => <Time at={row.created_at} as="exact" /> },
            {
              title: "Name",
              isName: true,
              cell: (row) => <button type="button" className="link text-left font-medium wrap-anywhere" onClick={() => filters.set("trace", row.id)}>{row.name ?? row.external_id ?? row.id}</button>,
            },
            { title: "Platform", cell: (row) => nameOf(row.platform_id) },
            { title: "Status", cell: (row) => <StatusBadge status={row.status} /> },
            { title: "Spans", cell: (row) => row.span_count },
            { title: "Size", cell: (row) => row.size_bytes < 1024 ? `${row.size_bytes} B` : `${(row.size_bytes / 1024).toFixed(1)} KiB` },
            { title: "Key", cell: (row) => <Mono>{row.key_id}</Mono> },
          ]}
        />
      )}
      {!unrouted && traces.hasNextPage && (
        <div className="flex justify-center border-t border-line p-3">
          <Button busy={traces.isFetchingNextPage} onClick={() => void traces.fetchNextPage()}>Show more</Button>
        </div>
      )}
      {filters.trace && <TraceDialog project={project} id={filters.trace} platform={nameOf} onClose={() => filters.set("trace", "")} />}
    </section>
  );
}
