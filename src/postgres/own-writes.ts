import type { ReplyHeaders } from "../http/message.ts";
import type { SourceRequest } from "../api/source-request.ts";
import type { Tracker } from "./changes/tracker-types.ts";
import type { CommandResult } from "./pool/index.ts";
import { COMMITTED, type Router } from "./replicas/index.ts";
import type { RequestNotes } from "./request-notes.ts";
import type { CommitWatch } from "./run-transaction.ts";

/** What becomes of writes of ours between their commit and the moment at which their clients may be told. */
export class OwnWrites implements CommitWatch {
  readonly #notes: RequestNotes;
  readonly #tracker: Tracker;
  readonly #router: Router;

  constructor(notes: RequestNotes, tracker: Tracker, router: Router) {
    this.#notes = notes;
    this.#tracker = tracker;
    this.#router = router;
  }

  get tellsEnds(): boolean {
    return this.#tracker.tellsEnds;
  }

  numbered(request: SourceRequest, xid: number | null, startedAt: number, isTold: boolean): void {
    this.#notes.numbered(request, xid, startedAt, isTold);
  }

  /**
   * Resolves once no reply from before a request's write is given any more, and the write's `Consistency-Token` is known.
   *
   * @param table the relation that was written to; undefined where nobody knows
   * @param headers of the reply, which the token is added to
   */
  async settled(request: SourceRequest, table: number | undefined, headers?: ReplyHeaders): Promise<void> {
    const one = this.#notes.transactionOf(request);
    await this.#tracker.written(table, one?.xid);
    // Nothing was committed, or it was asked for behind the commit. A token that is there may be of a write before this one.
    if (one?.isTold !== true) return;
    const end = (typeof one.xid === "number" ? this.#tracker.endOf(one.xid) : undefined) ?? (await this.#look());
    const token = this.#router.committed(request, end, one.startedAt);
    if (token === undefined) return;
    this.#notes.committed(request, token);
    if (headers !== undefined) headers["consistency-token"] = token;
  }

  /** Where the log is by now; undefined where that cannot be had. */
  async #look(): Promise<CommandResult | undefined> {
    const results = await this.#router.write((pool) => pool.run([COMMITTED])).catch(() => undefined);
    return results?.[0];
  }
}
