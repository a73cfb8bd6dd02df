/**
 * Renders the messages of the extended query protocol that a call needs into a growing buffer.
 *
 * Layouts: PostgreSQL documentation, "Message Formats" in the chapter "Frontend/Backend Protocol".
 * `take` hands out what was written since the last `take`; those bytes are never written again.
 */
export class MessageWriter {
  #chunk = Buffer.allocUnsafeSlow(CHUNK);
  #start = 0;
  #end = 0;

  parse(name: string, text: string): void {
    const chunk = this.#reserve(9 + roomFor(name) + roomFor(text));
    const begin = this.#end;
    let at = begin + 5;
    chunk[begin] = PARSE;
    at += chunk.write(name, at);
    chunk[at++] = 0;
    at += chunk.write(text, at);
    chunk[at++] = 0;
    // No parameter types: the server infers them.
    this.#finish(begin, chunk.writeUInt16BE(0, at));
  }

  /**
   * Parameters are in text format.
   *
   * @param head what `bindHead` makes of the statement's name
   * @param formats what `resultFormats` makes of its fields
   */
  bind(head: Uint8Array, values: readonly (string | null)[], formats: Uint8Array): void {
    let room = 7 + head.length + values.length * 4 + formats.length;
    for (const value of values) if (value !== null) room += roomFor(value);
    const chunk = this.#reserve(room);
    const begin = this.#end;
    chunk[begin] = BIND;
    chunk.set(head, begin + 5);
    let at = chunk.writeUInt16BE(values.length, begin + 5 + head.length);
    for (const value of values) {
      if (value === null) {
        at = chunk.writeInt32BE(-1, at);
      } else {
        const length = chunk.write(value, at + 4);
        at = chunk.writeInt32BE(length, at) + length;
      }
    }
    chunk.set(formats, at);
    this.#finish(begin, at + formats.length);
  }

  /** Runs the unnamed portal to its end. */
  execute(): void {
    this.#constant(EXECUTE_ALL);
  }

  sync(): void {
    this.#constant(SYNC);
  }

  /** Forgets a prepared statement; not an error when there is none. */
  close(name: string): void {
    const chunk = this.#reserve(7 + roomFor(name));
    const begin = this.#end;
    chunk[begin] = CLOSE;
    chunk[begin + 5] = STATEMENT;
    const at = begin + 6 + chunk.write(name, begin + 6);
    chunk[at] = 0;
    this.#finish(begin, at + 1);
  }

  take(): Buffer {
    const taken = this.#chunk.subarray(this.#start, this.#end);
    this.#start = this.#end;
    return taken;
  }

  #constant(bytes: Uint8Array): void {
    this.#reserve(bytes.length).set(bytes, this.#end);
    this.#end += bytes.length;
  }

  /** The length counts itself but not the message's type. */
  #finish(begin: number, end: number): void {
    this.#chunk.writeInt32BE(end - begin - 1, begin + 1);
    this.#end = end;
  }

  #reserve(room: number): Buffer {
    if (this.#end + room > this.#chunk.length) {
      const kept = this.#end - this.#start;
      const grown = Buffer.allocUnsafeSlow(Math.max(CHUNK, (kept + room) * 2));
      this.#chunk.copy(grown, 0, this.#start, this.#end);
      this.#chunk = grown;
      this.#start = 0;
      this.#end = kept;
    }
    return this.#chunk;
  }
}

const CHUNK = 32 * 1024;
const PARSE = 0x50;
const BIND = 0x42;
const CLOSE = 0x43;
const STATEMENT = 0x53;
const EXECUTE_ALL = Buffer.from([0x45, 0, 0, 0, 9, 0, 0, 0, 0, 0]);
const SYNC = Buffer.from([0x53, 0, 0, 0, 4]);

/** Counting bytes costs more than room does, until the room is large. */
function roomFor(text: string): number {
  return text.length < 1024 ? text.length * 3 : Buffer.byteLength(text);
}
