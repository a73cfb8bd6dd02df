import { isUtf8 } from "node:buffer";
import { MAX_JSON_DEPTH } from "../../http/json-depth.ts";
import { invalidPayload, NO_JSON, TOO_DEEP } from "./invalid-payload.ts";
import type { ListSplitter } from "./list-splitter.ts";

/**
 * Cuts a JSON list between its elements, and looks at no more than where those end: what stands in them is for others to judge.
 *
 * It follows brackets and strings byte by byte and keeps its place from piece to piece, so that it never matters how the content
 * was cut on its way, and each byte is looked at once. Bytes of characters beyond ASCII never look like any of those it knows.
 *
 * @param fullBytes a list is handed out once it has so many bytes.
 * @throws DialectError PGRST102 from `push` and `end`, for what is no list, does not end, or has nothing between two commas where it is cut.
 */
export function createJsonSplitter(fullBytes: number): ListSplitter {
  /** Brackets that are open; the list's own is the first. */
  let depth = 0;
  let isOver = false;
  let isString = false;
  let isEscaped = false;
  let kept: Buffer[] = [];
  let keptBytes = 0;
  let cuts = 0;
  /** There is more than white space in the list being filled. */
  let isFilled = false;
  let pendingBytes = 0;

  return {
    get pendingBytes() {
      return pendingBytes;
    },
    push(piece) {
      const lists: string[] = [];
      let from = 0;
      let elementFrom = 0;
      for (let at = 0; at < piece.length; at++) {
        const code = piece[at] as number;
        if (isString) {
          if (isEscaped) isEscaped = false;
          else if (code === BACKSLASH) isEscaped = true;
          else if (code === QUOTE) isString = false;
          continue;
        }
        if (code === SPACE || code === LINE_FEED || code === CARRIAGE_RETURN || code === TAB) continue;
        if (depth === 0) {
          if (isOver || code !== OPEN_BRACKET) throw invalidPayload(NO_JSON);
          depth = 1;
          from = elementFrom = at + 1;
        } else if (code === COMMA && depth === 1) {
          pendingBytes = 0;
          elementFrom = at + 1;
          if (keptBytes + at - from < fullBytes) continue;
          if (!isFilled) throw invalidPayload(NO_JSON);
          lists.push(cut(piece.subarray(from, at)));
          from = at + 1;
        } else if (code === CLOSE_BRACKET && depth === 1) {
          // Behind a comma something must follow.
          if (!isFilled && cuts > 0) throw invalidPayload(NO_JSON);
          lists.push(cut(piece.subarray(from, at)));
          depth = 0;
          isOver = true;
        } else {
          isFilled = true;
          if (code === QUOTE) isString = true;
          else if (code === OPEN_BRACE || code === OPEN_BRACKET) {
            depth++;
            if (depth > MAX_JSON_DEPTH) throw invalidPayload(TOO_DEEP);
          } else if (code === CLOSE_BRACE || code === CLOSE_BRACKET) depth = Math.max(1, depth - 1);
        }
      }
      if (depth > 0) keep(piece.subarray(from), piece.length - elementFrom);
      return lists;
    },
    end() {
      if (!isOver) throw invalidPayload(NO_JSON);
      return [];
    },
  };

  function keep(part: Buffer, ofElement: number): void {
    kept.push(Buffer.from(part));
    keptBytes += part.length;
    pendingBytes += ofElement;
  }

  function cut(last: Buffer): string {
    const elements = Buffer.concat([...kept, last]);
    if (!isUtf8(elements)) throw invalidPayload(NO_JSON);
    kept = [];
    keptBytes = 0;
    cuts++;
    isFilled = false;
    return `[${elements.toString()}]`;
  }
}

const SPACE = 0x20;
const TAB = 0x09;
const LINE_FEED = 0x0a;
const CARRIAGE_RETURN = 0x0d;
const QUOTE = 0x22;
const COMMA = 0x2c;
const OPEN_BRACKET = 0x5b;
const BACKSLASH = 0x5c;
const CLOSE_BRACKET = 0x5d;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
