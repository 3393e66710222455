// The places where keys are found. All show the same table; each says whose keys, and what its own new
// keys are for.

import { useSession } from "../session";
import type { Where } from "./data";
import type { KindName } from "./kinds";

export interface Place {
  base: string;             // path of the list
  title: string;
  lead: string;
  whose: "own" | "choice" | "all" | "project" | "target";
  project?: string;
  target?: string;
  kinds?: KindName[];       // what may be created here; all if left out
}

export const accountPlace: Place = {
  base: "/account/keys",
  title: "API keys",
  lead: "Keys that act as you. What they may do follows what you may do, at every request.",
  whose: "own",
};

export const settingsPlace: Place = {
  base: "/settings/keys",
  title: "API Keys",
  lead: "Create and manage API keys for programs, AI clients and pipelines.",
  whose: "choice",
};

export const everyonePlace: Place = {
  base: "/user-management/keys",
  title: "API Keys",
  lead: "Every key of the organization, with the one it belongs to.",
  whose: "all",
};

export function projectPlace(project: string): Place {
  return {
    base: `/projects/${project}/keys`,
    title: "API Keys",
    lead: "Keys that send traces of this project. Each may be narrowed to some of its platforms.",
    whose: "project",
    project,
    kinds: ["ingest"],
  };
}

export function targetPlace(target: string): Place {
  return {
    base: `/targets/${target}/keys`,
    title: "API Keys",
    lead: "Keys that open this target alone, through the targets API.",
    whose: "target",
    target,
    kinds: ["target"],
  };
}

// Whose keys the server is asked for; null where this person may not see them.
export function useWhere(place: Place, all: boolean, user: string): Where | null {
  const { can, organization } = useSession();
  if (place.whose === "own" || (place.whose === "choice" && !all)) return {};
  if (!can("keys:read")) return null;
  const organization_id = organization.id;
  if (place.whose === "project") return { owner: place.project, organization_id, kind: "ingest" };
  if (place.whose === "target") return { owner: place.target, organization_id, kind: "target" };
  return { owner: user || "all", organization_id };
}

export function useCreatable(place: Place): KindName[] {
  const { can } = useSession();
  const own: KindName[] = ["access", "connect", "personal", "mcp"];
  const others: KindName[] = ["ingest", "target", "account", "management", "customer"];
  const mine = can("keys:write") ? [...own, ...others] : own;
  return place.kinds ? mine.filter((kind) => place.kinds!.includes(kind)) : mine;
}
