// The life of a key through the console: made, copied, tested, rotated, refused.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import {
  call, clipboardOf, counted, focused, heapHolds, open, reach, signedIn, signIn, tracesOf, useWritten,
} from "./support.mjs";

const kinds = JSON.parse(process.env.KEYWRIGHT_PLACES);  // ids of a project, a target, ...

async function newKey(page, name, kind) {
  await page.goto(`/console/account/keys/new?kind=${kind}`);
  await page.getByLabel("Name", { exact: true }).fill(name);
}

async function created(page) {
  await page.getByRole("button", { name: "Create", exact: true }).click();
  const dialog = page.getByRole("dialog");
  const secret = await dialog.getByLabel("API key", { exact: true }).textContent();
  return { dialog, secret };
}

async function closeByCopy(page, dialog) {
  await dialog.getByRole("button", { name: "Copy and close" }).click();
  await dialog.waitFor({ state: "detached" });
  return clipboardOf(page);
}

test("the first key takes three clicks, works, and leaves nothing behind", async () => {
  const page = await signedIn();
  const person = counted(page);
  await person.click(page.getByRole("button", { name: "Create API key" }));
  await focused(page.getByLabel("Name", { exact: true }));
  await page.keyboard.type("first key");
  await person.click(page.getByRole("button", { name: "Create", exact: true }));
  const dialog = page.getByRole("dialog");
  const secret = await dialog.getByLabel("API key", { exact: true }).textContent();
  const parts = [secret, secret.slice(12)];
  assert.deepEqual(await heapHolds(page, parts), parts, "what is shown is found");
  await person.click(dialog.getByRole("button", { name: "Copy and close" }));
  await dialog.waitFor({ state: "detached" });
  assert.equal(person.clicks, 3);
  assert.equal(await clipboardOf(page), secret);
  assert.equal((await call("/api/v1/whoami", secret)).status, 200);
  await page.getByRole("link", { name: "first key" }).waitFor();
  for (const part of parts) assert.deepEqual(await tracesOf(page, part), []);
  assert.deepEqual(await heapHolds(page, parts), []);
});

test("every kind can be made, is shown once, and works", async () => {
  const page = await signedIn();
  const choose = (label, value) => page.getByLabel(label, { exact: true }).selectOption(value);
  const steps = {
    access: async () => undefined,
    personal: async () => undefined,
    mcp: async () => undefined,
    connect: async () => page.getByLabel("Tickets").check(),
    ingest: async () => choose("Project", kinds.project),
    target: async () => choose("Target", kinds.target),
    account: async () => undefined,
    management: async () => page.getByLabel("Check keys").check(),
    customer: async () => {
      await choose("Keyspace", kinds.keyspace);
      await page.getByLabel("Customer", { exact: true }).fill("customer-7");
    },
  };
  for (const [kind, fill] of Object.entries(steps)) {
    await newKey(page, `a key of kind ${kind}`, kind);
    await fill();
    const { dialog, secret } = await created(page);
    await dialog.getByRole("button", { name: "Test this key" }).click();
    await dialog.getByText(/It works/).waitFor();
    assert.equal(await closeByCopy(page, dialog), secret, kind);
    const who = kind === "connect" ? "/api/me" : "/api/v1/whoami";
    assert.equal((await call(who, secret)).status, 200, kind);
  }
  await page.goto("/console/user-management/keys");
  for (const kind of Object.keys(steps)) await page.getByRole("link", { name: `a key of kind ${kind}` }).waitFor();
});

test("the dialog with the secret closes by nothing but its buttons", async () => {
  const page = await signedIn();
  await newKey(page, "stubborn", "access");
  const { dialog, secret } = await created(page);
  for (let times = 0; times < 5; ++times) await page.keyboard.press("Escape");
  await page.mouse.click(5, 5);
  await page.evaluate(() => history.back());
  await page.evaluate(() => history.back());
  await page.waitForTimeout(200);
  assert.equal(await dialog.getByLabel("API key", { exact: true }).textContent(), secret);
  const close = dialog.getByRole("button", { name: "Close", exact: true });
  assert.equal(await close.getAttribute("aria-disabled"), "true");
  await close.click({ force: true });
  assert.equal(await dialog.count(), 1);
  await dialog.getByLabel("I saved it another way").check();
  await close.click();
  await dialog.waitFor({ state: "detached" });
  assert.deepEqual(await tracesOf(page, secret), []);
});

test("a clipboard that refuses keeps the dialog open and the key selected", async () => {
  const page = await open({ clipboard: false });
  await page.addInitScript(() => {
    navigator.clipboard.writeText = () => Promise.reject(new Error("not allowed"));
  });
  await signIn(page, "owner@example.org");
  await newKey(page, "not copied", "access");
  const { dialog, secret } = await created(page);
  await dialog.getByRole("button", { name: "Copy and close" }).click();
  await dialog.getByText(/did not allow copying/).first().waitFor();
  await page.waitForFunction((wanted) => getSelection().toString().trim() === wanted, secret);
  await dialog.getByLabel("I saved it another way").check();
  await dialog.getByRole("button", { name: "Close", exact: true }).click();
});

test("the snippets carry the key, and asking with it sends no cookie", async () => {
  const page = await signedIn();
  await newKey(page, "for an editor", "connect");
  await page.getByLabel("Tickets").check();
  const { dialog, secret } = await created(page);
  for (const name of ["curl", ".env", "Cursor", "Claude Desktop"]) {
    await dialog.getByRole("tab", { name, exact: true }).click();
    assert.match(await dialog.getByRole("tabpanel", { name }).textContent(), new RegExp(secret), name);
  }
  await dialog.getByRole("tab", { name: "VS Code" }).click();
  assert.doesNotMatch(await dialog.getByRole("tabpanel", { name: "VS Code" }).textContent(), new RegExp(secret));
  const asked = page.waitForRequest("**/api/me");
  await dialog.getByRole("button", { name: "Test this key" }).click();
  const headers = await (await asked).allHeaders();
  assert.equal(headers.authorization, `Bearer ${secret}`);
  assert.equal(headers.cookie, undefined);
  await closeByCopy(page, dialog);
});

test("a new secret takes four clicks, and the old one ends when it was said", async () => {
  const page = await signedIn();
  await newKey(page, "to be rotated", "access");
  const made = await created(page);
  const before = await closeByCopy(page, made.dialog);
  const person = counted(page);
  await person.click(page.getByRole("button", { name: "More for to be rotated" }));
  await person.click(page.getByRole("menuitem", { name: "Rotate" }));
  await page.getByLabel("The old secret works on").selectOption("0");
  await person.click(page.getByRole("button", { name: "Rotate", exact: true }));
  const dialog = page.getByRole("dialog");
  const after = await dialog.getByLabel("API key", { exact: true }).textContent();
  await person.click(dialog.getByRole("button", { name: "Copy and close" }));
  assert.equal(person.clicks, 4);
  assert.notEqual(after, before);
  assert.equal((await call("/api/v1/whoami", before)).status, 401);
  assert.equal((await call("/api/v1/whoami", after)).status, 200);
  assert.deepEqual(await heapHolds(page, [before, after]), []);
});

test("revoking says what it does, asks for the name of a key in use, and takes effect at once", async () => {
  const page = await signedIn();
  await newKey(page, "to be revoked", "access");
  const { dialog: made } = await created(page);
  const secret = await closeByCopy(page, made);
  assert.equal((await call("/api/v1/whoami", secret)).status, 200);
  await useWritten(page, "to be revoked");
  await page.reload();
  await page.getByRole("button", { name: "Revoke to be revoked" }).click();
  const dialog = page.getByRole("dialog");
  assert.match(await dialog.textContent(), /Integrations that use this key stop working at once/);
  await dialog.getByRole("button", { name: "Revoke key" }).click();
  await dialog.getByText("This is not the name. Nothing was done.").waitFor();
  assert.equal((await call("/api/v1/whoami", secret)).status, 200);
  await dialog.getByLabel(/Type/).fill("to be revoked");
  await dialog.getByRole("button", { name: "Revoke key" }).click();
  await dialog.waitFor({ state: "detached" });
  assert.equal((await call("/api/v1/whoami", secret)).status, 401);
  await page.getByRole("link", { name: "to be revoked" }).waitFor({ state: "detached" });
  await page.getByLabel("Status", { exact: true }).selectOption("revoked");
  await page.getByRole("link", { name: "to be revoked" }).waitFor();
});

test("the keyboard alone makes a key and revokes it", async () => {
  const page = await signedIn("owner@example.org", {}, "/console/account/keys");
  await page.getByRole("button", { name: "Create API key" }).waitFor();
  await page.getByRole("heading", { level: 1 }).waitFor();
  await page.keyboard.press("c");
  await focused(page.getByLabel("Name", { exact: true }));
  await page.keyboard.type("by hand");
  await page.keyboard.press("Enter");
  const dialog = page.getByRole("dialog");
  const secret = await dialog.getByLabel("API key", { exact: true }).textContent();
  await reach(page, "Copy and close");
  await dialog.waitFor({ state: "detached" });
  assert.equal(await clipboardOf(page), secret);
  await page.getByRole("link", { name: "by hand" }).waitFor();
  await reach(page, "Revoke by hand");
  await page.getByRole("dialog").waitFor();
  await reach(page, "Revoke key");
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.equal((await call("/api/v1/whoami", secret)).status, 401);
});

test("a pasted key is found by what it shows, and never reaches the address or the server", async () => {
  const page = await signedIn();
  await newKey(page, "the leaked one", "access");
  const { dialog } = await created(page);
  const secret = await closeByCopy(page, dialog);
  const sent = [];
  page.on("request", (request) => sent.push(request.url() + (request.postData() ?? "")));
  await page.goto("/console/user-management/keys");
  await page.getByRole("searchbox").fill(secret);
  await page.waitForURL(/q=kwa_/);
  await page.getByRole("link", { name: "the leaked one" }).waitFor();
  assert.equal(await page.locator("tbody tr").count(), 1);
  assert.deepEqual(sent.filter((text) => text.includes(secret)), []);
  assert.deepEqual(await tracesOf(page, secret), []);
});

test("a refused key is explained in two clicks", async () => {
  const page = await signedIn();
  await newKey(page, "why not", "mcp");
  const { dialog: made } = await created(page);
  const secret = await closeByCopy(page, made);
  await page.goto("/console/user-management/keys");
  const person = counted(page);
  await person.click(page.getByRole("button", { name: "Check a key" }));
  const dialog = page.getByRole("dialog");
  await dialog.getByLabel("Key", { exact: true }).fill(secret);
  await dialog.getByLabel("Used for").selectOption("rest");
  await person.click(dialog.getByRole("button", { name: "Check", exact: true }));
  await dialog.getByText("WRONG_AUDIENCE").waitFor();
  await dialog.getByRole("link", { name: "why not" }).waitFor();
  assert.equal(person.clicks, 2);
  await dialog.getByRole("button", { name: "Close", exact: true }).last().click();
  assert.deepEqual(await tracesOf(page, secret), []);
});

test("filters and views stand in the address and survive a reload", async () => {
  const page = await signedIn("owner@example.org", {}, "/console/user-management/keys");
  await page.getByLabel("Kind", { exact: true }).selectOption("ingest");
  await page.waitForURL(/kind=ingest/);
  await page.reload();
  await page.getByRole("link", { name: "a key of kind ingest" }).waitFor();
  assert.equal(await page.getByRole("link", { name: "a key of kind access" }).count(), 0);
  await page.goto("/console/account/keys?view=expiring");
  await page.getByText("No keys match").waitFor();
  await page.getByRole("button", { name: "Clear filters" }).click();
  await page.getByRole("link", { name: "first key" }).waitFor();
});

test("many keys come page by page", async () => {
  const page = await signedIn("owner@example.org", {}, "/console/account/keys?q=one+of+many");
  await page.getByRole("link", { name: "one of many 59", exact: true }).waitFor();
  assert.equal(await page.locator("tbody tr").count(), 50);
  await page.getByRole("button", { name: "Show more" }).click();
  await page.getByRole("link", { name: "one of many 0", exact: true }).waitFor();
  assert.equal(await page.locator("tbody tr").count(), 60);
  assert.equal(await page.getByRole("button", { name: "Show more" }).count(), 0);
});

test("several keys are disabled at once", async () => {
  const page = await signedIn();
  const secrets = [];
  for (const name of ["bulk one", "bulk two"]) {
    await newKey(page, name, "access");
    const { dialog } = await created(page);
    secrets.push(await closeByCopy(page, dialog));
  }
  await page.getByLabel("Select bulk one").check();
  await page.getByLabel("Select bulk two").check();
  await page.getByRole("group", { name: "Selected keys" }).getByRole("button", { name: "Disable" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Disable 2 keys" }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  for (const secret of secrets) assert.equal((await call("/api/v1/whoami", secret)).status, 401);
});

test("keys that expire soon are extended in four clicks", async () => {
  const page = await signedIn();
  await page.goto("/console/account/keys/new");
  await page.getByLabel("Name", { exact: true }).fill("soon over");
  await page.getByLabel("Expires", { exact: true }).selectOption("168");
  const { dialog } = await created(page);
  await closeByCopy(page, dialog);
  const person = counted(page);
  await person.click(page.getByRole("button", { name: "Expiring in 14 days" }));
  await page.getByRole("link", { name: "soon over" }).waitFor();
  await person.click(page.getByLabel("Select all shown"));
  await person.click(page.getByRole("group", { name: "Selected keys" }).getByRole("button", { name: "Extend" }));
  await person.click(page.getByRole("dialog").getByRole("button", { name: "Extend 1 key" }));
  assert.equal(person.clicks, 4);
  await page.getByText("No keys match").waitFor();
});

test("what is shown can be saved as CSV, without any formula in it", async () => {
  const page = await signedIn();
  await newKey(page, '=HYPERLINK("https://evil.example")', "access");
  const { dialog, secret } = await created(page);
  await closeByCopy(page, dialog);
  await page.goto("/console/account/keys?q=HYPERLINK");
  await page.getByRole("link", { name: /HYPERLINK/ }).waitFor();
  const [file] = await Promise.all([page.waitForEvent("download"), page.getByRole("button", { name: "Export CSV" }).click()]);
  assert.match(file.suggestedFilename(), /^keywright-keys-\d{4}-\d\d-\d\d\.csv$/);
  const text = readFileSync(await file.path(), "utf8");
  const [head, row] = text.split("\r\n");
  assert.match(head, /^id,name,description,kind,mask,status,/);
  assert.match(row, /,"'=HYPERLINK\(""https:/);
  assert.doesNotMatch(text, new RegExp(secret));
});

test("an old secret that is still used is not said to be safe", async () => {
  const page = await signedIn();
  await newKey(page, "two secrets", "access");
  const made = await created(page);
  const before = await closeByCopy(page, made.dialog);
  await page.getByRole("link", { name: "two secrets" }).click();
  await page.getByRole("button", { name: "Rotate" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Rotate", exact: true }).click();
  await closeByCopy(page, page.getByRole("dialog"));
  await page.getByText(/safe to finish/).waitFor();
  assert.equal((await call("/api/v1/whoami", before)).status, 200);
  await useWritten(page, "two secrets");
  await page.reload();
  await page.getByText(/Still in use/).waitFor();
  await page.getByRole("button", { name: "End it now" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "End it now" }).click();
  await page.getByText("This is not the name. Nothing was done.").waitFor();
  assert.equal((await call("/api/v1/whoami", before)).status, 200);
  await page.getByRole("dialog").getByRole("button", { name: "Cancel" }).click();
});

test("an old secret that nobody uses any more is ended in two clicks, before its time", async () => {
  const page = await signedIn();
  await newKey(page, "finished early", "access");
  const before = await closeByCopy(page, (await created(page)).dialog);
  await page.getByRole("link", { name: "finished early" }).click();
  await page.getByRole("button", { name: "Rotate" }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Rotate", exact: true }).click();
  const after = await closeByCopy(page, page.getByRole("dialog"));
  await page.getByText(/safe to finish/).waitFor();
  const person = counted(page);
  await person.click(page.getByRole("button", { name: "End it now" }));
  await person.click(page.getByRole("dialog").getByRole("button", { name: "End it now" }));
  await page.getByRole("dialog").waitFor({ state: "detached" });
  assert.equal(person.clicks, 2);
  assert.equal((await call("/api/v1/whoami", before)).status, 401);
  assert.equal((await call("/api/v1/whoami", after)).status, 200);
  await page.getByText("ended", { exact: true }).waitFor();
  assert.equal(await page.getByRole("button", { name: "End it now" }).count(), 0);
});

test("a key's page says which servers it reaches, which not, and why", async () => {
  const page = await signedIn();
  await newKey(page, "reaches some", "connect");
  await page.getByLabel("Tickets").check();
  const { dialog } = await created(page);
  await closeByCopy(page, dialog);
  await page.getByRole("link", { name: "reaches some" }).click();
  await page.getByRole("list", { name: "What it reaches" }).getByText("yes").waitFor();
  await page.goto("/console/mcp-servers");
  await page.getByRole("button", { name: "Edit Tickets" }).click();
  await page.getByLabel("Enabled").uncheck();
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  await page.goBack();
  await page.getByRole("list", { name: "What it reaches" }).getByText("Disabled, or no longer within").waitFor();
  await page.goto("/console/mcp-servers");
  await page.getByRole("button", { name: "Edit Tickets" }).click();
  await page.getByLabel("Enabled").check();
  await page.getByRole("button", { name: "Save" }).click();
  await page.getByText("Enabled", { exact: true }).waitFor();
});

test("the sentence and the command say what the form says", async () => {
  const page = await signedIn("owner@example.org", {}, "/console/account/keys/new?kind=connect");
  await page.getByLabel("Name", { exact: true }).fill("Bob's editor");
  await page.getByLabel("Tickets").check();
  await page.getByLabel("Expires", { exact: true }).selectOption("720");
  assert.match(await page.locator("[data-sentence]").textContent(), /^Can connect to Tickets, as long as its owner can, until /);
  await page.getByText("Show as curl / CLI").click();
  const command = await page.getByLabel("CLI", { exact: true }).textContent();
  assert.match(command, /^keywright keys create --server http/);
  assert.match(command, /--kind connect/);
  assert.match(command, /--name 'Bob'\\''s editor'/);
  assert.match(await page.getByLabel("curl", { exact: true }).textContent(), /"kind":"connect"/);
});

test("where people look for their keys, there they are", async () => {
  const page = await signedIn();
  await page.getByRole("button", { name: "Account" }).click();
  await page.getByRole("menuitem", { name: "Account settings" }).click();
  await page.getByRole("navigation", { name: "Account settings" }).getByRole("link", { name: "API keys" }).click();
  await page.getByRole("button", { name: "Create API key" }).waitFor();
  for (const column of ["Name", "Description", "Created", "Last used", "Expires"]) {
    await page.getByRole("columnheader", { name: column, exact: true }).waitFor();
  }
  await page.getByRole("link", { name: "Settings", exact: true }).click();
  await page.getByRole("navigation", { name: "Settings" }).getByRole("link", { name: "API Keys" }).click();
  await page.getByRole("button", { name: "Create API key" }).waitFor();
  await page.getByRole("navigation", { name: "Main" }).getByRole("link", { name: "API Keys", exact: true }).click();
  await page.getByRole("columnheader", { name: "User", exact: true }).waitFor();
  await page.getByRole("link", { name: "Projects", exact: true }).click();
  await page.getByRole("link", { name: "Assistant", exact: true }).click();
  await page.getByRole("navigation", { name: "Project" }).getByRole("link", { name: "API Keys" }).click();
  await page.getByRole("button", { name: "Create API key" }).click();
  await page.getByLabel("Name", { exact: true }).fill("only the bot");
  await page.getByLabel("Only some platforms").check();
  await page.getByRole("checkbox", { name: /^Bot/ }).check();
  const { dialog, secret } = await created(page);
  await closeByCopy(page, dialog);
  assert.match(secret, /^mibo_/);
  await page.getByText("1 platform", { exact: true }).waitFor();
});
