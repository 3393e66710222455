// Traces of a project that one chooses first.

import { lazy, Suspense } from "react";
import { useLocation, useSearch } from "wouter";

import { projects, useObjects } from "../api/objects";
import { useSession } from "../session";
import { SelectField } from "../ui/field";
import { Empty, Failed, Loading, Page } from "../ui/page";

const TracesPanel = lazy(() => import("./traces-panel"));

export default function TracesPage() {
  const { organization } = useSession();
  const [, navigate] = useLocation();
  const search = new URLSearchParams(useSearch());
  const list = useObjects(projects, organization.id);
  const chosen = search.get("project") ?? list.data?.items[0]?.id ?? "";
  return (
    <Page title="Traces" lead="What AI applications sent, by project and platform.">
      {list.isPending && <Loading />}
      {list.isError && <Failed error={list.error} />}
      {list.data?.items.length === 0 && <Empty title="No projects yet">A project and a key for it come first.</Empty>}
      {chosen && (
        <>
          <div className="max-w-sm">
            <SelectField label="Project" required value={chosen} onChange={(event) => navigate(`/traces?project=${event.target.value}`)}>
              {list.data?.items.map((item) => <option key={item.id} value={item.id}>{item.name}</option>)}
            </SelectField>
          </div>
          <Suspense fallback={<Loading />}><TracesPanel key={chosen} project={chosen} /></Suspense>
        </>
      )}
    </Page>
  );
}
