import { useQuery } from "@tanstack/react-query";
import { lazy, Suspense, useState, type ReactNode } from "react";
import { Link, Route, Switch } from "wouter";

import { answer, api } from "../api/client";
import { platformsOf, projects, type Platform, type Project } from "../api/objects";
import { CreateKeyPage } from "../keys/create-page";
import { KeysPage } from "../keys/keys-page";
import { projectPlace } from "../keys/place";
import { snippetsFor } from "../keys/snippets";
import { ObjectsPage, type Objects } from "../objects/objects-page";
import { Button } from "../ui/button";
import { CodeBlock, Mono } from "../ui/copy";
import { Modal } from "../ui/dialog";
import { Failed, Loading, Page } from "../ui/page";
import { TabLinks } from "../ui/tab-links";
import { Time } from "../ui/time";

const TracesPanel = lazy(() => import("../traces/traces-panel"));
const ForwardingDialog = lazy(() => import("../forwarding/forwarding-dialog"));
const RoutingPanel = lazy(() => import("../traces/routing-panel"));

const aboutProjects: Objects<Project> = {
  collection: projects,
  noun: "project",
  plural: "projects",
  right: "projects:write",
  lead: "A project gathers the platforms that send traces, and the keys they send them with.",
  onDelete: "Its platforms and keys stop working at once, and its traces can no longer be read.",
  valuesOf: (item) => ({ name: item.name, trace_retention_days: item.trace_retention_days?.toString() ?? "" }),
  fields: () => [
    { name: "name", label: "Name", required: true, placeholder: "Support assistant" },
    { name: "trace_retention_days", label: "Days its traces are kept", type: "number", hint: "90 if left empty." },
  ],
  columns: [
    { title: "Name", isName: true, className: "min-w-28", cell: (item) => <Link href={`/projects/${item.id}`} className="link font-medium wrap-anywhere">{item.name}</Link> },
    { title: "Id", cell: (item) => <Mono>{item.id}</Mono> },
    { title: "Traces kept", cell: (item) => `${item.trace_retention_days ?? 90} days` },
    { title: "Created", cell: (item) => <Time at={item.created_at} as="day" /> },
  ],
};

export const ProjectsPage = () => <ObjectsPage about={aboutProjects} />;

const types = { flowise: "Flowise", n8n: "n8n", http_api: "HTTP API" };

function aboutPlatforms(project: string, more: (platform: Platform) => ReactNode): Objects<Platform> {
  return {
    collection: platformsOf(project),
    noun: "platform",
    plural: "platforms",
    right: "projects:write",
    lead: "Where traces come from. A trace names its platform, or its metadata does.",
    more,
    onDelete: "Traces for it are refused at once; a key narrowed to it alone can send nothing any more.",
    valuesOf: (item) => ({ name: item.name, type: item.type, external_id: item.external_id ?? "", service_name: item.service_name ?? "" }),
    fields: () => [
      { name: "name", label: "Name", required: true, placeholder: "Support bot" },
      { name: "type", label: "Type", type: "select", required: true, initial: "flowise", options: Object.entries(types).map(([value, label]) => ({ value, label })) },
      { name: "external_id", label: "Id of the chatflow or workflow", hint: "Traces whose metadata has it as chatflowId (Flowise) or workflowId (n8n) come here." },
      { name: "service_name", label: "Service name", hint: "OpenTelemetry traces with this service.name come here." },
    ],
    columns: [
      { title: "Name", isName: true, className: "min-w-28", cell: (item) => <span className="font-medium wrap-anywhere">{item.name}</span> },
      { title: "Type", cell: (item) => types[item.type] },
      { title: "External id", cell: (item) => item.external_id ? <Mono>{item.external_id}</Mono> : "–" },
      { title: "Service name", cell: (item) => item.service_name ? <Mono>{item.service_name}</Mono> : "–" },
      { title: "platformId", cell: (item) => <Mono>{item.id}</Mono> },
    ],
  };
}

// How a program sends to this platform. The key is made on its own page; here stands a placeholder.
function SendDialog({ project, platform, onClose }: { project: string; platform: Platform; onClose(): void }) {
  const snippets = snippetsFor({ kind: "ingest", secret: "YOUR-KEY", name: platform.name, servers: [] })
    .filter((snippet) => snippet.title !== ".env");
  return (
    <Modal title={`Send traces to ${platform.name}`} onClose={onClose} wide>
      <p>With an API key of this project, which is sent as <Mono>x-api-key</Mono>. A key for this platform alone needs no <Mono>platformId</Mono>.</p>
      <Link href={`/projects/${project}/keys/new`} className="link w-fit">Create a key</Link>
      {snippets.map((snippet) => (
        <div key={snippet.title} className="min-w-0">
          <h3 className="mb-1 font-medium">{snippet.title}</h3>
          <CodeBlock label={snippet.title} code={snippet.code.replace(/PLATFORM[ _]ID/, platform.id)} />
        </div>
      ))}
    </Modal>
  );
}

function PlatformsPage({ project }: { project: string }) {
  const [sending, setSending] = useState<Platform | null>(null);
  const [forwarding, setForwarding] = useState<Platform | null>(null);
  const more = (platform: Platform) => (
    <>
      <Button small aria-label={`Send traces to ${platform.name}`} onClick={() => setSending(platform)}>Send traces</Button>
      <Button small aria-label={`Forwarding of ${platform.name}`} onClick={() => setForwarding(platform)}>Forwarding</Button>
    </>
  );
  return (
    <>
      <ObjectsPage about={aboutPlatforms(project, more)} embedded />
      {sending && <SendDialog project={project} platform={sending} onClose={() => setSending(null)} />}
      {forwarding && <Suspense><ForwardingDialog platform={forwarding} onClose={() => setForwarding(null)} /></Suspense>}
    </>
  );
}

export function ProjectPage({ id }: { id: string }) {
  const project = useQuery({
    queryKey: ["objects", "projects", "one", id],
    queryFn: () => answer(api.GET("/api/v1/projects/{id}", { params: { path: { id } } })),
  });
  if (!project.data) {
    return <Page title="Project">{project.isError ? <Failed error={project.error} /> : <Loading />}</Page>;
  }
  const place = projectPlace(id);
  const base = `/projects/${id}`;
  return (
    <Page title={project.data.name} lead={<Link href="/projects" className="link">All projects</Link>}>
      <TabLinks
        label="Project"
        tabs={[
          { to: base, text: "Platforms" },
          { to: `${base}/keys`, text: "API Keys" },
          { to: `${base}/traces`, text: "Traces" },
          { to: `${base}/routing`, text: "Routing" },
        ]}
      />
      <Switch>
        <Route path={`${base}/keys`}><KeysPage place={place} embedded /></Route>
        <Route path={`${base}/keys/new`}><CreateKeyPage place={place} embedded /></Route>
        <Route path={`${base}/traces`}><TracesPanel project={id} /></Route>
        <Route path={`${base}/routing`}><RoutingPanel project={id} /></Route>
        <Route><PlatformsPage project={id} /></Route>
      </Switch>
    </Page>
  );
}

