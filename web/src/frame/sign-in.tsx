// Signing in, as a page and over a page whose session has ended (what was typed there stays).

import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState, type ReactNode } from "react";

import { answer, api, asProblem, keepSession } from "../api/client";
import { Button } from "../ui/button";
import { Refusal, TextField } from "../ui/field";

export function Brand({ large = false }: { large?: boolean }) {
  return (
    <span className={`flex items-center gap-2.5 font-semibold ${large ? "text-xl" : ""}`}>
      <img src="/console/icon.svg" alt="" width={large ? 36 : 28} height={large ? 36 : 28} />
      Keywright
    </span>
  );
}

export function Plain({ title, children }: { title: string; children: ReactNode }) {
  useEffect(() => {
    document.title = `${title} · Keywright`;
  }, [title]);
  return (
    <div className="flex min-h-dvh flex-col items-center justify-center gap-6 px-4 py-10">
      <Brand large />
      <main className="card flex w-full max-w-md flex-col gap-4 p-5 sm:p-7">
        <h1 className="text-xl font-semibold">{title}</h1>
        {children}
      </main>
      <p className="text-sm text-quiet"><a href="/docs" className="link">API reference</a></p>
    </div>
  );
}

export function SignInForm({ email: known = "" }: { email?: string }) {
  const queries = useQueryClient();
  const [email, setEmail] = useState(known);
  const [password, setPassword] = useState("");
  const [refusal, setRefusal] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  return (
    <form
      className="flex flex-col gap-4"
      noValidate
      onSubmit={async (event) => {
        event.preventDefault();
        if (busy) return;
        if (!email.trim() || !password) {
          setRefusal("Fill in your e-mail address and your password.");
          return;
        }
        setBusy(true);
        setRefusal(null);
        try {
          keepSession(await answer(api.POST("/api/v1/session", { body: { email: email.trim(), password } })));
          setPassword("");
          await queries.invalidateQueries();
        } catch (error) {
          const problem = asProblem(error);
          setRefusal(problem.status === 401 ? "The e-mail address or the password is not right. An admin can send you a reset link." : problem.message);
        }
        setBusy(false);
      }}
    >
      <Refusal text={refusal} />
      <TextField label="E-mail address" required type="email" autoComplete="username" autoFocus={!known} value={email} onChange={(event) => setEmail(event.target.value)} />
      <TextField label="Password" required type="password" autoComplete="current-password" autoFocus={known !== ""} value={password} onChange={(event) => setPassword(event.target.value)} />
      <Button type="submit" look="primary" busy={busy}>Sign in</Button>
    </form>
  );
}

export function SignInPage() {
  return (
    <Plain title="Sign in">
      <SignInForm />
      <p className="text-sm text-quiet">
        A new server prints a set-up link when it starts; open that first. Who cannot get in asks an admin
        for a reset link; an owner runs <code>keywright users reset-password</code> on the server.
      </p>
    </Plain>
  );
}
