import assert from "node:assert/strict";
import { setTimeout as delay } from "node:timers/promises";
import { Client } from "pg";
import type { ServerOptions } from "../../../src/api/option-types.ts";
import type { PostgresOptions } from "../../../src/api/postgres-option-types.ts";
import { resolvePostgresSettings } from "../../../src/api/options.ts";
import { installTracking } from "../../../src/postgres/changes/tracking.ts";
import { defer, type TestScope } from "../../support/defer.ts";
import { runSql } from "../../support/postgres.ts";
import { type Answer, type ServedApi, serve } from "../../support/server.ts";

/** A served database whose changes are followed. */
export interface Following extends ServedApi {
  /** Runs statements as somebody else would, and waits until the cache has heard of them. */
  change(sql: string): Promise<void>;
  /** Waits until everything that was committed before has reached the cache. */
  settle(): Promise<void>;
  /** Waits for words of `/ready` on changes; `followed` while they are. */
  until(words: string | RegExp): Promise<void>;
  /** Reads until the reply comes from the cache. */
  cached(path: string): Promise<void>;
  /** How often everything had to go so far: rights changed anywhere on the server are a reason. */
  flushes(): Promise<number>;
  /** Reads twice, so that the second reply comes from the cache. */
  warm(path: string, headers?: Readonly<Record<string, string>>): Promise<Answer>;
}

/** The table by which the tests see how far the cache has come. */
const MARKER =
  "create table if not exists marker (id int primary key, n int not null); insert into marker values (1, 0) on conflict do nothing";

/** Long enough for a machine that does much else. */
const PATIENCE_MS = 60_000;

/** Serves a database, and resolves once its changes are followed. */
export async function serveFollowing(
  t: TestScope,
  url: string,
  options: {
    readonly postgres?: PostgresOptions;
    readonly server?: ServerOptions;
    /** The database as the server reaches it. */
    readonly served?: string;
  } = {},
): Promise<Following> {
  await runSql(url, MARKER);
  const { served = url, ...rest } = options;
  const api = await serve(t, served, rest);
  const following = watch(t, url, api);
  await following.until("followed");
  return following;
}

/** The same, followed by triggers, which are installed for it. */
export async function serveTracked(
  t: TestScope,
  url: string,
  { postgres, server }: { readonly postgres?: PostgresOptions; readonly server?: ServerOptions } = {},
): Promise<Following> {
  await runSql(url, MARKER);
  await installTracking(resolvePostgresSettings(url, {}), false);
  const changes = { ...postgres?.changes, follow: "triggers" } as const;
  return serveFollowing(t, url, { postgres: { ...postgres, changes }, ...(server && { server }) });
}

/** Adds to a served database what the tests of the cache need. Its `marker` must exist. */
export function watch(t: TestScope, url: string, api: ServedApi): Following {
  const writer = openWriter(t, url);
  const ask = (): Promise<Answer> => api.get("/marker?id=eq.1");
  const following: Following = {
    ...api,
    async change(sql) {
      await writer.run(sql);
      await following.settle();
    },
    async settle() {
      // It must be stored for its purge to be seen.
      await poll(async () => cacheOutcome(await ask()) === "hit", "the marker is not cached");
      // Waits for the log to be written, and with it for all that was committed before.
      const [[n] = []] = await writer.run("update marker set n = n + 1 where id = 1 returning n");
      await poll(async () => {
        const [row] = JSON.parse((await ask()).text) as readonly { readonly n: number }[];
        return row !== undefined && row.n >= Number(n);
      }, "the cache has not heard of the last change");
    },
    async until(words) {
      await poll(async () => {
        const ready = (await (await fetch(`${api.adminUrl}/ready`)).json()) as { details: Record<string, string> };
        const said = ready.details["postgres changes"] ?? "";
        return typeof words === "string" ? said === words : words.test(said);
      }, `changes are not ${words}`);
    },
    async cached(path) {
      await poll(async () => cacheOutcome(await api.get(path)) === "hit", `${path} is not cached`);
    },
    async flushes() {
      const counts = (await api.metrics()).matchAll(/^hotpath_changes_flushes_total\{[^}]*\} (\d+)$/gm);
      return [...counts].reduce((sum, [, n]) => sum + Number(n), 0);
    },
    async warm(path, headers) {
      const first = await api.get(path, headers);
      assert.ok(first.status < 300, `${path}: ${first.status} ${first.text}`);
      return api.get(path, headers);
    },
  };
  return following;
}

/** A connection that writes, opened again when it broke. */
export interface Writer {
  run(sql: string): Promise<(string | null)[][]>;
}

/** Every commit is written to the log at once, and waits for no standby. */
export function openWriter(t: TestScope, url: string): Writer {
  let client: Client | undefined;
  defer(t, async () => client?.end().catch(() => undefined));
  return {
    async run(sql) {
      if (client === undefined) {
        const opened = new Client({
          connectionString: url,
          options: "-c synchronous_commit=local -c deadlock_timeout=20ms",
        });
        opened.on("error", () => (client = undefined));
        await opened.connect();
        client = opened;
      }
      const result = (await client.query({ text: sql, rowMode: "array" })) as unknown;
      const last = (Array.isArray(result) ? result.at(-1) : result) as { rows: (string | null)[][] };
      return last.rows;
    },
  };
}

/** Asks again and again until it is so; a test that waits too long fails with the words. */
export async function poll(isSo: () => Promise<boolean>, otherwise: string): Promise<void> {
  const deadline = performance.now() + PATIENCE_MS;
  while (!(await isSo())) {
    assert.ok(performance.now() < deadline, otherwise);
    await delay(3);
  }
}

/** What the cache says it did: `hit`, `stored`, or why the reply is not stored. */
export function cacheOutcome({ headers }: Answer): string {
  const status = String(headers["cache-status"] ?? "");
  if (/; hit\b/.test(status)) return "hit";
  if (/; stored\b/.test(status)) return "stored";
  return /; detail=([\w-]+)/.exec(status)?.[1] ?? "passed";
}
