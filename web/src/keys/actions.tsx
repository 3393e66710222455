// Rotate, revoke, disable: the dialogs and what they say.

import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { answer, api, asProblem, type Key } from "../api/client";
import { Button } from "../ui/button";
import { Actions, Confirm, Modal } from "../ui/dialog";
import { Refusal, SelectField } from "../ui/field";
import { useNotice } from "../ui/notices";
import { ago, exactTime } from "../ui/time";
import { finishRotation, revokeKey, setEnabled } from "./data";
import type { KindName } from "./kinds";
import { useShowSecret } from "./secret-provider";

export function useKeysChanged(): () => void {
  const queries = useQueryClient();
  return () => {
    void queries.invalidateQueries({ queryKey: ["keys"] });
    void queries.invalidateQueries({ queryKey: ["audit"] });
  };
}

const kDay = 86_400_000;

function usedLately(key: Key): boolean {
  return key.last_used_at !== null && Date.now() - Date.parse(key.last_used_at) < kDay;
}

function Consequence({ item }: { item: Key }) {
  if (!item.last_used_at) return <p>It was never used, so nothing should break.</p>;
  const from = item.last_used_ip ? ` from ${item.last_used_ip}` : "";
  return <p>It was last used {ago(item.last_used_at)}{from}.</p>;
}

export function RevokeDialog({ item, word = "Revoke", onClose }: { item: Key; word?: "Revoke" | "Delete"; onClose(): void }) {
  const changed = useKeysChanged();
  const say = useNotice();
  return (
    <Confirm
      title={`${word} “${item.name}”?`}
      action={`${word} key`}
      typed={usedLately(item) ? item.name : undefined}
      other={item.status === "active" ? {
        label: "Disable instead",
        async run() {
          await setEnabled(item.id, false);
          say(`“${item.name}” is disabled. Enable it again at any time.`);
          changed();
        },
      } : undefined}
      onConfirm={async () => {
        const done = await revokeKey(item.id);
        const nodes = done.effective_on.nodes;
        say(`“${item.name}” is revoked, on ${nodes === 1 ? "this server" : `all ${nodes} servers`}, from now on.`);
        changed();
      }}
      onClose={onClose}
    >
      <p>
        Integrations that use this key stop working at once: every request with it gets 401, and open
        connections are cut. This cannot be undone.
      </p>
      <Consequence item={item} />
    </Confirm>
  );
}

type Version = Key["versions"][number];

// Has anybody used the old secret since its successor was made?
export function isStillUsed(version: Version, newest: Version): boolean {
  return version.last_used_at !== null && Date.parse(version.last_used_at) > Date.parse(newest.created_at);
}

export function FinishDialog({ item, version, newest, onClose }: {
  item: Key;
  version: Version;
  newest: Version;
  onClose(): void;
}) {
  const changed = useKeysChanged();
  const say = useNotice();
  const used = isStillUsed(version, newest);
  return (
    <Confirm
      title={`End the old secret of “${item.name}”?`}
      action="End it now"
      typed={used ? item.name : undefined}
      harmless={!used}
      onConfirm={async () => {
        const done = await finishRotation(item.id, version.number);
        const nodes = done.effective_on.nodes;
        say(`The old secret of “${item.name}” is refused, on ${nodes === 1 ? "this server" : `all ${nodes} servers`}, from now on.`);
        changed();
      }}
      onClose={onClose}
    >
      <p>
        {used
          ? <>It was used {ago(version.last_used_at!)}, after the new one was made: whoever has it stops working at once, and open connections are cut.</>
          : <>Nobody has used it since the new one was made.</>}
        {" "}The new secret goes on working. This cannot be undone.
      </p>
      <p className="font-mono text-sm">{version.mask}</p>
    </Confirm>
  );
}

export type Bulk = "revoke" | "disable" | "enable" | "extend";

const kExtension = 90 * kDay;

const bulks: Record<Bulk, { verb: string; done: string; warning: string; run(key: Key): Promise<unknown> }> = {
  revoke: {
    verb: "Revoke", done: "revoked",
    warning: "Integrations that use them stop working at once. This cannot be undone.",
    run: (key) => revokeKey(key.id),
  },
  disable: {
    verb: "Disable", done: "disabled",
    warning: "Integrations that use them stop working at once. Each can be enabled again later.",
    run: (key) => setEnabled(key.id, false),
  },
  enable: {
    verb: "Enable", done: "enabled",
    warning: "They are let in again from now on.",
    run: (key) => setEnabled(key.id, true),
  },
  extend: {
    verb: "Extend", done: "extended",
    warning: "They will expire 90 days from now. Keys that expire later, or never, stay as they are.",
    async run(key) {
      const wanted = Date.now() + kExtension;
      if (key.expires_at === null || Date.parse(key.expires_at) >= wanted) return;
      await answer(api.PATCH("/api/v1/keys/{id}", {
        params: { path: { id: key.id } }, body: { expires_at: new Date(wanted).toISOString() },
      }));
    },
  },
};

// One after the other on four lanes; what is refused is said, the rest is done.
async function forEach(items: Key[], run: (key: Key) => Promise<unknown>): Promise<string[]> {
  const waiting = [...items];
  const refused: string[] = [];
  const lane = async () => {
    for (let key = waiting.pop(); key; key = waiting.pop()) {
      try {
        await run(key);
      } catch (error) {
        refused.push(`${key.name}: ${asProblem(error).message}`);
      }
    }
  };
  await Promise.all([lane(), lane(), lane(), lane()]);
  return refused;
}

export function BulkDialog({ items, action, onClose, onDone }: {
  items: Key[];
  action: Bulk;
  onClose(): void;
  onDone(): void;
}) {
  const changed = useKeysChanged();
  const say = useNotice();
  const used = items.filter(usedLately).length;
  const count = items.length === 1 ? "1 key" : `${items.length} keys`;
  const { verb, done, warning, run } = bulks[action];
  return (
    <Confirm
      title={`${verb} ${count}?`}
      action={`${verb} ${count}`}
      harmless={action === "enable" || action === "extend"}
      typed={action === "revoke" && used > 0 ? `revoke ${items.length}` : undefined}
      onConfirm={async () => {
        const refused = await forEach(items, run);
        changed();
        onDone();
        say(refused.length === 0 ? `${count} ${done}.` : `${items.length - refused.length} of ${items.length} done. ${refused[0]}`);
      }}
      onClose={onClose}
    >
      <p>{warning}</p>
      {used > 0 && <p>{used === 1 ? "One was" : `${used} were`} used within the last 24 hours.</p>}
      <ul className="max-h-40 list-inside list-disc overflow-y-auto text-sm text-quiet" tabIndex={0} aria-label="Selected keys">
        {items.map((key) => <li key={key.id} className="wrap-anywhere">{key.name}</li>)}
      </ul>
    </Confirm>
  );
}

const overlaps: [number, string][] = [
  [0, "stops at once"], [900, "for 15 minutes"], [3600, "for 1 hour"], [86_400, "for 24 hours"],
  [604_800, "for 7 days"],
];

export function RotateDialog({ item, onClose }: { item: Key; onClose(): void }) {
  const [overlap, setOverlap] = useState(86_400);
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<string | null>(null);
  const showSecret = useShowSecret();
  const changed = useKeysChanged();
  return (
    <Modal title={`Rotate “${item.name}”`} onClose={onClose}>
      <form
        className="flex flex-col gap-4"
        onSubmit={async (event) => {
          event.preventDefault();
          if (busy) return;
          setBusy(true);
          try {
            const rotated = await answer(api.POST("/api/v1/keys/{id}/rotate", {
              params: { path: { id: item.id } }, body: { overlap_seconds: overlap },
            }));
            const secret = rotated.key ?? "";
            onClose();
            showSecret({
              secret, name: rotated.name, kind: rotated.kind as KindName, servers: [],
              rotated: overlap === 0
                ? "The old secret does not work any more."
                : `The old secret works until ${exactTime(Date.now() + overlap * 1000)}.`,
            });
            changed();
          } catch (error) {
            setRefusal(asProblem(error).message);
            setBusy(false);
          }
        }}
      >
        <Refusal text={refusal} />
        <p>The key gets a new secret and keeps its id, scope and history. Put the new secret where the old one is, then let the old one end.</p>
        <SelectField
          label="The old secret works on"
          required
          value={overlap}
          onChange={(event) => setOverlap(Number(event.target.value))}
          hint={overlap === 0 ? "Integrations that still have it stop working at once." : undefined}
        >
          {overlaps.map(([seconds, label]) => <option key={seconds} value={seconds}>{label}</option>)}
        </SelectField>
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={busy}>Rotate</Button>
        </Actions>
      </form>
    </Modal>
  );
}
