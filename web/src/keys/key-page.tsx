// One key: what it may do now and why, its secrets, its fences and its history.

import { lazy, Suspense, useState, type ReactNode } from "react";
import { Link } from "wouter";

import { asProblem, type Key } from "../api/client";
import { AuditList } from "../audit/audit-list";
import { useSession } from "../session";
import { Button } from "../ui/button";
import { CopyButton, Mono } from "../ui/copy";
import { useNotice } from "../ui/notices";
import { Facts, Failed, Loading, Page, Section } from "../ui/page";
import { exactTime, Time } from "../ui/time";
import { AccessSection } from "./access";
import { FinishDialog, isStillUsed, RevokeDialog, RotateDialog, useKeysChanged } from "./actions";
import { setEnabled, useKey } from "./data";
import { EditDialog } from "./edit-dialog";
import { useMayManage, useMayRotate } from "./keys-page";
import { kindNamed } from "./kinds";
import type { Place } from "./place";
import { RefusalsSection } from "./refusals";
import { Badge, KeyStatus } from "./status";

const UsagePanel = lazy(() => import("../usage/usage-panel"));

type Version = Key["versions"][number];

// May the old secret end? Only if nobody has used it since its successor was made.
function OldSecret({ version, newest }: { version: Version; newest: Version }) {
  const usedSince = isStillUsed(version, newest);
  return (
    <span className={`basis-full text-sm ${usedSince ? "text-warn" : "text-good"}`}>
      {usedSince
        ? <>Still in use: the old one was last used <Time at={version.last_used_at!} />. Put the new one in its place before it ends.</>
        : <>The old one was {version.last_used_at ? <>last used <Time at={version.last_used_at} />, before the new one was made</> : "never used"}: safe to finish.</>}
    </span>
  );
}

function Secrets({ item, mayEnd }: { item: Key; mayEnd: boolean }) {
  const [ending, setEnding] = useState<Version | null>(null);
  const newest = item.versions.reduce((one, other) => (other.number > one.number ? other : one), item.versions[0]!);
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
              {retires !== null && living && <Badge tone="warn">works until {exactTime(retires)}</Badge>}
              {!living && <Badge tone="quiet">ended</Badge>}
              {retires !== null && living && item.versions.length > 1 && (
                <>
                  <OldSecret version={version} newest={newest} />
                  {mayEnd && <Button small onClick={() => setEnding(version)}>End it now</Button>}
                </>
              )}
            </li>
          );
        })}
      </ul>
      {ending && <FinishDialog item={item} version={ending} newest={newest} onClose={() => setEnding(null)} />}
    </Section>
  );
}

function About({ item }: { item: Key }) {
  return (
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
  );
}

function ToggleButton({ item }: { item: Key }) {
  const changed = useKeysChanged();
  const say = useNotice();
  const off = item.status === "disabled";
  return (
    <Button
      onClick={async () => {
        try {
          await setEnabled(item.id, off);
          say(`“${item.name}” is ${off ? "enabled" : "disabled: every request with it is refused"}.`);
        } catch (error) {
          say(asProblem(error).message);
        }
        changed();
      }}
    >
      {off ? "Enable" : "Disable"}
    </Button>
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
      {(item.status === "active" || item.status === "disabled") && <ToggleButton item={item} />}
      {mayRotate && item.status !== "expired" && <Button onClick={() => setDoing("rotate")}>Rotate</Button>}
      <Button look="danger" onClick={() => setDoing("revoke")}>Revoke</Button>
    </>
  );
  return (
    <Page title={item.name} lead={<><Link href={place.base} className="link">All keys</Link>{item.description && ` · ${item.description}`}</>} actions={actions}>
      <div className="grid items-start gap-5 xl:grid-cols-2">
        <div className="flex min-w-0 flex-col gap-5">
          <About item={item} />
          <Secrets item={item} mayEnd={mayManage && alive} />
        </div>
        <div className="flex min-w-0 flex-col gap-5">
          <AccessSection item={item} />
          <RefusalsSection item={item} />
        </div>
      </div>
      <Section title="Usage"><Suspense fallback={<Loading />}><UsagePanel id={item.id} /></Suspense></Section>
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
