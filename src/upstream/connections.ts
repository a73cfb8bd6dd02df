import type { Socket } from "node:net";
import type * as undici from "undici";
import type { buildConnector, Client, Dispatcher, Pool } from "undici";
import type { UpstreamSettings } from "../api/settings.ts";

/** The connections to one address. */
export interface Connections {
  /**
   * Sends a request on a connection that is free, or on a new one. Call `release` when the exchange is over.
   * There are as many connections as calls that were not released: whoever calls bounds them.
   */
  send(request: UpstreamRequest, handler: (lease: Lease) => Dispatcher.DispatchHandler): void;
  close(): Promise<void>;
}

/** A request as undici takes it. */
export type UpstreamRequest = Dispatcher.DispatchOptions & { readonly servername?: string };

/** One exchange's hold on a connection. */
export interface Lease {
  release(): void;
  /** Whether the connection ended by a reset. */
  wasReset(): boolean;
}

/** The module, which is loaded when a source starts. */
export type Undici = typeof undici;

/** What connections are made with. */
export interface Dialler {
  readonly undici: Undici;
  /** PEM; `undefined`: those that Node knows. */
  readonly ca: Buffer | undefined;
}

/** Opens nothing yet. */
export function createConnections(dialler: Dialler, origin: string, settings: UpstreamSettings): Connections {
  return settings.protocol === "http1"
    ? new KeptConnections(dialler, origin, settings)
    : new SharedConnections(dialler, origin, settings);
}

/** One HTTP/1.1 connection. */
interface Kept {
  readonly client: Client;
  socket: Socket | undefined;
  wasReset: boolean;
}

/**
 * HTTP/1.1: one undici client a connection, the one used last first, so that those not needed fall idle and close. undici's
 * own pool looks through its connections for a free one and hides which socket a reply came from.
 */
class KeptConnections implements Connections {
  readonly #dialler: Dialler;
  readonly #origin: string;
  readonly #settings: UpstreamSettings;
  readonly #free: Kept[] = [];
  readonly #all = new Set<Kept>();

  constructor(dialler: Dialler, origin: string, settings: UpstreamSettings) {
    this.#dialler = dialler;
    this.#origin = origin;
    this.#settings = settings;
  }

  send(request: UpstreamRequest, handler: (lease: Lease) => Dispatcher.DispatchHandler): void {
    const kept = this.#free.pop() ?? this.#open();
    let isReleased = false;
    const lease: Lease = {
      release: () => {
        if (!isReleased) this.#free.push(kept);
        isReleased = true;
      },
      wasReset: () => kept.wasReset,
    };
    kept.client.dispatch(withServerName(request, this.#origin), handler(lease));
  }

  async close(): Promise<void> {
    await Promise.all([...this.#all].map(async ({ client }) => client.destroy()));
  }

  #open(): Kept {
    const connect = createConnector(this.#dialler, this.#origin, this.#settings);
    const observed: buildConnector.connector = (options, callback) => {
      connect(options, (...result) => {
        const [error, socket] = result;
        if (error === null) {
          kept.wasReset = false;
          kept.socket = socket;
          // Before undici's own listener, which takes a reset for the end of a body that ends with its connection.
          socket.once("error", (error) => (kept.wasReset ||= "code" in error && error.code === "ECONNRESET"));
        }
        callback(...result);
      });
    };
    const client = new this.#dialler.undici.Client(this.#origin, {
      ...clientOptions(this.#settings),
      allowH2: false,
      connect: observed,
    });
    const kept: Kept = { client, socket: undefined, wasReset: false };
    this.#all.add(kept);
    return kept;
  }
}

/** HTTP/2: streams of as few connections as the upstream's limit of streams allows. */
class SharedConnections implements Connections {
  readonly #pool: Pool;
  readonly #origin: string;

  constructor(dialler: Dialler, origin: string, settings: UpstreamSettings) {
    this.#origin = origin;
    const isPlain = origin.startsWith("http:");
    this.#pool = new dialler.undici.Pool(origin, {
      ...clientOptions(settings),
      connections: settings.maxInFlight,
      allowH2: true,
      h2Options: { useH2c: isPlain, maxConcurrentStreams: settings.maxInFlight },
      connect: createConnector(dialler, origin, settings),
    });
  }

  send(request: UpstreamRequest, handler: (lease: Lease) => Dispatcher.DispatchHandler): void {
    this.#pool.dispatch(withServerName(request, this.#origin), handler(SHARED_LEASE));
  }

  async close(): Promise<void> {
    await this.#pool.destroy();
  }
}

/** Streams end by themselves, and HTTP/2 marks every body's end. */
const SHARED_LEASE: Lease = { release() {}, wasReset: () => false };

/** How long and how large anything on a connection may be. */
export function clientOptions({ timeout, limits, keepAliveTimeoutMs }: UpstreamSettings): Client.Options {
  return {
    headersTimeout: timeout.headMs,
    bodyTimeout: timeout.idleMs,
    keepAliveTimeout: keepAliveTimeoutMs,
    keepAliveMaxTimeout: MAX_KEEP_ALIVE_MS,
    maxHeaderSize: limits.headerBytes,
    pipelining: 1,
  };
}

/** Longest idle time that an upstream's own `Keep-Alive: timeout=` can ask for. */
const MAX_KEEP_ALIVE_MS = 600_000;

/**
 * Connects, and asks for the upstream's own name in TLS: undici would take it, and what the certificate is held against,
 * from the `Host` of the request, which the client chose.
 */
export function createConnector(
  { undici, ca }: Dialler,
  origin: string,
  settings: UpstreamSettings,
): buildConnector.connector {
  const { hostname } = new URL(origin);
  const isHttp2 = settings.protocol === "http2";
  const ways: buildConnector.BuildOptions & { useH2c: boolean } = {
    timeout: settings.timeout.connectMs,
    allowH2: isHttp2,
    preferH2: isHttp2,
    useH2c: isHttp2 && origin.startsWith("http:"),
    ...(ca === undefined ? {} : { ca }),
  };
  const connect = undici.buildConnector(ways);
  const servername = isAddress(hostname) ? undefined : hostname;
  return (options, callback) => {
    const { servername: _chosen, ...rest } = options;
    connect({ ...rest, host: hostname, ...(servername === undefined ? {} : { servername }) }, callback);
  };
}

/** Without it, undici would open another TLS connection for each new `Host`. */
function withServerName(request: UpstreamRequest, origin: string): UpstreamRequest {
  return origin.startsWith("https:") ? { ...request, servername: new URL(origin).hostname } : request;
}

function isAddress(hostname: string): boolean {
  return hostname.startsWith("[") || /^\d+\.\d+\.\d+\.\d+$/.test(hostname);
}
