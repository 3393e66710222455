// The pictures of docs/guide/console.md, taken from a demo:
//
//   keywright serve --demo --data DIR --listen 127.0.0.1:8080      (prints a password)
//   KEYWRIGHT_URL=http://127.0.0.1:8080 KEYWRIGHT_PASSWORD=... node gallery.mjs

import { writeFileSync } from "node:fs";

import { chromium } from "playwright-core";

import { smaller } from "./small_png.mjs";

const base = process.env.KEYWRIGHT_URL;
const folder = new URL("../../docs/images/", import.meta.url).pathname;
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: ["--no-sandbox", "--disable-gpu"] });

async function page(scheme) {
  const context = await browser.newContext({
    viewport: { width: 1280, height: 800 }, colorScheme: scheme, baseURL: base, locale: "en-GB",
    permissions: ["clipboard-write"],
  });
  const opened = await context.newPage();
  await opened.goto("/console/");
  await opened.getByLabel("E-mail address").fill("owner@example.com");
  await opened.getByLabel("Password").fill(process.env.KEYWRIGHT_PASSWORD);
  await opened.getByRole("button", { name: "Sign in" }).click();
  await opened.getByRole("heading", { name: /Hello/ }).waitFor();
  return opened;
}

async function take(shown, name) {
  await shown.waitForTimeout(400);
  writeFileSync(`${folder}console-${name}.png`, smaller(await shown.screenshot()));
}

async function at(shown, path, name) {
  await shown.goto(`/console${path}`);
  await shown.getByRole("heading", { level: 1 }).waitFor();
  await shown.waitForFunction(() => !document.querySelector("main")?.textContent.match(/(Loading|Reading [a-z ]+)…/));
  if (name) await take(shown, name);
}

const pressed = (shown, name) => shown.getByRole("button", { name, exact: true }).first().click();

// Some traces to look at.
async function sendTrace(shown) {
  const span = (id, parent, name, from, to, extra = {}) => ({
    traceId: "5b8efff798038103d269b633813fc60c", spanId: id, parentSpanId: parent, name,
    startTimeUnixNano: `${1795000000000 + from}000000`, endTimeUnixNano: `${1795000000000 + to}000000`, ...extra,
  });
  await shown.goto("/console/projects");
  await shown.getByRole("link", { name: "Support assistant" }).click();
  await shown.getByRole("columnheader", { name: "platformId" }).waitFor();
  const platform = await shown.locator("tbody tr").first().locator("code").last().textContent();
  const project = new URL(shown.url()).pathname.split("/").at(-1);
  await shown.goto(`/console/projects/${project}/keys/new`);
  await shown.getByLabel("Name", { exact: true }).fill("Production traces");
  await shown.getByRole("button", { name: "Create", exact: true }).click();
  const key = await shown.getByRole("dialog").getByLabel("API key", { exact: true }).textContent();
  const sent = await fetch(`${base}/v1/traces`, {
    method: "POST",
    headers: { "Content-Type": "application/json", "x-api-key": key },
    body: JSON.stringify({ resourceSpans: [{
      resource: { attributes: [{ key: "mibo.platform_id", value: { stringValue: platform } }] },
      scopeSpans: [{ spans: [
        span("aaaaaaaaaaaaaaa1", "", "answer ticket", 0, 2500),
        span("aaaaaaaaaaaaaaa2", "aaaaaaaaaaaaaaa1", "search handbook", 300, 1100, { status: { code: 2, message: "timed out" } }),
        span("aaaaaaaaaaaaaaa3", "aaaaaaaaaaaaaaa1", "search again", 1100, 1350),
        span("aaaaaaaaaaaaaaa4", "aaaaaaaaaaaaaaa1", "write the answer", 1350, 2400),
      ] }],
    }] }),
  });
  if (!sent.ok) throw new Error(await sent.text());
  await shown.getByRole("button", { name: "Copy and close" }).click();
  return project;
}

// A key with some life behind it.
async function lively(shown) {
  await at(shown, "/account/keys/new");
  await shown.getByLabel("Name", { exact: true }).fill("Build pipeline");
  await shown.getByLabel("Description").fill("Runs on every push");
  await pressed(shown, "Create");
  const key = await shown.getByRole("dialog").getByLabel("API key", { exact: true }).textContent();
  await pressed(shown, "Copy and close");
  const ask = (path) => fetch(base + path, { headers: { Authorization: `Bearer ${key}` } });
  for (let times = 0; times < 40; ++times) await ask("/api/v1/whoami");
  for (let times = 0; times < 6; ++times) await ask("/mcp-connect/tickets");
}

const light = await page("light");
await lively(light);
const project = await sendTrace(light);
await at(light, "/", "overview");
await at(light, "/user-management/keys");
await light.getByRole("link", { name: "Customer 42" }).waitFor();
await take(light, "keys");
await light.getByRole("link", { name: "Build pipeline" }).click();
await light.getByRole("heading", { name: "Build pipeline" }).waitFor();
await light.waitForTimeout(2500);
const oneHour = light.getByRole("button", { name: "1 hour" });
if (await oneHour.count() > 0) await oneHour.click();
await take(light, "key");
if (await oneHour.count() > 0) {
  await light.getByRole("region", { name: "Usage" }).evaluate((section) => section.scrollIntoView({ block: "center" }));
  await take(light, "usage");
}
await light.keyboard.press("Control+k");
await light.getByRole("combobox").fill("trace");
await light.getByRole("option").nth(2).waitFor();
await light.getByText("Production traces").waitFor();
await take(light, "palette");
await at(light, "/account/keys/new?kind=connect");
await light.getByLabel("Name", { exact: true }).fill("Editor at home");
await light.getByLabel("Tickets").check();
await light.evaluate(() => scrollTo(0, 0));
await take(light, "create");
await pressed(light, "Create");
await light.getByRole("tab", { name: "Cursor" }).click();
await light.getByRole("button", { name: "Test this key" }).click();
await light.getByText(/It works/).waitFor();
await take(light, "secret");
await pressed(light, "Copy and close");
await at(light, "/mcp-servers", "mcp-servers");
await at(light, "/registries", "registries");
await at(light, `/projects/${project}`, "platforms");
await at(light, `/projects/${project}/routing`);
await pressed(light, "Where does it go?");
await take(light, "routing");
await at(light, "/targets", "targets");
await at(light, "/services", "services");
await at(light, "/user-management/users", "users");
await at(light, "/audit", "audit");
await at(light, "/settings", "settings");

const dark = await page("dark");
await at(dark, "/account", "account");
await at(dark, `/projects/${project}/traces`, "traces");
await dark.getByRole("button", { name: "answer ticket" }).first().click();
await dark.getByRole("button", { name: /search handbook/ }).click();
await take(dark, "trace");
await browser.close();
