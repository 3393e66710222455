// The state of a key in a word and a sign; never by colour alone. The title says what to do next.

import { Ban, CircleCheck, CircleSlash, Clock, Hourglass, RefreshCw } from "lucide-react";

import type { Key } from "../api/client";
import { ago } from "../ui/time";

const kDay = 86_400_000;

export interface KeyState {
  word: string;
  advice: string;
  tone: "good" | "warn" | "bad" | "quiet";
  Icon: typeof Ban;
}

export function stateOf(key: Key, now = Date.now()): KeyState {
  if (key.status === "revoked") {
    return { word: "Revoked", tone: "bad", Icon: Ban, advice: "It is gone for good. Create a new key if one is needed." };
  }
  if (key.status === "expired") {
    const idle = key.status_reason === "idle_timeout" && key.idle_timeout_seconds !== null;
    return {
      word: "Expired", tone: "quiet", Icon: Hourglass,
      advice: idle ? "It was not used for too long. Create a new key." : "Its time has passed. Create a new key, or give it a later date.",
    };
  }
  if (key.status === "disabled") {
    return { word: "Disabled", tone: "quiet", Icon: CircleSlash, advice: "It is refused until somebody enables it." };
  }
  const retiring = key.versions.find((version) => version.retires_at && Date.parse(version.retires_at) > now);
  if (retiring) {
    return { word: "Rotating", tone: "warn", Icon: RefreshCw, advice: `The old secret works until ${ago(retiring.retires_at!, now)}.` };
  }
  const left = key.expires_at ? Date.parse(key.expires_at) - now : Infinity;
  if (left < 7 * kDay) {
    return { word: "Expires soon", tone: "warn", Icon: Clock, advice: "Give it a later date, or create its successor." };
  }
  return { word: "Active", tone: "good", Icon: CircleCheck, advice: "It works." };
}

const tones = {
  good: "bg-good-tint text-good",
  warn: "bg-warn-tint text-warn",
  bad: "bg-bad-tint text-bad",
  quiet: "bg-sunken text-quiet",
};

export function Badge({ tone, children, title }: {
  tone: KeyState["tone"];
  children: React.ReactNode;
  title?: string;
}) {
  return (
    <span title={title} className={`inline-flex items-center gap-1.5 rounded-full px-2 py-0.5 text-sm font-medium whitespace-nowrap ${tones[tone]}`}>
      {children}
    </span>
  );
}

export function KeyStatus({ item }: { item: Key }) {
  const { word, advice, tone, Icon } = stateOf(item);
  return <Badge tone={tone} title={advice}><Icon size={14} aria-hidden />{word}</Badge>;
}
