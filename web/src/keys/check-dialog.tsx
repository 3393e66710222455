// Would this key be let in, and if not, why not? Asked of the server with `explain`, which spends nothing.

import { useState } from "react";
import { Link } from "wouter";

import { answer, api, asProblem, type Schemas } from "../api/client";
import { Button } from "../ui/button";
import { Actions, Modal } from "../ui/dialog";
import { Refusal, SelectField, TextField } from "../ui/field";
import { Facts, Note } from "../ui/page";
import { everyonePlace } from "./place";

const doors: [NonNullable<Schemas["Verify"]["audience"]>, string][] = [
  ["rest", "the REST API"], ["graphql", "the GraphQL API"], ["mcp", "Keywright's MCP server"],
  ["mcp-connect", "an MCP server"], ["service", "a service"], ["traces", "traces"],
  ["targets-api", "the targets API"],
];

function Verdict({ found }: { found: Schemas["Verification"] }) {
  return (
    <div role="status" className="flex flex-col gap-3">
      <Note tone={found.valid ? "info" : "warn"}>
        {found.valid ? "It would be let in." : <>It would be refused: <strong>{found.code}</strong>.</>}
      </Note>
      {(found.failed ?? []).length > 0 && (
        <ul className="list-inside list-disc">
          {found.failed!.map((one) => <li key={`${one.check}-${one.code}`}>{one.detail}</li>)}
        </ul>
      )}
      {found.key_id && (
        <Facts
          items={[
            ["Key", <Link key="k" className="link" href={`${everyonePlace.base}/${found.key_id}`}>{found.name}</Link>],
            ["Kind", found.kind],
            ["Owner", found.owner ? found.owner.name || found.owner.id : "–"],
          ]}
        />
      )}
    </div>
  );
}

export function CheckDialog({ onClose }: { onClose(): void }) {
  const [key, setKey] = useState("");
  const [audience, setAudience] = useState("");
  const [found, setFound] = useState<Schemas["Verification"] | null>(null);
  const [refusal, setRefusal] = useState<string | null>(null);
  return (
    <Modal title="Check a key" onClose={onClose}>
      <form
        className="flex flex-col gap-4"
        noValidate
        onSubmit={async (event) => {
          event.preventDefault();
          setFound(null);
          setRefusal(null);
          if (!key.trim()) {
            setRefusal("Paste the key first.");
            return;
          }
          try {
            setFound(await answer(api.POST("/api/v1/keys/verify", {
              body: { key: key.trim(), explain: true, ...(audience ? { audience: audience as Schemas["Audience"] } : {}) },
            })));
          } catch (error) {
            setRefusal(asProblem(error).message);
          }
        }}
      >
        <Refusal text={refusal} />
        <TextField label="Key" required type="password" autoComplete="off" spellCheck={false} value={key} hint="It is sent to this server only, and kept nowhere." onChange={(event) => setKey(event.target.value)} />
        <SelectField label="Used for" required value={audience} onChange={(event) => setAudience(event.target.value)}>
          <option value="">anything</option>
          {doors.map(([value, text]) => <option key={value} value={value}>{text}</option>)}
        </SelectField>
        {found && <Verdict found={found} />}
        <Actions>
          <Button onClick={onClose}>Close</Button>
          <Button type="submit" look="primary">Check</Button>
        </Actions>
      </form>
    </Modal>
  );
}
