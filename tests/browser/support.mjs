// What the browser tests share: Debian's Chromium on the server of KEYWRIGHT_URL, and the rules that hold on
// every page. A page of open() fails its test when it broke the Content-Security-Policy, threw, or asked any
// other server for anything.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { after, afterEach } from "node:test";

import { chromium } from "playwright-core";

export const base = process.env.KEYWRIGHT_URL;
export const password = process.env.KEYWRIGHT_PASSWORD;

const flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync"];
const browser = await chromium.launch({ executablePath: "/usr/bin/chromium", args: flags });
after(() => browser.close());

const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

const opened = [];

function watch(page) {
  const wrong = [];
  page.on("pageerror", (error) => wrong.push(`thrown: ${error.message}`));
  page.on("console", (message) => {
    const refusal = /Failed to load resource: the server responded with a status of 4\d\d/;
    if (message.type() === "error" && !refusal.test(message.text())) wrong.push(message.text());
  });
  page.on("request", (request) => {
    const url = request.url();
    if (!url.startsWith(`${base}/`) && !url.startsWith("data:")) wrong.push(`asked ${url}`);
  });
  opened.push({ page, wrong });
}

afterEach(async () => {
  for (const { page, wrong } of opened.splice(0)) {
    await page.context().close();
    assert.deepEqual(wrong, []);
  }
});

export async function open({ width = 1440, scheme = "light", clipboard = true } = {}) {
  const context = await browser.newContext({
    viewport: { width, height: 900 }, colorScheme: scheme, baseURL: base, locale: "en-GB",
  });
  if (clipboard) await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: base });
  context.setDefaultTimeout(30_000);
  const page = await context.newPage();
  watch(page);
  return page;
}

export async function signIn(page, email, path = "/console/") {
  await page.goto(path);
  await page.getByLabel("E-mail address").fill(email);
  await page.getByLabel("Password").fill(password);
  await page.getByRole("button", { name: "Sign in" }).click();
  await page.getByRole("banner").waitFor();
}

export async function signedIn(email = "owner@example.org", options = {}, path = "/console/") {
  const page = await open(options);
  await signIn(page, email, path);
  return page;
}

export const clipboardOf = (page) => page.evaluate(() => navigator.clipboard.readText());

// A call as a program makes it: with a key and nothing else.
export function call(path, token, options = {}) {
  return fetch(base + path, { ...options, headers: { Authorization: `Bearer ${token}`, ...options.headers } });
}

// Counts clicks, as a person would.
export function counted(page) {
  let clicks = 0;
  return {
    async click(locator) {
      clicks += 1;
      await locator.click();
    },
    get clicks() {
      return clicks;
    },
    page,
  };
}

export async function violations(page) {
  await page.evaluate(axe);
  const result = await page.evaluate(() => window.axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"],
  }));
  return result.violations.map((one) => `${one.id}: ${one.nodes.map((node) => node.html).slice(0, 3).join(" | ")}`);
}

export const sidewaysOverflow = (page) =>
  page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);

// Everywhere a page could have kept a text.
export async function tracesOf(page, text) {
  const found = await page.evaluate((wanted) => {
    const inStorage = (storage) => Object.values({ ...storage }).some((value) => value.includes(wanted));
    const inFields = [...document.querySelectorAll("input, textarea")].some((field) => field.value.includes(wanted));
    return Object.entries({
      document: document.documentElement.outerHTML.includes(wanted),
      fields: inFields,
      localStorage: inStorage(localStorage),
      sessionStorage: inStorage(sessionStorage),
      address: location.href.includes(wanted),
      history: JSON.stringify(history.state ?? "").includes(wanted),
    }).filter(([, there]) => there).map(([name]) => name);
  }, text);
  return found;
}
