// What may change on a living key: its name, its end, its scope and its fences.

import { useState } from "react";

import { answer, api, asProblem, type Key, type Problem, type Schemas } from "../api/client";
import { Button } from "../ui/button";
import { Actions, Modal } from "../ui/dialog";
import { Refusal, TextField } from "../ui/field";
import { useNotice } from "../ui/notices";
import { useKeysChanged } from "./actions";
import { expiresAt, ExpiryField, localInput, type Expiry } from "./expiry";
import { kindNamed } from "./kinds";
import { wordsOf } from "./request";
import { ScopePicker, type Scope } from "./scope-picker";
import { usePickables } from "./pickables";

function expiryOf(key: Key): Expiry {
  return key.expires_at
    ? { preset: "custom", custom: localInput(new Date(key.expires_at)) }
    : { preset: "never", custom: "" };
}

export function EditDialog({ item, onClose }: { item: Key; onClose(): void }) {
  const changed = useKeysChanged();
  const say = useNotice();
  const kind = kindNamed(item.kind);
  const scoped = item.kind === "connect" || item.kind === "ingest";
  const before = expiryOf(item);
  const [name, setName] = useState(item.name);
  const [description, setDescription] = useState(item.description);
  const [expiry, setExpiry] = useState(before);
  const [scope, setScope] = useState<Scope>({ all: !item.scope || item.scope.all === true, ids: item.scope?.ids ?? [] });
  const [networks, setNetworks] = useState(item.allowed_cidrs.join(", "));
  const [permissions, setPermissions] = useState((item.permissions ?? []).join(", "));
  const [problem, setProblem] = useState<Problem | null>(null);
  const [busy, setBusy] = useState(false);
  const pickables = usePickables(item.kind, item.owner.id);
  const listed = item.permissions !== null;

  const save = async () => {
    const body: Schemas["UpdateKey"] = {
      name: name.trim(),
      description: description.trim(),
      allowed_cidrs: wordsOf(networks),
    };
    if (expiry.preset !== before.preset || expiry.custom !== before.custom) body.expires_at = expiresAt(expiry) ?? null;
    if (scoped) body.scope = scope.all ? { all: true } : { ids: scope.ids };
    if (listed) body.permissions = wordsOf(permissions);
    await answer(api.PATCH("/api/v1/keys/{id}", { params: { path: { id: item.id } }, body }));
  };

  return (
    <Modal title={`Edit “${item.name}”`} onClose={onClose} wide={scoped}>
      <form
        className="flex flex-col gap-4"
        noValidate
        onSubmit={async (event) => {
          event.preventDefault();
          if (busy) return;
          setBusy(true);
          try {
            await save();
            say("Saved. It is in effect from now on.");
            changed();
            onClose();
          } catch (error) {
            setProblem(asProblem(error));
            setBusy(false);
          }
        }}
      >
        <Refusal text={problem && Object.keys(problem.fields).length === 0 ? problem.message : null} />
        <TextField label="Name" required maxLength={255} value={name} problem={problem?.fields.name} onChange={(event) => setName(event.target.value)} />
        <TextField label="Description" value={description} problem={problem?.fields.description} onChange={(event) => setDescription(event.target.value)} />
        <ExpiryField value={expiry} onChange={setExpiry} mustExpire={kind?.mustExpire ?? false} problem={problem?.fields.expires_at} />
        {scoped && (
          <ScopePicker
            nouns={item.kind === "connect" ? "MCP servers" : "platforms"}
            items={pickables.items}
            value={scope}
            onChange={setScope}
            problem={problem?.fields["scope.ids"] ?? problem?.fields.scope}
            allNote={item.kind === "connect"
              ? "Also opens every server its owner can reach later."
              : "Also takes traces for platforms that are added later."}
          />
        )}
        {listed && (
          <TextField label="Permissions" value={permissions} problem={problem?.fields.permissions} hint="Separated by commas." onChange={(event) => setPermissions(event.target.value)} />
        )}
        <TextField label="Only from these networks" value={networks} problem={problem?.fields.allowed_cidrs} placeholder="10.0.0.0/8, 2001:db8::/32" onChange={(event) => setNetworks(event.target.value)} />
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={busy}>Save</Button>
        </Actions>
      </form>
    </Modal>
  );
}
