import type { SourceRequest } from "../api/source-request.ts";
import type { ReadOrigin } from "./replicas/index.ts";

/** A transaction that a request has committed. */
export interface CommittedOne {
  /** Its full number; `null`: it changed nothing; undefined: there were several. */
  readonly xid: number | null | undefined;
  /** By `performance.now()`, before its commit. */
  readonly startedAt: number;
  /** Nobody has asked where it ends. */
  readonly isTold: boolean;
}

interface Committed extends Omit<CommittedOne, "xid"> {
  readonly xid: number | null | typeof SEVERAL;
}

/** A request that has committed more than one transaction. */
const SEVERAL = "several";

/** What became known of requests on their way through the database, for whoever answers or stores their replies. */
export class RequestNotes {
  readonly #tokens = new WeakMap<SourceRequest, string>();
  readonly #transactions = new WeakMap<SourceRequest, Committed>();
  readonly #origins = new WeakMap<SourceRequest, ReadOrigin>();

  committed(request: SourceRequest, token: string): void {
    this.#tokens.set(request, token);
  }

  /** `Consistency-Token` of what a request has committed. */
  tokenOf(request: SourceRequest): string | undefined {
    return this.#tokens.get(request);
  }

  /** Takes the full number of a transaction that a request has committed; `null`: it changed nothing. */
  numbered(request: SourceRequest, xid: number | null, startedAt: number, isTold: boolean): void {
    const known = this.#transactions.get(request);
    // A handler that has several at once could not tell which number is whose.
    if (known?.xid == null) this.#transactions.set(request, { xid, startedAt, isTold });
    else if (xid !== null) this.#transactions.set(request, { xid: SEVERAL, startedAt, isTold });
  }

  /** What a request has committed last; undefined where it has not, or nobody knows. */
  transactionOf(request: SourceRequest): CommittedOne | undefined {
    const known = this.#transactions.get(request);
    return known && { ...known, xid: known.xid === SEVERAL ? undefined : known.xid };
  }

  /** A handler may read several times, from several servers: what counts is what has seen least. */
  read(request: SourceRequest, origin: ReadOrigin): void {
    this.#origins.set(request, this.#origins.has(request) ? lesser(this.#origins.get(request), origin) : origin);
  }

  /** What the reads of a request have seen at least, where there are replicas. */
  originOf(request: SourceRequest): ReadOrigin {
    return this.#origins.get(request);
  }
}

/** Of two places the one that has seen less; undefined where they cannot be compared. */
function lesser(one: ReadOrigin, other: ReadOrigin): ReadOrigin {
  if (one === undefined || other === undefined) return undefined;
  if (one === "primary") return other;
  if (other === "primary") return one;
  if (one.cluster !== other.cluster || one.timeline !== other.timeline) return undefined;
  return one.lsn <= other.lsn ? one : other;
}
