// An empty server: the link it printed makes the first owner, once.

import assert from "node:assert/strict";
import { test } from "node:test";

import { open, password } from "./support.mjs";

test("the set-up link makes the first owner, once", async () => {
  const link = process.env.KEYWRIGHT_SETUP_LINK;
  const page = await open();
  await page.goto(link);
  assert.equal(new URL(page.url()).hash, "", "the token leaves the address");
  await page.getByLabel("Organization").fill("First Company");
  await page.getByLabel("E-mail address").fill("first@example.org");
  await page.getByLabel("Password").fill("short");
  await page.getByRole("button", { name: "Set up" }).click();
  await page.getByText("At least 12 characters.", { exact: true }).waitFor();
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Set up" }).click();
  await page.getByRole("heading", { level: 1, name: /Hello/ }).waitFor();

  await page.getByRole("button", { name: "Account" }).click();
  await page.getByRole("menuitem", { name: "Sign out" }).click();
  await page.getByRole("heading", { name: "Sign in" }).waitFor();
  await page.goto("about:blank");
  await page.goto(link);
  await page.getByLabel("Organization").fill("Second Company");
  await page.getByLabel("E-mail address").fill("second@example.org");
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Set up" }).click();
  await page.getByRole("alert").first().waitFor();
});
