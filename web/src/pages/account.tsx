// Account settings: who I am, my password, where I am signed in.

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useState, type ReactNode } from "react";

import { answer, api, asProblem, type Schemas } from "../api/client";
import { setSingleLetters, singleLetters } from "../frame/shortcuts";
import { useSession } from "../session";
import { chooseTheme, chosenTheme, type Theme } from "../theme";
import { Button } from "../ui/button";
import { CheckField, Choices, TextField } from "../ui/field";
import { Form, useSaving } from "../ui/form";
import { useNotice } from "../ui/notices";
import { Failed, Loading, Page, Section } from "../ui/page";
import { TabLinks } from "../ui/tab-links";
import { Time } from "../ui/time";
import { Badge } from "../keys/status";

export function AccountTabs() {
  return (
    <TabLinks
      label="Account settings"
      tabs={[
        { to: "/account", text: "Profile" },
        { to: "/account/keys", text: "API keys" },
        { to: "/account/sessions", text: "Sessions" },
      ]}
    />
  );
}

function Profile() {
  const { me } = useSession();
  const queries = useQueryClient();
  const say = useNotice();
  const [name, setName] = useState(me.name);
  const saving = useSaving(async () => {
    await answer(api.PATCH("/api/v1/me", { body: { name: name.trim() } }));
    await queries.invalidateQueries({ queryKey: ["me"] });
    say("Saved.");
  });
  return (
    <Section title="You">
      <Form saving={saving}>
        <TextField label="Name" required autoComplete="name" value={name} problem={saving.fields.name} onChange={(event) => setName(event.target.value)} />
        <p className="text-quiet">You sign in as {me.email}.</p>
        <div><Button type="submit" busy={saving.busy}>Save</Button></div>
      </Form>
    </Section>
  );
}

function Password() {
  const say = useNotice();
  const [current, setCurrent] = useState("");
  const [password, setPassword] = useState("");
  const saving = useSaving(async () => {
    await answer(api.PATCH("/api/v1/me", { body: { current_password: current, password } }));
    setCurrent("");
    setPassword("");
    say("Your password is changed. Your other sessions are signed out.");
  });
  return (
    <Section title="Password">
      <Form saving={saving}>
        <TextField label="Current password" required type="password" autoComplete="current-password" value={current} problem={saving.fields.current_password} onChange={(event) => setCurrent(event.target.value)} />
        <TextField label="New password" required type="password" autoComplete="new-password" value={password} problem={saving.fields.password} hint="A few words are better than a few signs." onChange={(event) => setPassword(event.target.value)} />
        <div><Button type="submit" busy={saving.busy}>Change password</Button></div>
      </Form>
    </Section>
  );
}

function Appearance() {
  const [theme, setTheme] = useState(chosenTheme);
  return (
    <Section title="Appearance">
      <Choices<Theme>
        legend="Colours"
        hideLegend
        name="theme"
        value={theme}
        onChange={(chosen) => {
          chooseTheme(chosen);
          setTheme(chosen);
        }}
        options={[{ value: "system", label: "As the system has it" }, { value: "light", label: "Light" }, { value: "dark", label: "Dark" }]}
      />
    </Section>
  );
}

function Keyboard() {
  const [on, setOn] = useState(singleLetters);
  return (
    <Section title="Keyboard">
      <CheckField
        label="Shortcuts of a single letter"
        hint="“c” creates a key, “/” searches, “?” shows all of them. Ctrl+K works in any case."
        checked={on}
        onChange={(event) => {
          setSingleLetters(event.target.checked);
          setOn(event.target.checked);
        }}
      />
    </Section>
  );
}

function AccountFrame({ children }: { children: ReactNode }) {
  return <Page title="Account settings"><AccountTabs />{children}</Page>;
}

export function ProfilePage() {
  return (
    <AccountFrame>
      <div className="grid items-start gap-5 lg:grid-cols-2"><Profile /><Password /><Appearance /><Keyboard /></div>
    </AccountFrame>
  );
}

function browserOf(agent: string): string {
  const browser = ["Edg", "Firefox", "Chrome", "Safari", "curl"].find((name) => agent.includes(name));
  const system = ["Windows", "Android", "iPhone", "Mac OS", "Linux"].find((name) => agent.includes(name));
  if (!browser) return agent.slice(0, 60) || "unknown program";
  return [browser === "Edg" ? "Edge" : browser, system].filter(Boolean).join(" on ");
}

type OneSession = Schemas["SessionView"];

function SessionItem({ session, end }: { session: OneSession; end(): void }) {
  return (
    <li className="flex flex-wrap items-center justify-between gap-3 py-3">
      <div className="min-w-0">
        <p className="font-medium" title={session.user_agent}>{browserOf(session.user_agent)} {session.current && <Badge tone="good">this one</Badge>}</p>
        <p className="text-sm text-quiet">{session.address}, begun <Time at={session.created_at} />, last used <Time at={session.last_used_at} />, ends <Time at={session.expires_at} /></p>
      </div>
      {!session.current && <Button small onClick={end}>Sign out</Button>}
    </li>
  );
}

export function SessionsPage() {
  const queries = useQueryClient();
  const say = useNotice();
  const sessions = useQuery({ queryKey: ["sessions"], queryFn: () => answer(api.GET("/api/v1/me/sessions")) });
  const end = async (work: () => Promise<unknown>, said: string) => {
    try {
      await work();
      say(said);
    } catch (error) {
      say(asProblem(error).message);
    }
    void queries.invalidateQueries({ queryKey: ["sessions"] });
  };
  const others = sessions.data?.items.some((one) => !one.current) ?? false;
  return (
    <AccountFrame>
      <Section
        title="Where you are signed in"
        actions={others && <Button small onClick={() => void end(() => answer(api.DELETE("/api/v1/me/sessions")), "All other sessions are signed out.")}>Sign out all others</Button>}
      >
        {sessions.isPending && <Loading />}
        {sessions.isError && <Failed error={sessions.error} />}
        <ul className="divide-y divide-line">
          {sessions.data?.items.map((session) => (
            <SessionItem
              key={session.id}
              session={session}
              end={() => void end(() => answer(api.DELETE("/api/v1/me/sessions/{id}", { params: { path: { id: session.id } } })), "Signed out.")}
            />
          ))}
        </ul>
        <p className="text-sm text-quiet">A session ends after 12 hours without use, and after 7 days in all.</p>
      </Section>
    </AccountFrame>
  );
}
