// The pages that single-use links open: set-up, invitation, password reset. The token stands behind the
// '#', so no server and no log has seen it; it is sent once, in the body, and leaves the address at once.

import { useQueryClient } from "@tanstack/react-query";
import { useEffect, useState } from "react";
import { useLocation } from "wouter";

import { answer, api, asProblem, keepSession, type Schemas } from "../api/client";
import { Button } from "../ui/button";
import { Refusal, TextField } from "../ui/field";
import { Plain } from "./sign-in";

type Which = "setup" | "invitation" | "reset";

const kShortest = 12;

const words: Record<Which, { title: string; lead: string; action: string }> = {
  setup: { title: "Set up Keywright", lead: "You become the first owner. Nobody else can use this link afterwards.", action: "Set up" },
  invitation: { title: "Accept your invitation", lead: "Choose a password, and you are in.", action: "Accept" },
  reset: { title: "Choose a new password", lead: "Your other sessions are signed out.", action: "Set password" },
};

// Read once, when the program starts: the pages below may be made and unmade.
const token = new URLSearchParams(location.hash.slice(1)).get("token");
if (token) history.replaceState(null, "", location.pathname);

function send(which: Which, values: Record<string, string>): Promise<Schemas["SignedIn"]> {
  const { organization = "", email = "", name, password = "" } = values;
  const ticket = { token: token ?? "", password };
  if (which === "setup") return answer(api.POST("/api/v1/setup", { body: { ...ticket, organization, email, ...(name ? { name } : {}) } }));
  if (which === "invitation") return answer(api.POST("/api/v1/invitations/accept", { body: { ...ticket, ...(name ? { name } : {}) } }));
  return answer(api.POST("/api/v1/password-resets", { body: ticket }));
}

export function LinkPage({ which }: { which: Which }) {
  const queries = useQueryClient();
  const [, navigate] = useLocation();
  const { title, lead, action } = words[which];
  const [values, setValues] = useState<Record<string, string>>({});
  const [problems, setProblems] = useState<Record<string, string>>({});
  const [refusal, setRefusal] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  useEffect(() => keepSession(null), []);

  if (!token) {
    return (
      <Plain title={title}>
        <p role="alert">This address is not complete. Open the whole link again, with what stands behind the “#”.</p>
        <a href="/console/" className="link">Go to sign-in</a>
      </Plain>
    );
  }
  const input = (name: string) => ({
    name,
    value: values[name] ?? "",
    problem: problems[name],
    onChange: (event: React.ChangeEvent<HTMLInputElement>) => setValues({ ...values, [name]: event.target.value }),
  });
  const check = () => {
    const wrong: Record<string, string> = {};
    if (which === "setup") {
      if (!values.organization?.trim()) wrong.organization = "This is needed.";
      if (!values.email?.includes("@")) wrong.email = "Write your e-mail address; you sign in with it.";
    }
    if ([...(values.password ?? "")].length < kShortest) wrong.password = `At least ${kShortest} characters.`;
    setProblems(wrong);
    return Object.keys(wrong).length === 0;
  };
  return (
    <Plain title={title}>
      <p className="text-quiet">{lead}</p>
      <form
        className="flex flex-col gap-4"
        noValidate
        onSubmit={async (event) => {
          event.preventDefault();
          if (busy || !check()) return;
          setBusy(true);
          setRefusal(null);
          try {
            keepSession(await send(which, values));
            await queries.invalidateQueries();
            navigate("/", { replace: true });
          } catch (error) {
            const problem = asProblem(error);
            setProblems(problem.fields);
            setRefusal(problem.status === 404
              ? `${problem.message} Links work once and for a limited time: ask for a new one${which === "setup" ? ", by starting the server again" : ""}.`
              : problem.message);
            setBusy(false);
          }
        }}
      >
        <Refusal text={refusal} />
        {which === "setup" && <TextField label="Organization" required autoFocus autoComplete="organization" {...input("organization")} />}
        {which === "setup" && <TextField label="E-mail address" required type="email" autoComplete="username" {...input("email")} />}
        {which !== "reset" && <TextField label="Your name" autoComplete="name" {...input("name")} />}
        <TextField label="Password" required type="password" autoComplete="new-password" hint={`At least ${kShortest} characters; a few words are better than a few signs.`} {...input("password")} />
        <Button type="submit" look="primary" busy={busy}>{action}</Button>
      </form>
    </Plain>
  );
}
