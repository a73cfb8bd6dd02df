import { finished } from "node:stream/promises";
import { Readable } from "node:stream";
import type { EngineContext, Exchange } from "./context.ts";
import type { Entry } from "./entry.ts";
import { fetchTogether, isShareable } from "./fetch.ts";

/** Refreshes of stored replies behind the backs of their clients: one a key, and not more at once than the settings allow. */
export class Refreshes {
  readonly #context: EngineContext;
  readonly #underWay = new Map<string, Promise<void>>();

  constructor(context: EngineContext) {
    this.#context = context;
  }

  /** Begins a refresh unless the reply is being fetched already or too much is. */
  begin(exchange: Exchange, entry: Entry): void {
    const { settings, flights, counts } = this.#context;
    const { key } = exchange;
    if (this.#underWay.size >= settings.maxRefreshes || this.#underWay.has(key)) return;
    if (flights.get(key) !== undefined || !isShareable(exchange)) return;
    counts.refreshes++;
    const refresh = this.#refresh(exchange, entry)
      .catch(() => {
        // Whoever needs the reply next meets the failure and reports it.
        counts.failedRefreshes++;
      })
      .finally(() => this.#underWay.delete(key));
    this.#underWay.set(key, refresh);
  }

  async close(): Promise<void> {
    await Promise.all(this.#underWay.values());
  }

  async #refresh(exchange: Exchange, entry: Entry): Promise<void> {
    const reply = await fetchTogether(this.#context, exchange, entry, "stale");
    if (reply.status >= 500) this.#context.counts.failedRefreshes++;
    const { body } = reply;
    if (!(body instanceof Readable)) return;
    body.resume();
    await finished(body, { signal: AbortSignal.timeout(this.#context.settings.unattendedMs) }).finally(() =>
      body.destroy(),
    );
  }
}
