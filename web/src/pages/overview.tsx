// Where one arrives: what needs a look, and what can be done first.

import { useQuery } from "@tanstack/react-query";
import { KeyRound, Plus } from "lucide-react";
import { Link, useLocation } from "wouter";

import { answer, api, type Key } from "../api/client";
import { AuditList } from "../audit/audit-list";
import { views } from "../keys/data";
import { KeyStatus } from "../keys/status";
import { useSession } from "../session";
import { Button } from "../ui/button";
import { CodeBlock, Mono } from "../ui/copy";
import { Failed, Loading, Page, Section } from "../ui/page";
import { Time } from "../ui/time";

function Card({ count, text, to, warn }: { count: string; text: string; to: string; warn: boolean }) {
  return (
    <Link href={to} className="card flex flex-col gap-0.5 p-4 hover:border-edge">
      <span className={`text-2xl font-semibold ${warn ? "text-warn" : ""}`}>{count}</span>
      <span className="text-quiet">{text}</span>
    </Link>
  );
}

function Cards({ keys, base, more }: { keys: Key[]; base: string; more: boolean }) {
  const now = Date.now();
  const counted = (view: string) => keys.filter((key) => views.find((one) => one.value === view)!.shows(key, now)).length;
  const atLeast = (count: number) => `${count}${more ? "+" : ""}`;  // only the newest were read
  const active = keys.filter((key) => key.status === "active").length;
  return (
    <div className="grid grid-cols-2 gap-3 lg:grid-cols-4">
      <Card count={atLeast(active)} text="active keys" to={`${base}?status=active`} warn={false} />
      <Card count={atLeast(counted("expiring"))} text="expire in 14 days" to={`${base}?view=expiring`} warn={counted("expiring") > 0} />
      <Card count={atLeast(counted("idle"))} text="idle for 90 days" to={`${base}?view=idle`} warn={counted("idle") > 0} />
      <Card count={atLeast(counted("forever"))} text="never expire" to={`${base}?view=forever`} warn={false} />
    </div>
  );
}

export function OverviewPage() {
  const { me, can } = useSession();
  const [, navigate] = useLocation();
  const keys = useQuery({
    queryKey: ["keys", "overview"],
    queryFn: () => answer(api.GET("/api/v1/keys", { params: { query: { limit: 200 } } })),
  });
  const items = keys.data?.items ?? [];
  const base = "/account/keys";
  return (
    <Page
      title={`Hello, ${me.name.split(" ")[0] || me.email}`}
      lead="Your keys, and what they need."
      actions={<Button look="primary" data-create="" onClick={() => navigate(`${base}/new`)}><Plus size={17} aria-hidden /> Create API key</Button>}
    >
      {keys.isPending && <Loading />}
      {keys.isError && <Failed error={keys.error} retry={() => void keys.refetch()} />}
      {keys.data && <Cards keys={items} base={base} more={keys.data.next_cursor !== null} />}
      <div className="grid items-start gap-5 xl:grid-cols-2">
        <Section title="Newest keys" actions={<Link href={base} className="link">All my keys</Link>}>
          {keys.data && items.length === 0 && <p className="text-quiet">You have none yet. A key lets a program in without your password.</p>}
          <ul className="divide-y divide-line">
            {items.slice(0, 5).map((key) => (
              <li key={key.id} className="flex flex-wrap items-center gap-x-3 gap-y-1 py-2.5">
                <span className="flex min-w-0 grow basis-20 items-center gap-2.5">
                  <KeyRound size={17} aria-hidden className="shrink-0 text-quiet" />
                  <Link href={`${base}/${key.id}`} className="link line-clamp-2 min-w-0 font-medium wrap-anywhere">{key.name}</Link>
                </span>
                <Mono>{key.mask}</Mono>
                <span className="text-sm text-quiet">{key.last_used_at ? <>used <Time at={key.last_used_at} /></> : "never used"}</span>
                <span className="ml-auto"><KeyStatus item={key} /></span>
              </li>
            ))}
          </ul>
        </Section>
        <Section title="Try a key">
          <p className="text-quiet">Every key can ask the server who it is.</p>
          <CodeBlock label="command" code={`curl -sS ${location.origin}/api/v1/whoami \\\n  -H "Authorization: Bearer $KEYWRIGHT_API_KEY"`} />
        </Section>
      </div>
      {can("audit:read") && (
        <Section title="Latest events" actions={<Link href="/audit" className="link">Audit log</Link>}>
          <AuditList filters={{}} caption="Latest events" most={8} />
        </Section>
      )}
    </Page>
  );
}
