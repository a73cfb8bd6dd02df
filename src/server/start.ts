import { readFile } from "node:fs/promises";
import type { ResolvedApi } from "../api/definition.ts";
import type { ServerSettings } from "../api/settings.ts";
import type { Log, Source } from "../api/source.ts";
import type { CacheEngine } from "../cache/engine/index.ts";
import { HotpathError } from "../errors.ts";
import { createHttpMetrics } from "../observe/http-metrics.ts";
import { createLog } from "../observe/log.ts";
import { createMetrics } from "../observe/metrics.ts";
import { createProcessMetrics } from "../observe/process-metrics.ts";
import { VERSION } from "../version.ts";
import { createAdmin, type Readiness } from "./admin.ts";
import { createCors } from "./cors.ts";
import { type Certificate, createListener, type Listener } from "./listener/index.ts";
import { createMounts } from "./mounts.ts";
import { openCache } from "./open-cache.ts";
import { createPipeline } from "./pipeline.ts";
import { createRepresent } from "./represent.ts";
import { createUpgrade } from "./upgrade.ts";
import { createSourceMetrics } from "./source-metrics.ts";

/** A server that runs. */
export interface RunningServer {
  /** e.g. `http://localhost:3000` */
  readonly url: string;
  /** Undefined when the admin listener is off. */
  readonly adminUrl: string | undefined;
  /** Has every source read again what may have changed. */
  reload(): Promise<void>;
  /** Stops accepting, lets requests under way finish for the grace period, then closes the sources. */
  close(): Promise<void>;
}

/**
 * Starts the sources, then the listeners. When any of it fails, what was started is closed again.
 *
 * @throws HotpathError HP_PORT_IN_USE, HP_LISTEN_FAILED, HP_OPTION_INVALID, and what the sources' `start` throws.
 */
export async function startServer(api: ResolvedApi, log?: Log): Promise<RunningServer> {
  const { server: settings, sources } = api;
  const ownLog = log ?? createLog({ level: settings.log.level });
  const metrics = createMetrics();
  const processMetrics = createProcessMetrics(metrics, VERSION);
  const represent = createRepresent({
    encodings: settings.compression.enabled ? settings.compression.encodings : [],
    compressFromBytes: settings.compression.fromBytes,
    defaultCacheControl: settings.http.defaultCacheControl ?? "",
  });
  const cache = await openCache(settings.cache, ownLog, metrics).catch((error: unknown) => {
    processMetrics.stop();
    throw error;
  });
  const findMount = createMounts(sources);
  const httpMetrics = createHttpMetrics(metrics);
  const handle = createPipeline({
    findMount,
    cache,
    represent,
    cors: createCors(settings.cors.allowedOrigins),
    metrics: httpMetrics,
    settings: settings.http,
    log: ownLog,
    logged: settings.log.requests,
  });

  const upgrade = sources.some(({ source }) => source.upgrade !== undefined)
    ? createUpgrade({ findMount, metrics: httpMetrics, log: ownLog })
    : undefined;
  const metricsOf = createSourceMetrics(metrics, sources.length);
  const opened: (() => Promise<void> | void)[] = [() => processMetrics.stop()];
  const close = async () => {
    for (const release of opened.splice(0).reverse()) await release();
  };
  opened.push(async () => cache?.close());
  try {
    const listener = createListener(await listenerSettings(settings), handle, ownLog, upgrade);
    // The cache goes before the sources: refreshes under way need them.
    opened.splice(
      1,
      0,
      ...sources.map(
        ({ source }) =>
          async () =>
            source.close?.(),
      ),
    );
    await Promise.all(
      sources.map(async ({ source, path }) => source.start?.({ log: ownLog, metrics: metricsOf(path) })),
    );
    const bound = await listener.listen();
    opened.push(async () => listener.close({ graceMs: settings.server.shutdownGraceMs }));
    const admin = await startAdmin(
      settings,
      sources.map(({ source }) => source),
      metrics,
      cache,
      ownLog,
    );
    if (admin !== undefined) opened.push(admin.close);
    return {
      url: bound.url,
      adminUrl: admin?.url,
      async reload() {
        await Promise.all(sources.map(async ({ source }) => source.reload?.()));
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

type ListenerSettings = Parameters<typeof createListener>[0];

async function listenerSettings({ server, http, cache }: ServerSettings): Promise<ListenerSettings> {
  const tls = await certificate(server.tls);
  const { defaultCacheControl: _cache, serverTiming: _timing, traceHeader: _trace, ...limits } = http;
  return {
    ...limits,
    maxConnections: server.maxConnections,
    memoBytes: cache.enabled ? cache.memoBytes : 0,
    listen: server.socket === null ? { host: server.host, port: server.port } : { path: server.socket },
    ...(tls === undefined ? {} : { tls }),
  };
}

async function certificate(tls: ServerSettings["server"]["tls"]): Promise<Certificate | undefined> {
  if (tls.dev) {
    const { devCertificate } = await import("./listener/dev-certificate.ts");
    return devCertificate();
  }
  if (tls.cert === null || tls.key === null) return undefined;
  return { cert: await readPem(tls.cert, "--tls-cert"), key: await readPem(tls.key, "--tls-key") };
}

async function readPem(path: string, flag: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (cause) {
    throw new HotpathError("HP_OPTION_INVALID", `${flag}: the file ${path} cannot be read.`, { cause });
  }
}

async function startAdmin(
  { admin: settings }: ServerSettings,
  sources: readonly Source[],
  metrics: ReturnType<typeof createMetrics>,
  cache: CacheEngine | undefined,
  log: Log,
): Promise<{ url: string; close: () => Promise<void> } | undefined> {
  if (!settings.enabled) return undefined;
  const admin: Listener = createAdmin(settings, { readiness: () => readiness(sources), metrics, purger: cache }, log);
  const { url } = await admin.listen();
  return { url, close: async () => admin.close({ graceMs: ADMIN_GRACE_MS }) };
}

/** A scrape under way may finish; nobody waits longer for one. */
const ADMIN_GRACE_MS = 1000;

function readiness(sources: readonly Source[]): Readiness {
  const checks: Record<string, string> = {};
  for (const [index, source] of sources.entries()) {
    const name = sources.some((other, place) => place < index && other.name === source.name)
      ? `${source.name}-${index + 1}`
      : source.name;
    checks[name] = (source.isReady?.() ?? true) ? "ok" : "not ready";
  }
  return { ready: Object.values(checks).every((check) => check === "ok"), checks };
}
