import { HotpathError } from "../../errors.ts";
import type { Waiting, WaitingList } from "../../waiting-list.ts";
import type { Outage } from "./keeper.ts";
import type { PoolSettings } from "./types.ts";

/** Something that waits for a connection. */
interface Caller extends Waiting<Caller> {
  fail(reason: unknown): void;
}

/** A list of those who wait, whatever else they are. */
type Line = Pick<WaitingList<Caller>, "size" | "first" | "last" | "remove">;

/** What is asked and told while somebody waits. */
export interface PatienceParts {
  /** The server that is gone, while it is. */
  readonly outage: () => Outage | undefined;
  /** Told of each who waited for too long, or was one too many. */
  readonly refused: () => void;
}

/** How long callers wait for a connection, and how many of them at once: who waits beyond that is refused. */
export class Patience {
  readonly #settings: Pick<PoolSettings, "acquireTimeoutMs" | "maxWaiting">;
  readonly #lines: readonly Line[];
  readonly #parts: PatienceParts;
  #timer: NodeJS.Timeout | undefined;

  /** @param lines where they wait, each in the order they came. */
  constructor(settings: PoolSettings, lines: readonly Line[], parts: PatienceParts) {
    this.#settings = settings;
    this.#lines = lines;
    this.#parts = parts;
  }

  /** Refuses those who came last, while there are too many. */
  refuseOverflow(): void {
    const { maxWaiting } = this.#settings;
    while (this.#size > maxWaiting) {
      const [line, last] = this.#newest();
      if (line === undefined || last === undefined) return;
      line.remove(last);
      last.fail(timeoutError(`More than ${maxWaiting} calls wait for a database connection.`));
      this.#parts.refused();
    }
  }

  /** Sees to it that who waits is refused in time. All wait equally long at most, so that looking at the first in line is enough. */
  watch(): void {
    if (this.#size === 0) {
      this.#stop();
    } else if (this.#timer === undefined) {
      const first = Math.min(...this.#lines.map((line) => this.#deadlineOf(line.first)));
      this.#timer = setTimeout(() => this.expire(), Math.max(1, first - performance.now()));
    }
  }

  /** Refuses those whose time is over, as it may be at once when the server is gone. */
  expire(): void {
    this.#stop();
    const now = performance.now();
    const outage = this.#parts.outage();
    const limit = this.#settings.acquireTimeoutMs;
    this.#reject(
      () => {
        if (outage !== undefined) return outage.error;
        this.#parts.refused();
        return timeoutError(`No database connection became free within ${limit} ms.`);
      },
      (caller) => this.#deadlineOf(caller) <= now,
    );
    this.watch();
  }

  /** Refuses all. */
  end(reason: () => unknown): void {
    this.#stop();
    this.#reject(reason, () => true);
  }

  get #size(): number {
    let size = 0;
    for (const line of this.#lines) size += line.size;
    return size;
  }

  /** Who came last, and where that is. */
  #newest(): [line: Line | undefined, last: Caller | undefined] {
    let [newest] = this.#lines;
    for (const line of this.#lines) if ((line.last?.since ?? 0) > (newest?.last?.since ?? 0)) newest = line;
    return [newest, newest?.last];
  }

  /** During an outage nobody waits for longer than a short one takes. */
  #deadlineOf(caller: Caller | undefined): number {
    if (caller === undefined) return Infinity;
    const deadline = caller.since + this.#settings.acquireTimeoutMs;
    const outage = this.#parts.outage();
    return outage === undefined
      ? deadline
      : Math.min(deadline, Math.max(caller.since, outage.since + OUTAGE_PATIENCE_MS));
  }

  /** From the first in each line, as far as `isDue`. */
  #reject(reason: () => unknown, isDue: (caller: Caller) => boolean): void {
    for (const line of this.#lines) {
      for (let caller = line.first; caller !== undefined && isDue(caller); caller = line.first) {
        line.remove(caller);
        caller.fail(reason());
      }
    }
  }

  #stop(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }
}

/** How long calls wait for a server that has just gone: a restart or failover may be quicker than their caller gives up. */
const OUTAGE_PATIENCE_MS = 1000;

function timeoutError(message: string): HotpathError {
  return new HotpathError("HP_POOL_TIMEOUT", message);
}
