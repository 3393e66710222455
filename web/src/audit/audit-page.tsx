import { X } from "lucide-react";
import { useState, type ReactNode } from "react";
import { useLocation, useSearch } from "wouter";

import { nameOf, useObjects, usersOf } from "../api/objects";
import { localInput } from "../keys/expiry";
import { useSession } from "../session";
import { Button } from "../ui/button";
import { ExportButton } from "../ui/export-button";
import { Note, Page } from "../ui/page";
import { AuditList } from "./audit-list";
import { ChainSection } from "./chain-section";
import { exportEvents, type AuditFilters } from "./data";

const actions: [string, string[]][] = [
  ["keys", ["create", "update", "rotate", "revoke", "disable", "enable", "import"]],
  ["session", ["create"]],
  ["mcp", ["call"]],
  ["users", ["create", "update", "delete"]],
  ["organizations", ["create", "update"]],
  ["projects", ["create", "update", "delete"]],
  ["platforms", ["create", "update", "delete"]],
  ["targets", ["create", "update", "delete"]],
  ["mcp_servers", ["create", "update", "delete"]],
  ["registries", ["create", "update", "delete"]],
  ["services", ["create", "update", "delete"]],
  ["keyspaces", ["create", "update", "delete"]],
];

const names: (keyof AuditFilters)[] = ["actor", "action", "from", "to", "key_id", "object_id", "request"];

// As with keys, filters stand in the address.
function useFilters() {
  const search = useSearch();
  const [path, navigate] = useLocation();
  const inAddress = new URLSearchParams(search);
  const filters: AuditFilters = Object.fromEntries(
    names.flatMap((name) => (inAddress.get(name) ? [[name, inAddress.get(name)!]] : [])));
  const set = (changes: AuditFilters) => {
    const next = new URLSearchParams(search);
    for (const [name, value] of Object.entries(changes)) {
      if (value) next.set(name, value);
      else next.delete(name);
    }
    navigate(next.size > 0 ? `${path}?${next}` : path, { replace: true });
  };
  return { filters, set };
}

function Chip({ children, onClear, label }: { children: ReactNode; onClear(): void; label: string }) {
  return (
    <span className="inline-flex min-w-0 items-center gap-1 rounded-full border border-accent bg-tint py-0.5 pr-1 pl-3 text-sm">
      <span className="min-w-0 wrap-anywhere">{children}</span>
      <button type="button" aria-label={label} onClick={onClear} className="inline-flex size-6 shrink-0 items-center justify-center rounded-full hover:bg-sunken"><X size={14} /></button>
    </span>
  );
}

function TimeField({ label, value, onChange }: { label: string; value?: string; onChange(time: string | undefined): void }) {
  const [text, setText] = useState(value ? localInput(new Date(value)) : "");
  return (
    <label className="flex min-w-0 items-center gap-2">
      <span className="w-10 shrink-0 text-quiet">{label}</span>
      <input
        type="datetime-local"
        className="input min-w-0"
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          const time = new Date(event.target.value);
          onChange(Number.isNaN(time.getTime()) ? undefined : time.toISOString());
        }}
      />
    </label>
  );
}

function RequestField({ value, onFind }: { value?: string; onFind(request: string | undefined): void }) {
  const [text, setText] = useState(value ?? "");
  return (
    <form
      role="search"
      className="min-w-0 sm:max-lg:col-span-2"
      onSubmit={(event) => {
        event.preventDefault();
        onFind(text.trim() || undefined);
      }}
    >
      <input
        type="search"
        aria-label="Request id"
        placeholder="Request id"
        className="input w-full min-w-0"
        spellCheck={false}
        autoComplete="off"
        value={text}
        onChange={(event) => {
          setText(event.target.value);
          if (event.target.value === "") onFind(undefined);
        }}
      />
    </form>
  );
}

function Toolbar({ filters, set }: ReturnType<typeof useFilters>) {
  const { organization } = useSession();
  const users = useObjects(usersOf(organization.id), organization.id);
  const chips = (["key_id", "object_id", "request"] as const).filter((name) => filters[name]);
  const words = { key_id: "Key", object_id: "Object", request: "Request" };
  return (
    <div className="flex flex-col gap-3 border-b border-line p-3 sm:p-4">
      <div className="grid gap-2 sm:grid-cols-2 lg:grid-cols-3 2xl:grid-cols-[1fr_1fr_1.2fr_auto_auto]">
        <select aria-label="Who" className="input" value={filters.actor ?? ""} onChange={(event) => set({ actor: event.target.value })}>
          <option value="">Everybody</option>
          {(users.data?.items ?? []).map((user) => <option key={user.id} value={user.id}>{nameOf(user)}</option>)}
        </select>
        <select aria-label="Action" className="input" value={filters.action ?? ""} onChange={(event) => set({ action: event.target.value })}>
          <option value="">Every action</option>
          {actions.map(([group, list]) => (
            <optgroup key={group} label={group.replaceAll("_", " ")}>
              {list.length > 1 && <option value={`${group}.*`}>{group}: all</option>}
              {list.map((action) => <option key={action} value={`${group}.${action}`}>{group}.{action}</option>)}
            </optgroup>
          ))}
        </select>
        <RequestField key={filters.request ?? ""} value={filters.request} onFind={(request) => set({ request })} />
        <TimeField label="from" value={filters.from} onChange={(from) => set({ from })} />
        <TimeField label="to" value={filters.to} onChange={(to) => set({ to })} />
      </div>
      {chips.length > 0 && (
        <div className="flex flex-wrap gap-2">
          {chips.map((name) => <Chip key={name} label={`No longer only this ${words[name].toLowerCase()}`} onClear={() => set({ [name]: undefined })}>{words[name]} {filters[name]}</Chip>)}
        </div>
      )}
    </div>
  );
}

export default function AuditPage() {
  const { organization, can } = useSession();
  const { filters, set } = useFilters();
  if (!can("audit:read")) {
    return (
      <Page title="Audit log">
        <Note>Only owners, admins and auditors read the audit log. Ask an admin of the organization for one of these roles.</Note>
      </Page>
    );
  }
  const clear = () => set(Object.fromEntries(names.map((name) => [name, undefined])));
  return (
    <Page
      title="Audit log"
      lead="Everything that was changed or refused, by whom and from where. Events are chained: none can be altered or taken out unnoticed."
      actions={(
        <>
          <ExportButton run={() => exportEvents(organization.id, filters, "csv")} />
          <ExportButton label="Export JSONL" run={() => exportEvents(organization.id, filters, "jsonl")} />
        </>
      )}
    >
      <section className="card min-w-0" aria-label="Events">
        <Toolbar filters={filters} set={set} />
        <AuditList
          filters={filters}
          caption="Audit log"
          none={Object.keys(filters).length > 0 && <Button onClick={clear}>Clear filters</Button>}
          only={(changes) => set(changes)}
        />
      </section>
      <ChainSection />
    </Page>
  );
}
