import type { SourceRequest } from "../api/source-request.ts";
import type { ReadOrigin } from "./replicas/index.ts";

/** A request that has committed more than one transaction. */
const SEVERAL = "several";

/** What became known of requests on their way through the database, for whoever answers or stores their replies. */
export class RequestNotes {
  readonly #tokens = new WeakMap<SourceRequest, string>();
  readonly #transactions = new WeakMap<SourceRequest, number | null | typeof SEVERAL>();
  readonly #origins = new WeakMap<SourceRequest, ReadOrigin>();

  committed(request: SourceRequest, token: string): void {
    this.#tokens.set(request, token);
  }

  /** `Consistency-Token` of what a request has committed. */
  tokenOf(request: SourceRequest): string | undefined {
    return this.#tokens.get(request);
  }

  /** Takes the full number of a transaction that a request has committed; `null`: it changed nothing. */
  readonly numbered = (request: SourceRequest, xid: number | null): void => {
    const known = this.#transactions.get(request);
    // A handler that has several at once could not tell which number is whose.
    if (known == null) this.#transactions.set(request, xid);
    else if (xid !== null) this.#transactions.set(request, SEVERAL);
  };

  /** The transaction that a request has committed; `null`: it changed nothing; undefined where nobody knows, or there are several. */
  transactionOf(request: SourceRequest): number | null | undefined {
    const transaction = this.#transactions.get(request);
    return transaction === SEVERAL ? undefined : transaction;
  }

  /** A handler may read several times, from several servers: what counts is what has seen least. */
  read(request: SourceRequest, origin: ReadOrigin): void {
    this.#origins.set(request, this.#origins.has(request) ? lesser(this.#origins.get(request), origin) : origin);
  }

  /** What the reads of a request have seen at least, where positions are tracked. */
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
