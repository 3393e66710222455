// Keys of the keyboard that do something everywhere. Single letters can be turned off (they get in the way of
// people who speak to their computer); Ctrl+K and what the browser has always work.

import { useEffect } from "react";
import { useLocation } from "wouter";

const kLetters = "keywright.single_letters";

export function singleLetters(): boolean {
  try {
    return localStorage.getItem(kLetters) !== "off";
  } catch {
    return true;
  }
}

export function setSingleLetters(on: boolean): void {
  try {
    if (on) localStorage.removeItem(kLetters);
    else localStorage.setItem(kLetters, "off");
  } catch {
    // Then they stay as they are.
  }
}

// After "g".
export const places: Record<string, [path: string, name: string]> = {
  o: ["/", "Overview"],
  k: ["/account/keys", "My API keys"],
  m: ["/mcp-servers", "MCP servers"],
  p: ["/projects", "Projects"],
  t: ["/traces", "Traces"],
  u: ["/user-management/users", "Users"],
  a: ["/audit", "Audit log"],
  s: ["/settings", "Settings"],
};

const kPauseMilliseconds = 1500;

export function useShortcuts({ palette, help }: { palette(): void; help(): void }): void {
  const [, navigate] = useLocation();
  useEffect(() => {
    let wentAt = 0;
    const letter = (key: string) => {
      const going = Date.now() - wentAt < kPauseMilliseconds;
      wentAt = 0;
      if (going && places[key]) return navigate(places[key][0]);
      if (key === "g") {
        wentAt = Date.now();
        return;
      }
      if (key === "?") return help();
      const wanted = { "/": "[data-search]", "c": "[data-create]" }[key];
      const element = wanted ? document.querySelector<HTMLElement>(wanted) : null;
      if (key === "c") element?.click();
      else element?.focus();
    };
    const pressed = (event: KeyboardEvent) => {
      const target = event.target as HTMLElement;
      const inDialog = document.querySelector("[role=dialog], [role=alertdialog]") !== null;
      if (event.key.toLowerCase() === "k" && (event.ctrlKey || event.metaKey) && !event.altKey) {
        event.preventDefault();
        if (!inDialog) palette();
        return;
      }
      const typing = target.closest("input, textarea, select, [contenteditable], [role=menu]");
      if (typing || inDialog || event.ctrlKey || event.metaKey || event.altKey) return;
      const known = ["/", "c", "?", "g"].includes(event.key) || (wentAt > 0 && event.key in places);
      if (!known || !singleLetters()) return;
      event.preventDefault();
      letter(event.key);
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, [navigate, palette, help]);
}
