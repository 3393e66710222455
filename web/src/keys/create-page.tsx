// Making a key: first what it is for, then only what that kind needs.

import { useEffect, useRef, useState, type ReactNode } from "react";
import { useLocation, useSearch } from "wouter";

import { answer, api, asProblem } from "../api/client";
import { keyspaces, nameOf, projects, targets, useObjects, usersOf } from "../api/objects";
import { useSession } from "../session";
import { Button } from "../ui/button";
import { CodeBlock } from "../ui/copy";
import { Choices, CheckField, Field, Refusal, SelectField, TextField } from "../ui/field";
import { Note, Page } from "../ui/page";
import { useKeysChanged } from "./actions";
import { ExpiryField } from "./expiry";
import { kindNamed, kinds, managementPermissions, type KindName } from "./kinds";
import { usePickables } from "./pickables";
import { useCreatable, type Place } from "./place";
import { asCommand, asCurl, kEmpty, problemsOf, requestOf, sentenceOf, wordsOf, type Form } from "./request";
import { ScopePicker } from "./scope-picker";
import { useShowSecret } from "./secret-provider";

// What the server names after its own fields, at the control that is here for it.
function byControl(fields: Record<string, string>): Record<string, string> {
  const mapped: Record<string, string> = {};
  for (const [field, text] of Object.entries(fields)) {
    mapped[field.split(/[.[]/)[0]!] = text;
  }
  return mapped;
}

export function CreateKeyPage({ place, embedded = false }: { place: Place; embedded?: boolean }) {
  const creatable = useCreatable(place);
  const wanted = new URLSearchParams(useSearch()).get("kind") as KindName | null;
  const first = wanted && creatable.includes(wanted) ? wanted : creatable[0];
  const content = first
    ? <CreateKey place={place} creatable={creatable} first={first} />
    : <Note>Keys of this kind are made by owners and admins. Ask one of them for the key you need.</Note>;
  if (embedded) return content;
  return <Page title="Create API key" lead="Say what it is for; the form asks only for what that needs.">{content}</Page>;
}

function useFormChoices(form: Form) {
  const { organization, can, me } = useSession();
  const manages = can("keys:write");
  const kind = kindNamed(form.kind)!;
  return {
    users: useObjects(usersOf(organization.id), organization.id, manages && kind.owner === "me"),
    projects: useObjects(projects, organization.id, kind.owner === "project"),
    targets: useObjects(targets, organization.id, kind.owner === "target"),
    keyspaces: useObjects(keyspaces, organization.id, kind.owner === "customer"),
    pickables: usePickables(form.kind, form.project),
    me,
  };
}

type Set = (changes: Partial<Form>) => void;
interface Part {
  form: Form;
  set: Set;
  problems: Record<string, string>;
  choices: ReturnType<typeof useFormChoices>;
  place: Place;
}

function OwnerPart({ form, set, problems, choices, place }: Part) {
  const { organization, can } = useSession();
  const kind = kindNamed(form.kind)!;
  if (kind.owner === "me") {
    const accounts = (choices.users.data?.items ?? []).filter((user) => user.service_account && user.active);
    if (!can("keys:write") || accounts.length === 0) return null;
    return (
      <SelectField
        label="Acts for"
        required
        value={form.serviceAccount}
        problem={problems.owner}
        hint="A service account is for programs that should go on when people leave."
        onChange={(event) => set({ serviceAccount: event.target.value })}
      >
        <option value="">me, {choices.me.name || choices.me.email}</option>
        {accounts.map((user) => <option key={user.id} value={user.id}>{nameOf(user)} (service account)</option>)}
      </SelectField>
    );
  }
  if (kind.owner === "project" && !place.project) {
    return (
      <SelectField label="Project" required value={form.project} problem={problems.owner} onChange={(event) => set({ project: event.target.value, scope: { all: true, ids: [] } })}>
        <option value="">Choose a project</option>
        {(choices.projects.data?.items ?? []).map((item) => <option key={item.id} value={item.id}>{item.name}</option>)}
      </SelectField>
    );
  }
  if (kind.owner === "target" && !place.target) {
    return (
      <SelectField label="Target" required value={form.target} problem={problems.owner} onChange={(event) => set({ target: event.target.value })}>
        <option value="">Choose a target</option>
        {(choices.targets.data?.items ?? []).map((item) => <option key={item.id} value={item.id}>{item.name}</option>)}
      </SelectField>
    );
  }
  if (kind.owner === "customer") {
    return (
      <div className="grid gap-4 sm:grid-cols-2">
        <SelectField label="Keyspace" required value={form.keyspace} problem={problems.keyspace_id} hint="Its prefix begins the key. Settings → Keyspaces makes new ones." onChange={(event) => set({ keyspace: event.target.value })}>
          <option value="">Choose a keyspace</option>
          {(choices.keyspaces.data?.items ?? []).map((item) => <option key={item.id} value={item.id}>{item.name} ({item.prefix})</option>)}
        </SelectField>
        <TextField label="Customer" required value={form.customer} problem={problems.owner} hint="Any id that you use for them." onChange={(event) => set({ customer: event.target.value })} />
      </div>
    );
  }
  return kind.owner === "organization" ? <p className="text-quiet">Belongs to {organization.name}, not to a person.</p> : null;
}

function AccessPart({ form, set, problems, choices }: Part) {
  switch (form.kind) {
    case "connect":
      return (
        <ScopePicker
          nouns="MCP servers"
          items={choices.pickables.items}
          value={form.scope}
          onChange={(scope) => set({ scope })}
          problem={problems.scope}
          allNote="The key will also open every MCP server its owner can reach later. Choose some if you can: what it cannot reach, it cannot leak."
        />
      );
    case "ingest":
      return form.project
        ? (
          <ScopePicker
            nouns="platforms"
            items={choices.pickables.items}
            value={form.scope}
            onChange={(scope) => set({ scope })}
            problem={problems.scope}
            allNote="Each trace has to name its platform. A key for exactly one platform routes its traces by itself."
          />
        )
        : null;
    case "management":
      return (
        <Field label="May" required problem={problems.permissions}>
          {(wiring) => (
            <div id={wiring.id} role="group" aria-label="May" className="flex flex-col gap-2.5">
              {managementPermissions.map(([permission, words]) => (
                <CheckField
                  key={permission}
                  label={words}
                  hint={<code>{permission}</code>}
                  checked={form.permissions.includes(permission)}
                  onChange={(event) => set({
                    permissions: event.target.checked
                      ? [...form.permissions, permission]
                      : form.permissions.filter((one) => one !== permission),
                  })}
                />
              ))}
            </div>
          )}
        </Field>
      );
    case "customer":
      return (
        <TextField
          label="Permissions"
          value={form.permissions.join(" ")}
          problem={problems.permissions}
          placeholder="reports.read reports.export"
          hint="Separated by spaces; reports.* covers everything below reports."
          onChange={(event) => set({ permissions: event.target.value.split(" ") })}
          onBlur={(event) => set({ permissions: wordsOf(event.target.value) })}
        />
      );
    default:
      return null;
  }
}

function MorePart({ form, set, problems }: Part) {
  return (
    <details className="card group p-3 sm:p-4">
      <summary className="font-medium">Networks, limits, idle time</summary>
      <div className="mt-4 grid gap-4 sm:grid-cols-2">
        <TextField label="Only from these networks" value={form.networks} problem={problems.allowed_cidrs} placeholder="10.0.0.0/8" hint="CIDR, separated by commas." onChange={(event) => set({ networks: event.target.value })} />
        <TextField label="Ends when unused for days" type="number" min={1} inputMode="numeric" value={form.idleDays} problem={problems.idle_timeout_seconds} onChange={(event) => set({ idleDays: event.target.value })} />
        <TextField label="Most requests" type="number" min={1} inputMode="numeric" value={form.limit} problem={problems.limits} onChange={(event) => set({ limit: event.target.value })} />
        <SelectField label="in each" required value={form.limitWindow} onChange={(event) => set({ limitWindow: event.target.value })}>
          {[["1", "second"], ["60", "minute"], ["3600", "hour"], ["86400", "day"]].map(([seconds, name]) => <option key={seconds} value={seconds}>{name}</option>)}
        </SelectField>
        {form.kind === "connect" && (
          <TextField label="Only these tools" value={form.tools} problem={problems.permissions} placeholder="search create_ticket" hint="Names of tools; all if left empty." onChange={(event) => set({ tools: event.target.value })} />
        )}
        {form.kind === "customer" && (
          <>
            <TextField label="Resource type" value={form.resourceType} placeholder="project" hint="If it is narrowed to things of yours." onChange={(event) => set({ resourceType: event.target.value })} />
            <TextField label="Resource ids" value={form.resourceIds} problem={problems.scope} onChange={(event) => set({ resourceIds: event.target.value })} />
          </>
        )}
      </div>
    </details>
  );
}

function Summary({ form, choices, organization }: { form: Form; choices: Part["choices"]; organization: { id: string; name: string } }) {
  const known: { id: string; name: string; email?: string }[] = [
    ...(choices.users.data?.items ?? []), ...(choices.projects.data?.items ?? []),
    ...(choices.targets.data?.items ?? []), ...choices.pickables.items,
  ];
  const names = {
    me: choices.me.name,
    organization: organization.name,
    find: (id: string) => {
      const item = known.find((one) => one.id === id);
      return item && nameOf(item);
    },
  };
  const body = requestOf(form, organization.id);
  return (
    <div className="card flex flex-col gap-3 p-4">
      <p data-sentence="" aria-live="polite">{sentenceOf(form, names)}</p>
      <details>
        <summary className="link w-fit">Show as curl / CLI</summary>
        <div className="mt-3 flex flex-col gap-3">
          <CodeBlock label="CLI" code={asCommand(body)} />
          <CodeBlock label="curl" code={asCurl(body)} />
        </div>
      </details>
    </div>
  );
}

function startOf(place: Place, kind: KindName): Form {
  return {
    ...kEmpty,
    kind,
    project: place.project ?? "",
    target: place.target ?? "",
    scope: { all: kind === "ingest", ids: [] },
  };
}

function CreateKey({ place, creatable, first }: { place: Place; creatable: KindName[]; first: KindName }) {
  const { organization } = useSession();
  const [, navigate] = useLocation();
  const [form, setForm] = useState(() => startOf(place, first));
  const [problems, setProblems] = useState<Record<string, string>>({});
  const [refusal, setRefusal] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const nameField = useRef<HTMLInputElement>(null);
  const choices = useFormChoices(form);
  const showSecret = useShowSecret();
  const changed = useKeysChanged();
  const set: Set = (changes) => setForm((before) => ({ ...before, ...changes }));
  useEffect(() => nameField.current?.focus(), []);

  const submit = async () => {
    const wrong = problemsOf(form);
    setProblems(wrong);
    const count = Object.keys(wrong).length;
    setRefusal(count > 0 ? (count === 1 ? Object.values(wrong)[0]! : `${count} fields need another look: they are marked below.`) : null);
    if (count > 0) return;
    setBusy(true);
    try {
      const { key = "", ...made } = await answer(api.POST("/api/v1/keys", { body: requestOf(form, organization.id) }));
      const servers = choices.pickables.servers.filter((server) => form.scope.all || form.scope.ids.includes(server.id));
      changed();
      showSecret(
        { secret: key ?? "", name: made.name, kind: form.kind, servers: servers.slice(0, 5) },
        () => navigate(place.base, { replace: true }),
      );
    } catch (error) {
      const problem = asProblem(error);
      setProblems(byControl(problem.fields));
      setRefusal(problem.message);
    }
    setBusy(false);
  };

  const part: Part = { form, set, problems, choices, place };
  return (
    <form
      className="flex max-w-4xl flex-col gap-5"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (!busy) void submit();
      }}
    >
      <Refusal text={refusal} />
      {creatable.length > 1 && (
        <Choices
          legend="What is it for?"
          name="kind"
          value={form.kind}
          onChange={(kind) => {
            setProblems({});
            setForm({ ...startOf(place, kind), name: form.name, description: form.description, expiry: kindNamed(kind)!.mustExpire && form.expiry.preset === "never" ? kEmpty.expiry : form.expiry });
          }}
          options={kinds.filter((kind) => creatable.includes(kind.name)).map((kind) => ({ value: kind.name, label: kind.purpose, hint: kind.detail }))}
        />
      )}
      <div className="grid gap-4 sm:grid-cols-2">
        <TextField ref={nameField} label="Name" required maxLength={255} autoComplete="off" value={form.name} problem={problems.name} placeholder="CI pipeline" onChange={(event) => set({ name: event.target.value })} />
        <TextField label="Description" autoComplete="off" value={form.description} problem={problems.description} placeholder="What uses it, and where" onChange={(event) => set({ description: event.target.value })} />
      </div>
      <OwnerPart {...part} />
      <AccessPart {...part} />
      <ExpiryField value={form.expiry} onChange={(expiry) => set({ expiry })} mustExpire={kindNamed(form.kind)!.mustExpire ?? false} problem={problems.expires_at} />
      <MorePart {...part} />
      <Summary form={form} choices={choices} organization={organization} />
      <Buttons busy={busy} onCancel={() => navigate(place.base)} />
    </form>
  );
}

function Buttons({ busy, onCancel }: { busy: boolean; onCancel(): void }): ReactNode {
  return (
    <div className="flex gap-2">
      <Button type="submit" look="primary" busy={busy}>Create</Button>
      <Button onClick={onCancel}>Cancel</Button>
    </div>
  );
}

