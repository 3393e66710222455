// Runs before the first paint: the scheme a person chose wins over the one of the system.
"use strict";
{
  let chosen = null;
  try {
    chosen = localStorage.getItem("keywright.theme");
  } catch {
    // Storage may be forbidden; then the system decides.
  }
  if (chosen === "light" || chosen === "dark") document.documentElement.dataset.theme = chosen;
}
