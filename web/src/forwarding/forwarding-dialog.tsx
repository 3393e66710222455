// Sending the traces of a platform on: set up, watched, tested, and what was given up sent again.

import { useState, type ReactNode } from "react";

import { asProblem, type Schemas } from "../api/client";
import type { Platform } from "../api/objects";
import { useShowSecret } from "../keys/secret-provider";
import { Badge } from "../keys/status";
import { ObjectDialog, type FieldOf } from "../objects/form";
import { useSession } from "../session";
import { Button } from "../ui/button";
import { Mono } from "../ui/copy";
import { Actions, Confirm, Modal } from "../ui/dialog";
import { useNotice } from "../ui/notices";
import { Empty, Facts, Failed, Loading, Note } from "../ui/page";
import { Table } from "../ui/table";
import { Time } from "../ui/time";
import {
  redrive, removeForwarding, rotateForwardingSecret, setForwarding, testForwarding, useDeadLetters, useForwarding,
  useForwardingChanged, type DeadLetter, type Forwarding, type Tested,
} from "./data";

const fields: FieldOf[] = [
  { name: "type", label: "As", type: "select", required: true, initial: "webhook", options: [
    { value: "webhook", label: "webhook, signed as Standard Webhooks say" },
    { value: "otlp", label: "OpenTelemetry (OTLP over HTTP)" },
  ] },
  { name: "url", label: "URL", type: "url", required: true, placeholder: "https://example.com/hooks/traces", hint: "For OTLP the whole address, with /v1/traces." },
  { name: "encoding", label: "Encoding", type: "select", required: true, initial: "protobuf", when: (values) => values.type === "otlp", options: [
    { value: "protobuf", label: "protobuf" }, { value: "json", label: "JSON" },
  ] },
  { name: "headers", label: "Headers sent to it", type: "headers", hint: "Such as its own credentials. Kept encrypted, never shown again." },
  { name: "enabled", label: "Enabled", type: "check", initial: true, hint: "While it is not, traces wait." },
];

const reasons: Record<string, string> = {
  gone: "The receiver answered that it is gone (410). Check the URL, then enable it again.",
  failing: "It failed for five days. See to the receiver, then enable it again.",
};

function StateFacts({ now }: { now: Forwarding }) {
  const { state } = now;
  const fact = (name: string, value: ReactNode): [string, ReactNode] => [name, value];
  return (
    <Facts
      items={[
        fact("Goes to", <span key="u" className="wrap-anywhere">{now.url} <span className="text-quiet">{now.type === "otlp" ? `OTLP, ${now.encoding}` : "webhook"}</span></span>),
        fact("State", now.enabled
          ? state.failures > 0 ? <Badge key="s" tone="warn">Failing, {state.failures} in a row</Badge> : <Badge key="s" tone="good">Enabled</Badge>
          : <Badge key="s" tone="quiet">Disabled</Badge>),
        fact("Delivered", state.delivered.toLocaleString("en")),
        fact("Waiting", state.queued === 0 ? "none" : `${state.queued.toLocaleString("en")}, the oldest for ${state.lag_seconds} s`),
        ...(now.header_names.length > 0 ? [fact("Headers", now.header_names.join(", "))] : []),
        ...(state.last_success_at ? [fact("Last success", <Time key="t" at={state.last_success_at} />)] : []),
        ...(state.last_error_at && state.last_error
          ? [fact("Last failure", <span key="e"><Time at={state.last_error_at} />: {state.last_error}</span>)] : []),
        ...(state.next_attempt_at ? [fact("Next attempt", <Time key="n" at={state.next_attempt_at} />)] : []),
        ...(now.previous_secret_until ? [fact("Old secret", <span key="o">signs, too, until <Time at={now.previous_secret_until} as="exact" /></span>)] : []),
      ]}
    />
  );
}

function DeadLetters({ platform, writes }: { platform: Platform; writes: boolean }) {
  const letters = useDeadLetters(platform.id, true);
  const changed = useForwardingChanged(platform.id);
  const say = useNotice();
  const again = async (id?: string) => {
    try {
      const { redriven } = await redrive(platform.id, id);
      say(`${redriven === 1 ? "1 is" : `${redriven} are`} sent again.`);
    } catch (error) {
      say(asProblem(error).message);
    }
    await changed();
  };
  if (letters.isPending) return <Loading />;
  if (letters.isError) return <Failed error={letters.error} />;
  if (letters.data.items.length === 0) return null;
  return (
    <section aria-label="Given up">
      <div className="mb-2 flex flex-wrap items-center justify-between gap-2">
        <h3 className="font-semibold">Given up</h3>
        {writes && <Button small onClick={() => void again()}>Send all again</Button>}
      </div>
      <Table
        caption="Given up"
        rows={letters.data.items}
        columns={[
          { title: "Trace", isName: true, cell: (letter) => <Mono>{letter.trace_id ?? letter.id}</Mono> },
          { title: "Why", cell: (letter) => letter.error },
          { title: "Tries", cell: (letter) => letter.attempts },
          { title: "When", cell: (letter) => <Time at={letter.failed_at} /> },
          ...(writes ? [{
            title: "Again", hideTitle: true,
            cell: (letter: DeadLetter) => <Button small aria-label={`Send ${letter.trace_id ?? letter.id} again`} onClick={() => void again(letter.id)}>Again</Button>,
          }] : []),
        ]}
      />
    </section>
  );
}

function TestButton({ platform }: { platform: Platform }) {
  const [busy, setBusy] = useState(false);
  const [tested, setTested] = useState<Tested | { error: string; delivered: false } | null>(null);
  const says = tested && (tested.delivered
    ? `It was taken (${tested.status}, ${tested.duration_ms} ms).`
    : `It was not taken: ${tested.error ?? ("status" in tested ? `status ${tested.status}` : "no answer")}`);
  return (
    <>
      <Button
        busy={busy}
        onClick={async () => {
          setBusy(true);
          setTested(await testForwarding(platform.id).catch((error: unknown) => ({ delivered: false as const, error: asProblem(error).message })));
          setBusy(false);
        }}
      >
        Send an example
      </Button>
      <span role="status" className={`self-center text-sm ${tested?.delivered ? "text-good" : "text-bad"}`}>{says}</span>
    </>
  );
}

type Doing = "settings" | "rotate" | "remove" | "secret" | null;

export default function ForwardingDialog({ platform, onClose }: { platform: Platform; onClose(): void }) {
  const { can } = useSession();
  const writes = can("projects:write");
  const forwarding = useForwarding(platform.id);
  const changed = useForwardingChanged(platform.id);
  const showSecret = useShowSecret();
  const say = useNotice();
  const [doing, setDoing] = useState<Doing>(null);
  const now = forwarding.data;
  // The secret has the screen for itself; two dialogs would hide each other from screen readers.
  const show = (made: Forwarding) => {
    setDoing(made.secret ? "secret" : null);
    if (made.secret) showSecret({ secret: made.secret, name: platform.name, kind: "webhook", servers: [] }, () => setDoing(null));
  };
  if (doing === "secret") return null;
  if (doing === "settings") {
    return (
      <ObjectDialog
        isNew
        action="Save"
        title={`Send the traces of ${platform.name} on`}
        fields={fields}
        values={now ? { type: now.type, url: now.url, encoding: now.encoding ?? "protobuf", enabled: now.enabled } : {}}
        known={now?.header_names ?? []}
        submit={async (body) => {
          const made = await setForwarding(platform.id, body as Schemas["SetForwarding"]);
          await changed();
          say("Saved. It is in effect from now on.");
          show(made);
        }}
        onClose={() => setDoing(null)}
      />
    );
  }
  if (doing === "rotate") {
    return (
      <Confirm
        title="A new secret for the webhook?"
        action="Make a new secret"
        harmless
        onConfirm={async () => {
          const made = await rotateForwardingSecret(platform.id);
          await changed();
          show(made);
        }}
        onClose={() => setDoing((now) => (now === "rotate" ? null : now))}
      >
        <p>Messages are signed with both secrets for a day, so that the receiver can be changed in that time.</p>
      </Confirm>
    );
  }
  if (doing === "remove") {
    return (
      <Confirm
        title="Send traces on no longer?"
        action="Stop forwarding"
        onConfirm={async () => {
          await removeForwarding(platform.id);
          await changed();
          say("Traces are no longer sent on.");
        }}
        onClose={() => setDoing(null)}
      >
        <p>What waits is dropped, and so is what was given up. The traces themselves stay.</p>
      </Confirm>
    );
  }
  return (
    <Modal title={`Forwarding of ${platform.name}`} onClose={onClose} wide>
      {forwarding.isPending && <Loading />}
      {forwarding.isError && <Failed error={forwarding.error} retry={() => void forwarding.refetch()} />}
      {now === null && (
        <Empty title="Its traces are not sent on" action={writes && <Button look="primary" onClick={() => setDoing("settings")}>Send them on</Button>}>
          Each trace can go to a webhook or an OpenTelemetry collector of yours. What cannot be delivered is tried again for days, and then kept here.
        </Empty>
      )}
      {now && (
        <>
          {now.disabled_reason && <Note tone="warn">{reasons[now.disabled_reason] ?? now.disabled_reason}</Note>}
          <StateFacts now={now} />
          <DeadLetters platform={platform} writes={writes} />
          {writes && (
            <Actions>
              <TestButton platform={platform} />
              <span className="grow" />
              {now.type === "webhook" && <Button onClick={() => setDoing("rotate")}>New secret</Button>}
              <Button onClick={() => setDoing("settings")}>Edit</Button>
              <Button onClick={() => setDoing("remove")}>Stop</Button>
            </Actions>
          )}
        </>
      )}
    </Modal>
  );
}
