// The table of keys, wherever it stands.

import { Ellipsis, Plus, Search } from "lucide-react";
import { useCallback, useEffect, useMemo, useState, type ReactElement, type ReactNode } from "react";
import { Link, useLocation, useSearch } from "wouter";

import type { Key } from "../api/client";
import { useSession } from "../session";
import { Button, IconButton } from "../ui/button";
import { copyText, Mono } from "../ui/copy";
import { ExportButton } from "../ui/export-button";
import { Menu, MenuItem, MenuLine } from "../ui/menu";
import { useNotice } from "../ui/notices";
import { Empty, Failed, Loading, Note, Page } from "../ui/page";
import { Table, type Column } from "../ui/table";
import { Time } from "../ui/time";
import { BulkDialog, RevokeDialog, RotateDialog, useKeysChanged, type Bulk } from "./actions";
import { CheckDialog } from "./check-dialog";
import { setEnabled, useKeys, views, type Filters, type View, type Where } from "./data";
import { EditDialog } from "./edit-dialog";
import { exportKeys, saveKeys } from "./export";
import { kinds, kindNamed, scopeText, shownPartOf } from "./kinds";
import { useCreatable, useWhere, type Place } from "./place";
import { KeyStatus } from "./status";
import { Sparkline } from "../usage/sparkline";

// Filters stand in the address, so that a view can be kept, sent and gone back to.
function useFilters() {
  const search = useSearch();
  const [path, navigate] = useLocation();
  const inAddress = new URLSearchParams(search);
  const filters: Filters = {
    q: inAddress.get("q") ?? "",
    status: inAddress.get("status") ?? "",
    kind: inAddress.get("kind") ?? "",
    view: (inAddress.get("view") ?? "") as View,
  };
  const all = inAddress.get("owner") === "all";
  const user = inAddress.get("user") ?? "";
  const check = inAddress.has("check");
  const set = (changes: Partial<Record<keyof Filters | "owner" | "user", string>>) => {
    const next = new URLSearchParams(search);
    for (const [name, value] of Object.entries(changes)) {
      if (value) next.set(name, value);
      else next.delete(name);
    }
    const text = next.toString();
    navigate(text ? `${path}?${text}` : path, { replace: true });
  };
  return { filters, all, user, check, set };
}

function SearchField({ value, onChange }: { value: string; onChange(text: string): void }) {
  const [text, setText] = useState(value);
  useEffect(() => setText(value), [value]);
  useEffect(() => {
    if (text === value) return;
    const timer = setTimeout(() => onChange(text), 250);
    return () => clearTimeout(timer);
  });
  return (
    <div className="relative min-w-0 grow basis-64">
      <Search size={17} aria-hidden className="absolute top-1/2 left-3 -translate-y-1/2 text-quiet" />
      <input
        type="search"
        aria-label="Search keys by name, id or a pasted key"
        placeholder="Name, id, or paste a key"
        autoComplete="off"
        spellCheck={false}
        value={text}
        data-search=""
        onChange={(event) => {
          // A pasted key is cut down to what lists show before it gets anywhere, even the address.
          const shown = shownPartOf(event.target.value);
          setText(shown.isToken ? shown.search : event.target.value);
        }}
        className="input pl-9!"
      />
    </div>
  );
}

// Rows are many, menus are rarely opened: one is made when it is asked for.
function RowMenu(props: { item: Key; place: Place; act(what: Doing): void }) {
  const [asked, setAsked] = useState(false);
  const trigger = <IconButton label={`More for ${props.item.name}`} aria-haspopup="menu" onClick={asked ? undefined : () => setAsked(true)}><Ellipsis size={18} /></IconButton>;
  return asked ? <OpenRowMenu {...props} trigger={trigger} /> : trigger;
}

function OpenRowMenu({ item, place, act, trigger }: {
  item: Key;
  place: Place;
  act(what: Doing): void;
  trigger: ReactElement;
}) {
  const [, navigate] = useLocation();
  const say = useNotice();
  const changed = useKeysChanged();
  const ended = item.status === "revoked" || item.status === "expired";
  const mayRotate = useMayRotate(item);
  const toggle = async () => {
    try {
      await setEnabled(item.id, item.status === "disabled");
      say(`“${item.name}” is ${item.status === "disabled" ? "enabled" : "disabled"}.`);
      changed();
    } catch (error) {
      say((error as Error).message);
    }
  };
  return (
    <Menu open label={`Actions for ${item.name}`} trigger={trigger}>
      <MenuItem onClick={() => navigate(`${place.base}/${item.id}`)}>Open</MenuItem>
      <MenuItem onClick={() => void copyText(item.id).then((copied) => say(copied ? "The id is copied." : `Its id is ${item.id}.`))}>Copy id</MenuItem>
      <MenuItem onClick={() => act({ what: "edit", item })} disabled={item.status === "revoked"}>Edit</MenuItem>
      <MenuItem onClick={() => act({ what: "rotate", item })} disabled={ended || !mayRotate}>Rotate</MenuItem>
      <MenuItem onClick={() => void toggle()} disabled={ended}>{item.status === "disabled" ? "Enable" : "Disable"}</MenuItem>
      <MenuLine />
      <MenuItem danger onClick={() => act({ what: "delete", item })} disabled={item.status === "revoked"}>Delete</MenuItem>
    </Menu>
  );
}

// Nobody gets the secret of another person's key: rotating those is not offered.
export function useMayRotate(item: Key): boolean {
  const { me, can } = useSession();
  if (item.owner.type !== "user") return can("keys:write");
  return item.owner.id === me.id || can("keys:write");
}

export function useMayManage(item: Key): boolean {
  const { me, can } = useSession();
  return can("keys:write") || (item.owner.type === "user" && item.owner.id === me.id);
}

type Doing = { what: "revoke" | "delete" | "rotate" | "edit"; item: Key };

function columnsFor(place: Place, withOwner: boolean, act: (what: Doing) => void): Column<Key>[] {
  const list: (Column<Key> | false)[] = [
    {
      title: "Name",
      isName: true,
      className: "min-w-24",
      cell: (item) => (
        <Link href={`${place.base}/${item.id}`} className="link font-medium wrap-anywhere">{item.name}</Link>
      ),
    },
    {
      title: "Description",
      cell: (item) => item.description
        ? <span className="line-clamp-2 max-w-40 wrap-anywhere" title={item.description}>{item.description}</span>
        : <span className="text-quiet">–</span>,
    },
    {
      title: "Key",
      cell: (item) => (
        <>
          <span className="block whitespace-nowrap"><Mono>{item.mask}</Mono></span>
          <span className="block text-sm text-quiet" title={kindNamed(item.kind)?.purpose}>{item.kind}</span>
        </>
      ),
    },
    { title: "Servers / scope", className: "min-w-18", cell: (item) => scopeText(item) },
    withOwner && {
      title: "User",
      className: "min-w-20",
      cell: (item: Key) => (
        <>
          <span className="block wrap-anywhere">{item.owner.name || item.owner.id}</span>
          {item.owner.type !== "user" && <span className="block text-sm text-quiet">{item.owner.type}</span>}
        </>
      ),
    },
    { title: "Created", cell: (item) => <Time at={item.created_at} as="day" /> },
    { title: "Usage", wideOnly: true, cell: (item: Key) => <Sparkline item={item} /> },
    {
      title: "Last used",
      className: "min-w-20",
      cell: (item) => (
        <>
          {item.last_used_at
            ? <span className="block whitespace-nowrap snug:whitespace-normal"><Time at={item.last_used_at} as="brief" /></span>
            : <span className="whitespace-nowrap text-quiet snug:whitespace-normal">Never used</span>}
          {item.last_used_ip && <span className="block text-sm text-quiet wrap-anywhere">{item.last_used_ip}</span>}
          <span className="hidden snug:block"><Sparkline item={item} /></span>
        </>
      ),
    },
    {
      title: "Expires",
      cell: (item) => item.expires_at
        ? <span className="whitespace-nowrap snug:whitespace-normal"><Time at={item.expires_at} as="brief" /></span>
        : "Never",
    },
    { title: "Status", cell: (item) => <KeyStatus item={item} /> },
    { title: "Actions", hideTitle: true, cell: (item) => <RowActions item={item} place={place} act={act} /> },
  ];
  return list.filter((column) => column !== false);
}

function RowActions({ item, place, act }: { item: Key; place: Place; act(what: Doing): void }) {
  if (!useMayManage(item)) return null;
  return (
    <div className="flex items-center gap-1 justify-end narrow:justify-start">
      {item.status !== "revoked" && (
        <Button small aria-label={`Revoke ${item.name}`} onClick={() => act({ what: "revoke", item })}>Revoke</Button>
      )}
      <RowMenu item={item} place={place} act={act} />
    </div>
  );
}

function Toolbar({ place, where, filters, all, user, set }: ReturnType<typeof useFilters> & { place: Place; where: Where }) {
  const { can } = useSession();
  const kindFixed = place.whose === "project" || place.whose === "target";
  return (
    <div className="flex flex-col gap-3 border-b border-line p-3 sm:p-4">
      <div className="flex flex-wrap items-center gap-2">
        <SearchField value={filters.q} onChange={(q) => set({ q })} />
        {place.whose === "choice" && can("keys:read") && (
          <select
            aria-label="Whose keys"
            className="input w-auto! max-sm:grow"
            value={all ? "all" : ""}
            onChange={(event) => set({ owner: event.target.value })}
          >
            <option value="">My keys</option>
            <option value="all">All keys</option>
          </select>
        )}
        {user && <Button onClick={() => set({ user: "" })}>Keys of everybody</Button>}
        {!kindFixed && (
          <select
            aria-label="Kind"
            className="input w-auto! max-sm:grow"
            value={filters.kind}
            onChange={(event) => set({ kind: event.target.value })}
          >
            <option value="">Every kind</option>
            {kinds.map((kind) => <option key={kind.name} value={kind.name}>{kind.name}</option>)}
          </select>
        )}
        <select
          aria-label="Status"
          className="input w-auto! max-sm:grow"
          value={filters.status}
          onChange={(event) => set({ status: event.target.value, view: "" })}
        >
          <option value="">Every status</option>
          {["active", "disabled", "expired", "revoked"].map((status) => <option key={status} value={status}>{status}</option>)}
        </select>
      </div>
      <div className="flex flex-wrap items-center gap-1.5" role="group" aria-label="Saved views">
        {views.map((view) => (
          <button
            key={view.value}
            type="button"
            aria-pressed={filters.view === view.value}
            onClick={() => set({ view: view.value, status: "" })}
            className="min-h-8 rounded-full border border-line px-3 text-sm hover:bg-sunken
              aria-pressed:border-accent aria-pressed:bg-tint aria-pressed:font-medium"
          >
            {view.label}
          </button>
        ))}
        <span className="ml-auto"><ExportButton run={() => exportKeys(where, filters)} /></span>
      </div>
    </div>
  );
}

function NotAllowed() {
  return (
    <Note>
      Only owners, admins and auditors see keys that are not their own. Ask an admin of the organization
      for the key you need, or for a role that may see them.
    </Note>
  );
}

export function KeysPage({ place, tabs, embedded = false }: { place: Place; tabs?: ReactNode; embedded?: boolean }) {
  const [, navigate] = useLocation();
  const state = useFilters();
  const where = useWhere(place, state.all, state.user);
  const creatable = useCreatable(place);
  const [checking, setChecking] = useState(state.check);
  const create = creatable.length > 0 && (
    <Button look="primary" data-create="" onClick={() => navigate(`${place.base}/new`)}>
      <Plus size={17} aria-hidden /> Create API key
    </Button>
  );
  const body = where === null
    ? <NotAllowed />
    : <KeyList place={place} where={where} state={state} create={create} />;
  const actions = place.whose === "all" && where !== null
    ? <><Button onClick={() => setChecking(true)}>Check a key</Button>{create}</>
    : create;
  if (!embedded) {
    return (
      <Page title={place.title} lead={place.lead} actions={actions}>
        {tabs}
        {body}
        {checking && where !== null && <CheckDialog onClose={() => setChecking(false)} />}
      </Page>
    );
  }
  return (
    <div className="flex flex-col gap-4">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <p className="max-w-2xl text-quiet">{place.lead}</p>
        {create}
      </div>
      {body}
    </div>
  );
}

const nameOf = (key: Key) => key.name;

function KeyList({ place, where, state, create }: {
  place: Place;
  where: Where;
  state: ReturnType<typeof useFilters>;
  create: ReactNode;
}) {
  const { filters, set } = state;
  const { can } = useSession();
  const keys = useKeys(where, filters);
  const [doing, setDoing] = useState<Doing | null>(null);
  const [chosen, setChosen] = useState(new Set<string>());
  const [bulk, setBulk] = useState<Bulk | null>(null);
  const withOwner = where.owner !== undefined;
  const columns = useMemo(() => columnsFor(place, withOwner, setDoing), [place, withOwner]);
  const toggle = useCallback((ids: string[], on: boolean) => setChosen((before) => {
    const next = new Set(before);
    for (const id of ids) if (on) next.add(id); else next.delete(id);
    return next;
  }), []);
  const rows = keys.data?.pages.flatMap((page) => page.items) ?? [];
  const picked = rows.filter((row) => chosen.has(row.id) && row.status !== "revoked");
  const manages = can("keys:write") || where.owner === undefined;
  const filtered = Boolean(filters.q || filters.status || filters.kind || filters.view);
  const clear = () => set({ q: "", status: "", kind: "", view: "" });

  let content;
  if (keys.isPending) content = <Loading label="Reading keys" />;
  else if (keys.isError) content = <Failed error={keys.error} retry={() => void keys.refetch()} />;
  else if (rows.length === 0 && filtered) {
    content = <Empty title="No keys match" action={<Button onClick={clear}>Clear filters</Button>}>{keys.hasNextPage ? "None among the newest 10,000. “Show more” looks further." : "Revoked keys are shown when the status filter says so."}</Empty>;
  } else if (rows.length === 0) {
    content = (
      <Empty title="No keys yet" action={create}>
        {place.whose === "project" || place.whose === "target"
          ? "A key lets a program in without anybody's password."
          : <>A key lets a program in without your password. Or from a terminal: <Mono>keywright keys create --kind access --name ci</Mono></>}
      </Empty>
    );
  } else {
    content = (
      <Table
        many
        caption={place.title}
        columns={columns}
        rows={rows}
        selection={{ chosen, toggle, nameOf }}
      />
    );
  }

  return (
    <section className="card min-w-0" aria-label="Keys">
      <Toolbar place={place} where={where} {...state} />
      {picked.length > 0 && (
        <div className="flex flex-wrap items-center gap-2 border-b border-line bg-tint px-4 py-2" role="group" aria-label="Selected keys">
          <span className="mr-2 font-medium">{picked.length} selected</span>
          {manages && (
            <>
              <Button small onClick={() => setBulk("extend")}>Extend</Button>
              <Button small onClick={() => setBulk("disable")}>Disable</Button>
              <Button small onClick={() => setBulk("enable")}>Enable</Button>
              <Button small onClick={() => setBulk("revoke")}>Revoke</Button>
            </>
          )}
          <Button small onClick={() => saveKeys(picked)}>Export CSV</Button>
          <Button small look="quiet" onClick={() => setChosen(new Set())}>Clear selection</Button>
        </div>
      )}
      {content}
      {keys.hasNextPage && (
        <div className="flex justify-center border-t border-line p-3">
          <Button busy={keys.isFetchingNextPage} onClick={() => void keys.fetchNextPage()}>Show more</Button>
        </div>
      )}
      {(doing?.what === "revoke" || doing?.what === "delete") && (
        <RevokeDialog item={doing.item} word={doing.what === "delete" ? "Delete" : "Revoke"} onClose={() => setDoing(null)} />
      )}
      {doing?.what === "rotate" && <RotateDialog item={doing.item} onClose={() => setDoing(null)} />}
      {doing?.what === "edit" && <EditDialog item={doing.item} onClose={() => setDoing(null)} />}
      {bulk && <BulkDialog items={picked} action={bulk} onClose={() => setBulk(null)} onDone={() => setChosen(new Set())} />}
    </section>
  );
}
