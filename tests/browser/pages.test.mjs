// Every page, for every role: it shows itself, in both schemes, on small screens, and to those who do not see
// it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { open, password, sidewaysOverflow, signedIn, violations } from "./support.mjs";

const places = JSON.parse(process.env.KEYWRIGHT_PLACES);

const paths = [
  "/", "/account", "/account/keys", "/account/keys/new", "/account/keys/new?kind=connect", "/account/sessions",
  "/settings", "/settings/keys", "/settings/keyspaces", "/user-management/users", "/user-management/keys",
  `/user-management/keys/${places.key}`, "/mcp-servers", "/registries", "/projects", `/projects/${places.project}`,
  `/projects/${places.project}/keys`, `/projects/${places.project}/traces`, `/projects/${places.project}/routing`,
  "/traces", "/targets", `/targets/${places.target}/keys`, "/services", "/audit", "/nowhere",
];

// Goes there as a link does, without loading everything anew, and waits until nothing is being read.
async function settled(page, path) {
  await page.evaluate((to) => history.pushState(null, "", to), `/console${path}`);
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.waitForFunction(() => !document.querySelector("main")?.textContent.match(/(Loading|Reading [a-z ]+)…/));
}

for (const scheme of ["light", "dark"]) {
  test(`no page has an accessibility violation, ${scheme}`, async () => {
    const page = await signedIn("owner@example.org", { scheme });
    const wrong = [];
    for (const path of paths) {
      await settled(page, path);
      for (const one of await violations(page)) wrong.push(`${path} ${one}`);
    }
    assert.deepEqual(wrong, []);
  });

  test(`dialogs, menus and the sign-in page have none either, ${scheme}`, async () => {
    const page = await open({ scheme });
    const wrong = [];
    const look = async (name) => {
      for (const one of await violations(page)) wrong.push(`${name} ${one}`);
    };
    await page.goto("/console/");
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("alert").waitFor();
    await look("sign-in refused");
    await page.getByLabel("E-mail address").fill("owner@example.org");
    await page.getByLabel("Password").fill(password);
    await page.getByRole("button", { name: "Sign in" }).click();
    await page.getByRole("button", { name: "Account" }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).waitFor();
    await look("account menu");
    await page.keyboard.press("Escape");
    await settled(page, "/mcp-servers");
    await page.getByRole("button", { name: "New MCP server" }).click();
    await page.getByRole("button", { name: "Create", exact: true }).click();
    await look("form with problems");
    await settled(page, "/account/keys/new");
    await page.getByRole("button", { name: "Create", exact: true }).click();
    await page.getByRole("alert").waitFor();
    await look("new key with problems");
    await page.getByLabel("Name", { exact: true }).fill(`shown ${scheme}`);
    await page.getByRole("button", { name: "Create", exact: true }).click();
    await page.getByRole("dialog").waitFor();
    await look("secret");
    await page.getByRole("button", { name: "Copy and close" }).click();
    await page.getByRole("button", { name: `Revoke shown ${scheme}` }).click();
    await page.getByRole("dialog").waitFor();
    await look("revoke");
    assert.deepEqual(wrong, []);
  });
}

for (const width of [320, 1440]) {
  test(`no page scrolls sideways at ${width} pixels`, async () => {
    const page = await signedIn("owner@example.org", { width });
    const wrong = [];
    for (const path of paths) {
      await settled(page, path);
      const over = await sidewaysOverflow(page);
      if (over > 0) wrong.push(`${path}: ${over}`);
    }
    assert.deepEqual(wrong, []);
  });
}

for (const role of ["admin", "member", "viewer", "auditor"]) {
  test(`every page is understandable for a ${role}`, async () => {
    const page = await signedIn(`${role}@example.org`);
    for (const path of paths) {
      await settled(page, path);
      assert.doesNotMatch(await page.locator("main").innerText(), /undefined|\[object|NaN/, path);
    }
    await settled(page, "/mcp-servers");
    assert.equal(await page.getByRole("button", { name: "New MCP server" }).count(), role === "admin" ? 1 : 0);
    await settled(page, "/targets");
    assert.equal(await page.getByRole("button", { name: "New target" }).count(), ["admin", "member"].includes(role) ? 1 : 0);
    await settled(page, "/account/keys");
    assert.equal(await page.getByRole("button", { name: "Create API key" }).count() > 0, true);
  });
}

test("things are made, changed and deleted", async () => {
  const page = await signedIn("owner@example.org", {}, "/console/targets");
  await page.getByRole("button", { name: "New target" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Blog");
  await page.getByLabel("URL").fill("not a url");
  await page.getByRole("button", { name: "Create", exact: true }).click();
  await page.getByRole("alert").waitFor();
  await page.getByLabel("URL").fill("https://blog.example.org");
  await page.getByRole("button", { name: "Create", exact: true }).click();
  await page.getByRole("rowheader", { name: "Blog" }).waitFor();
  await page.getByRole("button", { name: "Edit Blog" }).click();
  await page.getByLabel("Name", { exact: true }).fill("Weblog");
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("button", { name: "Delete Weblog" }).click();
  await page.getByRole("button", { name: "Delete target" }).click();
  await page.getByRole("rowheader", { name: "Weblog" }).waitFor({ state: "detached" });
});

test("a person is invited, accepts, and is deactivated with a look at their keys", async () => {
  const page = await signedIn("owner@example.org", {}, "/console/user-management/users");
  await page.getByRole("button", { name: "New user" }).click();
  await page.getByLabel("E-mail address").fill("new@example.org");
  await page.getByRole("button", { name: "Create", exact: true }).click();
  const link = await page.getByRole("dialog").locator("code").textContent();
  await page.getByRole("button", { name: "Done" }).click();

  const guest = await open();
  await guest.goto(link);
  await guest.getByLabel("Password").fill(password);
  await guest.getByRole("button", { name: "Accept" }).click();
  await guest.getByRole("heading", { name: /Hello/ }).waitFor();
  await guest.getByRole("button", { name: "Create API key" }).click();
  await guest.getByLabel("Name", { exact: true }).fill("their key");
  await guest.getByRole("button", { name: "Create", exact: true }).click();
  await guest.getByRole("button", { name: "Copy and close" }).click();
  await guest.getByRole("link", { name: "their key" }).waitFor();

  await page.getByRole("button", { name: /Deactivate new/ }).click();
  await page.getByRole("dialog").getByRole("link", { name: "their key" }).waitFor();
  await page.getByRole("button", { name: "Deactivate", exact: true }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await guest.getByRole("link", { name: "their key" }).click();
  await guest.getByRole("dialog", { name: "Sign in again" }).waitFor();
});

test("a session that is about to end says so, and goes on if asked", async () => {
  const page = await open();
  await page.clock.install();
  await page.goto("/console/");
  await page.getByLabel("E-mail address").fill("owner@example.org");
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("heading", { name: /Hello/ }).waitFor();
  await page.clock.fastForward((11 * 60 + 57) * 60_000);
  const dialog = page.getByRole("dialog", { name: "Your session is about to end" });
  await dialog.waitFor();
  await dialog.getByRole("button", { name: "Stay signed in" }).click();
  await page.clock.fastForward(20_000);
  await dialog.waitFor({ state: "detached" });
});

test("a session that has ended asks again and keeps what was typed", async () => {
  const page = await signedIn("owner@example.org", {}, "/console/account/keys/new");
  await page.getByLabel("Name", { exact: true }).fill("half written");
  await page.context().clearCookies();
  await page.getByRole("button", { name: "Create", exact: true }).click();
  const dialog = page.getByRole("dialog", { name: "Sign in again" });
  await dialog.getByLabel("Password").fill(password);
  await dialog.getByRole("button", { name: "Sign in" }).click();
  await dialog.waitFor({ state: "detached" });
  assert.equal(await page.getByLabel("Name", { exact: true }).inputValue(), "half written");
});

test("the chosen colours stay", async () => {
  const page = await signedIn();
  await page.getByRole("button", { name: "Account" }).click();
  await page.getByRole("menuitemradio", { name: "Dark" }).click();
  await page.reload();
  const background = () => page.evaluate(() => getComputedStyle(document.documentElement).backgroundColor);
  assert.equal(await background(), "rgb(14, 17, 21)");
});

test("traces are listed with their spans, and what was refused is in the inbox", async () => {
  const page = await signedIn("owner@example.org", {}, `/console/projects/${places.project}/traces`);
  await page.getByRole("button", { name: "answer ticket" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: /search handbook/ }).click();
  await dialog.getByText("handbook.query", { exact: true }).waitFor();
  await dialog.getByText("Raw JSON").click();
  await page.keyboard.press("Escape");
  await page.getByRole("button", { name: "Unrouted" }).click();
  await page.getByText("PLATFORM_REQUIRED").first().waitFor();
  await page.getByRole("link", { name: "Routing" }).click();
  await page.getByRole("button", { name: "Where does it go?" }).click();
  await page.getByText("PLATFORM_REQUIRED").first().waitFor();
});
