import { isUtf8 } from "node:buffer";
import { isTooDeep } from "../../http/json-depth.ts";
import { invalidPayload, NO_JSON, TOO_DEEP } from "./invalid-payload.ts";
import type { ListSplitter } from "./list-splitter.ts";

/** JSON lines, an object each; empty lines are left out. */
export function createLineSplitter(fullBytes: number): ListSplitter {
  let pending: Buffer[] = [];
  let pendingBytes = 0;
  let lines: string[] = [];
  let bytes = 0;

  return {
    get pendingBytes() {
      return pendingBytes;
    },
    push(piece) {
      const lists: string[] = [];
      let from = 0;
      for (let end = piece.indexOf(LINE_FEED); end !== -1; end = piece.indexOf(LINE_FEED, from)) {
        take(piece.subarray(from, end));
        from = end + 1;
        if (bytes >= fullBytes) lists.push(list());
      }
      pending.push(Buffer.from(piece.subarray(from)));
      pendingBytes += piece.length - from;
      return lists;
    },
    end() {
      take(Buffer.alloc(0));
      return bytes > 0 ? [list()] : [];
    },
  };

  function take(last: Buffer): void {
    const line = Buffer.concat([...pending, last]);
    pending = [];
    pendingBytes = 0;
    if (!isUtf8(line)) throw invalidPayload(NO_JSON);
    if (isTooDeep(line)) throw invalidPayload(TOO_DEEP);
    const text = line.toString();
    if (text.trim() === "") return;
    lines.push(text);
    bytes += line.length;
  }

  function list(): string {
    const text = `[${lines.join(",")}]`;
    lines = [];
    bytes = 0;
    return text;
  }
}

const LINE_FEED = 0x0a;
