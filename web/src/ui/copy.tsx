// Copying that tells the truth: "Copied" only after the clipboard took it. Pages on plain http have no
// clipboard; there the text is selected, and one key copies it.

import { Check, Copy } from "lucide-react";
import { useEffect, useRef, useState, type ReactNode } from "react";

import { Button } from "./button";

export async function copyText(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    return false;
  }
}

export function selectAll(element: HTMLElement | null): void {
  if (!element) return;
  getSelection()?.selectAllChildren(element);
}

export const kCopyByHand = "The browser did not allow copying. The text is selected: press Ctrl+C (⌘C on a Mac).";

// The button changes its words for a moment, and a status line says it to those who cannot see it.
export function CopyButton({ text, label = "Copy", of, small, onFailed }: {
  text: string;
  label?: string;
  of?: string;  // what is copied, for those who do not see where the button stands
  small?: boolean;
  onFailed?(): void;
}) {
  const [said, setSaid] = useState("");
  const timer = useRef<number>(undefined);
  useEffect(() => () => clearTimeout(timer.current), []);
  return (
    <>
      <Button
        small={small}
        aria-label={of && `${said === "Copied" ? "Copied" : label} ${of}`}
        onClick={async () => {
          const copied = await copyText(text);
          setSaid(copied ? "Copied" : kCopyByHand);
          if (!copied) onFailed?.();
          clearTimeout(timer.current);
          timer.current = window.setTimeout(() => setSaid(""), 4000);
        }}
      >
        {said === "Copied" ? <Check size={16} aria-hidden /> : <Copy size={16} aria-hidden />}
        {said === "Copied" ? "Copied" : label}
      </Button>
      <span role="status" className="sr-only">{said}</span>
    </>
  );
}

export function CodeBlock({ code, label }: { code: string; label: string }) {
  const box = useRef<HTMLElement>(null);
  return (
    <div className="min-w-0">
      <pre
        tabIndex={0}
        aria-label={label}
        className="max-h-72 overflow-auto rounded-lg border border-line bg-sunken p-3 font-mono text-[0.8125rem] leading-relaxed"
      >
        <code ref={box} translate="no">{code}</code>
      </pre>
      <div className="mt-2 flex justify-end">
        <CopyButton small text={code} of={label} onFailed={() => selectAll(box.current)} />
      </div>
    </div>
  );
}

export function Mono({ children }: { children: ReactNode }) {
  return <code translate="no" className="font-mono text-[0.8125rem] wrap-anywhere">{children}</code>;
}
