import { useState } from "react";

import { nameOf, useObjects, usersOf } from "../api/objects";
import { useSession } from "../session";
import { CodeBlock } from "../ui/copy";
import { Note, Page } from "../ui/page";
import { AuditList, type AuditFilters } from "./audit-list";

const actions = [
  "session.create", "keys.create", "keys.update", "keys.rotate", "keys.revoke", "keys.disable", "keys.enable",
  "keys.import", "mcp.call", "users.create", "users.update", "users.delete", "organizations.update",
  "projects.create", "platforms.create", "targets.create", "mcp_servers.create", "mcp_servers.update",
  "registries.update", "services.create",
];

export default function AuditPage() {
  const { organization, can } = useSession();
  const users = useObjects(usersOf(organization.id), organization.id, can("audit:read"));
  const [filters, setFilters] = useState<AuditFilters>({});
  const set = (name: keyof AuditFilters, value: string | undefined) =>
    setFilters((before) => ({ ...before, [name]: value || undefined }));
  const time = (text: string) => (text ? new Date(text).toISOString() : undefined);

  if (!can("audit:read")) {
    return (
      <Page title="Audit log">
        <Note>Only owners, admins and auditors read the audit log. Ask an admin of the organization for one of these roles.</Note>
      </Page>
    );
  }
  return (
    <Page title="Audit log" lead="Everything that was changed or refused, by whom and from where. Events are chained: none can be altered or taken out unnoticed.">
      <section className="card min-w-0" aria-label="Events">
        <div className="grid gap-2 border-b border-line p-3 sm:grid-cols-2 sm:p-4 xl:grid-cols-4">
          <select aria-label="Who" className="input" value={filters.actor ?? ""} onChange={(event) => set("actor", event.target.value)}>
            <option value="">Everybody</option>
            {(users.data?.items ?? []).map((user) => <option key={user.id} value={user.id}>{nameOf(user)}</option>)}
          </select>
          <select aria-label="Action" className="input" value={filters.action ?? ""} onChange={(event) => set("action", event.target.value)}>
            <option value="">Every action</option>
            {actions.map((action) => <option key={action} value={action}>{action}</option>)}
          </select>
          <label className="flex min-w-0 items-center gap-2"><span className="w-10 shrink-0 text-quiet">from</span><input type="datetime-local" className="input min-w-0" onChange={(event) => set("from", time(event.target.value))} /></label>
          <label className="flex min-w-0 items-center gap-2"><span className="w-10 shrink-0 text-quiet">to</span><input type="datetime-local" className="input min-w-0" onChange={(event) => set("to", time(event.target.value))} /></label>
        </div>
        <AuditList filters={filters} caption="Audit log" />
      </section>
      <details className="card p-4">
        <summary className="font-medium">Verify the chain</summary>
        <p className="my-3 text-quiet">On the server, also while it runs. It reads every event and says where the chain is broken, if it is.</p>
        <CodeBlock label="command" code="keywright audit verify --data DIR" />
      </details>
    </Page>
  );
}
