// What a key was refused lately, with the reason and what to do. From the audit log, for those who read it.

import { useQuery } from "@tanstack/react-query";

import { answer, api, type AuditEvent, type Key } from "../api/client";
import { useSession } from "../session";
import { Mono } from "../ui/copy";
import { Failed, Loading, Section } from "../ui/page";
import { Time } from "../ui/time";
import { outcomeWords } from "./outcomes";

const kShown = 5;

// The same refusal over and over is one line.
function grouped(events: AuditEvent[]): { last: AuditEvent; count: number }[] {
  const groups = new Map<string, { last: AuditEvent; count: number }>();
  for (const event of events) {
    const name = [event.reason, event.action, event.object.id ?? event.object.name].join(" ");
    const group = groups.get(name);
    if (group) group.count += 1;
    else groups.set(name, { last: event, count: 1 });
  }
  return [...groups.values()];
}

export function RefusalsSection({ item }: { item: Key }) {
  const { can, organization } = useSession();
  const reads = can("audit:read");
  const events = useQuery({
    queryKey: ["audit", organization.id, "refusals", item.id],
    enabled: reads,
    queryFn: () => answer(api.GET("/api/v1/audit-events", {
      params: { query: { key_id: item.id, organization_id: organization.id, limit: 200 } },
    })),
  });
  if (!reads) return null;
  const denied = (events.data?.items ?? []).filter((event) => event.outcome !== "success" && event.outcome !== "allowed");
  const groups = grouped(denied);
  return (
    <Section title="Refused lately">
      {events.isPending && <Loading />}
      {events.isError && <Failed error={events.error} retry={() => void events.refetch()} />}
      {events.data && denied.length === 0 && <p className="text-quiet">Nothing that the audit log knows of.</p>}
      {groups.length > 0 && (
        <ul className="flex flex-col gap-3">
          {groups.slice(0, kShown).map(({ last, count }) => {
            const { why, advice } = outcomeWords(last.reason);
            return (
              <li key={last.id}>
                <p>{why} <span className="text-quiet">{advice}</span></p>
                <p className="text-sm text-quiet">
                  {count > 1 && `${count} times, the last one `}<Time at={last.time} />, <Mono>{last.action}</Mono> {last.object.name}{last.address && `, from ${last.address}`}
                </p>
              </li>
            );
          })}
        </ul>
      )}
      {groups.length > kShown && <p className="text-sm text-quiet">Others are in the history below.</p>}
    </Section>
  );
}
