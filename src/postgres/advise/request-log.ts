import type { PostgresSettings } from "../../api/settings.ts";
import type { SourceRequest } from "../../api/source-request.ts";
import { createTypeResolver } from "../cast-types.ts";
import { readCatalog } from "../catalog/read-catalog.ts";
import type { CatalogQuery } from "../catalog/catalog-query.ts";
import { createPlanCache } from "../plan-cache.ts";
import type { Command } from "../pool/index.ts";
import { NO_PREFERENCES } from "../preferences.ts";
import { parseQueryString } from "../query/query-string.ts";
import { read } from "../read.ts";
import type { ReadPlan } from "../read-plan.ts";
import { resolveRoute } from "../route.ts";
import type { LoadedStatement, Workload } from "./workload.ts";

/** Values that are kept of a statement: each is planned. */
const MAX_SAMPLES = 4;
/** So many calls with one value all along make it a constant. */
const LEAST_FIXED = 20;
const MAX_SKIPPED = 20;

interface Asked {
  calls: number;
  readonly requests: Set<string>;
  readonly samples: (readonly (string | null)[])[];
  /** By parameter; undefined: it differs. */
  fixed: (string | undefined)[];
}

/**
 * Makes of each request (`/orders?status=eq.paid&limit=10`) the statement that hotpath would ask the database, with its values. Only reads:
 * what was written is in no log.
 *
 * @param base where the database is mounted, without a trailing slash
 */
export async function workloadOfRequests(
  query: CatalogQuery,
  settings: PostgresSettings,
  targets: AsyncIterable<string>,
  base = "",
): Promise<Workload> {
  const catalog = await readCatalog(query, settings);
  const types = createTypeResolver(query);
  const plans = createPlanCache<ReadPlan>(2000);
  const asked = new Map<string, Asked>();
  const skipped = new Map<string, { what: string; why: string; times: number }>();
  const skip = (what: string, why: string): void => {
    const key = `${what.split("?")[0]} ${why}`;
    const known = skipped.get(key);
    if (known !== undefined) known.times++;
    else if (skipped.size < MAX_SKIPPED) skipped.set(key, { what: what.split("?")[0] ?? "", why, times: 1 });
  };
  for await (const target of targets) {
    const request = toRequest(target, base);
    if (request === undefined) {
      skip(target, "not below the database's path");
      continue;
    }
    try {
      const route = resolveRoute(catalog, settings, request);
      if (route.kind !== "relation") {
        skip(target, "not a read of a table or view");
        continue;
      }
      const commands = await new Promise<readonly Command[]>((resolve, reject) => {
        // What a read asks is handed over instead of being asked: nobody waits for its reply.
        const run = (_request: SourceRequest, _scope: object, asks: readonly Command[]): Promise<never> => {
          resolve(asks);
          return new Promise<never>(() => undefined);
        };
        read(
          { settings, catalog, plans, queryCache: undefined, resolveTypes: types, run },
          request,
          route,
          NO_PREFERENCES,
        ).catch(reject);
      });
      note(asked, commands, nameOf(route.pattern, request.query));
    } catch (error) {
      skip(target, error instanceof Error ? error.message : String(error));
    }
  }
  const statements = [...asked].map(([text, { calls, requests, samples, fixed }]): LoadedStatement => ({
    text,
    calls,
    ms: undefined,
    requests: [...requests],
    values: samples,
    ...(calls >= LEAST_FIXED && {
      fixed: new Map(fixed.flatMap((value, at) => (value === undefined ? [] : [[at, value] as const]))),
    }),
  }));
  return {
    origin: "requests",
    statements: statements.sort((one, other) => other.calls - one.calls),
    skipped: [...skipped.values()],
  };
}

const MAX_ASKED = 2000;

function note(asked: Map<string, Asked>, [command]: readonly Command[], pattern: string): void {
  if (command === undefined) return;
  const { statement, values } = command;
  const texts = values.map((value) => (value === null || typeof value === "string" ? value : String(value)));
  let known = asked.get(statement.text);
  if (known === undefined) {
    if (asked.size >= MAX_ASKED) return;
    known = { calls: 0, requests: new Set(), samples: [], fixed: texts.map((value) => value ?? undefined) };
    asked.set(statement.text, known);
  }
  known.calls++;
  if (known.requests.size < 5) known.requests.add(pattern);
  known.fixed = known.fixed.map((value, at) => (value === texts[at] ? value : undefined));
  // The first few, and later ones in their place now and then: of a log that goes on for long not only its beginning.
  if (known.samples.length < MAX_SAMPLES) known.samples.push(texts);
  else if (Number.isInteger(Math.log2(known.calls))) known.samples[known.calls % MAX_SAMPLES] = texts;
}

/** A request without the values that it compares with. */
function nameOf(pattern: string, query: string): string {
  const parameters = parseQueryString(query).map(({ name, value }) => {
    if (WHOLE.has(name)) return `${name}=${value.slice(0, MAX_VALUE)}`;
    const operator = /^(?:not\.)?[a-z]+(?=[.(])/.exec(value)?.[0] ?? "";
    return `${name}=${operator}…`;
  });
  return parameters.length === 0 ? pattern : `${pattern}?${parameters.join("&")}`;
}

const WHOLE: ReadonlySet<string> = new Set(["select", "order", "limit", "offset"]);
const MAX_VALUE = 100;

function toRequest(target: string, base: string): SourceRequest | undefined {
  const [path = "", ...rest] = target.split("?");
  if (base !== "" && path !== base && !path.startsWith(`${base}/`)) return undefined;
  return {
    method: "GET",
    path,
    query: rest.join("?"),
    headers: {},
    basePath: base,
    subpath: path.slice(base.length) || "/",
  } as unknown as SourceRequest;
}
