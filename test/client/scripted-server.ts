import { once } from "node:events";
import { createServer, type IncomingHttpHeaders, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Client, type ClientEvent, type ClientOptions, createClient } from "../../src/client/index.ts";
import { formatHttpDate } from "../../src/http/date.ts";
import { defer, type TestScope } from "../support/defer.ts";

/** A request as the server saw it. */
export interface Seen {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
}

/** A reply by its parts, or whatever a test does with the response itself. */
export type Script = (
  seen: Seen,
  response: ServerResponse,
  count: number,
) => Scripted | undefined | Promise<Scripted | undefined>;

export interface Scripted {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** A real server that follows a script and remembers what it was asked. Its `Date` follows the clock. */
export interface ScriptedServer {
  readonly url: string;
  readonly seen: Seen[];
  script: Script;
}

/** A clock that moves when it is told to. */
export interface Clock {
  ms: number;
}

export async function startServer(t: TestScope, clock: Clock, script: Script): Promise<ScriptedServer> {
  const seen: Seen[] = [];
  const server = createServer((request, response) => {
    request.resume();
    const entry = { method: request.method ?? "", path: request.url ?? "", headers: request.headers };
    seen.push(entry);
    response.sendDate = false;
    response.setHeader("date", formatHttpDate(clock.ms));
    const run = async (): Promise<void> => {
      const scripted = await scriptedServer.script(entry, response, seen.length);
      if (scripted === undefined) return;
      response.writeHead(scripted.status ?? 200, scripted.headers);
      response.end(scripted.body);
    };
    run().catch(() => response.destroy());
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  defer(t, async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });
  const { port } = server.address() as AddressInfo;
  const scriptedServer: ScriptedServer = { url: `http://127.0.0.1:${port}`, seen, script };
  return scriptedServer;
}

/** A client under test: its clock stands still unless it is moved, and waits pass at once, by moving it. */
export interface ClientUnderTest extends Client {
  readonly events: ClientEvent[];
  /** Types of the events so far, and forgets them. */
  taken(): string[];
  /** Resolves with the next event of a type, or the first if it already happened. */
  until(type: ClientEvent["type"]): Promise<ClientEvent>;
  readonly waits: number[];
}

export function clientWith(clock: Clock, options: ClientOptions = {}): ClientUnderTest {
  const events: ClientEvent[] = [];
  const waits: number[] = [];
  const listeners = new Set<() => void>();
  const client = createClient({
    now: () => clock.ms,
    random: () => 0.5,
    wait: async (delayMs) => {
      waits.push(delayMs);
      clock.ms += delayMs;
    },
    onEvent: (event) => {
      events.push(event);
      for (const listener of listeners) listener();
    },
    ...options,
  });
  return {
    ...client,
    events,
    waits,
    taken: () => events.splice(0).map(({ type }) => type),
    until: async (type) =>
      new Promise((resolve) => {
        const look = (): void => {
          const found = events.find((event) => event.type === type);
          if (found === undefined) return;
          listeners.delete(look);
          resolve(found);
        };
        listeners.add(look);
        look();
      }),
  };
}

/** Fetches and reads a text. */
export async function textOf(client: Client, url: string, init?: RequestInit): Promise<string> {
  const response = await client.fetch(url, init);
  return response.text();
}
