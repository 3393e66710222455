// Says where a trace would go with a key, and by which rule. The server decides; nothing is kept.

import { useQuery } from "@tanstack/react-query";
import { useState } from "react";

import { answer, api, asProblem, type Schemas } from "../api/client";
import { useSession } from "../session";
import { Button } from "../ui/button";
import { Mono } from "../ui/copy";
import { Field, Refusal, SelectField } from "../ui/field";
import { Facts, Note, Section } from "../ui/page";

const kExample = `{
  "data": {"input": "hello"},
  "metadata": {"chatflowId": "abc"}
}`;

type Json = Record<string, unknown>;

// OTLP bodies name their platform in attributes of the resource, a list of {key, value}.
function resourceOf(body: Json): Json | null {
  const groups = body.resourceSpans;
  if (!Array.isArray(groups)) return null;
  const attributes = (groups[0] as { resource?: { attributes?: { key: string; value?: Json }[] } })?.resource?.attributes;
  return Object.fromEntries((attributes ?? []).map((one) => [one.key, Object.values(one.value ?? {})[0] ?? null]));
}

function Verdict({ verdict }: { verdict: Schemas["RouteVerdict"] }) {
  const routed = verdict.platform_id !== null;
  return (
    <>
      <Note tone={routed ? "info" : "warn"}>
        {routed ? <>To <strong>{verdict.platform_name}</strong>, routed by <Mono>{verdict.by}</Mono>.</> : <>Refused with <Mono>{verdict.outcome}</Mono>.</>}
      </Note>
      {verdict.message && <p>{verdict.message}</p>}
      <Facts
        items={[
          ["Rule", verdict.rule],
          ...(verdict.warnings.length > 0 ? [["Warnings", verdict.warnings.join(", ")] as [string, string]] : []),
        ]}
      />
    </>
  );
}

export default function RoutingPanel({ project }: { project: string }) {
  const { organization, can } = useSession();
  const [text, setText] = useState(kExample);
  const [key, setKey] = useState("");
  const [verdict, setVerdict] = useState<Schemas["RouteVerdict"] | null>(null);
  const [refusal, setRefusal] = useState<string | null>(null);
  const keys = useQuery({
    queryKey: ["keys", "of", project],
    enabled: can("keys:read"),
    queryFn: () => answer(api.GET("/api/v1/keys", { params: { query: { owner: project, organization_id: organization.id, kind: "ingest", limit: 200 } } })),
  });

  const ask = async () => {
    setVerdict(null);
    setRefusal(null);
    let body: Json;
    try {
      body = JSON.parse(text) as Json;
    } catch {
      setRefusal("The body is not JSON. Look for a missing comma or quote.");
      return;
    }
    const resource = resourceOf(body);
    try {
      setVerdict(await answer(api.POST("/api/v1/projects/{project_id}/route-test", {
        params: { path: { project_id: project } },
        body: { ...(key ? { key_id: key } : {}), ...(resource ? { resource } : { trace: body }) } as Schemas["RouteTest"],
      })));
    } catch (error) {
      setRefusal(asProblem(error).message);
    }
  };

  return (
    <div className="grid items-start gap-5 lg:grid-cols-2">
      <Section title="A trace">
        <form
          className="flex flex-col gap-4"
          onSubmit={(event) => {
            event.preventDefault();
            void ask();
          }}
        >
          <Refusal text={refusal} />
          <Field label="Body" required hint="As a program would post it to /public/traces or /v1/traces. Nothing is kept.">
            {(wiring) => <textarea {...wiring} rows={11} spellCheck={false} className="input font-mono text-sm" value={text} onChange={(event) => setText(event.target.value)} />}
          </Field>
          <SelectField label="Sent with" required value={key} onChange={(event) => setKey(event.target.value)}>
            <option value="">a key for all platforms</option>
            {keys.data?.items.map((item) => <option key={item.id} value={item.id}>{item.name} ({item.mask})</option>)}
          </SelectField>
          <div><Button type="submit" look="primary">Where does it go?</Button></div>
        </form>
      </Section>
      <Section title="Where it goes">
        <div role="status" className="flex flex-col gap-3">
          {verdict ? <Verdict verdict={verdict} /> : <p className="text-quiet">Ask, and the rule that applies is shown here.</p>}
        </div>
      </Section>
    </div>
  );
}
