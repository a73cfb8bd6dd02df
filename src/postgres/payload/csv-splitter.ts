import { createCsvReader } from "./csv.ts";
import { invalidPayload } from "./invalid-payload.ts";
import type { ListSplitter } from "./list-splitter.ts";

/** The rows of a CSV text, its first line the names. */
export function createCsvSplitter(fullBytes: number): ListSplitter {
  const reader = createCsvReader();
  const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
  let rows: string[] = [];
  let length = 0;

  return {
    get pendingBytes() {
      return reader.pendingLength;
    },
    get names() {
      return reader.names;
    },
    push(piece) {
      const lists: string[] = [];
      for (const row of reader.push(decode(piece))) {
        rows.push(row);
        length += row.length;
        if (length >= fullBytes) lists.push(list());
      }
      return lists;
    },
    end() {
      // Throws for a character that is cut off.
      for (const row of [...reader.push(decode()), ...reader.end()]) rows.push(row);
      if (reader.names === undefined) throw invalidPayload("The CSV has no first line with the names of the columns.");
      return rows.length > 0 ? [list()] : [];
    },
  };

  function decode(piece?: Buffer): string {
    try {
      return decoder.decode(piece, { stream: piece !== undefined });
    } catch {
      throw invalidPayload("The content is not UTF-8");
    }
  }

  function list(): string {
    const text = `[${rows.join(",")}]`;
    rows = [];
    length = 0;
    return text;
  }
}
