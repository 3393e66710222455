// Modal dialogs. Focus goes in, stays in, and returns to what opened them (Base UI).

import { Dialog } from "@base-ui/react/dialog";
import { X } from "lucide-react";
import { useState, type ReactNode } from "react";

import { asProblem } from "../api/client";
import { Button, IconButton } from "./button";
import { Refusal, TextField } from "./field";

export function Modal({ title, children, onClose, locked = false, wide = false }: {
  title: ReactNode;
  children: ReactNode;
  // Not called by a locked dialog: that one closes only by what stands in it.
  onClose(): void;
  locked?: boolean;
  wide?: boolean;
}) {
  return (
    <Dialog.Root
      open
      disablePointerDismissal={locked}
      onOpenChange={(open, details) => {
        if (open) return;
        if (locked) details.cancel();
        else onClose();
      }}
    >
      <Dialog.Portal>
        <Dialog.Backdrop className="fixed inset-0 z-40 bg-black/50" />
        <Dialog.Viewport className="fixed inset-0 z-50 overflow-y-auto p-3 sm:p-8">
          <Dialog.Popup
            className={`card mx-auto flex flex-col gap-4 p-4 shadow-xl outline-none sm:p-6
              ${wide ? "max-w-3xl" : "max-w-lg"}`}
          >
            <div className="flex items-start justify-between gap-4">
              <Dialog.Title className="min-w-0 text-lg font-semibold wrap-anywhere">{title}</Dialog.Title>
              {!locked && (
                <Dialog.Close render={<IconButton label="Close"><X size={18} /></IconButton>} />
              )}
            </div>
            {children}
          </Dialog.Popup>
        </Dialog.Viewport>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

export function Actions({ children }: { children: ReactNode }) {
  return <div className="flex flex-wrap justify-end gap-2 pt-1">{children}</div>;
}

// Asks before something that cannot be undone. `typed`: a word that has to be written first.
export function Confirm({ title, children, action, typed, onConfirm, onClose, other, harmless = false }: {
  title: ReactNode;
  children: ReactNode;
  action: string;
  typed?: string;
  onConfirm(): Promise<void>;
  onClose(): void;
  other?: { label: string; run(): Promise<void> };
  harmless?: boolean;  // nothing is lost by it
}) {
  const [busy, setBusy] = useState(false);
  const [refusal, setRefusal] = useState<string | null>(null);
  const [written, setWritten] = useState("");
  const [missing, setMissing] = useState(false);

  const run = async (work: () => Promise<void>) => {
    setBusy(true);
    setRefusal(null);
    try {
      await work();
      onClose();
    } catch (error) {
      setRefusal(asProblem(error).message);
      setBusy(false);
    }
  };

  return (
    <Modal title={title} onClose={onClose}>
      <form
        className="flex flex-col gap-4"
        noValidate
        onSubmit={(event) => {
          event.preventDefault();
          if (typed !== undefined && written.trim() !== typed) setMissing(true);
          else if (!busy) void run(onConfirm);
        }}
      >
        <Refusal text={refusal} />
        <div className="flex flex-col gap-3">{children}</div>
        {typed !== undefined && (
          <TextField
            label={`Type “${typed}” to go on`}
            required
            autoComplete="off"
            spellCheck={false}
            value={written}
            problem={missing ? "This is not the name. Nothing was done." : undefined}
            onChange={(event) => {
              setWritten(event.target.value);
              setMissing(false);
            }}
          />
        )}
        <Actions>
          {other && (
            <Button className="sm:mr-auto" busy={busy} onClick={() => void run(other.run)}>
              {other.label}
            </Button>
          )}
          <Button onClick={onClose}>Cancel</Button>
          <Button type="submit" look={harmless ? "primary" : "danger"} busy={busy}>{action}</Button>
        </Actions>
      </form>
    </Modal>
  );
}
