// What stands around every page: the rail, the organization, the account.

import { Dialog } from "@base-ui/react/dialog";
import { BookOpen, ChevronDown, Menu as MenuIcon, Search, X } from "lucide-react";
import { lazy, Suspense, useCallback, useState, type ReactNode } from "react";
import { Link, useLocation } from "wouter";

import { useSession } from "../session";
import { chooseTheme, chosenTheme } from "../theme";
import { IconButton } from "../ui/button";
import { Menu, MenuChoices, MenuItem, MenuLine, MenuLink } from "../ui/menu";
import { usePlaces } from "./places";
import { SessionWatch } from "./session-watch";
import { useShortcuts } from "./shortcuts";
import { Brand } from "./sign-in";

const Palette = lazy(() => import("./palette"));
const HelpDialog = lazy(() => import("./help-dialog"));

function Rail({ onGo }: { onGo?(): void }) {
  const [path] = useLocation();
  const groups = usePlaces();
  const isHere = (to: string) => (to === "/" ? path === "/" : path === to || path.startsWith(`${to}/`));
  return (
    <nav aria-label="Main" className="flex flex-col gap-5 p-3">
      {groups.map((group) => (
        <div key={group.title ?? "top"}>
          {group.title && <p className="px-3 pb-1 text-sm text-quiet">{group.title}</p>}
          <ul className="flex flex-col gap-0.5">
            {group.places.map(({ to, text, Icon }) => (
              <li key={to}>
                <Link
                  href={to}
                  onClick={onGo}
                  aria-current={isHere(to) ? "page" : undefined}
                  className="flex min-h-9 items-center gap-3 rounded-lg px-3 hover:bg-sunken
                    aria-[current=page]:bg-tint aria-[current=page]:font-medium aria-[current=page]:text-link"
                >
                  <Icon size={18} aria-hidden className="shrink-0" />
                  {text}
                </Link>
              </li>
            ))}
          </ul>
        </div>
      ))}
    </nav>
  );
}

// The rail of narrow screens: it slides over the page and closes when something was chosen.
function Drawer() {
  const [open, setOpen] = useState(false);
  return (
    <Dialog.Root open={open} onOpenChange={setOpen}>
      <Dialog.Trigger render={<IconButton label="Menu" className="lg:hidden"><MenuIcon size={20} /></IconButton>} />
      <Dialog.Portal>
        <Dialog.Backdrop className="fixed inset-0 z-40 bg-black/50" />
        <Dialog.Popup className="fixed inset-y-0 left-0 z-50 w-72 max-w-[85vw] overflow-y-auto bg-surface shadow-xl outline-none">
          <div className="flex items-center justify-between border-b border-line px-4 py-3">
            <Dialog.Title render={<div />}><Brand /></Dialog.Title>
            <Dialog.Close render={<IconButton label="Close the menu"><X size={18} /></IconButton>} />
          </div>
          <Rail onGo={() => setOpen(false)} />
        </Dialog.Popup>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function OrganizationMenu() {
  const { me, organization, chooseOrganization } = useSession();
  if (me.organizations.length < 2) {
    return <span className="hidden min-w-0 truncate text-quiet sm:block">{organization.name}</span>;
  }
  return (
    <Menu
      label="Organization"
      trigger={(
        <button type="button" className="flex min-h-9 min-w-0 items-center gap-1.5 rounded-lg px-2 hover:bg-sunken">
          <span className="sr-only">Organization: </span>
          <span className="min-w-0 truncate">{organization.name}</span>
          <ChevronDown size={16} aria-hidden className="shrink-0" />
        </button>
      )}
    >
      <MenuChoices
        label="Organization"
        value={organization.id}
        onChange={chooseOrganization}
        options={me.organizations.map((one) => ({ value: one.id, label: one.name }))}
      />
    </Menu>
  );
}

function initials(name: string): string {
  const parts = name.split(/[\s@.]+/).filter(Boolean);
  return ((parts[0]?.[0] ?? "?") + (parts[1]?.[0] ?? "")).toUpperCase();
}

function AccountMenu({ onHelp }: { onHelp(): void }) {
  const { me, organization, signOut } = useSession();
  const [theme, setTheme] = useState(chosenTheme);
  return (
    <Menu
      label="Account"
      trigger={(
        <button
          type="button"
          aria-label="Account"
          title={me.email}
          className="flex size-9 shrink-0 items-center justify-center rounded-full bg-accent text-sm font-semibold text-accent-ink"
        >
          <span aria-hidden>{initials(me.name || me.email)}</span>
        </button>
      )}
    >
      <div className="px-3 py-2">
        <p className="font-medium wrap-anywhere">{me.name || me.email}</p>
        <p className="text-sm text-quiet wrap-anywhere">{me.name ? `${me.email}, ` : ""}{organization.role}</p>
      </div>
      <MenuLine />
      <MenuLink to="/account">Account settings</MenuLink>
      <MenuLink to="/account/keys">API keys</MenuLink>
      <MenuLine />
      <MenuChoices
        label="Appearance"
        value={theme}
        onChange={(chosen) => {
          chooseTheme(chosen);
          setTheme(chosen);
        }}
        options={[{ value: "system", label: "System" }, { value: "light", label: "Light" }, { value: "dark", label: "Dark" }]}
      />
      <MenuLine />
      <MenuItem onClick={onHelp}>Shortcuts</MenuItem>
      <MenuItem onClick={() => void signOut()}>Sign out</MenuItem>
    </Menu>
  );
}

export function Shell({ children }: { children: ReactNode }) {
  const [open, setOpen] = useState<"palette" | "help" | null>(null);
  const palette = useCallback(() => setOpen("palette"), []);
  const help = useCallback(() => setOpen("help"), []);
  const close = useCallback(() => setOpen(null), []);
  useShortcuts({ palette, help });
  return (
    <div className="min-h-dvh">
      <a href="#main" className="sr-only rounded-lg bg-surface px-3 py-2 focus:not-sr-only focus:fixed focus:top-2 focus:left-2 focus:z-50">
        Skip to the content
      </a>
      <header className="sticky top-0 z-20 flex h-14 items-center gap-2 border-b border-line bg-surface px-3 sm:gap-4 sm:px-4">
        <Drawer />
        <Link href="/" className="shrink-0"><Brand /></Link>
        <div className="flex min-w-0 grow items-center justify-end gap-1 sm:gap-3">
          <button
            type="button"
            aria-keyshortcuts="Control+K Meta+K"
            onClick={palette}
            className="flex min-h-9 shrink-0 items-center gap-2 rounded-lg border-line px-2 text-quiet hover:bg-sunken hover:text-ink sm:mr-auto sm:ml-2 sm:w-56 sm:border sm:px-3"
          >
            <Search size={17} aria-hidden />
            <span className="grow text-left max-sm:sr-only">Go to anything</span>
            <kbd className="font-mono text-xs max-sm:hidden">Ctrl K</kbd>
          </button>
          <OrganizationMenu />
          <a href="/docs" className="inline-flex min-h-9 items-center gap-1.5 rounded-lg px-2 text-quiet hover:bg-sunken hover:text-ink" title="API reference">
            <BookOpen size={18} aria-hidden /><span className="max-sm:sr-only">Docs</span>
          </a>
          <AccountMenu onHelp={help} />
        </div>
      </header>
      <div className="mx-auto flex w-full max-w-[110rem]">
        <aside className="sticky top-14 hidden h-[calc(100dvh-3.5rem)] w-52 shrink-0 xl:w-56 overflow-y-auto border-r border-line lg:block">
          <Rail />
        </aside>
        <main id="main" tabIndex={-1} className="min-w-0 grow px-3 py-5 sm:px-6 sm:py-7">{children}</main>
      </div>
      <SessionWatch />
      <Suspense>
        {open === "palette" && <Palette onClose={close} />}
        {open === "help" && <HelpDialog onClose={close} />}
      </Suspense>
    </div>
  );
}
