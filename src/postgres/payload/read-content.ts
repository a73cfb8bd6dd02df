import type { Readable } from "node:stream";
import type { ContentBeginning, HttpRequest } from "../../http/message.ts";

type WithContent = Pick<HttpRequest, "body" | "takeContent">;

/** The whole content of a request, whose length the listener bounds. Rejects as the stream fails. */
export async function readContent(request: WithContent): Promise<Buffer> {
  return (await readBeginning(request, Infinity)).bytes;
}

/** Reads a request's content up to a limit, or a little beyond it; what goes on is in its `body`. Rejects as the stream fails. */
export function readBeginning(request: WithContent, maxBytes: number): Promise<ContentBeginning> {
  return request.takeContent?.(maxBytes) ?? fromStream(request.body, maxBytes);
}

function fromStream(body: Readable, maxBytes: number): Promise<ContentBeginning> {
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
