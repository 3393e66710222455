// Events of the audit log, newest first; each opens to show what changed.

import { useState, type ReactNode } from "react";

import type { AuditEvent } from "../api/client";
import { nameOf, useObjects, usersOf } from "../api/objects";
import { useSession } from "../session";
import { Button } from "../ui/button";
import { Mono } from "../ui/copy";
import { Modal } from "../ui/dialog";
import { Empty, Facts, Failed, Loading, Note } from "../ui/page";
import { Table } from "../ui/table";
import { Time } from "../ui/time";
import { outcomeWords } from "../keys/outcomes";
import { Badge } from "../keys/status";
import { useEvents, type AuditFilters } from "./data";

function OutcomeBadge({ event }: { event: AuditEvent }) {
  const good = event.outcome === "success" || event.outcome === "allowed";
  return <Badge tone={good ? "good" : "bad"}>{event.outcome}</Badge>;
}

function actorText(event: AuditEvent, names: Map<string, string>): string {
  const id = event.actor.id;
  if (!id) return event.actor.type;
  return names.get(id) ?? `${event.actor.type} ${id}`;
}

type Change = { before?: unknown; after?: unknown };

// details holds {field: {before, after}} for changes, plain values for the rest.
function Details({ value }: { value: unknown }) {
  if (typeof value !== "object" || value === null) return <p className="text-quiet">No details.</p>;
  const entries = Object.entries(value as Record<string, unknown>);
  const isChange = (one: unknown): one is Change =>
    typeof one === "object" && one !== null && ("before" in one || "after" in one);
  const text = (one: unknown) => (one === undefined || one === null ? "–" : typeof one === "string" ? one : JSON.stringify(one));
  return (
    <Facts
      items={entries.map(([name, one]) => [
        name,
        isChange(one)
          ? (
            <span key={name} className="flex flex-col gap-1">
              <del className="rounded bg-bad-tint px-1.5 text-bad wrap-anywhere">{text(one.before)}</del>
              <ins className="rounded bg-good-tint px-1.5 text-good no-underline wrap-anywhere">{text(one.after)}</ins>
            </span>
          )
          : <Mono key={name}>{text(one)}</Mono>,
      ])}
    />
  );
}

function Why({ event }: { event: AuditEvent }) {
  if (!event.reason || event.outcome === "success") return null;
  const { why, advice } = outcomeWords(event.reason);
  return <Note tone="warn">{why} {advice}</Note>;
}

function EventDialog({ event, actor, onClose, only }: {
  event: AuditEvent;
  actor: string;
  onClose(): void;
  only?(filters: AuditFilters): void;
}) {
  const narrow = (label: string, filters: AuditFilters) => only && (
    <Button
      small
      onClick={() => {
        only(filters);
        onClose();
      }}
    >
      {label}
    </Button>
  );
  return (
    <Modal title={event.action} onClose={onClose} wide>
      <Why event={event} />
      <Facts
        items={[
          ["Time", <Time key="t" at={event.time} as="exact" />],
          ["Who", actor],
          ...(event.actor.key_id ? [["With the key", <Mono key="k">{event.actor.key_id}</Mono>] as [string, React.ReactNode]] : []),
          ["What", `${event.object.type} ${event.object.name}`],
          ["Object id", <Mono key="o">{event.object.id ?? "–"}</Mono>],
          ["Outcome", <OutcomeBadge key="b" event={event} />],
          ...(event.reason ? [["Reason", event.reason] as [string, React.ReactNode]] : []),
          ["Address", event.address ?? "–"],
          ["Request", <Mono key="r">{event.request_id ?? "–"}</Mono>],
          ["Event", <Mono key="e">{event.id}</Mono>],
        ]}
      />
      <h3 className="font-semibold">Details</h3>
      <Details value={event.details} />
      {only && (
        <div className="flex flex-wrap gap-2">
          {event.object.id && narrow("Only this object", { object_id: event.object.id })}
          {event.actor.id && narrow("Only this person", { actor: event.actor.id })}
          {event.actor.key_id && narrow("Only this key", { key_id: event.actor.key_id })}
          {event.request_id && narrow("Only this request", { request: event.request_id })}
        </div>
      )}
    </Modal>
  );
}

export function AuditList({ filters, caption, most, none, only }: {
  filters: AuditFilters;
  caption: string;
  most?: number;  // shows so many, and no way to more
  none?: ReactNode;  // what to do where there is none
  only?(filters: AuditFilters): void;  // narrows the list
}) {
  const { organization } = useSession();
  const users = useObjects(usersOf(organization.id), organization.id);
  const names = new Map((users.data?.items ?? []).map((user) => [user.id, nameOf(user)]));
  const events = useEvents(organization.id, filters);
  const [open, setOpen] = useState<AuditEvent | null>(null);
  if (events.isPending) return <Loading label="Reading events" />;
  if (events.isError) return <Failed error={events.error} retry={() => void events.refetch()} />;
  const rows = events.data.pages.flatMap((page) => page.items).slice(0, most);
  if (rows.length === 0 && !events.hasNextPage) return <Empty title="No events" action={none} />;
  return (
    <>
      <Table
        caption={caption}
        rows={rows}
        columns={[
          { title: "Time", className: "sm:whitespace-nowrap", cell: (event) => <Time at={event.time} as="exact" /> },
          {
            title: "Action",
            isName: true,
            cell: (event) => (
              <button type="button" className="link text-left font-medium" onClick={() => setOpen(event)}>{event.action}</button>
            ),
          },
          { title: "Object", cell: (event) => <span className="wrap-anywhere">{event.object.name || event.object.id || "–"} <span className="text-sm text-quiet">{event.object.type}</span></span> },
          { title: "Who", className: "min-w-24", cell: (event) => <span className="wrap-anywhere">{actorText(event, names)}</span> },
          { title: "Outcome", cell: (event) => <><OutcomeBadge event={event} />{event.reason && <span className="block text-sm text-quiet">{event.reason}</span>}</> },
          { title: "Address", cell: (event) => event.address ?? "–" },
        ]}
      />
      {events.hasNextPage && !most && (
        <div className="flex justify-center p-3">
          <Button busy={events.isFetchingNextPage} onClick={() => void events.fetchNextPage()}>Show more</Button>
        </div>
      )}
      {open && <EventDialog event={open} actor={actorText(open, names)} only={only} onClose={() => setOpen(null)} />}
    </>
  );
}
