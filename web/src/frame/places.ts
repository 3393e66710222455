// What the rail and the palette lead to, for this person.

import {
  Activity, Boxes, Crosshair, FolderKanban, KeyRound, LayoutDashboard, Plug, ScrollText, Server, Settings, Users,
} from "lucide-react";

import { useSession } from "../session";

export interface PlaceToGo {
  to: string;
  text: string;
  Icon: typeof Activity;
}

export function usePlaces(): { title: string | null; places: PlaceToGo[] }[] {
  const { can } = useSession();
  return [
    {
      title: null,
      places: [
        { to: "/", text: "Overview", Icon: LayoutDashboard },
        { to: "/account/keys", text: "My API keys", Icon: KeyRound },
      ],
    },
    {
      title: "Resources",
      places: [
        { to: "/mcp-servers", text: "MCP servers", Icon: Plug },
        { to: "/registries", text: "Registries", Icon: Boxes },
        { to: "/projects", text: "Projects", Icon: FolderKanban },
        { to: "/traces", text: "Traces", Icon: Activity },
        { to: "/targets", text: "Targets", Icon: Crosshair },
        { to: "/services", text: "Services", Icon: Server },
      ],
    },
    {
      title: "User Management",
      places: [
        { to: "/user-management/users", text: "Users", Icon: Users },
        ...(can("keys:read") ? [{ to: "/user-management/keys", text: "API Keys", Icon: KeyRound }] : []),
      ],
    },
    {
      title: "Organization",
      places: [
        ...(can("audit:read") ? [{ to: "/audit", text: "Audit log", Icon: ScrollText }] : []),
        { to: "/settings", text: "Settings", Icon: Settings },
      ],
    },
  ];
}
