import type { Readable } from "node:stream";
import { HotpathError } from "../../errors.ts";
import type { ListSplitter } from "./list-splitter.ts";
import { commonKeys, parseJson, sorted, unlike } from "./payload.ts";

/** Some rows of a long content, as a JSON list. */
export interface Batch {
  readonly text: string;
  /** The members of every object, the same in all batches; null where `columns` says what counts. */
  readonly keys: readonly string[] | null;
}

export interface BatchOptions {
  readonly splitter: ListSplitter;
  readonly namesColumns: boolean;
  /** A longer row is refused: it has to be held as a whole. */
  readonly maxRowBytes: number;
}

/**
 * Reads content whose beginning has been read, one batch after another. What is under way is bounded: the stream is read no further than
 * for the next batch.
 *
 * @throws DialectError PGRST102, HotpathError HP_BODY_TOO_LARGE, and what the stream fails with.
 */
export async function* readBatches(begun: Buffer, rest: Readable, options: BatchOptions): AsyncGenerator<Batch, void> {
  const { splitter, maxRowBytes } = options;
  const toBatch = createBatch(options);
  const refuseLongRow = (): void => {
    if (splitter.pendingBytes <= maxRowBytes) return;
    throw new HotpathError("HP_BODY_TOO_LARGE", `A row has more than ${maxRowBytes} bytes.`);
  };
  for (const text of splitter.push(begun)) yield toBatch(text);
  refuseLongRow();
  for await (const chunk of rest) {
    for (const text of splitter.push(chunk as Buffer)) yield toBatch(text);
    refuseLongRow();
  }
  for (const text of splitter.end()) yield toBatch(text);
}

function createBatch({ splitter, namesColumns }: BatchOptions): (text: string) => Batch {
  let expected: string | undefined;
  return (text) => {
    if (splitter.names !== undefined) return { text, keys: sorted(splitter.names) };
    if (namesColumns) return { text, keys: null };
    const list = parseJson(text) as readonly unknown[];
    const keys = list.length === 0 ? [] : commonKeys(list);
    const found = JSON.stringify(keys);
    expected ??= found;
    if (found !== expected) throw unlike();
    return { text, keys };
  };
}
