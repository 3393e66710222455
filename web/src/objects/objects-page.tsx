// A page of things of one sort: a table, a form, and what happens when one is deleted.

import { useQueryClient } from "@tanstack/react-query";
import { Plus, Search } from "lucide-react";
import { useState, type ReactNode } from "react";

import { nameOf, useObjects, type Collection } from "../api/objects";
import { useSession, type Right } from "../session";
import { Button } from "../ui/button";
import { Confirm } from "../ui/dialog";
import { useNotice } from "../ui/notices";
import { Empty, Failed, Loading, Page } from "../ui/page";
import { Table, type Column } from "../ui/table";
import { ObjectDialog, type FieldOf, type Values } from "./form";

interface Named {
  id: string;
  name: string;
}

export interface Objects<Item extends Named> {
  collection: Collection<Item>;
  noun: string;        // "MCP server"
  plural: string;      // "MCP servers"
  right: Right;
  lead: string;
  columns: Column<Item>[];
  fields(item: Item | null): FieldOf[];
  valuesOf(item: Item): Values;
  headersOf?(item: Item): string[];
  onDelete: string;    // what stops working
  more?(item: Item): ReactNode;
}

export function useObjectsChanged(): () => void {
  const queries = useQueryClient();
  return () => {
    void queries.invalidateQueries({ queryKey: ["objects"] });
    void queries.invalidateQueries({ queryKey: ["keys"] });
    void queries.invalidateQueries({ queryKey: ["audit"] });
  };
}

type Doing<Item> = { what: "create" } | { what: "edit" | "delete"; item: Item };

export function ObjectsPage<Item extends Named>({ about, embedded = false }: { about: Objects<Item>; embedded?: boolean }) {
  const { can } = useSession();
  const [doing, setDoing] = useState<Doing<Item> | null>(null);
  const writes = can(about.right);
  const create = writes && (
    <Button look="primary" onClick={() => setDoing({ what: "create" })}>
      <Plus size={17} aria-hidden /> New {about.noun}
    </Button>
  );
  const body = (
    <>
      <ObjectList about={about} writes={writes} create={create} act={setDoing} />
      {doing && <Dialogs about={about} doing={doing} onClose={() => setDoing(null)} />}
    </>
  );
  if (!embedded) {
    return <Page title={about.plural[0]!.toUpperCase() + about.plural.slice(1)} lead={about.lead} actions={create}>{body}</Page>;
  }
  return (
    <div className="flex flex-col gap-4">
      <div className="flex flex-wrap items-center justify-between gap-3">
        <p className="max-w-2xl text-quiet">{about.lead}</p>
        {create}
      </div>
      {body}
    </div>
  );
}

function ObjectList<Item extends Named>({ about, writes, create, act }: {
  about: Objects<Item>;
  writes: boolean;
  create: ReactNode;
  act(doing: Doing<Item>): void;
}) {
  const { organization } = useSession();
  const list = useObjects(about.collection, organization.id);
  const [search, setSearch] = useState("");
  if (list.isPending) return <Loading />;
  if (list.isError) return <Failed error={list.error} retry={() => void list.refetch()} />;
  const wanted = search.trim().toLowerCase();
  const rows = list.data.items.filter((item) => !wanted || JSON.stringify(item).toLowerCase().includes(wanted));
  const columns: Column<Item>[] = [
    ...about.columns,
    {
      title: "Actions",
      hideTitle: true,
      cell: (item) => (
        <div className="flex flex-wrap gap-1 justify-end narrow:justify-start">
          {about.more?.(item)}
          {writes && (
            <>
              <Button small aria-label={`Edit ${item.name}`} onClick={() => act({ what: "edit", item })}>Edit</Button>
              <Button small aria-label={`Delete ${item.name}`} onClick={() => act({ what: "delete", item })}>Delete</Button>
            </>
          )}
        </div>
      ),
    },
  ];
  return (
    <section className="card min-w-0" aria-label={about.plural}>
      {list.data.items.length > 5 && (
        <div className="relative border-b border-line p-3">
          <Search size={17} aria-hidden className="absolute top-1/2 left-6 -translate-y-1/2 text-quiet" />
          <input type="search" className="input pl-9!" aria-label={`Search ${about.plural}`} placeholder="Search" value={search} onChange={(event) => setSearch(event.target.value)} />
        </div>
      )}
      {rows.length > 0 && <Table caption={about.plural} columns={columns} rows={rows} />}
      {rows.length === 0 && (list.data.items.length === 0
        ? <Empty title={`No ${about.plural} yet`} action={create}>{!create && "A member or admin of the organization can add one."}</Empty>
        : <Empty title="Nothing matches" action={<Button onClick={() => setSearch("")}>Clear search</Button>} />)}
      {list.data.more && <p className="border-t border-line p-3 text-center text-sm text-quiet">There are more; the API lists all.</p>}
    </section>
  );
}

function Dialogs<Item extends Named>({ about, doing, onClose }: {
  about: Objects<Item>;
  doing: Doing<Item>;
  onClose(): void;
}) {
  const { organization } = useSession();
  const changed = useObjectsChanged();
  const say = useNotice();
  const done = (text: string) => {
    say(text);
    changed();
    onClose();
  };
  if (doing.what === "create") {
    return (
      <ObjectDialog
        isNew
        title={`New ${about.noun}`}
        fields={about.fields(null)}
        submit={async (body) => {
          const made = await about.collection.create(organization.id, body);
          done(`“${nameOf(made)}” is there.`);
        }}
        onClose={onClose}
      />
    );
  }
  const { item } = doing;
  if (doing.what === "edit") {
    return (
      <ObjectDialog
        isNew={false}
        title={`Edit “${nameOf(item)}”`}
        fields={about.fields(item)}
        values={about.valuesOf(item)}
        known={about.headersOf?.(item) ?? []}
        submit={async (body) => {
          await about.collection.update(item.id, body);
          done("Saved. It is in effect from now on.");
        }}
        onClose={onClose}
      />
    );
  }
  return (
    <Confirm
      title={`Delete “${nameOf(item)}”?`}
      action={`Delete ${about.noun}`}
      onConfirm={async () => {
        await about.collection.remove(item.id);
        say(`“${nameOf(item)}” is deleted.`);
        changed();
      }}
      onClose={onClose}
    >
      <p>{about.onDelete} This cannot be undone.</p>
    </Confirm>
  );
}
