import assert from "node:assert/strict";
import { mkdir, writeFile } from "node:fs/promises";
import { test } from "node:test";
import type { DashboardState } from "../../src/observe/dashboard/dashboard.ts";
import { type BrowserPage, startBrowser } from "../support/browser.ts";
import { requireCommand } from "../support/commands.ts";
import { testDatabase } from "../support/postgres.ts";
import { serve, type ServedApi } from "../support/server.ts";

const FILMS = `create table films (id int primary key, title text);
  insert into films select n, 'film ' || n from generate_series(1, 100) n;`;

/** Where screenshots go: build output, not kept. Unset: nowhere. */
const { TEST_SCREENSHOTS: screenshots } = process.env;

await test("the dashboard shows what happens, live, in both themes, on a small screen and by keyboard", async (t) => {
  const chromium = requireCommand(t, "chromium");
  if (chromium === undefined) return;
  const api = await serve(t, await testDatabase(t, { sql: FILMS }));
  await ask(api);
  const page = await startBrowser(t, chromium);
  await page.resize(1400, 900);
  await page.scheme("light");
  await page.open(`${api.adminUrl}/`);
  await page.until("document.querySelector('#routes tbody')?.innerText.includes('/films/:key')");
  await page.until("document.querySelector('#statements tbody')?.innerText.includes('SELECT')");
  await page.until("document.querySelectorAll('#slowest .span').length > 1");
  await page.until(
    "[...document.querySelectorAll('.figure dd')].length === 6 && document.querySelector('.chart canvas')",
  );
  await page.until("document.querySelector('.dots')?.getAttribute('aria-label').includes('connections')");
  const background = "getComputedStyle(document.body).backgroundColor";
  const light = await page.evaluate(background);
  await keep(page, "light");

  // It is live: what comes now is shown without asking.
  await ask(api, "/none");
  await page.until("document.querySelector('#routes tbody').innerText.includes('/films')");

  // Headings sort; the one sorted by says so.
  await page.evaluate(
    "[...document.querySelectorAll('#routes th button')].find(b => b.innerText.startsWith('Route')).click()",
  );
  await page.until("document.querySelector('#routes th[aria-sort=descending]')?.innerText.startsWith('Route')");

  // A statement is planned when it is opened.
  await page.evaluate("document.querySelector('#statements tbody tr').click()");
  await page.until("[...document.querySelectorAll('.plan pre')].at(-1)?.innerText.includes(' on films')");
  await page.evaluate("[...document.querySelectorAll('.tabs button')].at(-1).click()");
  await page.until("document.querySelector('#slowest').innerText.includes('Nothing has failed')");

  await page.press("t");
  await page.until("document.documentElement.dataset.theme === 'light'");
  await page.press("t");
  await page.until("document.documentElement.dataset.theme === 'dark'");
  assert.notEqual(await page.evaluate(background), light);
  await keep(page, "dark");
  await page.press("p");
  await page.until("document.querySelector('nav .pill').innerText === 'paused'");
  await page.press("p");
  await page.press("/");
  assert.equal(await page.evaluate("document.activeElement.id"), "search");

  await page.resize(390, 844);
  await page.until("innerWidth === 390");
  await page.until("document.documentElement.scrollWidth <= 390");
  await keep(page, "small");
  assert.deepEqual(page.errors, [], "nothing is asked of the network, nothing is refused by the page's policy");
});

await test("stored replies are looked through and purged by their tags, from the dashboard and from no other page", async (t) => {
  const api = await serve(t, await testDatabase(t, { sql: FILMS }));
  type Stored = { url: string; tags: string[] }[];
  const browse = async (text: string): Promise<Stored> =>
    (await (await fetch(`${api.adminUrl}/dashboard/cache?q=${text}`)).json()) as Stored;
  let stored: Stored = [];
  // Replies are stored as soon as changes are followed.
  while (stored.length === 0) {
    await api.get("/films/7");
    await api.get("/films/8");
    stored = await browse("/films/7");
  }
  const tag = stored[0]?.tags.find((name) => name.endsWith("=7"));
  assert.ok(tag !== undefined, "the tag of its row");
  const purge = async (origin: string): Promise<Response> =>
    fetch(`${api.adminUrl}/purge?tag=${encodeURIComponent(tag)}`, { method: "POST", headers: { origin } });
  assert.equal((await purge("https://evil.example")).status, 400);
  assert.equal((await browse("/films/7")).length, 1);
  assert.equal((await purge(new URL(api.adminUrl).origin)).status, 200);
  assert.equal((await browse("/films/7")).length, 0);
});

await test("the state adds up: routes, stages, statements, and a waterfall of the slowest", async (t) => {
  const api = await serve(t, await testDatabase(t, { sql: FILMS }), { postgres: { queryCache: { enabled: false } } });
  for (let at = 1; at <= 10; at++) await api.get(`/films/${at}`);
  await api.get("/none");
  const state = (await (await fetch(`${api.adminUrl}/dashboard/state`)).json()) as DashboardState;
  const films = state.routes.find(({ endpoint }) => endpoint === "/films/:key");
  assert.equal(films?.requests, 10);
  assert.equal(
    state.routes.reduce((sum, { refused }) => sum + refused, 0),
    1,
  );
  const statement = state.statements.find(({ calls }) => calls === 10);
  assert.match(statement?.text ?? "", /\$1/);
  const stages = Object.fromEntries(state.stages.map(({ name, ms }) => [name, ms]));
  assert.ok((stages["database"] ?? 0) > 0 && (stages["represent"] ?? 0) > 0);
  const all = state.routes.reduce((sum, { ms }) => sum + ms, 0);
  const told = state.stages.reduce((sum, { ms }) => sum + ms, 0);
  assert.ok(told > all / 2 && told < all * 2, `${told} of ${all}`);
  const slow = state.slowest.find(({ route }) => route === "/films/:key");
  assert.deepEqual(
    slow?.spans.map(({ name, depth }) => `${depth} ${name}`),
    ["0 GET /films/:key", "1 SELECT films"],
  );
});

async function ask(api: ServedApi, path = "/films"): Promise<void> {
  await Promise.all(Array.from({ length: 30 }, async (_, at) => api.get(`${path}/${at + 1}`)));
  await api.get(`${path}?limit=5`);
}

async function keep(page: BrowserPage, name: string): Promise<void> {
  if (screenshots === undefined) return;
  await mkdir(screenshots, { recursive: true });
  await writeFile(`${screenshots}/${name}.png`, await page.screenshot());
}
