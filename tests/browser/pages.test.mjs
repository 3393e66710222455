// Every page, for every role: it shows itself, in both schemes, on small screens, and to those who do not see
// it.

import assert from "node:assert/strict";
import { test } from "node:test";

import { open, password, settled, sidewaysOverflow, signedIn, violations } from "./support.mjs";

const places = JSON.parse(process.env.KEYWRIGHT_PLACES);

const paths = [
  "/", "/account", "/account/keys", "/account/keys/new", "/account/keys/new?kind=connect", "/account/sessions",
  "/settings", "/settings/keys", "/settings/keyspaces", "/user-management/users", "/user-management/keys",
  `/user-management/keys/${places.key}`, "/mcp-servers", "/registries", "/projects", `/projects/${places.project}`,
  `/projects/${places.project}/keys`, `/projects/${places.project}/traces`, `/projects/${places.project}/routing`,
  "/traces", "/targets", `/targets/${places.target}/keys`, "/services", "/audit", "/nowhere",
];

const press = (name) => async (page) => {
  await page.getByRole("button", { name, exact: true }).first().click();
  await page.getByRole("dialog").waitFor();
};
const choose = (button, item) => async (page) => {
  await page.getByRole("button", { name: button }).first().click();
  await page.getByRole("menuitem", { name: item }).click();
  await page.getByRole("dialog").waitFor();
};

// Everything that opens over a page: what it is, where, and how it is opened.
const dialogs = [
  ["account menu", "/", async (page) => {
    await page.getByRole("button", { name: "Account" }).click();
    await page.getByRole("menuitem", { name: "Sign out" }).waitFor();
  }],
  ["shortcuts", "/", choose("Account", "Shortcuts")],
  ["palette", "/", async (page) => {
    await page.keyboard.press("Control+k");
    await page.getByRole("option").first().waitFor();
  }],
  ["palette without result", "/", async (page) => {
    await page.keyboard.press("Control+k");
    await page.getByRole("combobox").fill("no such thing");
    await page.getByText("Nothing has this name.").waitFor();
  }],
  ["menu of a key", "/user-management/keys", async (page) => {
    await page.getByRole("button", { name: /^More for/ }).first().click();
    await page.getByRole("menuitem", { name: "Rotate" }).waitFor();
  }],
  ["check", "/user-management/keys", async (page) => {
    await press("Check a key")(page);
    await page.getByLabel("Key", { exact: true }).fill("kwa_nothing");
    await page.getByRole("button", { name: "Check", exact: true }).click();
    await page.getByText(/It would be refused/).waitFor();
  }],
  ["edit a key", `/user-management/keys/${places.key}`, press("Edit")],
  ["rotate", `/user-management/keys/${places.key}`, press("Rotate")],
  ["end an old secret", `/user-management/keys/${places.rotated}`, press("End it now")],
  ["revoke", `/user-management/keys/${places.key}`, press("Revoke")],
  ["history", `/user-management/keys/${places.key}`, press("keys.create")],
  ["new MCP server, refused", "/mcp-servers", async (page) => {
    await press("New MCP server")(page);
    await page.getByRole("button", { name: "Add a header" }).click();
    await page.getByRole("button", { name: "Create", exact: true }).click();
  }],
  ["connect", "/mcp-servers", press("Connect to Tickets")],
  ["delete", "/mcp-servers", press("Delete Tickets")],
  ["new registry", "/registries", press("New registry")],
  ["new platform", `/projects/${places.project}`, press("New platform")],
  ["send traces", `/projects/${places.project}`, press("Send traces to Bot")],
  ["trace", `/projects/${places.project}/traces?trace=`, async (page) => {
    await press("answer ticket")(page);
    await page.getByRole("button", { name: /search handbook/ }).click();
    await page.getByText("Raw JSON").click();
  }],
  ["new service", "/services", press("New service")],
  ["new keyspace", "/settings/keyspaces", press("New keyspace")],
  ["new user", "/user-management/users", press("New user")],
  ["deactivate", "/user-management/users", press("Deactivate Member Example")],
  ["remove", "/user-management/users", press("Remove Member Example")],
  ["event", "/audit", press("platforms.create")],
  ["the chain", "/audit", async (page) => {
    await page.getByRole("button", { name: "Verify the chain" }).click();
    await page.getByText(/^The chain is whole/).waitFor();
  }],
  ["delete the organization", "/settings", press("Delete organization")],
];

async function closeAll(page) {
  await page.keyboard.press("Escape");
  await page.locator("[role=dialog], [role=menu]").waitFor({ state: "detached" });
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

  test(`dialogs and menus have none either, ${scheme}`, async () => {
    const page = await signedIn("owner@example.org", { scheme });
    const wrong = [];
    for (const [name, path, show] of dialogs) {
      await settled(page, path);
      await show(page);
      for (const one of await violations(page)) wrong.push(`${name} ${one}`);
      await closeAll(page);
    }
    assert.deepEqual(wrong, []);
  });

  test(`nor have the sign-in page and the forms, refused, ${scheme}`, async () => {
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
    await page.getByRole("banner").waitFor();
    await settled(page, "/account/keys/new");
    await page.getByRole("button", { name: "Create", exact: true }).click();
    await page.getByRole("alert").waitFor();
    await look("new key with problems");
    await page.getByLabel("Name", { exact: true }).fill(`shown ${scheme}`);
    await page.getByRole("button", { name: "Create", exact: true }).click();
    await page.getByRole("dialog").waitFor();
    await look("secret");
    await page.getByRole("button", { name: "Copy and close" }).click();
    await page.getByLabel(`Select shown ${scheme}`).check();
    await page.getByRole("group", { name: "Selected keys" }).getByRole("button", { name: "Revoke" }).click();
    await page.getByRole("dialog").waitFor();
    await look("several keys");
    assert.deepEqual(wrong, []);
  });
}

for (const [size, options] of [
  ["320 pixels", { width: 320 }], ["1440 pixels", {}], ["1280 pixels", { width: 1280 }], ["200 % zoom", { zoom: 2 }],
]) {
  test(`no page and no dialog scrolls sideways at ${size}`, async () => {
    const page = await signedIn("owner@example.org", options);
    const wrong = [];
    const look = async (name) => {
      const over = await sidewaysOverflow(page);
      if (over > 0) wrong.push(`${name}: ${over}`);
    };
    for (const path of paths) {
      await settled(page, path);
      await look(path);
    }
    if (size === "320 pixels" || size === "200 % zoom") {
      for (const [name, path, show] of dialogs) {
        await settled(page, path);
        await show(page);
        await look(name);
        await closeAll(page);
      }
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

test("the chain of the audit log is verified, and what a request did is found by its id", async () => {
  const page = await signedIn("auditor@example.org", {}, "/console/audit");
  await page.getByRole("button", { name: "Verify the chain" }).click();
  await page.getByText(/^The chain is whole: all \d+ events are as written/).waitFor();
  await page.getByRole("button", { name: "Verify again" }).waitFor();

  const events = async (query) => (await (await page.request.get(`/api/v1/audit-events?${query}`)).json()).items;
  const [{ request_id: id }] = await events("action=platforms.create");
  const count = (await events(`request_id=${id}`)).length;
  assert.ok(count > 0);
  await page.getByRole("searchbox", { name: "Request id" }).fill(id);
  await page.keyboard.press("Enter");
  await page.waitForURL(/request=/);
  await page.waitForFunction((rows) => document.querySelectorAll("tbody tr").length === rows, count);
  await page.getByRole("button", { name: "No longer only this request" }).click();
  await page.waitForFunction((rows) => document.querySelectorAll("tbody tr").length > rows, count);
  assert.equal(await page.getByRole("searchbox", { name: "Request id" }).inputValue(), "");
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
