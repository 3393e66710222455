// When a key ends: presets in days that are counted, a date of one's own, or never where that is allowed.

import { SelectField, TextField } from "../ui/field";
import { exactTime } from "../ui/time";

export interface Expiry {
  preset: string;  // hours, "custom", "never"
  custom: string;  // as <input type=datetime-local> has it: local time
}

const presets: [string, string][] = [
  ["1", "1 hour"], ["24", "24 hours"], ["168", "7 days"], ["720", "30 days"], ["2160", "90 days"],
  ["4320", "180 days"], ["8760", "365 days"],
];

export function localInput(time: Date): string {
  const shifted = new Date(time.getTime() - time.getTimezoneOffset() * 60_000);
  return shifted.toISOString().slice(0, 16);
}

// null: never. undefined: a date that is missing.
export function expiresAt({ preset, custom }: Expiry, now = Date.now()): string | null | undefined {
  if (preset === "never") return null;
  if (preset !== "custom") return new Date(now + Number(preset) * 3_600_000).toISOString();
  const time = new Date(custom);
  return Number.isNaN(time.getTime()) ? undefined : time.toISOString();
}

export function ExpiryField({ value, onChange, mustExpire, problem }: {
  value: Expiry;
  onChange(expiry: Expiry): void;
  mustExpire: boolean;
  problem?: string;
}) {
  const at = expiresAt(value);
  return (
    <div className="grid gap-3 sm:grid-cols-2">
      <SelectField
        label="Expires"
        required
        value={value.preset}
        problem={value.preset === "custom" ? undefined : problem}
        hint={at ? `${exactTime(at)} (your time)` : at === null ? "It works until somebody revokes it." : undefined}
        onChange={(event) => onChange({ ...value, preset: event.target.value })}
      >
        {presets.map(([hours, label]) => <option key={hours} value={hours}>in {label}</option>)}
        <option value="custom">on a date of your own</option>
        <option value="never" disabled={mustExpire}>
          {mustExpire ? "never (not with this kind)" : "never"}
        </option>
      </SelectField>
      {value.preset === "custom" && (
        <TextField
          label="Date and time"
          required
          type="datetime-local"
          value={value.custom}
          min={localInput(new Date())}
          problem={problem}
          hint={`Your time zone: ${Intl.DateTimeFormat().resolvedOptions().timeZone}`}
          onChange={(event) => onChange({ ...value, custom: event.target.value })}
        />
      )}
    </div>
  );
}
