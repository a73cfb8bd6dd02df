import { isOver, type Snapshot, toFullXid } from "./visibility.ts";
import { type Lsn, NO_LSN } from "./lsn.ts";

// The stream tells of a transaction once its commit is in the log. Readers see it a moment later: when the server has taken it off the
// list of running ones, which waits for synchronous standbys, too. If its tags were purged in between, a read that begins right after
// the purge would still see the old rows, and what it stores would never be purged. So a transaction waits here until a
// snapshot, taken after it arrived, shows it, or until the server has confirmed the commit to us, if it is our own. From then on:
//
// - a read that began after the purge took its snapshot later still, and sees the transaction;
// - a read under way when the purge comes is not stored, whatever it saw (`Fills` of the cache engine, the numbers of purges in Redis);
// - what was stored before the purge is removed by it.
//
// So no stored reply is older than the transactions whose tags it carries and that were purged. This holds for reads of the server that
// the snapshots come from. It costs a read nothing.

/** A transaction that has arrived. */
export interface ArrivedTransaction {
  /** The lower half of its number. */
  readonly xid: number;
  readonly committedAtMs: number;
  readonly tags: ReadonlySet<string>;
  readonly endLsn: Lsn;
}

/** Transactions between their arrival and their purge, in order of arrival. */
export class PendingTransactions {
  #waiting: ArrivedTransaction[] = [];
  #tagCount = 0;
  #dealtWith: Lsn = NO_LSN;

  /** Tags of all that wait: what the memory they take depends on. */
  get tagCount(): number {
    return this.#tagCount;
  }

  get size(): number {
    return this.#waiting.length;
  }

  /** No transaction that was committed before this position waits. */
  get dealtWith(): Lsn {
    return this.#dealtWith;
  }

  add(transaction: ArrivedTransaction): void {
    this.#waiting.push(transaction);
    this.#tagCount += transaction.tags.size;
  }

  /** All of the log before this position has arrived. */
  reached(lsn: Lsn): void {
    if (this.#waiting.length === 0) this.#dealtWith = Math.max(this.#dealtWith, lsn);
  }

  /** Takes out one that is known to be visible, if it has arrived. */
  takeOne(xid: number): ArrivedTransaction | undefined {
    const index = this.#waiting.findIndex((transaction) => transaction.xid === xid);
    if (index === -1) return undefined;
    const [taken] = this.#waiting.splice(index, 1);
    if (taken === undefined) return undefined;
    this.#tagCount -= taken.tags.size;
    if (index === 0) this.#dealtWith = Math.max(this.#dealtWith, taken.endLsn);
    return taken;
  }

  /** Takes out those that a snapshot sees, in order of arrival. */
  take(snapshot: Snapshot): ArrivedTransaction[] {
    const visible: ArrivedTransaction[] = [];
    const left: ArrivedTransaction[] = [];
    for (const transaction of this.#waiting) {
      if (isOver(snapshot, toFullXid(snapshot, transaction.xid))) {
        visible.push(transaction);
        this.#tagCount -= transaction.tags.size;
        if (left.length === 0) this.#dealtWith = Math.max(this.#dealtWith, transaction.endLsn);
      } else left.push(transaction);
    }
    this.#waiting = left;
    return visible;
  }
}
