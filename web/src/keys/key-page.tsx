// One key: what it may do now and why, its secrets, its fences and its history.

import { useQuery } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";
import { Link } from "wouter";

import { answer, api, type Key, type User } from "../api/client";
import { mcpServers, platformsOf, registries, useObjects } from "../api/objects";
import { AuditList } from "../audit/audit-list";
import { useSession } from "../session";
import { Button } from "../ui/button";
import { CopyButton, Mono } from "../ui/copy";
import { Facts, Failed, Loading, Note, Page, Section } from "../ui/page";
import { Time } from "../ui/time";
import { RevokeDialog, RotateDialog } from "./actions";
import { useKey } from "./data";
import { EditDialog } from "./edit-dialog";
import { useMayManage, useMayRotate } from "./keys-page";
import { kindNamed, scopeText } from "./kinds";
import { whyUnreachable } from "./pickables";
import type { Place } from "./place";
import { Badge, KeyStatus, stateOf } from "./status";

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

function useOwner(item: Key): User | null | undefined {
  const { organization, me } = useSession();
  const isPerson = item.owner.type === "user" && item.owner.id !== me.id;
  const owner = useQuery({
    queryKey: ["objects", "users", organization.id, item.owner.id],
    enabled: isPerson,
    queryFn: () => answer(api.GET("/api/v1/users/{id}", {
      params: { path: { id: item.owner.id }, query: { organization_id: organization.id } },
    })),
  });
  return isPerson ? (owner.isError ? null : owner.data) : undefined;
}

function Line({ works, children }: { works: boolean; children: ReactNode }) {
  return (
    <li className="flex flex-wrap items-baseline gap-x-3 gap-y-1">
      <Badge tone={works ? "good" : "bad"}>{works ? "yes" : "no"}</Badge>
      <span className="min-w-0 wrap-anywhere">{children}</span>
    </li>
  );
}

function ServerAccess({ item, ownerId, isAdmin }: { item: Key; ownerId: string; isAdmin: boolean }) {
  const { organization } = useSession();
  const servers = useObjects(mcpServers, organization.id);
  const lists = useObjects(registries, organization.id);
  if (servers.isPending || lists.isPending) return <Loading />;
  if (servers.isError || lists.isError) return <Failed error={servers.error ?? lists.error} />;
  const all = item.scope?.all === true;
  const wanted = servers.data.items.filter((server) => all || item.scope?.ids?.includes(server.id));
  const gone = (item.scope?.ids ?? []).filter((id) => !servers.data.items.some((server) => server.id === id));
  return (
    <ul className="flex flex-col gap-2">
      {wanted.map((server) => {
        const why = whyUnreachable(server, lists.data.items, ownerId, isAdmin);
        return (
          <Line key={server.id} works={!why}>
            {server.name} <Mono>/mcp-connect/{server.slug}</Mono>
            {why && <span className="text-quiet"> {why.replace("given to you", "given to its owner")}</span>}
          </Line>
        );
      })}
      {gone.map((id) => <Line key={id} works={false}>A server that was deleted <Mono>{id}</Mono></Line>)}
      {wanted.length + gone.length === 0 && <li className="text-quiet">No server.</li>}
    </ul>
  );
}

function PlatformAccess({ item }: { item: Key }) {
  const { organization } = useSession();
  const platforms = useObjects(platformsOf(item.owner.id), organization.id);
  if (platforms.isPending) return <Loading />;
  if (platforms.isError) return <Failed error={platforms.error} />;
  const all = !item.scope || item.scope.all === true;
  const ids = item.scope?.ids ?? [];
  const wanted = platforms.data.items.filter((platform) => all || ids.includes(platform.id));
  const gone = ids.filter((id) => !platforms.data.items.some((platform) => platform.id === id));
  return (
    <ul className="flex flex-col gap-2">
      {wanted.map((platform) => <Line key={platform.id} works>{platform.name}</Line>)}
      {gone.map((id) => <Line key={id} works={false}>A platform that was deleted <Mono>{id}</Mono></Line>)}
      {wanted.length + gone.length === 0 && <li className="text-quiet">No platform yet.</li>}
    </ul>
  );
}

// Kind ∩ scope ∩ owner ∩ state, in that order, each with its reason.
function Access({ item }: { item: Key }) {
  const { me, organization } = useSession();
  const owner = useOwner(item);
  const isMine = item.owner.id === me.id;
  const role = isMine ? organization.role : owner?.role;
  const active = isMine || owner === undefined || owner?.active === true;
  const works = item.status === "active" && active;
  return (
    <Section title="What it may do now">
      {!works && (
        <Note tone="warn">
          Nothing at the moment: {item.status !== "active" ? `the key is ${item.status}.` : "its owner is no longer active."}{" "}
          {stateOf(item).advice}
        </Note>
      )}
      <Facts
        items={[
          ["Opens", (
            <ul key="doors">{item.audiences.map((audience) => <li key={audience}>{doors[audience] ?? audience}</li>)}</ul>
          )],
          ["Acts for", (
            <>
              {item.owner.name || item.owner.id} ({item.owner.type}{role ? `, ${role}` : ""})
              {item.owner.type === "user" && <span className="block text-sm text-quiet">It can never do more than its owner may at that moment.</span>}
            </>
          )],
          ["Narrowed to", scopeText(item)],
          ...(item.permissions ? [["Permissions", <Mono key="p">{item.permissions.join(", ") || "none"}</Mono>] as [string, ReactNode]] : []),
          ...(item.allowed_cidrs.length > 0 ? [["Only from", <Mono key="c">{item.allowed_cidrs.join(", ")}</Mono>] as [string, ReactNode]] : []),
          ...item.limits.map((limit): [string, ReactNode] => [`Limit “${limit.name}”`, `${limit.limit} in ${limit.window_seconds} seconds`]),
          ...(item.credits ? [["Credits left", item.credits.remaining] as [string, ReactNode]] : []),
        ]}
      />
      {item.kind === "connect" && <ServerAccess item={item} ownerId={item.owner.id} isAdmin={role === "owner" || role === "admin"} />}
      {item.kind === "ingest" && <PlatformAccess item={item} />}
    </Section>
  );
}

function Secrets({ item }: { item: Key }) {
  return (
    <Section title="Secrets">
      <ul className="flex flex-col gap-3">
        {item.versions.map((version) => {
          const retires = version.retires_at ? Date.parse(version.retires_at) : null;
          const living = retires === null || retires > Date.now();
          return (
            <li key={version.number} className="flex flex-wrap items-baseline gap-x-3 gap-y-1">
              <Mono>{version.mask}</Mono>
              <span className="text-sm text-quiet">
                made <Time at={version.created_at} />,{" "}
                {version.last_used_at ? <>last used <Time at={version.last_used_at} /></> : "never used"}
              </span>
              {retires !== null && living && (
                <Badge tone="warn">
                  works until {new Date(retires).toLocaleString()}
                </Badge>
              )}
              {!living && <Badge tone="quiet">ended</Badge>}
              {retires !== null && living && !version.last_used_at && <span className="text-sm text-good">Safe to finish: nobody used it.</span>}
            </li>
          );
        })}
      </ul>
    </Section>
  );
}

export function KeyPage({ place, id }: { place: Place; id: string }) {
  const key = useKey(id);
  if (!key.data) {
    return (
      <Page title="API key" lead={<Link href={place.base} className="link">All keys</Link>}>
        {key.isError ? <Failed error={key.error} retry={() => void key.refetch()} /> : <Loading label="Reading the key" />}
      </Page>
    );
  }
  return <OneKey item={key.data} place={place} />;
}

function OneKey({ item, place }: { item: Key; place: Place }) {
  const { can } = useSession();
  const [doing, setDoing] = useState<"rotate" | "revoke" | "edit" | null>(null);
  const mayManage = useMayManage(item);
  const mayRotate = useMayRotate(item);
  const alive = item.status !== "revoked";
  const actions = mayManage && alive && (
    <>
      <Button onClick={() => setDoing("edit")}>Edit</Button>
      {mayRotate && item.status !== "expired" && <Button onClick={() => setDoing("rotate")}>Rotate</Button>}
      <Button look="danger" onClick={() => setDoing("revoke")}>Revoke</Button>
    </>
  );
  return (
    <Page title={item.name} lead={<><Link href={place.base} className="link">All keys</Link>{item.description && ` · ${item.description}`}</>} actions={actions}>
      <div className="grid items-start gap-5 xl:grid-cols-2">
        <Section title="The key" actions={<KeyStatus item={item} />}>
          <Facts
            items={[
              ["Kind", <span key="k">{item.kind} <span className="block text-sm text-quiet">{kindNamed(item.kind)?.purpose}</span></span>],
              ["Shown as", <Mono key="m">{item.mask}</Mono>],
              ["Id", <span key="i" className="inline-flex flex-wrap items-center gap-2"><Mono>{item.id}</Mono><CopyButton small text={item.id} label="Copy id" /></span>],
              ["Sent in", <Mono key="s">{kindNamed(item.kind)?.sentIn}</Mono>],
              ["Created", <Time key="c" at={item.created_at} as="exact" />],
              ["Expires", item.expires_at ? <Time key="e" at={item.expires_at} as="exact" /> : "Never"],
              ...(item.idle_timeout_seconds ? [["Ends when unused for", `${Math.round(item.idle_timeout_seconds / 8640) / 10} days`] as [string, ReactNode]] : []),
              ["Last used", item.last_used_at
                ? <span key="l"><Time at={item.last_used_at} />{item.last_used_ip && ` from ${item.last_used_ip}`}</span>
                : "Never used"],
              ...(item.revoked_at ? [["Revoked", <span key="r"><Time at={item.revoked_at} as="exact" />{item.status_reason && `, ${item.status_reason}`}</span>] as [string, ReactNode]] : []),
            ]}
          />
        </Section>
        <Access item={item} />
        <Secrets item={item} />
      </div>
      {can("audit:read") && (
        <Section title="History">
          <p className="text-quiet">What was done to the key, what was done with it, and what it was refused.</p>
          <AuditList filters={{ key_id: item.id }} caption={`History of ${item.name}`} />
        </Section>
      )}
      {doing === "rotate" && <RotateDialog item={item} onClose={() => setDoing(null)} />}
      {doing === "revoke" && <RevokeDialog item={item} onClose={() => setDoing(null)} />}
      {doing === "edit" && <EditDialog item={item} onClose={() => setDoing(null)} />}
    </Page>
  );
}
