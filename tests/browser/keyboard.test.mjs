// Everything without a mouse: what a person presses, and nothing else.

import assert from "node:assert/strict";
import { test } from "node:test";

import {
  call, clipboardOf, focused, menuFocused, open, openPalette, password, reach, settled, signedIn, until,
} from "./support.mjs";

const places = JSON.parse(process.env.KEYWRIGHT_PLACES);

const heading = (page) => page.getByRole("heading", { level: 1 }).textContent();

test("signing in, and out again", async () => {
  const page = await open();
  await page.goto("/console/");
  await focused(page.getByLabel("E-mail address"));
  await page.keyboard.type("owner@example.org");
  await page.keyboard.press("Tab");
  await page.keyboard.type(password);
  await page.keyboard.press("Enter");
  await page.getByRole("banner").waitFor();
  await reach(page, "Account");
  await menuFocused(page);
  await page.keyboard.press("End");
  await page.keyboard.press("Enter");
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
});

test("going anywhere: Ctrl+K, letters, and the link that skips the rail", async () => {
  const page = await signedIn();
  await page.getByRole("heading", { level: 1 }).waitFor();
  await openPalette(page);
  await page.keyboard.type("tickets");
  await page.getByRole("option", { name: /Tickets/ }).waitFor();
  await page.keyboard.press("Enter");
  await page.waitForURL(/mcp-servers/);
  await page.getByRole("heading", { name: "MCP servers" }).waitFor();

  await openPalette(page);
  await page.keyboard.type("audit");
  await page.getByRole("option", { name: "Audit log" }).waitFor();
  await page.keyboard.press("ArrowDown");
  await page.keyboard.press("ArrowUp");
  await page.keyboard.press("Enter");
  await page.waitForURL(/audit/);

  await page.getByRole("heading", { name: "Audit log" }).waitFor();
  await until("g k leads to the keys", async () => {  // both within a second, which a busy machine may miss
    await page.keyboard.press("g");
    await page.keyboard.press("k");
    return /account\/keys/.test(page.url());
  });
  await page.getByRole("searchbox").waitFor();
  await page.keyboard.press("/");
  await focused(page.getByRole("searchbox"));
  await page.keyboard.type("c?g");
  assert.equal(await page.getByRole("searchbox").inputValue(), "c?g");
  await page.keyboard.press("Escape");

  await page.goto("/console/");
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.keyboard.press("?");
  await page.getByRole("dialog", { name: "Shortcuts" }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.evaluate(() => document.activeElement.blur());
  await reach(page, "Skip to the content");
  assert.equal(await page.evaluate(() => document.activeElement.id), "main");
});

test("letters can be turned off", async () => {
  const page = await signedIn("owner@example.org", {}, "/console/account");
  await reach(page, /^Shortcuts of a single letter/, "Space");
  await page.goto("/console/account/keys");
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.keyboard.press("c");
  await page.keyboard.press("?");
  await page.waitForTimeout(200);
  assert.equal(new URL(page.url()).pathname, "/console/account/keys");
  assert.equal(await page.getByRole("dialog").count(), 0);
  await page.keyboard.press("Control+k");
  await page.getByRole("dialog").waitFor();
});

test("a pasted request id or key goes no further than it has to", async () => {
  const page = await signedIn();
  await page.getByRole("heading", { level: 1 }).waitFor();
  const secret = `kwa_${"a1B2c3D4e5".repeat(4)}f6G7h8I9j`;
  const sent = [];
  page.on("request", (request) => sent.push(request.url() + (request.postData() ?? "")));
  await page.keyboard.press("Control+k");
  await page.getByRole("combobox").fill(secret);
  assert.equal(await page.getByRole("combobox").inputValue(), secret.slice(0, 12));
  await page.getByText("Nothing has this name.").waitFor();
  assert.deepEqual(sent.filter((text) => text.includes(secret.slice(12, 30))), []);
});

test("a key: made, changed, rotated, disabled, enabled", async () => {
  const page = await signedIn("owner@example.org", {}, "/console/account/keys");
  await page.getByRole("button", { name: "Create API key" }).waitFor();
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.keyboard.press("c");
  await focused(page.getByLabel("Name", { exact: true }));
  await page.keyboard.type("all by hand");
  await page.keyboard.press("Enter");
  await reach(page, "Copy and close");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  const first = await clipboardOf(page);

  await reach(page, "all by hand");
  await page.getByRole("heading", { name: "all by hand" }).waitFor();
  await reach(page, "Edit");
  await page.getByRole("dialog").waitFor();
  await reach(page, /^Description/, null);
  await page.keyboard.type("changed by hand");
  await page.keyboard.press("Enter");
  await page.getByText("changed by hand").waitFor();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await focused(page.getByRole("button", { name: "Edit", exact: true }));  // it returns

  await reach(page, "Rotate");
  await page.getByRole("dialog").waitFor();
  await reach(page, /^The old secret works on/, null);
  await page.keyboard.press("Home");
  await page.keyboard.press("Enter");
  await reach(page, "Rotate");
  await reach(page, "Copy and close");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  const second = await clipboardOf(page);
  assert.equal((await call("/api/v1/whoami", first)).status, 401);
  assert.equal((await call("/api/v1/whoami", second)).status, 200);

  await reach(page, "Disable");
  await page.getByText("Nothing at the moment.").waitFor();
  assert.equal((await call("/api/v1/whoami", second)).status, 401);
  await reach(page, "Enable");
  await page.getByText("Nothing at the moment.").waitFor({ state: "detached" });
});

test("several keys at once", async () => {
  const page = await signedIn("owner@example.org", {}, "/console/account/keys?q=all+by+hand");
  await page.getByRole("link", { name: "all by hand" }).waitFor();
  await reach(page, "Select all by hand", "Space");
  await reach(page, "Revoke");
  await page.getByRole("dialog").waitFor();
  await reach(page, /^Type “revoke 1”/, null);
  await page.keyboard.type("revoke 1");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog").waitFor({ state: "detached" });
});

test("a scope of some servers, the row's menu, and a check", async () => {
  const page = await signedIn("owner@example.org", {}, "/console/account/keys/new?kind=connect");
  await focused(page.getByLabel("Name", { exact: true }));
  await page.keyboard.type("scoped by hand");
  await reach(page, /^Tickets/, "Space");
  await reach(page, "Create");
  await reach(page, "Copy and close");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  const secret = await clipboardOf(page);
  await page.getByText("1 server", { exact: true }).waitFor();
  await reach(page, "More for scoped by hand");
  await menuFocused(page);
  await page.keyboard.type("dis");
  await page.keyboard.press("Enter");
  await page.getByText("“scoped by hand” is disabled.").waitFor();

  await settled(page, "/user-management/keys");
  await reach(page, "Check a key");
  await page.getByRole("dialog").waitFor();
  await reach(page, "Key", null);
  await page.keyboard.insertText(secret);
  await page.keyboard.press("Enter");
  await page.getByText("It would be refused: DISABLED.").waitFor();
});

test("a target and a person: made, changed, and gone", async () => {
  const page = await signedIn("owner@example.org", {}, "/console/targets");
  await reach(page, "New target");
  await page.getByRole("dialog").waitFor();
  await reach(page, "Name", null);
  await page.keyboard.type("Garden");
  await page.keyboard.press("Tab");
  await page.keyboard.type("https://garden.example.org");
  await page.keyboard.press("Enter");
  await page.getByRole("rowheader", { name: "Garden" }).waitFor();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await reach(page, "Delete Garden");
  await reach(page, "Delete target");
  await page.getByRole("rowheader", { name: "Garden" }).waitFor({ state: "detached" });

  await settled(page, "/user-management/users");
  await reach(page, "New user");
  await page.getByRole("dialog").waitFor();
  await reach(page, "E-mail address", null);
  await page.keyboard.type("by-hand@example.org");
  await page.keyboard.press("Enter");
  await page.getByRole("dialog", { name: "Invitation" }).waitFor();
  await reach(page, "Done");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await reach(page, /^Remove by-hand/);
  await page.getByText("They have no keys.").waitFor();
  await reach(page, "Remove");
  await page.getByRole("button", { name: /Remove by-hand/ }).waitFor({ state: "detached" });
});

test("traces, routing and the audit log", async () => {
  const page = await signedIn("owner@example.org", {}, `/console/projects/${places.project}/traces`);
  await reach(page, "answer ticket");
  await page.getByRole("dialog").waitFor();
  await reach(page, /search handbook/);
  await page.getByText("handbook.query", { exact: true }).waitFor();
  await page.keyboard.press("Escape");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await reach(page, "Unrouted");
  await page.getByText("PLATFORM_REQUIRED").first().waitFor();
  await reach(page, "Routing");
  await reach(page, "Where does it go?");
  await page.getByText("PLATFORM_REQUIRED").first().waitFor();

  await settled(page, "/audit");
  await reach(page, /^(keys|platforms|users|session)\./);
  await page.getByRole("dialog").waitFor();
  await reach(page, "Only this object");
  await page.waitForURL(/object_id=/);
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await reach(page, "No longer only this object");
  await page.waitForFunction(() => !location.search.includes("object_id"));
  assert.match(await heading(page), /Audit log/);
});
