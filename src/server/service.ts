import type { MountedSource, ResolvedApi } from "../api/definition.ts";
import type { Callable } from "../api/procedures.ts";
import type { ServerSettings } from "../api/settings.ts";
import type { AskedStatement, Log, Source, SourceCache } from "../api/source.ts";
import { type Authenticator, openAuthenticator } from "../auth/authenticator.ts";
import { HotpathError } from "../errors.ts";
import type { HttpReply, HttpRequest } from "../http/message.ts";
import type { CacheEngine } from "../cache/engine/index.ts";
import { type Explain, openAdvice } from "../observe/advice/index.ts";
import { createDashboard, type Dashboard } from "../observe/dashboard/dashboard.ts";
import { TraceTables } from "../observe/dashboard/trace-tables.ts";
import { createHttpMetrics } from "../observe/http-metrics.ts";
import { createMetrics, type Metrics } from "../observe/metrics.ts";
import { SAMPLES_NONE } from "../observe/trace/sampler.ts";
import { createTracer, type TraceListener } from "../observe/trace/tracer.ts";
import type { MakeTwin } from "../observe/trace/span.ts";
import type { TraceExport } from "../observe/trace/otlp.ts";
import { createProcessMetrics } from "../observe/process-metrics.ts";
import type { Route } from "../routes/route.ts";
import type { RouteTable } from "../routes/table.ts";
import { VERSION } from "../version.ts";
import type { WorkerLink } from "../workers/link.ts";
import { type Advisor, createAdvisor } from "./admin-advise.ts";
import type { Purger } from "./admin-purge.ts";
import type { AdminSources, Readiness } from "./admin.ts";
import { createAdmit } from "./admit.ts";
import { withBatches } from "./batch/index.ts";
import { createCors } from "./cors.ts";
import { withDeadlines } from "./deadline.ts";
import type { BodyLimit, UpgradeHandler } from "./listener/index.ts";
import { createLimitStep } from "./limited.ts";
import { createMounts } from "./mounts.ts";
import { openOverload } from "./overload.ts";
import { openCache } from "./open-cache.ts";
import { openLimits } from "./open-limits.ts";
import { createPipeline } from "./pipeline.ts";
import { createPurgeMethod } from "./purge-method.ts";
import { createRepresent } from "./represent.ts";
import { withProcedures } from "./rpc/index.ts";
import { createSourceCache } from "./source-cache.ts";
import { createSourceMetrics } from "./source-metrics.ts";
import { createUpgrade } from "./upgrade.ts";

/** All that stands behind the listeners. When an API's settings change, another one takes its place as a whole. */
export interface Service {
  readonly handle: (request: HttpRequest) => HttpReply | Promise<HttpReply>;
  readonly upgrade: UpgradeHandler;
  /** How many bytes of content the source behind a path takes, where that is more than `http.maxBodyBytes`. */
  readonly maxBodyBytes: BodyLimit;
  /** Whether anything is served there. */
  readonly answers: (method: string, path: string) => boolean;
  readonly metrics: Metrics;
  readonly purger: Purger | undefined;
  /** What the routes take and answer, where there are some. */
  readonly reference: AdminSources["reference"];
  /** Absent without an admin listener. */
  readonly dashboard: Dashboard | undefined;
  /** Absent: the cache is off. */
  readonly browse: CacheEngine["browse"] | undefined;
  /** Absent without an admin listener, and where no source has advice. */
  readonly advise: Advisor | undefined;
  /** What the sources were asked. */
  readonly asked: () => readonly AskedStatement[];
  readonly readiness: () => Readiness;
  /** Has every source read again what may have changed. */
  reload(): Promise<void>;
  /** Closes what was opened: no request comes any more. */
  close(): Promise<void>;
  /** The same once a successor gets the requests: those under way may finish for the grace period first. */
  retire(): Promise<void>;
}

/**
 * Opens what verifies credentials and the cache, and starts the sources. When any of it fails, what was started is closed again.
 *
 * @throws HotpathError HP_OPTION_INVALID, and what the sources' `start` throws.
 */
export async function startService(
  { server: settings, sources, routes = [], limits = [] }: ResolvedApi,
  log: Log,
  traces?: TraceExport,
  worker?: WorkerLink,
): Promise<Service> {
  if (worker === undefined && settings.server.workers !== null) {
    throw new HotpathError("HP_OPTION_INVALID", "server.workers is for hotpath serve.", {
      todo: "Leave it out here, or start the API by the command line: hotpath serve --workers 2",
    });
  }
  const { batch } = settings;
  const metrics = createMetrics();
  const processMetrics = createProcessMetrics(metrics, VERSION);
  const opened: (() => Promise<void> | void)[] = [() => processMetrics.stop()];
  let isOver = false;
  const close = async () => {
    isOver = true;
    for (const release of opened.splice(0).reverse()) await release();
  };
  try {
    const authenticator = await openAuthentication(settings.auth, sources, log);
    const admit = createAdmit(authenticator, metrics);
    const counting = await openLimits(limits, settings, log, worker);
    opened.push(async () => counting?.close());
    const cache = await openCache(settings.cache, log, metrics, worker);
    // The cache goes before the sources: refreshes under way need them.
    opened.push(
      ...sources.map(
        ({ source }) =>
          async () =>
            source.close?.(),
      ),
      async () => cache?.close(),
    );
    const overload = openOverload(settings.overload, sources, metrics, log);
    opened.push(() => overload?.close());
    const sourceCache = cache === undefined ? undefined : createSourceCache(cache);
    const findMount = createMounts(sources, await openRoutes(routes, sources, settings, sourceCache, log));
    const reference = await describeRoutes(routes, authenticator !== undefined);
    const httpMetrics = createHttpMetrics(metrics, settings.admin.enabled);
    const maxBodyBytes: BodyLimit = (method, path, headers) => {
      const mount = findMount(path, method);
      const ofSource = mount?.source.maxBodyBytes?.({
        method,
        subpath: path.slice(mount.basePath.length) || "/",
        headers,
      });
      return Math.max(settings.http.maxBodyBytes, ofSource ?? 0);
    };
    const explain = explainBy(sources);
    const advice = openAdvice({ isCompressing: settings.compression.enabled, explain }, log, metrics);
    const tables = new TraceTables();
    // The exporter comes first: exemplars name what it was handed.
    const listeners: TraceListener[] = [
      ...(traces === undefined ? [] : [traces]),
      ...(settings.admin.enabled ? [tables, advice] : []),
    ];
    const slowMs = settings.observe.slowMs ?? Number.POSITIVE_INFINITY;
    const sampler = traces?.sampler ?? SAMPLES_NONE;
    const makeTwin = traces === undefined ? await twinsOfProgram() : undefined;
    const tracer =
      listeners.length === 0 && makeTwin === undefined
        ? undefined
        : createTracer({ sampler, slowMs, isExporting: traces !== undefined, listeners, makeTwin });
    const dashboard = settings.admin.enabled
      ? createDashboard({
          metrics,
          http: httpMetrics,
          tables,
          stride: () => tracer?.stride ?? 1,
          explain,
          cache: () => cache?.stats(),
          advice: () => advice.advice,
        })
      : undefined;
    opened.push(() => dashboard?.close());
    const compression = {
      encodings: settings.compression.enabled ? settings.compression.encodings : [],
      compressFromBytes: settings.compression.fromBytes,
    };
    const walk = createPipeline({
      maxBodyBytes,
      findMount,
      admit,
      limit: counting && createLimitStep(counting.limits, metrics),
      overload,
      cache,
      purge: createPurgeMethod(cache, settings.cache.purgeFrom),
      represent: createRepresent({
        ...compression,
        defaultCacheControl: settings.http.defaultCacheControl ?? "",
      }),
      cors: createCors(settings.cors.allowedOrigins),
      metrics: httpMetrics,
      tracer,
      settings: settings.http,
      log,
      logged: settings.log.requests,
      slowMs: settings.observe.slowMs,
      isOver: () => isOver,
    });
    const timed = withDeadlines(
      batch.path === null
        ? walk
        : withBatches(
            walk,
            {
              ...batch,
              path: batch.path,
              maxBodyBytes: settings.http.maxBodyBytes,
              identifying: [settings.auth.apiKeys.header.toLowerCase()],
            },
            tracer,
          ),
      settings.http,
    );
    const callable = withDeadlines(walk, { ...settings.http, heedRequestTimeout: true });
    const called = await openCallable(routes);
    const handle = withProcedures(timed, callable, [...sources, ...called], {
      maxBodyBytes: settings.http.maxBodyBytes,
      ...compression,
    });
    const metricsOf = createSourceMetrics(metrics, sources.length);
    const isAuthenticating = authenticator !== undefined;
    await Promise.all(
      sources.map(async ({ source, path }) => {
        const context = { log, metrics: metricsOf(path), isAuthenticating, maxBodyBytes: settings.http.maxBodyBytes };
        await source.start?.(sourceCache === undefined ? context : { ...context, cache: sourceCache });
      }),
    );
    return {
      handle,
      upgrade: createUpgrade({ findMount, admit, metrics: httpMetrics, log }),
      maxBodyBytes,
      answers: (method, path) => findMount(path, method) !== undefined || (method === "POST" && path === batch.path),
      metrics,
      purger: cache,
      reference,
      dashboard,
      browse: cache === undefined ? undefined : (text, most) => cache.browse(text, most),
      asked: () => tables.asked,
      advise: settings.admin.enabled ? createAdvisor(sources, () => tables.asked) : undefined,
      readiness: () => readiness(sources.map(({ source }) => source)),
      async reload() {
        await Promise.all([authenticator?.reload(), ...sources.map(async ({ source }) => source.reload?.())]);
      },
      close,
      async retire() {
        isOver = true;
        await within(httpMetrics.idle(), settings.server.shutdownGraceMs);
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Plans a statement where it is known. */
function explainBy(sources: readonly MountedSource[]): Explain {
  return async (statement) => {
    for (const { source } of sources) {
      const plan = await source.explain?.(statement);
      if (plan !== undefined) return plan;
    }
    return undefined;
  };
}

/** Spans in the tracing of the program that this is part of, where it has registered any. OpenTelemetry's API keeps it under this name. */
async function twinsOfProgram(): Promise<MakeTwin | undefined> {
  if (!(Symbol.for("opentelemetry.js.api.1") in globalThis)) return undefined;
  const { createApiTwins } = await import("../observe/trace/api-twins.ts");
  return createApiTwins();
}

/** Routes, ready to answer; their code is loaded where there are any. */
async function openRoutes(
  routes: readonly Route[],
  sources: readonly MountedSource[],
  { http: { maxBodyBytes }, batch }: ServerSettings,
  cache: SourceCache | undefined,
  log: Log,
): Promise<RouteTable<Source> | undefined> {
  if (routes.length === 0) return undefined;
  const { openRoutes: open } = await import("../routes/open-routes.ts");
  const reserved = batch.path === null ? [] : [batch.path];
  const { protoRoutes } = await import("../routes/proto-route.ts");
  return open([...routes, ...protoRoutes(routes, sources)], { sources, cache, log, maxBodyBytes, reserved });
}

/** What of the routes can be called by gRPC and Connect. */
async function openCallable(routes: readonly Route[]): Promise<readonly Callable[]> {
  if (routes.length === 0) return [];
  const { callableRoutes } = await import("../routes/proto-route.ts");
  const callable = callableRoutes(routes);
  return callable === undefined ? [] : [callable];
}

async function describeRoutes(routes: readonly Route[], takesTokens: boolean): Promise<AdminSources["reference"]> {
  if (routes.length === 0) return undefined;
  const { describeRoutes: describe } = await import("../routes/openapi.ts");
  const { referencePage } = await import("../routes/reference-page.ts");
  const document = await describe(routes, { version: VERSION, takesTokens });
  return { document: JSON.stringify(document), page: referencePage(document) };
}

/** What verifies credentials, if anything does. */
async function openAuthentication(
  settings: ServerSettings["auth"],
  sources: readonly MountedSource[],
  log: Log,
): Promise<Authenticator | undefined> {
  const authenticator = await openAuthenticator(settings, log);
  const demanding = sources.find(({ source }) => source.admission === "require");
  if (authenticator !== undefined || demanding === undefined) return authenticator;
  const message = `The source at ${demanding.path} demands credentials, but nothing is configured to verify them.`;
  throw new HotpathError("HP_OPTION_INVALID", message, {
    todo: "Set auth.jwt or auth.apiKeys; see docs/guide/auth.md.",
  });
}

/** Waits no longer than that. */
async function within(done: Promise<void>, limitMs: number): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, limitMs);
  await Promise.race([done, promise]);
  clearTimeout(timer);
}

function readiness(sources: readonly Source[]): Readiness {
  const checks: Record<string, string> = {};
  const details: Record<string, string> = {};
  for (const [index, source] of sources.entries()) {
    const name = sources.some((other, place) => place < index && other.name === source.name)
      ? `${source.name}-${index + 1}`
      : source.name;
    checks[name] = (source.isReady?.() ?? true) ? "ok" : "not ready";
    for (const [topic, words] of Object.entries(source.describe?.() ?? {})) details[`${name} ${topic}`] = words;
  }
  return { ready: Object.values(checks).every((check) => check === "ok"), checks, details };
}
