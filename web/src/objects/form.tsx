// One form for all things that are names, addresses and choices: described, not written anew each time.

import { Plus, Trash2 } from "lucide-react";
import { useState, type ReactNode } from "react";

import { asProblem } from "../api/client";
import { Button, IconButton } from "../ui/button";
import { Actions, Modal } from "../ui/dialog";
import { CheckField, Field, Refusal, SelectField, TextField } from "../ui/field";
import { PickList, type Pickable } from "../keys/scope-picker";

export type Value = string | boolean | string[] | Record<string, string> | null;
export type Values = Record<string, Value>;

export interface FieldOf {
  name: string;
  label: string;
  type?: "text" | "number" | "url" | "email" | "password" | "select" | "check" | "words" | "pick" | "headers";
  required?: boolean;
  hint?: ReactNode;
  placeholder?: string;
  options?: { value: string; label: string }[];
  items?: Pickable[];
  initial?: Value;
  // Left out of the form while this says so.
  when?(values: Values): boolean;
}

function HeadersField({ label, hint, problem, value, onChange, known }: {
  label: string;
  hint?: ReactNode;
  problem?: string;
  value: Record<string, string>;
  onChange(headers: Record<string, string>): void;
  known: string[];
}) {
  const [rows, setRows] = useState<[string, string][]>(Object.entries(value));
  const change = (next: [string, string][]) => {
    setRows(next);
    onChange(Object.fromEntries(next.filter(([name]) => name.trim())));
  };
  return (
    <Field label={label} hint={hint} problem={problem}>
      {(wiring) => (
        <div id={wiring.id} role="group" aria-label={label} className="flex flex-col gap-2">
          {known.length > 0 && rows.length === 0 && (
            <p className="text-sm text-quiet">Set now: {known.join(", ")}. Their values are not shown; new ones replace all of them.</p>
          )}
          {rows.map(([name, text], index) => (
            <div key={index} className="flex gap-2">
              <input aria-label={`Name of header ${index + 1}`} placeholder="Authorization" autoComplete="off" className="input" value={name} onChange={(event) => change(rows.with(index, [event.target.value, text]))} />
              <input aria-label={`Value of header ${index + 1}`} placeholder="Bearer …" type="password" autoComplete="new-password" className="input" value={text} onChange={(event) => change(rows.with(index, [name, event.target.value]))} />
              <IconButton label={`Remove header ${index + 1}`} onClick={() => change(rows.toSpliced(index, 1))}><Trash2 size={17} /></IconButton>
            </div>
          ))}
          <Button small className="self-start" onClick={() => change([...rows, ["", ""]])}><Plus size={15} aria-hidden /> Add a header</Button>
        </div>
      )}
    </Field>
  );
}

function Control({ field, value, problem, onChange, known }: {
  field: FieldOf;
  value: Value;
  problem?: string;
  onChange(value: Value): void;
  known: string[];
}) {
  const { label, hint, required, placeholder } = field;
  switch (field.type) {
    case "check":
      return <CheckField label={label} hint={hint} checked={value === true} onChange={(event) => onChange(event.target.checked)} />;
    case "select":
      return (
        <SelectField label={label} hint={hint} required={required} problem={problem} value={String(value ?? "")} onChange={(event) => onChange(event.target.value)}>
          {(field.options ?? []).map((option) => <option key={option.value} value={option.value}>{option.label}</option>)}
        </SelectField>
      );
    case "pick":
      return <PickList label={label} required={required} items={field.items ?? []} chosen={Array.isArray(value) ? value : []} problem={problem} onChange={onChange} />;
    case "headers":
      return <HeadersField label={label} hint={hint} problem={problem} known={known} value={(value ?? {}) as Record<string, string>} onChange={onChange} />;
    default:
      return (
        <TextField
          label={label}
          hint={hint}
          required={required}
          problem={problem}
          placeholder={placeholder}
          type={field.type === "words" ? "text" : field.type ?? "text"}
          autoComplete={field.type === "password" ? "new-password" : "off"}
          value={Array.isArray(value) ? value.join(" ") : String(value ?? "")}
          onChange={(event) => onChange(field.type === "words" ? event.target.value.split(" ") : event.target.value)}
        />
      );
  }
}

// What is sent: empty optional texts are left out of a creation, and taken away by a change.
function bodyOf(fields: FieldOf[], values: Values, touched: Set<string>, isNew: boolean): Record<string, unknown> {
  const body: Record<string, unknown> = {};
  for (const field of fields) {
    if (field.when && !field.when(values)) continue;
    if (!isNew && !touched.has(field.name)) continue;
    const value = values[field.name];
    if (field.type === "words") body[field.name] = (value as string[]).map((word) => word.trim()).filter(Boolean);
    else if (typeof value === "string") {
      const text = field.type === "password" ? value : value.trim();
      if (text) body[field.name] = field.type === "number" ? Number(text) : text;
      else if (!isNew) body[field.name] = null;
    } else if (field.type === "headers") {
      if (!isNew || Object.keys(value as object).length > 0) body[field.name] = value;
    } else body[field.name] = value;
  }
  return body;
}

export function ObjectDialog({ title, lead, fields, values: start = {}, known = [], isNew, action, submit, onClose }: {
  title: string;
  lead?: ReactNode;
  fields: FieldOf[];
  values?: Values;
  known?: string[];   // names of headers that are set
  isNew: boolean;
  action?: string;    // what the button says
  submit(body: Record<string, unknown>): Promise<void>;
  onClose(): void;
}) {
  const [values, setValues] = useState<Values>(() => Object.fromEntries(
    fields.map((field) => [field.name, start[field.name] ?? field.initial ?? (field.type === "check" ? false : ["pick", "words"].includes(field.type ?? "") ? [] : field.type === "headers" ? {} : "")])));
  const [touched, setTouched] = useState(new Set<string>());
  const [problems, setProblems] = useState<Record<string, string>>({});
  const [refusal, setRefusal] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);

  const send = async () => {
    const missing = fields.filter((field) => field.required && (!field.when || field.when(values))
      && (values[field.name] === "" || (Array.isArray(values[field.name]) && (values[field.name] as string[]).length === 0)));
    setProblems(Object.fromEntries(missing.map((field) => [field.name, "This is needed."])));
    if (missing.length > 0) {
      setRefusal(`Still needed: ${missing.map((field) => field.label.toLowerCase()).join(", ")}.`);
      return;
    }
    setBusy(true);
    try {
      await submit(bodyOf(fields, values, touched, isNew));
    } catch (error) {
      const problem = asProblem(error);
      setProblems(Object.fromEntries(Object.entries(problem.fields).map(([name, text]) => [name.split(/[.[]/)[0]!, text])));
      setRefusal(problem.message);
      setBusy(false);
    }
  };

  return (
    <Modal title={title} onClose={onClose}>
      <form
        className="flex flex-col gap-4"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          if (!busy) void send();
        }}
      >
        <Refusal text={refusal} />
        {lead && <p className="text-quiet">{lead}</p>}
        {fields.filter((field) => !field.when || field.when(values)).map((field) => (
          <Control
            key={field.name}
            field={field}
            value={values[field.name]!}
            problem={problems[field.name]}
            known={known}
            onChange={(value) => {
              setValues((before) => ({ ...before, [field.name]: value }));
              setTouched((before) => new Set(before).add(field.name));
            }}
          />
        ))}
        <Actions>
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look="primary" busy={busy}>{action ?? (isNew ? "Create" : "Save")}</Button>
        </Actions>
      </form>
    </Modal>
  );
}
