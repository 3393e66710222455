// Form fields: a label that is tied to its control, a hint, and a refusal beside it.

import { useId, type ComponentProps, type ReactNode } from "react";

interface Around {
  label: string;
  hint?: ReactNode;
  problem?: string;
  required?: boolean;
}

interface Wiring {
  id: string;
  "aria-describedby"?: string;
  "aria-invalid"?: true;
  "aria-required"?: true;
}

export function Field({ label, hint, problem, required, children }:
Around & { children: (wiring: Wiring) => ReactNode }) {
  const id = useId();
  const described = [hint && `${id}-hint`, problem && `${id}-problem`].filter(Boolean).join(" ");
  return (
    <div className="flex min-w-0 flex-col gap-1">
      <label htmlFor={id} className="font-medium">
        {label}
        {!required && <span className="ml-1.5 text-sm font-normal text-quiet">optional</span>}
      </label>
      {children({
        id,
        "aria-describedby": described || undefined,
        "aria-invalid": problem ? true : undefined,
        "aria-required": required ? true : undefined,
      })}
      {hint && <p id={`${id}-hint`} className="text-sm text-quiet">{hint}</p>}
      {problem && <p id={`${id}-problem`} className="text-sm text-bad">{problem}</p>}
    </div>
  );
}

export function TextField({ label, hint, problem, required, ...rest }:
Around & Omit<ComponentProps<"input">, "required">) {
  return (
    <Field label={label} hint={hint} problem={problem} required={required}>
      {(wiring) => <input {...wiring} {...rest} className="input" />}
    </Field>
  );
}

export function SelectField({ label, hint, problem, required, children, ...rest }:
Around & Omit<ComponentProps<"select">, "required">) {
  return (
    <Field label={label} hint={hint} problem={problem} required={required}>
      {(wiring) => <select {...wiring} {...rest} className="input">{children}</select>}
    </Field>
  );
}

export function CheckField({ label, hint, ...rest }:
ComponentProps<"input"> & { label: ReactNode; hint?: ReactNode }) {
  const id = useId();
  return (
    <div className="flex items-start gap-3">
      <input
        type="checkbox"
        id={id}
        aria-describedby={hint ? `${id}-hint` : undefined}
        {...rest}
        className="mt-0.5 size-5 shrink-0 accent-accent"
      />
      <div className="min-w-0">
        <label htmlFor={id} className="font-medium">{label}</label>
        {hint && <p id={`${id}-hint`} className="text-sm text-quiet">{hint}</p>}
      </div>
    </div>
  );
}

// Several choices of one list, each with a line below it.
export function Choices<Value extends string>({ legend, name, value, onChange, options, hideLegend }: {
  legend: string;
  name: string;
  value: Value | null;
  onChange(value: Value): void;
  hideLegend?: boolean;
  options: { value: Value; label: string; hint?: ReactNode; disabled?: boolean }[];
}) {
  return (
    <fieldset className="min-w-0">
      <legend className={hideLegend ? "sr-only" : "mb-1 font-medium"}>{legend}</legend>
      <div className="grid gap-2 sm:grid-cols-2">
        {options.map((option) => (
          <label
            key={option.value}
            className="card flex cursor-pointer items-start gap-3 p-3 hover:bg-sunken
              has-checked:border-accent has-checked:bg-tint has-focus-visible:outline-2
              has-focus-visible:outline-offset-2 has-focus-visible:outline-link"
          >
            <input
              type="radio"
              name={name}
              value={option.value}
              checked={value === option.value}
              disabled={option.disabled}
              onChange={() => onChange(option.value)}
              className="mt-1 size-4 shrink-0 accent-accent outline-none"
            />
            <span className="min-w-0">
              <span className="block font-medium">{option.label}</span>
              {option.hint && <span className="block text-sm text-quiet">{option.hint}</span>}
            </span>
          </label>
        ))}
      </div>
    </fieldset>
  );
}

// What the server refused, above a form; takes the focus so that it is read out.
export function Refusal({ text }: { text: string | null }) {
  if (!text) return null;
  return (
    <p
      role="alert"
      tabIndex={-1}
      ref={(element) => element?.focus()}
      className="rounded-lg border border-bad bg-bad-tint px-3 py-2 text-bad"
    >
      {text}
    </p>
  );
}
