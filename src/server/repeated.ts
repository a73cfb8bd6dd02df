import type { Encoding } from "../content/compression/index.ts";
import type { HttpReply, ReplyHeaders } from "../http/message.ts";

/**
 * What came of replies that are given to many (`HttpReply.isShared`), by the fields they came with and the coding chosen. The
 * cache makes new fields each second, so an entry is of use for no longer than that; they go all at once when there are many.
 */
export class Repeated {
  readonly #made = new Map<ReplyHeaders, Partial<Record<Encoding | "identity", HttpReply>>>();

  find(headers: ReplyHeaders, encoding: Encoding | "identity"): HttpReply | undefined {
    return this.#made.get(headers)?.[encoding];
  }

  /** Keeps a reply, and answers one of its own to whoever asked. */
  keep(headers: ReplyHeaders, encoding: Encoding | "identity", reply: HttpReply): HttpReply {
    let made = this.#made.get(headers);
    if (made === undefined) {
      if (this.#made.size >= MOST_KEPT) this.#made.clear();
      made = {};
      this.#made.set(headers, made);
    }
    made[encoding] = { ...reply, isShared: true, rendering: { made: undefined } };
    return { ...made[encoding] };
  }
}

/** With what a listener renders of each (4 KB at most) this is some 4 MB for each coding in use. */
const MOST_KEPT = 1000;
