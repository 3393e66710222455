// Warns before the session ends, and asks for the password again when it has, over the page that is
// open: nothing that was typed there is lost.

import { useEffect, useState } from "react";

import { answer, api, onSignedIn, onSignedOut, sessionEnd, type Problem } from "../api/client";
import { useSession } from "../session";
import { Button } from "../ui/button";
import { Actions, Modal } from "../ui/dialog";
import { SignInForm } from "./sign-in";

const kWarnMilliseconds = 5 * 60_000;
const kLookMilliseconds = 15_000;

function useEnd(): { minutes: number; byIdling: boolean } | null {
  const [, look] = useState(0);
  useEffect(() => {
    const timer = setInterval(() => look((times) => times + 1), kLookMilliseconds);
    return () => clearInterval(timer);
  }, []);
  const end = sessionEnd();
  const left = end ? end.at - Date.now() : Infinity;
  return end && left < kWarnMilliseconds && left > 0
    ? { minutes: Math.max(1, Math.ceil(left / 60_000)), byIdling: end.byIdling }
    : null;
}

export function SessionWatch() {
  const { me, signOut } = useSession();
  const end = useEnd();
  const [over, setOver] = useState<Problem | null>(null);
  const [dismissed, setDismissed] = useState(false);
  useEffect(() => onSignedOut(setOver), []);
  useEffect(() => onSignedIn(() => setOver(null)), []);

  if (over) {
    return (
      <Modal locked title="Sign in again" onClose={() => undefined}>
        <p>{over.status === 401 ? "Your session has ended. What you were doing is still here." : "This browser has to prove once more that it is you before it may change anything."}</p>
        <SignInForm email={me.email} />
        <Actions><Button onClick={() => void signOut()}>Leave</Button></Actions>
      </Modal>
    );
  }
  if (!end || dismissed) return null;
  const minutes = end.minutes === 1 ? "1 minute" : `${end.minutes} minutes`;
  return (
    <Modal title="Your session is about to end" onClose={() => setDismissed(true)}>
      <p role="alert">
        You will be signed out in about {minutes}{end.byIdling ? ", because nothing was done for a long time." : ": a session lasts seven days at most."}
      </p>
      <Actions>
        <Button onClick={() => void signOut()}>Sign out now</Button>
        {end.byIdling
          ? <Button look="primary" onClick={() => void answer(api.GET("/api/v1/me")).catch(() => undefined)}>Stay signed in</Button>
          : <Button look="primary" onClick={() => setDismissed(true)}>Finish what I am doing</Button>}
      </Actions>
    </Modal>
  );
}
