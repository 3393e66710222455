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

// `zoom`: as the browser does it, which leaves the page less room and more pixels.
export async function open({ width = 1440, scheme = "light", clipboard = true, zoom = 1 } = {}) {
  const context = await browser.newContext({
    viewport: { width: width / zoom, height: 900 / zoom }, deviceScaleFactor: zoom, colorScheme: scheme,
    baseURL: base, locale: "en-GB",
  });
  if (clipboard) await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: base });
  context.setDefaultTimeout(60_000);
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

// Until what was found has the focus: before something is typed into it.
export const focused = (found) => found.and(found.page().locator(":focus")).waitFor();

// Opens the palette, which then takes what is typed.
export async function openPalette(page) {
  await page.keyboard.press("Control+k");
  await focused(page.getByRole("combobox"));
}

// Until a menu has opened and takes keys.
export const menuFocused = (page) => page.waitForFunction(() => document.activeElement?.closest("[role=menu]") != null);

// The server writes uses down within a second or so: until it says when the oldest secret of this key was used.
export async function useWritten(page, name) {
  await until(`the last use of ${name}`, async () => {
    const answer = await page.request.get(`/api/v1/keys?q=${encodeURIComponent(name)}`);
    return (await answer.json()).items[0].versions.at(-1).last_used_at !== null;
  });
}

export const clipboardOf = (page) => page.evaluate(() => navigator.clipboard.readText());

// A call as a program makes it: with a key and nothing else.
export function call(path, token, options = {}) {
  return fetch(base + path, { ...options, headers: { Authorization: `Bearer ${token}`, ...options.headers } });
}

// Waits for what no page shows by itself.
export async function until(what, holds) {
  for (const end = performance.now() + 120_000; !(await holds()); await new Promise((later) => setTimeout(later, 100))) {
    assert.ok(performance.now() < end, `in vain for two minutes: ${what}`);
  }
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

// Goes there as a link does, without loading everything anew, and waits until nothing is being read.
export async function settled(page, path) {
  await page.evaluate((to) => history.pushState(null, "", to), `/console${path}`);
  await page.getByRole("heading", { level: 1 }).waitFor();
  await read(page);
}

// Until nothing is being read any more.
const read = (page) => page.waitForFunction(
  () => !document.querySelector("main")?.textContent.match(/(Loading|Reading [a-z ]+)…/));

const focusedName = () => {
  const element = document.activeElement;
  const label = element?.labels?.[0]?.textContent;
  return (element?.getAttribute("aria-label") || label || element?.textContent || "").trim();
};

// By keyboard alone: Tab until something with this name has the focus, then the key.
export async function reach(page, wanted, key = "Enter") {
  await read(page);
  const seen = [];
  for (let steps = 0; steps < 90; ++steps) {
    const name = await page.evaluate(focusedName);
    if (wanted instanceof RegExp ? wanted.test(name) : name === wanted) return key && page.keyboard.press(key);
    seen.push(name);
    await page.keyboard.press("Tab");
  }
  assert.fail(`the keyboard does not reach ${wanted}: ${seen.slice(-40).join(" | ")}`);
}

// The longest the page was busy without a look at the person, in milliseconds, since this was called last.
export function longestTask(page) {
  return page.evaluate(() => {
    window.longTasks ??= (() => {
      const tasks = [];
      new PerformanceObserver((list) => tasks.push(...list.getEntries())).observe({ type: "longtask" });
      return tasks;
    })();
    return Math.max(0, ...window.longTasks.splice(0).map((task) => task.duration));
  });
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

// Is any of these texts kept by what the page's scripts can reach: the query cache, a component, a closure? What
// nobody holds any more is collected first.
export async function heapHolds(page, texts) {
  const session = await page.context().newCDPSession(page);
  const chunks = [];
  session.on("HeapProfiler.addHeapSnapshotChunk", ({ chunk }) => chunks.push(chunk));
  await session.send("HeapProfiler.enable");
  await session.send("HeapProfiler.collectGarbage");
  await session.send("HeapProfiler.takeHeapSnapshot", { reportProgress: false });
  await session.detach();
  const { strings } = JSON.parse(chunks.join(""));
  return texts.filter((text) => strings.some((one) => one.includes(text)));
}
