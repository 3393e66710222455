// Rotate, revoke, disable: the dialogs and what they say.

import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { answer, api, asProblem, type Key } from "../api/client";
import { Button } from "../ui/button";
import { Actions, Confirm, Modal } from "../ui/dialog";
import { Refusal, SelectField } from "../ui/field";
import { useNotice } from "../ui/notices";
import { ago, exactTime } from "../ui/time";
import { revokeKey, setEnabled } from "./data";
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

export function BulkDialog({ items, action, onClose, onDone }: {
  items: Key[];
  action: "revoke" | "disable";
  onClose(): void;
  onDone(): void;
}) {
  const changed = useKeysChanged();
  const say = useNotice();
  const used = items.filter(usedLately).length;
  const count = items.length === 1 ? "1 key" : `${items.length} keys`;
  return (
    <Confirm
      title={`${action === "revoke" ? "Revoke" : "Disable"} ${count}?`}
      action={`${action === "revoke" ? "Revoke" : "Disable"} ${count}`}
      typed={action === "revoke" && used > 0 ? `revoke ${items.length}` : undefined}
      onConfirm={async () => {
        const waiting = [...items];
        const refused: string[] = [];
        const work = async () => {
          for (let key = waiting.pop(); key; key = waiting.pop()) {
            try {
              await (action === "revoke" ? revokeKey(key.id) : setEnabled(key.id, false));
            } catch (error) {
              refused.push(`${key.name}: ${asProblem(error).message}`);
            }
          }
        };
        await Promise.all([work(), work(), work(), work()]);
        changed();
        onDone();
        const done = items.length - refused.length;
        say(refused.length === 0
          ? `${count} ${action === "revoke" ? "revoked" : "disabled"}.`
          : `${done} of ${items.length} done. ${refused[0]}`);
      }}
      onClose={onClose}
    >
      <p>
        Integrations that use {items.length === 1 ? "it" : "them"} stop working at once.{" "}
        {action === "revoke" ? "This cannot be undone." : "Each can be enabled again later."}
      </p>
      {used > 0 && <p>{used === 1 ? "One was" : `${used} were`} used within the last 24 hours.</p>}
      <ul className="max-h-40 list-inside list-disc overflow-y-auto text-sm text-quiet">
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
