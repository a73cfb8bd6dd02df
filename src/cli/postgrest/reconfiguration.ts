import { setTimeout } from "node:timers/promises";
import type { ResolvedApi } from "../../api/definition.ts";
import type { Log } from "../../api/source.ts";
import { createBackoff } from "../../postgres/pool/backoff.ts";
import type { RunningServer } from "../../server/start.ts";
import type { Configuration } from "./configuration.ts";

/** What reading the configuration again takes. */
export interface ReconfigurationParts {
  /** What the server starts with; undefined: nothing yet, since the database could not be asked. */
  readonly running: Configuration | undefined;
  readonly load: () => Promise<Configuration>;
  readonly toApi: (configuration: Configuration) => ResolvedApi;
  readonly log: Log;
}

/** Puts a configuration that has changed in the place of the one that runs. */
export interface Reconfiguration {
  /** The server runs. Where it waits for its configuration, it is looked for from now on. */
  start(server: RunningServer): void;
  /** Reads the configuration again. Whoever asks while it is being read gets another reading after it. */
  again(): Promise<void>;
  stop(): void;
}

export function createReconfiguration({ running, load, toApi, log }: ReconfigurationParts): Reconfiguration {
  const stopping = new AbortController();
  let current = running;
  let server: RunningServer | undefined;
  let reading: Promise<void> | undefined;
  let next: Promise<void> | undefined;
  let lastReason: string | undefined;

  async function read(): Promise<void> {
    if (server === undefined || stopping.signal.aborted) return;
    try {
      const found = await load();
      if (current !== undefined && isSame(found, current)) {
        log.debug({}, "the configuration was read again; nothing has changed");
        return;
      }
      for (const warning of found.warnings) log.warn({}, warning);
      await server.replace(toApi(found));
      current = found;
      log.info({}, "the configuration was read again and is in force");
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error);
      // While the database is away it is the same reason each second.
      if (current === undefined && reason === lastReason) return;
      lastReason = reason;
      const rest = current === undefined ? "trying again" : "going on with the old one";
      log.error({ reason }, `the configuration could not be read; ${rest}`);
    }
  }

  function again(): Promise<void> {
    if (next !== undefined) return next;
    const begin = (): Promise<void> => {
      next = undefined;
      reading = read().finally(() => {
        reading = undefined;
      });
      return reading;
    };
    if (reading === undefined) return begin();
    next = reading.then(begin);
    return next;
  }

  function isFound(): boolean {
    return current !== undefined || stopping.signal.aborted;
  }

  async function lookUntilFound(): Promise<void> {
    const backoff = createBackoff();
    while (!isFound()) {
      await setTimeout(backoff.next(), undefined, { signal: stopping.signal, ref: false }).catch(() => undefined);
      await again();
    }
  }

  return {
    start(started) {
      server = started;
      void lookUntilFound();
    },
    again,
    stop: () => stopping.abort(),
  };
}

function isSame(one: Configuration, other: Configuration): boolean {
  return JSON.stringify([one.server, one.postgres]) === JSON.stringify([other.server, other.postgres]);
}
