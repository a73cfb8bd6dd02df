import { setTimeout as delay } from "node:timers/promises";
import type { RedisKeys } from "./keys.ts";
import { formatMessage } from "./messages.ts";
import { CLAIM, EPOCH, HOME, type RedisScript } from "./scripts.ts";

/** Where the purges of all nodes are: how far they are, and since when Redis has kept all of them. */
export interface Home {
  /**
   * The last purge and the epoch. When a server may have lost purges since the epoch began, there is a new epoch first.
   *
   * @param known the newest epoch that this node has heard of
   */
  settle(known: number): Promise<PurgeState>;
  /** Begins an epoch, whatever was before. */
  begin(known: number): Promise<PurgeState>;
}

/** The number of the last purge, and the epoch. */
export interface PurgeState {
  readonly number: number;
  readonly epoch: number;
}

export type RunScript = (script: RedisScript, keys: readonly string[], words: readonly string[]) => Promise<unknown>;

/** Other nodes may have begun one at the same time; they are done in a moment. */
const MOST_TRIES = 20;
const TRY_PAUSE_MS = 25;

/**
 * Notes which run of which server has each bucket, and notices when that is another one: a replica that became master may not have got the
 * last purges, and a server that was started again from its disk may not have written them. Whatever was stored is out of reach then.
 */
export function createHome(run: RunScript, keys: RedisKeys, id: string): Home {
  async function ask(when: string, known: number): Promise<PurgeState & { readonly isBegun: boolean }> {
    const words = [keys.channel, formatMessage(id, "a"), when, String(known)];
    const told = (await run(EPOCH, [keys.purgeNumber, keys.epoch], words)) as unknown[];
    const [number = 0, epoch = 0, begun] = told.map(Number);
    return { number, epoch, isBegun: begun === 1 };
  }

  async function look(
    epoch: number,
  ): Promise<{ readonly bucket: string; readonly run: string; readonly isHome: boolean }[]> {
    return Promise.all(
      keys.buckets.map(async (bucket) => {
        const [name, isHome] = (await run(HOME, [keys.home(bucket)], [String(epoch)])) as [unknown, number];
        return { bucket, run: String(name), isHome: isHome === 1 };
      }),
    );
  }

  /** Only for servers that were there before the epoch began: what another would have lost of it nobody knows. */
  async function claim(epoch: number, seen: Awaited<ReturnType<typeof look>>): Promise<void> {
    await Promise.all(seen.map(({ bucket, run: name }) => run(CLAIM, [keys.home(bucket)], [String(epoch), name])));
  }

  return {
    async settle(known) {
      for (let tries = 0; tries < MOST_TRIES; tries++) {
        const state = await ask("missing", known);
        const seen = await look(state.epoch);
        if (state.epoch >= known && seen.every(({ isHome }) => isHome)) return state;
        const begun = await ask(String(state.epoch), Math.max(known, state.epoch));
        if (begun.isBegun) {
          await claim(begun.epoch, seen);
          return begun;
        }
        await delay(TRY_PAUSE_MS * (0.5 + Math.random()), undefined, { ref: false });
      }
      throw new Error("Other nodes begin one epoch after the other.");
    },
    async begin(known) {
      const seen = await look(known);
      const state = await ask("always", known);
      await claim(state.epoch, seen);
      return state;
    },
  };
}
