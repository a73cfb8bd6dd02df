/** A reply to a meta command: its code (`HD`, `VA`, `EN`, …), its flags (`c123`), and the value of a `VA`. */
export interface MetaReply {
  readonly code: string;
  readonly flags: readonly string[];
  readonly value?: Buffer;
}

/** Cuts what a connection brings into replies. */
export interface ReplyParser {
  /** Takes the next bytes; `false` when they are no replies, and nothing more can be made of the connection. */
  write(chunk: Buffer): boolean;
}

/** A parser that tells each whole reply. Values are copies: they outlive the chunks. */
export function createReplyParser(tell: (reply: MetaReply) => void): ReplyParser {
  let chunks: Buffer[] = [];
  let length = 0;
  /** Nothing can be told before so many bytes are there. */
  let needed = 0;
  return {
    write(chunk) {
      chunks.push(chunk);
      length += chunk.length;
      if (length < needed) return true;
      const bytes = chunks.length === 1 ? chunk : Buffer.concat(chunks);
      let at = 0;
      needed = 0;
      for (;;) {
        const end = bytes.indexOf("\r\n", at);
        if (end === -1) {
          if (bytes.length - at > LONGEST_LINE) return false;
          break;
        }
        const [code = "", ...words] = bytes.toString("latin1", at, end).split(" ");
        if (code !== "VA") {
          tell({ code, flags: words });
          at = end + 2;
          continue;
        }
        const size = Number(words[0]);
        if (!Number.isSafeInteger(size) || size < 0 || size > LARGEST_VALUE) return false;
        const next = end + 2 + size + 2;
        if (next > bytes.length) {
          needed = next - at;
          break;
        }
        if (bytes.toString("latin1", next - 2, next) !== "\r\n") return false;
        tell({ code, flags: words.slice(1), value: Buffer.from(bytes.subarray(end + 2, next - 2)) });
        at = next;
      }
      const rest = bytes.subarray(at);
      chunks = rest.length > 0 ? [rest] : [];
      length = rest.length;
      return true;
    },
  };
}

const LONGEST_LINE = 4096;
/** Memcached's own limit is 1 GiB; nobody caches replies as large as this. */
const LARGEST_VALUE = 256 * 1024 ** 2;
