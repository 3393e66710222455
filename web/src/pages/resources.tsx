// Targets, services and keyspaces: pages that need nothing but their description.

import { Link } from "wouter";

import { keyspaces, services, targets, type Keyspace, type Service, type Target } from "../api/objects";
import { ObjectsPage, type Objects } from "../objects/objects-page";
import { Mono } from "../ui/copy";
import { Time } from "../ui/time";

const aboutTargets: Objects<Target> = {
  collection: targets,
  noun: "target",
  plural: "targets",
  right: "targets:write",
  lead: "Sites and APIs that scanners look after. Each can have keys of its own, which open nothing else.",
  onDelete: "Its keys stop working at once.",
  valuesOf: (item) => ({ name: item.name, url: item.url }),
  fields: () => [
    { name: "name", label: "Name", required: true, placeholder: "Web shop" },
    { name: "url", label: "URL", type: "url", required: true, placeholder: "https://shop.example.com" },
  ],
  more: (item) => (
    <Link href={`/targets/${item.id}/keys`} aria-label={`API Keys of ${item.name}`} className="inline-flex min-h-8 items-center rounded-lg border border-edge px-2.5 text-sm font-medium whitespace-nowrap hover:bg-sunken">
      API Keys
    </Link>
  ),
  columns: [
    { title: "Name", isName: true, className: "min-w-28", cell: (item) => <span className="font-medium wrap-anywhere">{item.name}</span> },
    { title: "URL", cell: (item) => <span className="wrap-anywhere">{item.url}</span> },
    { title: "Id", cell: (item) => <Mono>{item.id}</Mono> },
    { title: "Created", cell: (item) => <Time at={item.created_at} as="day" /> },
  ],
};

const aboutServices: Objects<Service> = {
  collection: services,
  noun: "service",
  plural: "services",
  right: "services:write",
  lead: "HTTP upstreams behind Keywright: keys are checked here, and the upstream learns who called.",
  onDelete: "Calls through it get 404 at once.",
  headersOf: (item) => item.header_names,
  valuesOf: (item) => ({ name: item.name, slug: item.slug, upstream_url: item.upstream_url, required_permission: item.required_permission ?? "" }),
  fields: () => [
    { name: "name", label: "Name", required: true, placeholder: "Weather" },
    { name: "slug", label: "Short name in the address", required: true, placeholder: "weather" },
    { name: "upstream_url", label: "Upstream URL", type: "url", required: true, placeholder: "https://weather.internal.example.com" },
    { name: "headers", label: "Headers sent to it", type: "headers", hint: "Kept encrypted, never shown again." },
    { name: "required_permission", label: "Required permission", placeholder: "weather.read", hint: "Customer keys need it." },
  ],
  columns: [
    { title: "Name", isName: true, className: "min-w-28", cell: (item) => <span className="font-medium wrap-anywhere">{item.name}</span> },
    { title: "Address here", cell: (item) => <Mono>/services/{item.slug}/</Mono> },
    { title: "Upstream", cell: (item) => <span className="wrap-anywhere">{item.upstream_url}</span> },
    { title: "Needs", cell: (item) => item.required_permission ? <Mono>{item.required_permission}</Mono> : <span className="text-quiet">no permission</span> },
    { title: "Created", cell: (item) => <Time at={item.created_at} as="day" /> },
  ],
};

const aboutKeyspaces: Objects<Keyspace> = {
  collection: keyspaces,
  noun: "keyspace",
  plural: "keyspaces",
  right: "keyspaces:write",
  lead: "The prefixes of keys that you give to customers of yours. A prefix belongs to one organization.",
  onDelete: "All its keys stop working at once.",
  valuesOf: (item) => ({ name: item.name }),
  fields: (item) => [
    { name: "name", label: "Name", required: true, placeholder: "Customers" },
    { name: "prefix", label: "Prefix", required: !item, placeholder: "acme_", when: () => !item, hint: "How every key of it begins. It cannot be changed later." },
  ],
  columns: [
    { title: "Name", isName: true, className: "min-w-28", cell: (item) => <span className="font-medium wrap-anywhere">{item.name}</span> },
    { title: "Prefix", cell: (item) => <Mono>{item.prefix}</Mono> },
    { title: "Created", cell: (item) => <Time at={item.created_at} as="day" /> },
  ],
};

export const TargetsPage = () => <ObjectsPage about={aboutTargets} />;
export const ServicesPage = () => <ObjectsPage about={aboutServices} />;
export const KeyspacesPage = ({ embedded }: { embedded?: boolean }) => <ObjectsPage about={aboutKeyspaces} embedded={embedded} />;
