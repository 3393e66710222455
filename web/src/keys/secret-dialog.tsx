// The one time a secret is shown. Nothing closes this dialog by accident: not Esc, not a click beside
// it, not the back button. "Copy and close" closes when the clipboard has it; who saved it another way
// says so first. The secret lives in this component's props and nowhere else: not in the query cache,
// the address, the storage or a notice; when the dialog goes, it is gone.

import { Tabs } from "@base-ui/react/tabs";
import { Copy, Eye, EyeOff } from "lucide-react";
import { useEffect, useRef, useState } from "react";

import { Button, IconButton } from "../ui/button";
import { CodeBlock, copyText, kCopyByHand, selectAll } from "../ui/copy";
import { Actions, Modal } from "../ui/dialog";
import { CheckField } from "../ui/field";
import { Note } from "../ui/page";
import type { KindName } from "./kinds";
import { snippetsFor, testKey } from "./snippets";

export interface Shown {
  secret: string;
  name: string;
  kind: KindName | "webhook";  // "webhook": what its messages are signed with
  servers: { name: string; slug: string }[];
  rotated?: string;  // what happens to the old secret
}

// Going back would lose the secret: each step back is answered with a step forward.
function useNoWayBack(): void {
  useEffect(() => {
    const here = location.href;
    const stay = () => history.pushState({ guard: true }, "", here);
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    stay();
    addEventListener("popstate", stay);
    addEventListener("beforeunload", ask);
    return () => {
      removeEventListener("popstate", stay);
      removeEventListener("beforeunload", ask);
    };
  }, []);
}

function TestButton({ shown, kind }: { shown: Shown; kind: KindName }) {
  const [said, setSaid] = useState<{ works: boolean; says: string } | null>(null);
  const [busy, setBusy] = useState(false);
  return (
    <div className="flex flex-wrap items-center gap-x-3 gap-y-2">
      <Button
        busy={busy}
        onClick={async () => {
          setBusy(true);
          setSaid(await testKey(kind, shown.secret));
          setBusy(false);
        }}
      >
        Test this key
      </Button>
      <span role="status" className={`min-w-0 text-sm wrap-anywhere ${said?.works ? "text-good" : "text-bad"}`}>
        {said?.says}
      </span>
    </div>
  );
}

function Snippets({ shown, kind }: { shown: Shown; kind: KindName }) {
  const snippets = snippetsFor({ ...shown, kind });
  return (
    <Tabs.Root defaultValue={snippets[0]!.title} className="min-w-0">
      <Tabs.List className="mb-2 flex flex-wrap gap-1 border-b border-line" aria-label="How to use it">
        {snippets.map((snippet) => (
          <Tabs.Tab
            key={snippet.title}
            value={snippet.title}
            className="-mb-px min-h-9 border-b-2 border-transparent px-3 text-quiet hover:text-ink
              data-active:border-accent data-active:text-ink"
          >
            {snippet.title}
          </Tabs.Tab>
        ))}
      </Tabs.List>
      {snippets.map((snippet) => (
        <Tabs.Panel key={snippet.title} value={snippet.title}>
          <CodeBlock code={snippet.code} label={snippet.title} />
        </Tabs.Panel>
      ))}
    </Tabs.Root>
  );
}

function titleOf(shown: Shown): string {
  if (shown.kind === "webhook") return `Secret of the webhook for “${shown.name}”`;
  return shown.rotated ? `New secret of “${shown.name}”` : `Your new key “${shown.name}”`;
}

export function SecretDialog({ shown, onDone }: { shown: Shown; onDone(): void }) {
  useNoWayBack();
  const box = useRef<HTMLElement>(null);
  const [visible, setVisible] = useState(true);
  const [said, setSaid] = useState("");
  const [saved, setSaved] = useState(false);

  const close = () => {
    // Chromium keeps what was copied; the page keeps nothing.
    getSelection()?.removeAllRanges();
    onDone();
  };
  const copyAndClose = async () => {
    if (await copyText(shown.secret)) {
      close();
      return;
    }
    setVisible(true);
    setSaid(kCopyByHand);
    requestAnimationFrame(() => selectAll(box.current));
  };

  return (
    <Modal locked wide title={titleOf(shown)} onClose={close}>
      <Note tone="warn">
        Copy it now: this is the only time it is shown.{" "}
        {shown.kind === "webhook"
          ? "The receiver needs it to tell our messages from those of others."
          : "The server keeps a digest, so nobody can look it up later."}
      </Note>
      {shown.rotated && <p>{shown.rotated}</p>}
      <div className="flex items-center gap-2 rounded-lg border border-edge bg-sunken p-3">
        <code
          ref={box}
          translate="no"
          aria-label={shown.kind === "webhook" ? "Secret" : "API key"}
          data-secret=""
          className="min-w-0 grow font-mono text-sm leading-relaxed break-all select-all"
        >
          {visible ? shown.secret : `${shown.secret.slice(0, 4)}${"•".repeat(24)}`}
        </code>
        <IconButton label={visible ? "Hide the key" : "Show the key"} onClick={() => setVisible(!visible)}>
          {visible ? <EyeOff size={18} /> : <Eye size={18} />}
        </IconButton>
      </div>
      <p role="alert" className={said ? "text-bad" : "sr-only"}>{said}</p>
      {shown.kind !== "webhook" && (
        <>
          <Snippets shown={shown} kind={shown.kind} />
          <TestButton shown={shown} kind={shown.kind} />
        </>
      )}
      <hr className="border-line" />
      <CheckField
        label="I saved it another way"
        checked={saved}
        onChange={(event) => setSaved(event.target.checked)}
      />
      <Actions>
        <Button aria-disabled={!saved} onClick={close} title={saved ? undefined : "First say that you saved it"}>
          Close
        </Button>
        <Button look="primary" onClick={() => void copyAndClose()}>
          <Copy size={16} aria-hidden /> Copy and close
        </Button>
      </Actions>
    </Modal>
  );
}
