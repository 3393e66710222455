// What is counted and sent on: usage of keys, forwarding of traces, and whether MCP servers answer.

import assert from "node:assert/strict";
import { createServer } from "node:http";
import { after, test } from "node:test";

import {
  base, call, clipboardOf, reach, settled, sidewaysOverflow, signedIn, tracesOf, until, violations,
} from "./support.mjs";

const places = JSON.parse(process.env.KEYWRIGHT_PLACES);

const { paths } = await (await fetch(`${base}/openapi.json`)).json();
const without = (path) => ({ skip: path in paths ? false : `the API has no ${path}` });

const received = [];
const receiver = createServer((request, response) => {
  received.push(request.headers);
  request.resume().on("end", () => response.end());
});
await new Promise((listening) => receiver.listen(0, "127.0.0.1", listening));
const address = `http://127.0.0.1:${receiver.address().port}`;
after(() => receiver.close());

// Makes a key and uses it: says what will have been counted.
async function usedKey(page, name) {
  await page.goto("/console/account/keys/new");
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByRole("button", { name: "Create", exact: true }).click();
  await page.getByRole("dialog").getByRole("button", { name: "Copy and close" }).click();
  await page.getByRole("dialog").waitFor({ state: "detached" });
  const secret = await clipboardOf(page);
  for (let times = 0; times < 7; ++times) assert.equal((await call("/api/v1/whoami", secret)).status, 200);
  for (let times = 0; times < 2; ++times) assert.equal((await call("/api/me", secret, { headers: {} })).status, 200);
  for (let times = 0; times < 3; ++times) assert.equal((await call("/mcp-connect/tickets", secret, { method: "POST" })).status, 403);
  return { allowed: 9, refused: 3 };
}

// While a minute is being written it is not told; pages ask again after half a minute.
const kAskedTwice = 90_000;

const sum = (numbers) => numbers.reduce((total, one) => total + one, 0);

// Each thread of the server writes its uses down in its own time: until all of them are.
async function allCounted(page, name, { allowed, refused }) {
  await until(`${allowed} allowed and ${refused} refused of ${name}`, async () => {
    const answer = await page.request.get(`/api/v1/keys?include=usage&q=${encodeURIComponent(name)}`);
    const { usage } = (await answer.json()).items[0];
    return sum(usage.accepted) === allowed && sum(usage.refused) === refused;
  });
}

for (const scheme of ["light", "dark"]) {
  test(`usage is drawn, told and listed, ${scheme}`, without("/api/v1/keys/{id}/usage"), async () => {
    const page = await signedIn("owner@example.org", { scheme });
    const name = `counted ${scheme}`;
    const counts = await usedKey(page, name);
    await allCounted(page, name, counts);
    const says = `${counts.allowed} allowed, ${counts.refused} refused`;
    await page.reload();
    const line = `Usage of ${name}, last 30 days: ${says}. Show the numbers`;
    await page.getByRole("button", { name: line }).locator("visible=true").waitFor();
    await reach(page, line);
    const dialog = page.getByRole("dialog");
    await dialog.getByText(`${says} in the last 30 days.`).waitFor({ timeout: kAskedTwice });
    await dialog.getByRole("table").waitFor();
    assert.deepEqual(await violations(page), []);
    await page.keyboard.press("Escape");

    await page.getByRole("link", { name }).click();
    const usage = page.getByRole("region", { name: "Usage", exact: true });
    for (const range of ["1 hour", "24 hours", "7 days", "30 days"]) {
      await usage.getByRole("button", { name: range, exact: true }).click();
      await usage.getByRole("img", { name: `${says} in the last ${range}` }).waitFor({ timeout: kAskedTwice });
    }
    await usage.getByText("Why it was refused").waitFor();
    await usage.getByLabel("As a table").check();
    await usage.getByRole("table").waitFor();
    assert.deepEqual(await violations(page), []);
    assert.equal(await sidewaysOverflow(page), 0);
  });
}

test("traces are sent on, signed with a secret that is shown once", async () => {
  const page = await signedIn("owner@example.org", {}, `/console/projects/${places.project}`);
  await page.getByRole("button", { name: "Forwarding of Bot" }).click();
  await page.getByRole("button", { name: "Send them on" }).click();
  await page.getByLabel("URL").fill(`${address}/hook`);
  await page.getByRole("button", { name: "Save" }).click();
  const shown = page.getByRole("dialog", { name: /^Secret of the webhook/ });
  const secret = await shown.getByLabel("Secret", { exact: true }).textContent();
  assert.match(secret, /^whsec_/);
  await page.keyboard.press("Escape");
  assert.deepEqual(await violations(page), []);
  await shown.getByRole("button", { name: "Copy and close" }).click();
  await shown.waitFor({ state: "detached" });
  assert.equal(await clipboardOf(page), secret);
  assert.deepEqual(await tracesOf(page, secret), []);

  const dialog = page.getByRole("dialog", { name: "Forwarding of Bot" });
  await dialog.getByRole("button", { name: "Send an example" }).click();
  await dialog.getByText(/It was taken \(200/).waitFor();
  assert.ok(received.some((headers) => headers["webhook-signature"]));
  assert.deepEqual(await violations(page), []);
  await dialog.getByRole("button", { name: "New secret" }).click();
  await page.getByRole("button", { name: "Make a new secret" }).click();
  assert.notEqual(await shown.getByLabel("Secret", { exact: true }).textContent(), secret);
  await shown.getByRole("button", { name: "Copy and close" }).click();
  await dialog.getByText(/signs, too, until/).waitFor();
  await dialog.getByRole("button", { name: "Stop" }).click();
  await page.getByRole("button", { name: "Stop forwarding" }).click();
  await page.getByRole("dialog").waitFor();
  await page.getByText("Its traces are not sent on").waitFor();
});

test("an MCP server that does not answer is said not to, and what to do", async () => {
  const page = await signedIn("admin@example.org");
  await settled(page, "/mcp-servers");
  await page.getByRole("button", { name: "Test Tickets" }).click();
  await page.getByText(/^It does not answer/).waitFor();
  assert.deepEqual(await violations(page), []);
  await page.getByRole("button", { name: "Close", exact: true }).last().click();
});
