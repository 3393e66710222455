// Holds a secret between the answer that brought it and the closing of its dialog.

import { createContext, useContext, useState, type ReactNode } from "react";

import { SecretDialog, type Shown } from "./secret-dialog";

type Show = (shown: Shown, onDone?: () => void) => void;

const Context = createContext<Show>(() => undefined);

export function useShowSecret(): Show {
  return useContext(Context);
}

export function SecretProvider({ children }: { children: ReactNode }) {
  const [open, setOpen] = useState<{ shown: Shown; onDone?: () => void } | null>(null);
  return (
    <Context value={(shown, onDone) => setOpen({ shown, onDone })}>
      {children}
      {open && (
        <SecretDialog
          shown={open.shown}
          onDone={() => {
            // React keeps the state before the newest one, until it changes again.
            open.shown.secret = "";
            setOpen(null);
            open.onDone?.();
          }}
        />
      )}
    </Context>
  );
}
