// What a key is narrowed to: a list one can search, or everything including what comes later, which is
// a choice of its own and says what it means.

import { useState } from "react";

import { Choices, Field } from "../ui/field";
import { Note } from "../ui/page";

export interface Scope {
  all: boolean;
  ids: string[];
}

export interface Pickable {
  id: string;
  name: string;
  detail?: string;
  unavailable?: string;  // why it cannot be used now
}

export function PickList({ label, items, chosen, onChange, problem, required }: {
  label: string;
  items: Pickable[];
  chosen: string[];
  onChange(ids: string[]): void;
  problem?: string;
  required?: boolean;
}) {
  const [search, setSearch] = useState("");
  const wanted = search.trim().toLowerCase();
  const shown = items.filter((item) => !wanted || `${item.name} ${item.detail ?? ""}`.toLowerCase().includes(wanted));
  const missing = chosen.filter((id) => !items.some((item) => item.id === id));
  return (
    <Field label={label} problem={problem} required={required} hint={`${chosen.length} of ${items.length} chosen`}>
      {(wiring) => (
        <div className="rounded-lg border border-edge" role="group" aria-label={label}>
          <input
            {...wiring}
            type="search"
            placeholder="Search"
            value={search}
            onChange={(event) => setSearch(event.target.value)}
            onKeyDown={(event) => {
              if (event.key === "Enter") event.preventDefault();
            }}
            className="min-h-10 w-full rounded-t-lg border-b border-line bg-surface px-3"
          />
          <ul className="max-h-56 overflow-y-auto rounded-b-lg bg-surface p-1.5" role="list">
            {shown.map((item) => (
              <li key={item.id}>
                <label className="flex min-h-9 cursor-pointer items-start gap-3 rounded-md px-2 py-1.5 hover:bg-sunken">
                  <input
                    type="checkbox"
                    className="mt-0.5 size-5 shrink-0 accent-accent"
                    checked={chosen.includes(item.id)}
                    onChange={(event) => onChange(event.target.checked
                      ? [...chosen, item.id] : chosen.filter((id) => id !== item.id))}
                  />
                  <span className="min-w-0">
                    <span className="wrap-anywhere">{item.name}</span>
                    {item.detail && <span className="block text-sm wrap-anywhere text-quiet">{item.detail}</span>}
                    {item.unavailable && <span className="block text-sm text-warn">{item.unavailable}</span>}
                  </span>
                </label>
              </li>
            ))}
            {missing.map((id) => (
              <li key={id}>
                <label className="flex min-h-9 cursor-pointer items-start gap-3 rounded-md px-2 py-1.5 hover:bg-sunken">
                  <input
                    type="checkbox"
                    checked
                    className="mt-0.5 size-5 shrink-0 accent-accent"
                    onChange={() => onChange(chosen.filter((one) => one !== id))}
                  />
                  <span className="min-w-0 text-warn wrap-anywhere">Deleted, or out of your reach ({id})</span>
                </label>
              </li>
            ))}
            {shown.length === 0 && missing.length === 0 && (
              <li className="px-2 py-3 text-center text-sm text-quiet">
                {items.length === 0 ? "There are none yet." : "Nothing matches."}
              </li>
            )}
          </ul>
        </div>
      )}
    </Field>
  );
}

export function ScopePicker({ nouns, items, value, onChange, problem, allNote }: {
  nouns: string;
  items: Pickable[];
  value: Scope;
  onChange(scope: Scope): void;
  problem?: string;
  allNote: string;
}) {
  return (
    <div className="flex flex-col gap-3">
      <Choices
        legend={`Which ${nouns}`}
        name="scope"
        value={value.all ? "all" : "ids"}
        onChange={(choice) => onChange({ ...value, all: choice === "all" })}
        options={[
          { value: "ids", label: `Only some ${nouns}`, hint: "You choose them below." },
          { value: "all", label: `All ${nouns}, including future ones`, hint: "Also those added later." },
        ]}
      />
      {value.all
        ? <Note tone="warn">{allNote}</Note>
        : (
          <PickList
            label={nouns[0]!.toUpperCase() + nouns.slice(1)}
            items={items}
            chosen={value.ids}
            onChange={(ids) => onChange({ ...value, ids })}
            problem={problem}
            required
          />
        )}
    </div>
  );
}
