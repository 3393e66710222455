import { useQueryClient } from "@tanstack/react-query";
import { useState } from "react";

import { answer, api } from "../api/client";
import { useSession } from "../session";
import { Button } from "../ui/button";
import { Mono } from "../ui/copy";
import { Confirm } from "../ui/dialog";
import { TextField } from "../ui/field";
import { Form, useSaving } from "../ui/form";
import { useNotice } from "../ui/notices";
import { Facts, Note, Page, Section } from "../ui/page";
import { TabLinks } from "../ui/tab-links";
import { KeyspacesPage } from "./resources";

export function SettingsTabs() {
  return (
    <TabLinks
      label="Settings"
      tabs={[
        { to: "/settings", text: "Organization" },
        { to: "/settings/keys", text: "API Keys" },
        { to: "/settings/keyspaces", text: "Keyspaces" },
      ]}
    />
  );
}

export function KeyspaceSettingsPage() {
  return <Page title="Settings"><SettingsTabs /><KeyspacesPage embedded /></Page>;
}

function Rename() {
  const { organization } = useSession();
  const queries = useQueryClient();
  const say = useNotice();
  const [name, setName] = useState(organization.name);
  const saving = useSaving(async () => {
    await answer(api.PATCH("/api/v1/organizations/{id}", { params: { path: { id: organization.id } }, body: { name: name.trim() } }));
    await queries.invalidateQueries({ queryKey: ["me"] });
    say("Saved.");
  });
  return (
    <Form saving={saving}>
      <TextField label="Name" required value={name} problem={saving.fields.name} onChange={(event) => setName(event.target.value)} />
      <div><Button type="submit" busy={saving.busy}>Save</Button></div>
    </Form>
  );
}

function NewOrganization() {
  const { chooseOrganization } = useSession();
  const queries = useQueryClient();
  const say = useNotice();
  const [name, setName] = useState("");
  const saving = useSaving(async () => {
    const made = await answer(api.POST("/api/v1/organizations", { body: { name: name.trim() } }));
    await queries.invalidateQueries({ queryKey: ["me"] });
    chooseOrganization(made.id);
    setName("");
    say(`“${made.name}” is there, and you are its owner.`);
  });
  return (
    <Form saving={saving}>
      <TextField label="Name" required value={name} problem={saving.fields.name} hint="You become its owner." onChange={(event) => setName(event.target.value)} />
      <div><Button type="submit" busy={saving.busy}>Create</Button></div>
    </Form>
  );
}

export function SettingsPage() {
  const { organization, can, me } = useSession();
  const queries = useQueryClient();
  const [deleting, setDeleting] = useState(false);
  const owner = can("organization:write");
  return (
    <Page title="Settings">
      <SettingsTabs />
      {!owner && <Note>Owners change the settings of the organization. You are {organization.role} here.</Note>}
      <div className="grid items-start gap-5 lg:grid-cols-2">
        <Section title="This organization">
          <Facts items={[["Id", <Mono key="id">{organization.id}</Mono>], ["Your role", organization.role]]} />
          {owner && <Rename key={organization.id} />}
        </Section>
        <Section title="Another organization"><NewOrganization /></Section>
        {owner && (
          <Section title="Delete this organization">
            <p className="text-quiet">Everything in it goes: people lose it, and all its keys stop working at once.</p>
            <div><Button look="danger" onClick={() => setDeleting(true)}>Delete organization</Button></div>
          </Section>
        )}
      </div>
      {deleting && (
        <Confirm
          title={`Delete “${organization.name}”?`}
          action="Delete organization"
          typed={organization.name}
          onConfirm={async () => {
            await answer(api.DELETE("/api/v1/organizations/{id}", { params: { path: { id: organization.id } } }));
            await queries.invalidateQueries();
          }}
          onClose={() => setDeleting(false)}
        >
          <p>All its keys, projects, targets, services and MCP servers stop working at once. This cannot be undone.</p>
          {me.organizations.length === 1 && <p>It is your only organization: you will not be able to do anything here afterwards.</p>}
        </Confirm>
      )}
    </Page>
  );
}
