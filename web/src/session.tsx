// Who is signed in, in which organization, and what their role there allows.

import { useQuery, useQueryClient } from "@tanstack/react-query";
import { createContext, useContext, useMemo, useState, type ReactNode } from "react";

import { answer, api, keepSession, Problem, type Me, type Role } from "./api/client";

export type Right =
  | "organization:write" | "users:write" | "projects:write" | "targets:write" | "services:write"
  | "mcp_servers:write" | "registries:write" | "keyspaces:write" | "keys:read" | "keys:write"
  | "audit:read";

const member: Right[] = ["projects:write", "targets:write", "services:write"];
const admin: Right[] = [
  ...member, "users:write", "mcp_servers:write", "registries:write", "keyspaces:write",
  "keys:read", "keys:write", "audit:read",
];
// What the page offers. The server decides; this only spares people a refusal.
const rightsOf: Record<Role, Right[]> = {
  owner: [...admin, "organization:write"],
  admin,
  member,
  viewer: [],
  auditor: ["keys:read", "audit:read"],
};

const height: Record<Role, number> = { owner: 3, admin: 2, member: 1, viewer: 0, auditor: 0 };

export interface Session {
  me: Me;
  organization: { id: string; name: string; role: Role };
  can(right: Right): boolean;
  // Roles that this person may give to others.
  grantable: Role[];
  chooseOrganization(id: string): void;
  signOut(): Promise<void>;
}

const Context = createContext<Session | null>(null);

export function useSession(): Session {
  const session = useContext(Context);
  if (!session) throw new Error("outside of SessionProvider");
  return session;
}

const kOrganization = "keywright.organization";

function remembered(): string | null {
  try {
    return localStorage.getItem(kOrganization);
  } catch {
    return null;
  }
}

export function SessionProvider({ signIn, waiting, children }: {
  signIn: ReactNode;
  waiting: ReactNode;
  children: ReactNode;
}) {
  const queries = useQueryClient();
  const [chosen, setChosen] = useState(remembered);
  const me = useQuery({ queryKey: ["me"], queryFn: () => answer(api.GET("/api/v1/me")) });

  const session = useMemo<Session | null>(() => {
    const person = me.data;
    const first = person?.organizations[0];
    if (!person || !first) return null;
    const organization = person.organizations.find((one) => one.id === chosen) ?? first;
    const rights = rightsOf[organization.role];
    return {
      me: person,
      organization,
      can: (right) => rights.includes(right),
      grantable: (Object.keys(height) as Role[])
        .filter((role) => height[role] <= height[organization.role]),
      chooseOrganization(id) {
        try {
          localStorage.setItem(kOrganization, id);
        } catch {
          // Then the choice lasts as long as the page.
        }
        setChosen(id);
      },
      async signOut() {
        await answer(api.DELETE("/api/v1/session")).catch(() => undefined);
        keepSession(null);
        queries.clear();
        location.assign("/console/");
      },
    };
  }, [me.data, chosen, queries]);

  if (session) return <Context value={session}>{children}</Context>;
  if (me.isPending) return waiting;
  if (me.error instanceof Problem && me.error.status !== 401 && me.error.status !== 0) {
    return <p className="p-8" role="alert">{me.error.message}</p>;
  }
  return signIn;
}
