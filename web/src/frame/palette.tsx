// Ctrl+K: go anywhere, find a key, a person or a thing by name, make a key, or ask about a request that was
// refused. A pasted key is cut down to what lists show before it gets anywhere.

import { Dialog } from "@base-ui/react/dialog";
import { useQuery } from "@tanstack/react-query";
import { Activity, CornerDownLeft, KeyRound, Plus, Search, Users } from "lucide-react";
import { useDeferredValue, useEffect, useId, useRef, useState, type ReactNode } from "react";
import { useLocation } from "wouter";

import { answer, api } from "../api/client";
import { mcpServers, nameOf, projects, services, targets, useObjects, usersOf } from "../api/objects";
import { kinds, shownPartOf } from "../keys/kinds";
import { accountPlace, everyonePlace, useCreatable } from "../keys/place";
import { stateOf } from "../keys/status";
import { useSession } from "../session";
import { usePlaces } from "./places";

interface Entry {
  id: string;
  text: string;
  detail?: string;
  group: string;
  Icon: typeof Activity;
  run(): void;
}

const kEach = 6;  // of one group at most
const kCreate = "Create API key";

const kRequestId = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

function useKeyEntries(text: string, go: (to: string) => void): { entries: Entry[]; isLooking: boolean } {
  const { can, organization } = useSession();
  const all = can("keys:read");
  const found = useQuery({
    queryKey: ["keys", "palette", organization.id, all, text],
    enabled: text.length > 0,
    queryFn: () => answer(api.GET("/api/v1/keys", {
      params: { query: { q: text, include: "revoked", limit: kEach, ...(all ? { owner: "all", organization_id: organization.id } : {}) } },
    })),
    placeholderData: (before) => before,
  });
  const base = all ? everyonePlace.base : accountPlace.base;
  const items = text ? found.data?.items ?? [] : [];
  return {
    isLooking: text.length > 0 && found.isFetching,
    entries: items.map((key) => ({
      id: `key-${key.id}`,
      group: "Keys",
      text: key.name,
      detail: `${key.mask}, ${stateOf(key).word.toLowerCase()}${all ? `, ${key.owner.name || key.owner.id}` : ""}`,
      Icon: KeyRound,
      run: () => go(`${base}/${key.id}`),
    })),
  };
}

// Things by their names. Read when the palette is used for the first time.
function useThings(wanted: boolean, go: (to: string) => void): Entry[] {
  const { organization } = useSession();
  const id = organization.id;
  const lists = [
    { group: "MCP servers", found: useObjects(mcpServers, id, wanted), to: () => "/mcp-servers" },
    { group: "Projects", found: useObjects(projects, id, wanted), to: (one: string) => `/projects/${one}` },
    { group: "Targets", found: useObjects(targets, id, wanted), to: (one: string) => `/targets/${one}/keys` },
    { group: "Services", found: useObjects(services, id, wanted), to: () => "/services" },
    { group: "People", found: useObjects(usersOf(id), id, wanted), to: () => "/user-management/users" },
  ];
  return lists.flatMap(({ group, found, to }) => (found.data?.items ?? []).map((item) => ({
    id: `${group}-${item.id}`, group, text: nameOf(item), detail: "email" in item ? item.email : undefined,
    Icon: group === "People" ? Users : Activity, run: () => go(to(item.id)),
  })));
}

function usePages(go: (to: string) => void): Entry[] {
  const { can } = useSession();
  const groups = usePlaces();
  const creatable = useCreatable(accountPlace);
  const more = [
    ["/account", "Account settings"], ["/account/sessions", "Sessions"], ["/settings/keys", "Settings: API Keys"],
    ["/settings/keyspaces", "Settings: Keyspaces"],
    ...(can("keys:read") ? [[`${everyonePlace.base}?check=1`, "Check a key: why is it refused?"]] : []),
  ];
  return [
    ...groups.flatMap((group) => group.places.map(({ to, text, Icon }) => ({
      id: `page-${to}`, group: "Pages", Icon, run: () => go(to),
      text: text === "API Keys" ? "All API keys" : text,
    }))),
    ...more.map(([to, text]) => ({ id: `page-${to}`, group: "Pages", text: text!, Icon: Activity, run: () => go(to!) })),
    ...kinds.filter((kind) => creatable.includes(kind.name)).map((kind) => ({
      id: `new-${kind.name}`, group: kCreate, text: kind.purpose, detail: kind.name, Icon: Plus,
      run: () => go(`${accountPlace.base}/new?kind=${kind.name}`),
    })),
  ];
}

function limited(entries: Entry[], words: string[]): Entry[] {
  const counts = new Map<string, number>();
  // Within a group, what begins so comes before what only has it somewhere.
  const begins = (entry: Entry) => (words[0] && ` ${entry.text.toLowerCase()}`.includes(` ${words[0]}`) ? 0 : 1);
  const groups = [...new Set(entries.map((entry) => entry.group))];
  const ordered = groups.flatMap((group) => entries.filter((entry) => entry.group === group)
    .sort((one, other) => begins(one) - begins(other)));
  return ordered.filter((entry) => {
    const where = `${entry.text} ${entry.detail ?? ""} ${entry.group === kCreate ? kCreate : ""}`.toLowerCase();
    if (!words.every((word) => where.includes(word))) return false;
    const count = (counts.get(entry.group) ?? 0) + 1;
    counts.set(entry.group, count);
    return words.length === 0 || count <= kEach;
  });
}

function useEntries(text: string, close: () => void): { entries: Entry[]; isLooking: boolean } {
  const [, navigate] = useLocation();
  const { can } = useSession();
  const go = (to: string) => {
    close();
    navigate(to);
  };
  const search = useDeferredValue(text.trim());
  const keys = useKeyEntries(search.length > 1 ? search : "", go);
  const things = useThings(search.length > 0, go);
  const pages = usePages(go);
  const words = search.toLowerCase().split(/\s+/).filter(Boolean);
  if (kRequestId.test(search)) {
    const asked: Entry[] = can("audit:read") ? [{
      id: "request", group: "Requests", text: "What happened to this request?", detail: search, Icon: Search,
      run: () => go(`/audit?request=${search.toLowerCase()}`),
    }] : [];
    return { isLooking: keys.isLooking, entries: [...asked, ...limited(things, words), ...keys.entries] };
  }
  return {
    isLooking: keys.isLooking,
    entries: [...keys.entries, ...limited(pages, words), ...(words.length > 0 ? limited(things, words) : [])],
  };
}

function Options({ entries, at, id, choose }: { entries: Entry[]; at: number; id: string; choose(entry: Entry): void }) {
  const rows: ReactNode[] = [];
  let group = "";
  entries.forEach((entry, index) => {
    if (entry.group !== group) {
      group = entry.group;
      rows.push(<li key={`group-${group}`} role="presentation" className="px-3 pt-3 pb-1 text-sm text-quiet">{group}</li>);
    }
    rows.push(
      <li
        key={entry.id}
        id={`${id}-${index}`}
        role="option"
        aria-selected={index === at}
        onClick={() => choose(entry)}
        className="flex min-h-10 cursor-pointer items-center gap-3 rounded-lg px-3 py-1.5 hover:bg-sunken aria-selected:bg-tint"
      >
        <entry.Icon size={17} aria-hidden className="shrink-0 text-quiet" />
        <span className="min-w-0 grow">
          <span className="block wrap-anywhere">{entry.text}</span>
          {entry.detail && <span className="block truncate text-sm text-quiet">{entry.detail}</span>}
        </span>
        {index === at && <CornerDownLeft size={16} aria-hidden className="shrink-0 text-quiet" />}
      </li>,
    );
  });
  return <>{rows}</>;
}

export default function Palette({ onClose }: { onClose(): void }) {
  const id = useId();
  const [text, setText] = useState("");
  const [at, setAt] = useState(0);
  const list = useRef<HTMLUListElement>(null);
  const { entries, isLooking } = useEntries(text, onClose);
  const here = Math.min(at, Math.max(0, entries.length - 1));
  useEffect(() => {
    list.current?.querySelector("[aria-selected=true]")?.scrollIntoView({ block: "nearest" });
  }, [here]);
  const pressed = (event: React.KeyboardEvent) => {
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step && entries.length > 0) {
      event.preventDefault();
      setAt((here + step + entries.length) % entries.length);
    } else if (event.key === "Enter") {
      event.preventDefault();
      entries[here]?.run();
    }
  };
  return (
    <Dialog.Root open onOpenChange={(open) => !open && onClose()}>
      <Dialog.Portal>
        <Dialog.Backdrop className="fixed inset-0 z-40 bg-black/50" />
        <Dialog.Popup className="card fixed inset-x-3 top-[10dvh] z-50 mx-auto flex max-h-[75dvh] max-w-xl flex-col overflow-hidden shadow-xl outline-none">
          <Dialog.Title className="sr-only">Go to anything</Dialog.Title>
          <div className="relative border-b border-line">
            <Search size={18} aria-hidden className="absolute top-1/2 left-4 -translate-y-1/2 text-quiet" />
            <input
              role="combobox"
              aria-label="Go to anything"
              aria-expanded={entries.length > 0}
              aria-controls={`${id}-list`}
              aria-activedescendant={entries.length > 0 ? `${id}-${here}` : undefined}
              autoFocus
              autoComplete="off"
              spellCheck={false}
              placeholder="A page, a key, a name; or paste a key or request id"
              className="min-h-13 w-full bg-surface pr-4 pl-12 outline-none"
              value={text}
              onKeyDown={pressed}
              onChange={(event) => {
                const shown = shownPartOf(event.target.value);
                setText(shown.isToken ? shown.search : event.target.value);
                setAt(0);
              }}
            />
          </div>
          <ul ref={list} id={`${id}-list`} role="listbox" aria-label="Found" className="overflow-y-auto p-1.5 empty:hidden">
            <Options entries={entries} at={here} id={id} choose={(entry) => entry.run()} />
          </ul>
          <p role="status" className={entries.length > 0 ? "sr-only" : "px-4 py-8 text-center text-quiet"}>
            {entries.length > 0 ? `${entries.length} found` : isLooking ? "Looking…" : "Nothing has this name."}
          </p>
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}
