import type { Readable } from "node:stream";

/** The whole content of a request, whose length the listener bounds. Rejects as the stream fails. */
export async function readContent(body: Readable): Promise<Buffer> {
  return (await readBeginning(body, Infinity)).bytes;
}

/** The beginning of a request's content, which is all of it unless it goes on. */
export interface ContentBeginning {
  readonly bytes: Buffer;
  /** There is more to be read from the stream, which is paused. */
  readonly goesOn: boolean;
}

/** Reads a request's content up to a limit, or a little beyond it. Rejects as the stream fails. */
export function readBeginning(body: Readable, maxBytes: number): Promise<ContentBeginning> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let length = 0;
    const finish = (goesOn: boolean): void => {
      body.off("data", take).off("error", reject).off("end", end);
      resolve({ bytes: chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks), goesOn });
    };
    const take = (chunk: Buffer): void => {
      chunks.push(chunk);
      length += chunk.length;
      if (length <= maxBytes) return;
      body.pause();
      finish(true);
    };
    const end = (): void => finish(false);
    body.on("data", take).once("error", reject).once("end", end);
  });
}
