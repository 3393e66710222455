// What a key may do at this moment and why not more: kind ∩ scope ∩ owner ∩ state. The server says it, as a
// check would see it.

import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";

import { answer, api, type Key, type Schemas } from "../api/client";
import { Mono } from "../ui/copy";
import { eraWords } from "../ui/health";
import { Facts, Failed, Loading, Note, Section } from "../ui/page";
import { Time } from "../ui/time";
import { scopeText } from "./kinds";
import { outcomeWords } from "./outcomes";
import { Badge } from "./status";

const doors: Record<string, string> = {
  "graphql": "GraphQL API (/api/console/v1/graphql)",
  "rest": "REST API (/api/v1)",
  "mcp": "Keywright's MCP server (/api/mcp/v1)",
  "service": "Services (/services/…)",
  "mcp-connect": "MCP servers (/mcp-connect/…)",
  "me": "Who am I (/api/me)",
  "traces": "Traces (/public/traces, /v1/traces)",
  "targets-api": "Targets API (/targets/)",
  "verify": "Your own checks (/api/v1/keys/verify)",
};

// Where a key is fenced to networks, the answer without an address is about all else.
const kElsewhere = "IP_NOT_ALLOWED";

function Reached({ access }: { access: Schemas["KeyAccess"] }) {
  if (access.items.length === 0) return <p className="text-quiet">{access.all ? "Nothing yet." : "Nothing any more."}</p>;
  return (
    <ul className="flex max-h-96 flex-col gap-2 overflow-y-auto" aria-label="What it reaches">
      {access.items.map((item) => {
        const reachable = item.reachable || item.code === kElsewhere;
        return (
          <li key={item.id} className="flex flex-wrap items-baseline gap-x-3 gap-y-1">
            <Badge tone={reachable ? "good" : "bad"}>{reachable ? "yes" : "no"}</Badge>
            <span className="min-w-0 wrap-anywhere">
              {item.name || <>Deleted <Mono>{item.id}</Mono></>}
              {!reachable && item.name && <span className="block text-sm text-quiet">{reasonOf(item)}</span>}
              {reachable && item.health && eraWords(item.health) && <span className="block text-sm text-quiet">Answered <Time at={item.health.checked_at} /> ({eraWords(item.health)})</span>}
            </span>
          </li>
        );
      })}
    </ul>
  );
}

function reasonOf(item: Schemas["ReachedResource"]): string {
  if (item.problem) return `The key may, but the server does not answer. ${item.problem}`;
  if (item.code === "OUT_OF_SCOPE") return "Disabled, or no longer within its owner's reach.";
  const { why, advice } = outcomeWords(item.code);
  return `${why} ${advice}`;
}

function fencesOf(item: Key): [string, ReactNode][] {
  return [
    ...(item.permissions ? [["Permissions", <Mono key="p">{item.permissions.join(", ") || "none"}</Mono>] as [string, ReactNode]] : []),
    ...(item.allowed_cidrs.length > 0 ? [["Only from", <Mono key="c">{item.allowed_cidrs.join(", ")}</Mono>] as [string, ReactNode]] : []),
    ...item.limits.map((limit): [string, ReactNode] => [`Limit “${limit.name}”`, `${limit.limit} in ${limit.window_seconds} seconds`]),
    ...(item.credits ? [["Credits left", item.credits.remaining] as [string, ReactNode]] : []),
  ];
}

export function AccessSection({ item }: { item: Key }) {
  const access = useQuery({
    queryKey: ["keys", "access", item.id, item.status],
    queryFn: () => answer(api.GET("/api/v1/keys/{id}/access", { params: { path: { id: item.id } } })),
  });
  const isPerson = item.owner.type === "user";
  const now = access.data;
  const { why, advice } = outcomeWords(now?.code ?? null);
  const roles = now?.organizations.map((one) => `${one.role} in ${one.name}`).join(", ");
  return (
    <Section title="What it may do now">
      {access.isPending && <Loading />}
      {access.isError && <Failed error={access.error} retry={() => void access.refetch()} />}
      {now && now.code !== "VALID" && now.code !== kElsewhere && <Note tone="warn">Nothing at the moment. {why} {advice}</Note>}
      {now && (
        <Facts
          items={[
            ["Opens", <ul key="doors">{now.audiences.map((audience) => <li key={audience}>{doors[audience] ?? audience}</li>)}</ul>],
            ["Acts for", (
              <>
                {item.owner.name || item.owner.id}{!isPerson && ` (${item.owner.type})`}
                {isPerson && roles && <span className="block">{roles}</span>}
                {isPerson && <span className="block text-sm text-quiet">It can never do more than its owner may at that moment.</span>}
              </>
            )],
            ["Narrowed to", scopeText(item)],
            ...fencesOf(item),
          ]}
        />
      )}
      {now?.resource_type && <Reached access={now} />}
      {now?.all && <p className="text-sm text-quiet">Its scope is open: what is added later is reached, too.</p>}
    </Section>
  );
}
