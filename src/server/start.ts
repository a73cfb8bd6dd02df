import { readFile } from "node:fs/promises";
import type { ResolvedApi } from "../api/definition.ts";
import type { ServerSettings } from "../api/settings.ts";
import type { Log } from "../api/source.ts";
import { HotpathError } from "../errors.ts";
import { createLog } from "../observe/log.ts";
import type { TraceExport } from "../observe/trace/otlp.ts";
import type { MetricFamily } from "../observe/exposition.ts";
import type { WorkerLink } from "../workers/link.ts";
import { type AdminSources, createAdmin } from "./admin.ts";
import { observeConnections } from "./connection-metrics.ts";
import { type Certificate, createListener, type Listener } from "./listener/index.ts";
import type { ListenAddress } from "./listener/index.ts";
import { type Service, startService } from "./service.ts";

/** A server that runs. */
export interface RunningServer {
  /** e.g. `http://localhost:3000` */
  readonly url: string;
  /** Undefined when the admin listener is off. */
  readonly adminUrl: string | undefined;
  /** Has every source read again what may have changed. */
  reload(): Promise<void>;
  /**
   * Puts other sources and settings in place of those that run, on the same listeners: requests under way are answered by the old
   * ones, which are then closed. Settings of the listeners themselves stay as they are. Nothing changes when it throws.
   *
   * @throws what `startServer` throws of sources and settings.
   */
  replace(api: ResolvedApi): Promise<void>;
  /** So many connections are to go to another worker. */
  shed(connections: number): void;
  /** All metrics as they are now. */
  metrics(): readonly MetricFamily[];
  /** Stops accepting, lets requests under way finish for the grace period, then closes the sources. */
  close(): Promise<void>;
}

/**
 * Starts the sources, then the listeners. When any of it fails, what was started is closed again.
 *
 * @param traces where traces go, and which; its opener closes it. Absent: nowhere
 * @param worker the supervisor, which listens for this process and has the admin listener. Absent: this process does both itself
 * @throws HotpathError HP_PORT_IN_USE, HP_LISTEN_FAILED, HP_OPTION_INVALID, and what the sources' `start` throws.
 */
export async function startServer(
  api: ResolvedApi,
  log?: Log,
  traces?: TraceExport,
  worker?: WorkerLink,
): Promise<RunningServer> {
  const { server: settings, sources } = api;
  const ownLog = log ?? createLog(settings.log);
  const listening = await listenerSettings(settings, worker);
  let service = await startService(api, ownLog, traces, worker);
  const opened: (() => Promise<void>)[] = [async () => service.close()];
  let isClosing = false;
  const close = async () => {
    isClosing = true;
    for (const release of opened.splice(0).reverse()) await release();
  };
  try {
    const takesUpgrades = sources.some(({ source }) => source.upgrade !== undefined);
    const listener = createListener(
      listening,
      (request) => service.handle(request),
      ownLog,
      takesUpgrades ? (request, connection) => service.upgrade(request, connection) : undefined,
      (method, path, headers) => service.maxBodyBytes(method, path, headers),
    );
    observeConnections(service.metrics, listener, listening);
    const bound = await listener.listen();
    const lingerMs = worker === undefined ? 0 : LINGER_MS;
    opened.push(async () => listener.close({ graceMs: settings.server.shutdownGraceMs, lingerMs }));
    if (worker !== undefined) {
      const { answerSupervisor } = await import("./answer-supervisor.ts");
      worker.answer((question) => answerSupervisor(service, question));
    }
    const admin = worker === undefined ? await startAdmin(settings, () => service, ownLog) : undefined;
    if (admin !== undefined) opened.push(() => admin.close());
    return {
      url: bound.url,
      adminUrl: admin?.url ?? worker?.adminUrl,
      shed: (connections) => listener.shed(connections),
      metrics: () => service.metrics.read(/./),
      reload: async () => service.reload(),
      async replace(next) {
        const successor = await startService(next, ownLog, traces);
        if (isClosing) {
          await successor.close();
          return;
        }
        observeConnections(successor.metrics, listener, listening);
        const predecessor = service;
        service = successor;
        await predecessor.retire();
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Requests under way to a worker that closes are answered; whoever sends none for so long is not about to. */
const LINGER_MS = 1000;

type OwnAddress = Exclude<ListenAddress, { take: unknown }>;
type ListenerSettings = Parameters<typeof createListener>[0];

async function listenerSettings(
  { server, http, cache, limit }: ServerSettings,
  worker: WorkerLink | undefined,
): Promise<ListenerSettings> {
  const tls = await certificate(server.tls);
  const {
    defaultCacheControl: _cache,
    serverTiming: _timing,
    traceHeader: _trace,
    securityHeaders: _fields,
    ...limits
  } = http;
  return {
    ...limits,
    maxConnections: server.maxConnections,
    maxConnectionsPerAddress: server.maxConnectionsPerAddress ?? 0,
    ipv6Prefix: limit.ipv6Prefix,
    memoBytes: cache.enabled ? cache.memoBytes : 0,
    listen: worker === undefined ? listenAddress(server) : { take: (taker) => worker.take(taker), url: worker.url },
    ...(tls === undefined ? {} : { tls }),
  };
}

/** Where the API is to listen. */
export function listenAddress({ host, port, reusePort, socket, socketMode }: ServerSettings["server"]): OwnAddress {
  return socket === null ? { host, port, reusePort } : toSocketFile(socket, socketMode);
}

/** @param mode in octal */
function toSocketFile(path: string, mode: string | null): { path: string; mode?: number } {
  return mode === null ? { path } : { path, mode: Number.parseInt(mode, 8) };
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
  current: () => Service,
  log: Log,
): Promise<OpenAdmin | undefined> {
  return openAdmin(settings, log, {
    readiness: () => current().readiness(),
    metrics: { render: (format) => current().metrics.render(format) },
    get reference() {
      return current().reference;
    },
    get purger() {
      return current().purger;
    },
    get dashboard() {
      return current().dashboard;
    },
    get advise() {
      return current().advise;
    },
    get browse() {
      return current().browse;
    },
  });
}

/** An admin listener that runs. */
export interface OpenAdmin {
  readonly url: string;
  close(): Promise<void>;
}

/** Starts the admin listener that the settings ask for; `undefined`: they ask for none. */
export async function openAdmin(
  settings: ServerSettings["admin"],
  log: Log,
  told: AdminSources,
): Promise<OpenAdmin | undefined> {
  if (!settings.enabled) return undefined;
  const { socket, socketMode, host, port, allowedHosts, token } = settings;
  const listen = socket === null ? { host, port } : toSocketFile(socket, socketMode);
  const admin: Listener = createAdmin({ listen, allowedHosts, token }, told, log);
  const { url } = await admin.listen();
  return { url, close: async () => admin.close({ graceMs: ADMIN_GRACE_MS }) };
}

/** A scrape under way may finish; nobody waits longer for one. */
const ADMIN_GRACE_MS = 1000;
