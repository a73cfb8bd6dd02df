import { type Client, escapeIdentifier } from "pg";
import type { Log } from "../../api/source.ts";
import { createBackoff } from "./backoff.ts";
import { connect, createClient, destroyClient } from "./open.ts";
import { isPoolerRefusal } from "./scene.ts";
import type { Listener, PoolSettings } from "./types.ts";

/**
 * Listens on a channel until closed, over broken connections. `onListening` is called each time listening has begun: what
 * was said before is lost.
 */
export function listen(
  settings: PoolSettings,
  log: Log,
  channel: string,
  onNotify: (payload: string) => void,
  onListening: () => void,
): Listener {
  const stop = new AbortController();
  const done = listenUntil(stop.signal);
  return {
    async close() {
      stop.abort();
      await done;
    },
  };

  async function listenUntil(signal: AbortSignal): Promise<void> {
    const backoff = createBackoff();
    let isWarned = false;
    const { directUrl, ...rest } = settings;
    const direct = directUrl === undefined ? settings : { ...rest, url: directUrl };
    while (!signal.aborted) {
      const client = createClient(direct, { statement_timeout: false });
      const cut = (): void => destroyClient(client);
      signal.addEventListener("abort", cut, { once: true });
      try {
        await listenOn(client, () => backoff.reset());
      } catch (error) {
        if (!signal.aborted) log.debug({ channel, reason: reasonOf(error) }, "Listening was interrupted");
        if (!isWarned && isPoolerRefusal(error)) {
          isWarned = true;
          log.warn(
            { channel, todo: "name the database itself with --changes-url" },
            "a pooler passes no notifications on",
          );
        }
      }
      signal.removeEventListener("abort", cut);
      destroyClient(client);
      await pause(backoff.next(), signal);
    }
  }

  /** Ends when the connection does. */
  async function listenOn(client: Client, connected: () => void): Promise<void> {
    await connect(client);
    const ended = new Promise<void>((resolve) => {
      client.on("end", resolve);
    });
    client.on("notification", (message) => guard(() => onNotify(message.payload ?? "")));
    await client.query(`listen ${escapeIdentifier(channel)}`);
    connected();
    guard(onListening);
    await ended;
  }

  /** A listener's mistake must not end the listening. */
  function guard(callback: () => void): void {
    try {
      callback();
    } catch (error) {
      log.error({ channel, reason: reasonOf(error) }, "A listener failed");
    }
  }
}

function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) {
      resolve();
      return;
    }
    const timer = setTimeout(wake, milliseconds);
    timer.unref();
    signal.addEventListener("abort", wake, { once: true });
    function wake(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", wake);
      resolve();
    }
  });
}

function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
