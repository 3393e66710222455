import type { ComponentProps, ReactNode } from "react";

type Look = "primary" | "plain" | "quiet" | "danger";

const looks: Record<Look, string> = {
  primary: "bg-accent text-accent-ink hover:bg-accent-strong border-transparent",
  plain: "bg-surface text-ink border-edge hover:bg-sunken",
  quiet: "bg-transparent text-ink border-transparent hover:bg-sunken",
  danger: "bg-bad-fill text-white border-transparent hover:brightness-90",
};

function looksLike(look: Look, small = false): string {
  const size = small ? "min-h-8 px-2.5 text-sm" : "min-h-10 px-4";
  return `inline-flex items-center justify-center gap-2 rounded-lg border font-medium
    whitespace-nowrap transition-colors ${size} ${looks[look]}
    aria-disabled:opacity-60 aria-disabled:cursor-default disabled:opacity-60`;
}

// A button that is busy stays focusable and says so, instead of vanishing under the keyboard.
export function Button({ look = "plain", small, busy, className = "", children, onClick, ...rest }:
ComponentProps<"button"> & { look?: Look; small?: boolean; busy?: boolean }) {
  return (
    <button
      type="button"
      {...rest}
      aria-disabled={busy || rest["aria-disabled"] || undefined}
      aria-busy={busy || undefined}
      className={`${looksLike(look, small)} ${className}`}
      onClick={(event) => {
        if (busy || rest["aria-disabled"]) event.preventDefault();
        else onClick?.(event);
      }}
    >
      {children}
    </button>
  );
}

export function IconButton({ label, children, className = "", ...rest }:
ComponentProps<"button"> & { label: string; children: ReactNode }) {
  return (
    <button
      type="button"
      aria-label={label}
      title={label}
      {...rest}
      className={`inline-flex size-9 shrink-0 items-center justify-center rounded-lg
        text-quiet hover:bg-sunken hover:text-ink ${className}`}
    >
      {children}
    </button>
  );
}
