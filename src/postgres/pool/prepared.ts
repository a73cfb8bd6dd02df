import type { MessageWriter } from "./encode.ts";
import type { Statement } from "./types.ts";

/** A statement that one connection has prepared, or will have once the server has read what was sent. */
export interface PreparedStatement {
  readonly name: string;
  usedAt: number;
}

/**
 * What one connection has prepared, as of the end of what was sent: messages are answered in order, so a statement may be
 * bound before its Parse is confirmed. A Parse that failed is taken back with `takeBack`.
 */
export class PreparedStatements {
  readonly #capacity: number;
  readonly #entries = new Map<string, PreparedStatement>();
  /** Evicted ones the server still holds. */
  readonly #toClose = new Set<string>();
  #clock = 0;
  #callStart = 0;

  constructor(capacity: number) {
    this.#capacity = capacity;
  }

  get size(): number {
    return this.#entries.size;
  }

  /** Begins a call. Closes come first in it, where nothing can have failed that would make the server skip them. */
  begin(writer: MessageWriter): void {
    this.#callStart = this.#clock;
    if (this.#toClose.size === 0) return;
    for (const name of this.#toClose) writer.close(name);
    this.#toClose.clear();
  }

  /** Has the statement ready to be bound; answers its entry when that took a Parse. */
  prepare(statement: Statement, writer: MessageWriter): PreparedStatement | undefined {
    const { name } = statement;
    const entry = this.#entries.get(name);
    if (entry !== undefined) {
      entry.usedAt = ++this.#clock;
      return undefined;
    }
    if (this.#toClose.delete(name)) writer.close(name);
    writer.parse(name, statement.text);
    const added = { name, usedAt: ++this.#clock };
    this.#entries.set(name, added);
    if (this.#entries.size > this.#capacity) this.#evict();
    return added;
  }

  /** Takes back a Parse that the server may not have carried out. */
  takeBack(entry: PreparedStatement): void {
    if (this.#entries.get(entry.name) === entry) this.renew(entry.name);
  }

  /** Has a statement parsed anew, whatever the server holds under its name. */
  renew(name: string): void {
    this.#entries.delete(name);
    this.#toClose.add(name);
  }

  /** Statements of the call being sent stay, so that a call with more of them than the capacity still works. */
  #evict(): void {
    let oldest: PreparedStatement | undefined;
    for (const entry of this.#entries.values()) {
      if (entry.usedAt <= this.#callStart && (oldest === undefined || entry.usedAt < oldest.usedAt)) oldest = entry;
    }
    if (oldest !== undefined) this.renew(oldest.name);
  }
}
