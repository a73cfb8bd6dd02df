import type { ClientEvent } from "./events.ts";

/** How a client behaves. An absent or `undefined` option has its default. */
export interface ClientOptions {
  /** What sends requests. Default: `globalThis.fetch` as it is when the client is made. */
  readonly fetch?: typeof globalThis.fetch | undefined;
  /** Bytes that stored responses may take together, headers and overhead included; 0 stores nothing. Default: 16 MiB. */
  readonly maxBytes?: number | undefined;
  /** Larger bodies are passed on but not stored; also how far a body is read ahead of its readers. Default: 1 MiB. */
  readonly maxBodyBytes?: number | undefined;
  /**
   * Request fields that say who asks. Responses are kept apart by them whatever `Vary` says.
   * Default: `authorization`, `cookie`, `x-api-key`.
   */
  readonly identityHeaders?: readonly string[] | undefined;
  /** Attempts after the first. Default: 2. */
  readonly retries?: number | undefined;
  /** Waits before attempts are random, up to this, doubled each time. Default: 200. */
  readonly backoffMs?: number | undefined;
  /** No wait is longer; a `Retry-After` beyond it means no retry. Default: 10 s. */
  readonly maxDelayMs?: number | undefined;
  /** Retries an origin may get in a row out of its budget; every request adds a tenth of one. Default: 10. */
  readonly retryBudget?: number | undefined;
  /** How long one attempt may take until its response's headers are there. Default: 10 s. */
  readonly attemptTimeoutMs?: number | undefined;
  /** How long all attempts and the waits between them may take. Default: 30 s. */
  readonly timeoutMs?: number | undefined;
  /** Longest pause between two parts of a body. Default: 60 s. */
  readonly idleTimeoutMs?: number | undefined;
  /** Told what happened to each request. What it throws is ignored. */
  readonly onEvent?: ((event: ClientEvent) => void) | undefined;
  /** Milliseconds since the epoch. For tests. */
  readonly now?: (() => number) | undefined;
  /** Waits between attempts; rejects when the signal aborts. For tests. */
  readonly wait?: ((delayMs: number, signal: AbortSignal) => Promise<void>) | undefined;
  /** From 0 to below 1. For tests. */
  readonly random?: (() => number) | undefined;
}

/** Options with their defaults. */
export type ClientSettings = { readonly [Name in keyof ClientOptions]-?: NonNullable<ClientOptions[Name]> };

/**
 * Fills in defaults and checks numbers.
 *
 * @throws TypeError for an unknown option, RangeError for a number that is negative or not one.
 */
export function resolveOptions(options: ClientOptions = {}): ClientSettings {
  const settings: Record<string, unknown> = { ...DEFAULTS, fetch: globalThis.fetch };
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(settings, name)) throw new TypeError(`createClient has no option "${name}".`);
    if (value === undefined) continue;
    if (typeof settings[name] === "number" && !(typeof value === "number" && value >= 0)) {
      throw new RangeError(`Option "${name}" takes a number from 0 up, not ${String(value)}.`);
    }
    settings[name] = value;
  }
  const resolved = settings as unknown as ClientSettings;
  return { ...resolved, identityHeaders: resolved.identityHeaders.map((name) => name.toLowerCase()) };
}

const DEFAULTS: Omit<ClientSettings, "fetch"> = {
  maxBytes: 16 * 1024 * 1024,
  maxBodyBytes: 1024 * 1024,
  identityHeaders: ["authorization", "cookie", "x-api-key"],
  retries: 2,
  backoffMs: 200,
  maxDelayMs: 10_000,
  retryBudget: 10,
  attemptTimeoutMs: 10_000,
  timeoutMs: 30_000,
  idleTimeoutMs: 60_000,
  onEvent: () => {},
  now: () => Date.now(),
  wait: waitFor,
  random: () => Math.random(),
};

async function waitFor(delayMs: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal.reason);
    };
    const timer = setTimeout(() => {
      signal.removeEventListener("abort", stop);
      resolve();
    }, delayMs);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
  });
}
