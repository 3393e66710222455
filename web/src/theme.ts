// Light, dark, or as the system has it. public/theme.js applies the choice before the first paint.

export type Theme = "system" | "light" | "dark";

const kTheme = "keywright.theme";

export function chosenTheme(): Theme {
  const set = document.documentElement.dataset.theme;
  return set === "light" || set === "dark" ? set : "system";
}

export function chooseTheme(theme: Theme): void {
  if (theme === "system") delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
  try {
    if (theme === "system") localStorage.removeItem(kTheme);
    else localStorage.setItem(kTheme, theme);
  } catch {
    // Then the choice lasts as long as the page.
  }
}
