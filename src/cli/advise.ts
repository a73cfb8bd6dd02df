import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { createInterface } from "node:readline";
import { checkDatabaseUrl } from "../api/database-url.ts";
import { withLibpqDefaults } from "../api/libpq-defaults.ts";
import { resolvePostgresSettings } from "../api/options.ts";
import { HotpathError } from "../errors.ts";
import type { IndexAdvice } from "../postgres/advise/advise.ts";
import type { Command } from "./command.ts";

/** The server plans every statement many times; it may have many. */
const LIVE_TIMEOUT_MS = 300_000;

/** `hotpath advise`: which indexes a database lacks for what it is asked, and which it has for nothing. */
export const advise: Command = {
  name: "advise",
  summary:
    "Say which indexes a database lacks for what it is asked, what each would gain, and which it keeps for nothing.",
  usage: [
    "advise postgres://user:password@host:5432/database [--from pg_stat_statements|requests.log] [--build]",
    "advise --from live [--admin-url http://127.0.0.1:3001]",
  ],
  positionals: [{ name: "URL", description: "Database. HOTPATH_DATABASE_URL keeps it out of the process list." }],
  flags: [
    {
      name: "from",
      value: "WORKLOAD",
      description:
        "What it is asked: pg_stat_statements, live (a running hotpath), or a file of requests, one a line. [pg_stat_statements]",
    },
    {
      name: "build",
      description:
        "Without HypoPG: build each index in a transaction that is rolled back. Keeps writers of the table waiting: best on a copy.",
    },
    { name: "base", value: "PATH", description: "Where the database is mounted in the requests of a file. [/]" },
    { name: "schemas", value: "LIST", description: "Schemas that are served; the first is the default. [public]" },
    { name: "json", description: "Everything, as JSON." },
    { name: "admin-url", value: "URL", description: "Admin listener of the running server. [http://127.0.0.1:3001]" },
  ],
  scopes: [],
  examples: [
    "hotpath advise postgres://localhost/shop",
    "hotpath advise postgres://localhost/shop_copy --from access.log --build",
    "hotpath advise --from live",
  ],
  async run({ positionals, own, environment, directory, terminal }) {
    const from = String(own.get("from") ?? "pg_stat_statements");
    const advices =
      from === "live"
        ? await askServer(String(own.get("admin-url") ?? "http://127.0.0.1:3001"), environment["HOTPATH_ADMIN_TOKEN"])
        : [await look(from)];
    if (own.get("json") === true) {
      for (const advice of advices) terminal.out(`${JSON.stringify(advice, null, 2)}\n`);
      return;
    }
    const { formatAdvice } = await import("../postgres/advise/report.ts");
    for (const advice of advices) terminal.out(formatAdvice(advice));

    async function look(origin: string): Promise<IndexAdvice> {
      const url = positionals[0] ?? (environment["HOTPATH_DATABASE_URL"] || undefined);
      if (url === undefined) {
        throw new HotpathError("HP_CONFIG_MISSING", "No database was named.", {
          todo: "Name one: hotpath advise postgres://user:password@host:5432/database",
        });
      }
      checkDatabaseUrl(url);
      const schemas = own.get("schemas");
      const settings = resolvePostgresSettings(withLibpqDefaults(url, environment), {
        argument: typeof schemas === "string" ? { schemas: schemas.split(",").map((entry) => entry.trim()) } : {},
      });
      const { adviseIndexes } = await import("../postgres/advise/advise.ts");
      const build = own.get("build") === true;
      if (origin === "pg_stat_statements") {
        const { workloadOfStatistics } = await import("../postgres/advise/statement-statistics.ts");
        return adviseIndexes(settings, { build, workload: workloadOfStatistics });
      }
      const { workloadOfRequests } = await import("../postgres/advise/request-log.ts");
      const file = resolve(directory, origin);
      const base = String(own.get("base") ?? "/").replace(/\/$/, "");
      if (!(await stat(file).catch(() => undefined))?.isFile()) {
        throw new HotpathError("HP_ARGUMENT_INVALID", `--from: there is no file ${origin}.`, {
          todo: "Say pg_stat_statements, live, or the name of a file of requests.",
        });
      }
      const workload = await workloadFile(file);
      return adviseIndexes(settings, {
        build,
        workload: async (query) => ({ ...(await workloadOfRequests(query, settings, workload, base)), origin }),
      });
    }
  },
};

async function workloadFile(file: string): Promise<AsyncIterable<string>> {
  const { targetOf } = await import("../postgres/advise/log-lines.ts");
  return (async function* targets() {
    for await (const line of createInterface({ input: createReadStream(file), crlfDelay: Infinity })) {
      const target = targetOf(line);
      if (target !== undefined) yield target;
    }
  })();
}

async function askServer(adminUrl: string, token: string | undefined): Promise<readonly IndexAdvice[]> {
  const admin = adminUrl.replace(/\/$/, "");
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  let response: Response;
  try {
    response = await fetch(`${admin}/advise`, { headers, signal: AbortSignal.timeout(LIVE_TIMEOUT_MS) });
  } catch (cause) {
    throw new HotpathError("HP_UNAVAILABLE", `The admin listener at ${admin} does not answer.`, {
      cause,
      todo: "Start the server, or name its admin listener with --admin-url.",
    });
  }
  if (response.status === 401) {
    throw new HotpathError("HP_ADMIN_TOKEN", "The admin listener wants its token.", {
      todo: "Set HOTPATH_ADMIN_TOKEN.",
    });
  }
  const answer: unknown = await response.json().catch(() => ({}));
  if (response.ok) return (answer as readonly { readonly advice: IndexAdvice }[]).map(({ advice }) => advice);
  const { detail } = answer as { readonly detail?: string };
  throw new HotpathError("HP_ADVICE_UNAVAILABLE", detail ?? `The admin listener answered ${response.status}.`);
}
