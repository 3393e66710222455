// A form that is sent once at a time; what the server refuses stands above its fields.
//
//   const saving = useSaving(async () => {
//     await answer(api.PATCH("/api/v1/me", { body: { name } }));
//     say("Saved.");
//   });
//   <Form saving={saving}>
//     <TextField label="Name" problem={saving.fields.name} … />
//     <Button type="submit" busy={saving.busy}>Save</Button>
//   </Form>

import { useState, type FormEvent, type ReactNode } from "react";

import { asProblem } from "../api/client";
import { Refusal } from "./field";

interface Saving {
  busy: boolean;
  refusal: string | null;
  fields: Record<string, string>;  // what is wrong with which field
  submit(event: FormEvent): Promise<void>;
}

export function useSaving(save: () => Promise<void>): Saving {
  const [refusal, setRefusal] = useState<string | null>(null);
  const [fields, setFields] = useState<Record<string, string>>({});
  const [busy, setBusy] = useState(false);
  return {
    refusal, fields, busy,
    async submit(event) {
      event.preventDefault();
      if (busy) return;
      setBusy(true);
      setRefusal(null);
      setFields({});
      try {
        await save();
      } catch (error) {
        const problem = asProblem(error);
        setFields(problem.fields);
        setRefusal(problem.message);
      }
      setBusy(false);
    },
  };
}

export function Form({ saving, children }: { saving: Saving; children: ReactNode }) {
  return (
    <form className="flex flex-col gap-4" noValidate onSubmit={(event) => void saving.submit(event)}>
      <Refusal text={saving.refusal} />
      {children}
    </form>
  );
}
