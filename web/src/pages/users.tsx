// People, service accounts and their roles; leaving, and the keys that go with it.

import { useQuery } from "@tanstack/react-query";
import { Plus } from "lucide-react";
import { useRef, useState } from "react";
import { Link } from "wouter";

import { answer, api, type Role, type User } from "../api/client";
import { nameOf, useObjects, usersOf } from "../api/objects";
import { KeyStatus, Badge } from "../keys/status";
import { ObjectDialog, type FieldOf } from "../objects/form";
import { useObjectsChanged } from "../objects/objects-page";
import { useSession } from "../session";
import { Button } from "../ui/button";
import { CopyButton, Mono, selectAll } from "../ui/copy";
import { Actions, Confirm, Modal } from "../ui/dialog";
import { useNotice } from "../ui/notices";
import { Empty, Failed, Loading, Note, Page } from "../ui/page";
import { TabLinks } from "../ui/tab-links";
import { Table } from "../ui/table";
import { exactTime, Time } from "../ui/time";

const roleWords: Record<Role, string> = {
  owner: "Everything, also the organization itself and other owners",
  admin: "People, registries, MCP servers, every key, the audit log",
  member: "Projects, platforms, targets and services; own keys",
  viewer: "Reads; own keys",
  auditor: "Reads everything with all keys and the audit log; own keys",
};

export function UserManagementTabs() {
  const { can } = useSession();
  return (
    <TabLinks
      label="User Management"
      tabs={[
        { to: "/user-management/users", text: "Users" },
        ...(can("keys:read") ? [{ to: "/user-management/keys", text: "API Keys" }] : []),
      ]}
    />
  );
}

function LinkDialog({ title, url, note, onClose }: { title: string; url: string; note: string; onClose(): void }) {
  const box = useRef<HTMLElement>(null);
  return (
    <Modal title={title} onClose={onClose}>
      <p>{note}</p>
      <code ref={box} translate="no" className="rounded-lg border border-edge bg-sunken p-3 font-mono text-sm break-all select-all">{url}</code>
      <Actions>
        <CopyButton text={url} label="Copy link" onFailed={() => selectAll(box.current)} />
        <Button look="primary" onClick={onClose}>Done</Button>
      </Actions>
    </Modal>
  );
}

// Somebody leaves: their keys stop with them, so they are shown first.
function TheirKeys({ user, onGo }: { user: User; onGo(): void }) {
  const { organization } = useSession();
  const keys = useQuery({
    queryKey: ["keys", "of", user.id],
    queryFn: () => answer(api.GET("/api/v1/keys", { params: { query: { owner: user.id, organization_id: organization.id, limit: 200 } } })),
  });
  if (keys.isPending) return <p className="text-quiet">Looking for their keys…</p>;
  if (keys.isError) return <Failed error={keys.error} retry={() => void keys.refetch()} />;
  if (keys.data.items.length === 0) return <p className="text-quiet">They have no keys.</p>;
  const working = keys.data.items.filter((key) => key.status === "active").length;
  return (
    <>
      <p className="font-medium">{working === 1 ? "1 key of theirs works now:" : `${working} keys of theirs work now:`}</p>
      <ul className="flex max-h-60 flex-col gap-2 overflow-y-auto">
        {keys.data.items.map((key) => (
          <li key={key.id} className="flex flex-wrap items-center gap-x-3 gap-y-1">
            <Link href={`/user-management/keys/${key.id}`} onClick={onGo} className="link wrap-anywhere">{key.name}</Link>
            <Mono>{key.mask}</Mono>
            <KeyStatus item={key} />
            <span className="text-sm text-quiet">{key.last_used_at ? <>used <Time at={key.last_used_at} /></> : "never used"}</span>
          </li>
        ))}
      </ul>
    </>
  );
}

function DeactivateDialog({ user, onClose }: { user: User; onClose(): void }) {
  const { organization } = useSession();
  const changed = useObjectsChanged();
  const say = useNotice();
  return (
    <Confirm
      title={`Deactivate ${nameOf(user)}?`}
      action="Deactivate"
      onConfirm={async () => {
        await usersOf(organization.id).update(user.id, { active: false });
        say(`${nameOf(user)} is deactivated; every key of theirs is refused from now on.`);
        changed();
      }}
      onClose={onClose}
    >
      <p>They are signed out, and integrations that use their keys stop working at once. Activating them again brings both back.</p>
      <TheirKeys user={user} onGo={onClose} />
    </Confirm>
  );
}

function useUserFields(user: User | null): FieldOf[] {
  const { grantable } = useSession();
  const roles = grantable.map((role) => ({ value: role, label: `${role}: ${roleWords[role].toLowerCase()}` }));
  if (user) {
    return [
      { name: "role", label: "Role", type: "select", required: true, options: roles },
      ...(user.service_account ? [{ name: "name", label: "Name", required: true } as FieldOf] : []),
    ];
  }
  return [
    { name: "service_account", label: "Service account", type: "check", hint: "For programs: no sign-in, admins make its keys." },
    { name: "email", label: "E-mail address", type: "email", required: true, when: (values) => values.service_account !== true },
    { name: "name", label: "Name" },
    { name: "role", label: "Role", type: "select", required: true, initial: "member", options: roles },
  ];
}

type Doing =
  | { what: "invite" }
  | { what: "edit" | "deactivate" | "remove"; user: User }
  | { what: "link"; title: string; url: string; note: string };

function Dialogs({ doing, act }: { doing: Doing; act(next: Doing | null): void }) {
  const { organization } = useSession();
  const changed = useObjectsChanged();
  const say = useNotice();
  const users = usersOf(organization.id);
  const close = () => act(null);
  const fields = useUserFields(doing.what === "edit" ? doing.user : null);
  switch (doing.what) {
    case "link":
      return <LinkDialog {...doing} onClose={close} />;
    case "deactivate":
      return <DeactivateDialog user={doing.user} onClose={close} />;
    case "remove":
      return (
        <Confirm
          title={`Remove ${nameOf(doing.user)}?`}
          action="Remove"
          onConfirm={async () => {
            await users.remove(doing.user.id);
            say(`${nameOf(doing.user)} is removed.`);
            changed();
          }}
          onClose={close}
        >
          <p>They lose this organization and everything in it; their keys stop working here at once. This cannot be undone.</p>
          <TheirKeys user={doing.user} onGo={close} />
        </Confirm>
      );
    case "edit":
      return (
        <ObjectDialog
          isNew={false}
          title={`Edit ${nameOf(doing.user)}`}
          fields={fields}
          values={{ role: doing.user.role, name: doing.user.name }}
          submit={async (body) => {
            await users.update(doing.user.id, body);
            say("Saved. It is in effect from now on, also for keys.");
            changed();
            close();
          }}
          onClose={close}
        />
      );
    case "invite":
      return (
        <ObjectDialog
          isNew
          title="New user"
          fields={fields}
          submit={async (body) => {
            const made = await users.create(organization.id, body);
            changed();
            if (made.invite_url) {
              act({ what: "link", title: "Invitation", url: made.invite_url, note: `Send this link to ${made.email}. It works once, for 72 hours; with it they choose their password.` });
            } else {
              say(`${nameOf(made)} is there.`);
              close();
            }
          }}
          onClose={close}
        />
      );
  }
}

function Row({ user, act }: { user: User; act(doing: Doing): void }) {
  const { me, organization, grantable } = useSession();
  const changed = useObjectsChanged();
  const say = useNotice();
  if (!grantable.includes(user.role)) return null;
  const attempt = async (work: () => Promise<void>) => {
    try {
      await work();
    } catch (error) {
      say((error as Error).message);
    }
  };
  const name = nameOf(user);
  return (
    <div className="flex flex-wrap gap-1 justify-end narrow:justify-start">
      <Button small aria-label={`Edit ${name}`} onClick={() => act({ what: "edit", user })}>Edit</Button>
      {!user.service_account && (
        <Button
          small
          aria-label={`Reset link for ${name}`}
          onClick={() => void attempt(async () => {
            const made = await answer(api.POST("/api/v1/users/{id}/reset-link", {
              params: { path: { id: user.id }, query: { organization_id: organization.id } },
            }));
            act({ what: "link", title: "Password reset", url: made.reset_url, note: `Send this link to ${user.email}. It works once, until ${exactTime(made.expires_at)}.` });
          })}
        >
          Reset link
        </Button>
      )}
      {user.id !== me.id && (user.active
        ? <Button small aria-label={`Deactivate ${name}`} onClick={() => act({ what: "deactivate", user })}>Deactivate</Button>
        : (
          <Button
            small
            aria-label={`Activate ${name}`}
            onClick={() => void attempt(async () => {
              await usersOf(organization.id).update(user.id, { active: true });
              say(`${name} is active again.`);
              changed();
            })}
          >
            Activate
          </Button>
        ))}
      {user.id !== me.id && <Button small aria-label={`Remove ${name}`} onClick={() => act({ what: "remove", user })}>Remove</Button>}
    </div>
  );
}

export function UsersPage() {
  const { organization, can, me } = useSession();
  const users = useObjects(usersOf(organization.id), organization.id);
  const [doing, setDoing] = useState<Doing | null>(null);
  const writes = can("users:write");
  const rows = users.data?.items ?? [];
  return (
    <Page
      title="User Management"
      lead="Who belongs to the organization, and what each may do. A key never does more than the role of its owner."
      actions={writes && <Button look="primary" onClick={() => setDoing({ what: "invite" })}><Plus size={17} aria-hidden /> New user</Button>}
    >
      <UserManagementTabs />
      {!writes && <Note>Owners and admins change this list.</Note>}
      <section className="card min-w-0" aria-label="Users">
        {users.isPending && <Loading />}
        {users.isError && <Failed error={users.error} retry={() => void users.refetch()} />}
        {users.data && rows.length === 0 && <Empty title="Nobody yet" />}
        {rows.length > 0 && (
          <Table
            caption="Users"
            rows={rows}
            columns={[
              {
                title: "Name",
                isName: true,
                cell: (user) => (
                  <>
                    <span className="block font-medium wrap-anywhere">{nameOf(user)}{user.id === me.id && <span className="font-normal text-quiet"> (you)</span>}</span>
                    <span className="block text-sm text-quiet wrap-anywhere">{user.service_account ? "service account" : user.email}</span>
                  </>
                ),
              },
              { title: "Role", cell: (user) => <span title={roleWords[user.role]}>{user.role}</span> },
              { title: "Effective", cell: (user) => user.active ? user.role : "none: deactivated" },
              { title: "State", cell: (user) => user.active ? <Badge tone="good">Active</Badge> : <Badge tone="quiet">Deactivated</Badge> },
              {
                title: "Keys",
                cell: (user) => can("keys:read")
                  ? <Link href={`/user-management/keys?user=${user.id}`} className="link" aria-label={`Keys of ${nameOf(user)}`}>Keys</Link>
                  : "–",
              },
              { title: "Since", cell: (user) => <Time at={user.created_at} as="day" /> },
              ...(writes ? [{ title: "Actions", hideTitle: true, cell: (user: User) => <Row user={user} act={setDoing} /> }] : []),
            ]}
          />
        )}
      </section>
      <details className="card p-4">
        <summary className="font-medium">What each role may do</summary>
        <dl className="mt-3 grid gap-x-6 gap-y-2 sm:grid-cols-[auto_1fr]">
          {(Object.keys(roleWords) as Role[]).map((role) => (
            <div key={role} className="contents"><dt className="font-medium">{role}</dt><dd className="text-quiet">{roleWords[role]}</dd></div>
          ))}
        </dl>
      </details>
      {doing && <Dialogs doing={doing} act={setDoing} />}
    </Page>
  );
}
