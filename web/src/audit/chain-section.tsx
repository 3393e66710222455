// Is the chain of the log whole? The server looks when somebody asks, from the first event to the last.

import { useEffect, useRef, useState } from "react";

import { useSession } from "../session";
import { Button } from "../ui/button";
import { Failed, Note, Section } from "../ui/page";
import { Time } from "../ui/time";
import { verifyChain, type Chain } from "./data";

const count = (number: number) => number.toLocaleString("en");

function Progress({ chain }: { chain: Chain | null }) {
  const says = chain ? `${count(chain.verified)} of ${count(chain.events)} events` : "Reading events";
  return (
    <div className="flex flex-wrap items-center gap-3">
      <progress aria-label="Verifying the chain" className="h-2 w-64 max-w-full accent-accent" max={chain?.events ?? 1} value={chain?.verified ?? 0} />
      <span className="text-sm text-quiet">{says}…</span>
    </div>
  );
}

function Result({ chain }: { chain: Chain }) {
  return (
    <Note tone={chain.intact ? "good" : "warn"}>
      {chain.intact
        ? <>The chain is whole: {chain.verified === 1 ? "the only event is" : `all ${count(chain.verified)} events are`} as written. Verified <Time at={chain.checked_at} as="exact" />.</>
        : <>The chain is broken. {chain.problem} The {count(chain.verified)} events before it are as they were written. Keep a copy of the data before anything else is done.</>}
    </Note>
  );
}

export function ChainSection() {
  const { organization } = useSession();
  const [chain, setChain] = useState<Chain | null>(null);
  const [running, setRunning] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const stop = useRef<AbortController | null>(null);
  useEffect(() => () => stop.current?.abort(), []);
  const run = async () => {
    const controller = new AbortController();
    stop.current = controller;
    setChain(null);
    setError(null);
    setRunning(true);
    try {
      await verifyChain(organization.id, setChain, controller.signal);
    } catch (problem) {
      if (!controller.signal.aborted) setError(problem);
    }
    if (!controller.signal.aborted) setRunning(false);
  };
  return (
    <Section title="The chain of events" actions={<Button small busy={running} onClick={() => void run()}>{chain && !running ? "Verify again" : "Verify the chain"}</Button>}>
      <p className="text-quiet">
        Each event holds a hash over itself and the one before it, so that none can be altered, taken out or put in
        unnoticed. The chain is one for the whole installation. <code>keywright audit check</code> does the same on
        the command line, <code>keywright audit verify</code> where the data are.
      </p>
      {running && <Progress chain={chain} />}
      <div role="status">{!running && chain && <Result chain={chain} />}</div>
      {error !== null && <Failed error={error} retry={() => void run()} />}
    </Section>
  );
}
