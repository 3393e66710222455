// Which page stands at which address. Everything below /console/; the pages that few people open come in
// files of their own.

import { lazy, Suspense, type ReactNode } from "react";
import { Route, Router, Switch } from "wouter";

import { LinkPage } from "./frame/link-pages";
import { Shell } from "./frame/shell";
import { SignInPage } from "./frame/sign-in";
import { CreateKeyPage } from "./keys/create-page";
import { KeysPage } from "./keys/keys-page";
import { accountPlace, everyonePlace, projectPlace, settingsPlace, targetPlace, type Place } from "./keys/place";
import { SecretProvider } from "./keys/secret-provider";
import { AccountTabs, ProfilePage, SessionsPage } from "./pages/account";
import { OverviewPage } from "./pages/overview";
import { KeyspaceSettingsPage, SettingsPage, SettingsTabs } from "./pages/settings";
import { UserManagementTabs, UsersPage } from "./pages/users";
import { SessionProvider } from "./session";
import { Empty, Loading, Page } from "./ui/page";
import { KeyPage } from "./keys/key-page";

const AuditPage = lazy(() => import("./audit/audit-page"));
const TracesPage = lazy(() => import("./traces/traces-page"));
const McpServersPage = lazy(() => import("./pages/mcp-servers").then((page) => ({ default: page.McpServersPage })));
const RegistriesPage = lazy(() => import("./pages/mcp-servers").then((page) => ({ default: page.RegistriesPage })));
const TargetsPage = lazy(() => import("./pages/resources").then((page) => ({ default: page.TargetsPage })));
const ServicesPage = lazy(() => import("./pages/resources").then((page) => ({ default: page.ServicesPage })));
const ProjectsPage = lazy(() => import("./pages/projects").then((page) => ({ default: page.ProjectsPage })));
const ProjectPage = lazy(() => import("./pages/projects").then((page) => ({ default: page.ProjectPage })));

// A list of keys, the form that makes one, and the page of one. The list comes with `list` unless a page
// around it shows it.
function keyRoutes(place: Place, list: ReactNode | null): ReactNode[] {
  const form = list === null ? [] : [
    <Route key={place.base} path={place.base}>{list}</Route>,
    <Route key={`${place.base}/new`} path={`${place.base}/new`}><CreateKeyPage place={place} /></Route>,
  ];
  return [
    ...form,
    <Route key={`${place.base}/:id`} path={`${place.base}/:id`}>{({ id }: { id: string }) => <KeyPage place={place} id={id} />}</Route>,
  ];
}

function NotFound() {
  return <Page title="Nothing is here"><Empty title="This address leads nowhere." action={<a className="link" href="/console/">To the overview</a>} /></Page>;
}

function Pages() {
  return (
    <Switch>
      <Route path="/"><OverviewPage /></Route>
      <Route path="/account"><ProfilePage /></Route>
      <Route path="/account/sessions"><SessionsPage /></Route>
      {keyRoutes(accountPlace, <KeysPage place={accountPlace} tabs={<AccountTabs />} />)}
      <Route path="/settings"><SettingsPage /></Route>
      <Route path="/settings/keyspaces"><KeyspaceSettingsPage /></Route>
      {keyRoutes(settingsPlace, <KeysPage place={settingsPlace} tabs={<SettingsTabs />} />)}
      <Route path="/user-management/users"><UsersPage /></Route>
      {keyRoutes(everyonePlace, <KeysPage place={everyonePlace} tabs={<UserManagementTabs />} />)}
      <Route path="/mcp-servers"><McpServersPage /></Route>
      <Route path="/registries"><RegistriesPage /></Route>
      <Route path="/projects"><ProjectsPage /></Route>
      <Route path="/projects/:project/keys/:id">
        {({ project, id }: { project: string; id: string }) => id === "new"
          ? <CreateKeyPage place={projectPlace(project)} />
          : <KeyPage place={projectPlace(project)} id={id} />}
      </Route>
      <Route path="/projects/:project/*?">{({ project }: { project: string }) => <ProjectPage key={project} id={project} />}</Route>
      <Route path="/traces"><TracesPage /></Route>
      <Route path="/targets"><TargetsPage /></Route>
      <Route path="/targets/:target/keys/:id?">
        {({ target, id }: { target: string; id?: string }) => {
          const place = targetPlace(target);
          if (id === "new") return <CreateKeyPage place={place} />;
          return id ? <KeyPage place={place} id={id} /> : <KeysPage place={place} />;
        }}
      </Route>
      <Route path="/services"><ServicesPage /></Route>
      <Route path="/audit"><AuditPage /></Route>
      <Route><NotFound /></Route>
    </Switch>
  );
}

export function App() {
  return (
    <Router base="/console">
      <Switch>
        <Route path="/setup"><LinkPage which="setup" /></Route>
        <Route path="/invitation"><LinkPage which="invitation" /></Route>
        <Route path="/reset"><LinkPage which="reset" /></Route>
        <Route>
          <SessionProvider signIn={<SignInPage />} waiting={<Loading />}>
            <SecretProvider>
              <Shell><Suspense fallback={<Loading />}><Pages /></Suspense></Shell>
            </SecretProvider>
          </SessionProvider>
        </Route>
      </Switch>
    </Router>
  );
}
