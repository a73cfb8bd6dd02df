import type { Readable } from "node:stream";
import type { Source, SourceReply } from "../api/source.ts";
import type { SourceRequest } from "../api/source-request.ts";
import { toEndedReply } from "../http/ended.ts";
import { withoutHopByHop } from "../http/hop-by-hop.ts";
import type { LimitOptions } from "../api/limit-policies.ts";
import type { ServerOptions } from "../api/option-types.ts";
import { type Api, defineApi } from "../server/define-api.ts";

/** What stands around an application: options of the server, and limits. */
export interface AroundOptions extends ServerOptions {
  /** Rate limits; every request is counted under each that concerns it. */
  readonly limits?: readonly LimitOptions[] | undefined;
}

/** Has the application's own handlers answer a request. */
export type Dispatch = (request: SourceRequest) => Promise<SourceReply>;

/** An API whose one source is an application: its replies are kept and compressed as their fields say. */
export function defineAround({ limits, ...options }: AroundOptions, dispatch: Dispatch): Api {
  const resolve = async (request: SourceRequest): Promise<SourceReply> => {
    try {
      return await dispatch(request);
    } catch (error) {
      const ended = toEndedReply(request.signal);
      if (ended !== undefined) return ended;
      throw error;
    }
  };
  const source: Source = { name: "application", isGateway: true, resolve };
  return defineApi({ ...options, limits, sources: { "/": source } });
}

/** The fields of a request as the application gets them: what it would code itself is coded behind it, once for all. */
export function innerHeaders({ headers }: SourceRequest): Record<string, string | string[]> {
  const { "accept-encoding": _codings, ...others } = withoutHopByHop(headers);
  const length = headers["transfer-encoding"];
  // Whether content follows is read off this field.
  if (length !== undefined) others["transfer-encoding"] = length;
  return others;
}

/**
 * The content of a reply as bytes where all of it is there at once, as with most; else the stream. What is at hand gets a validator, and
 * can be compressed by its length.
 */
export async function wholeOrStream(body: Readable): Promise<Uint8Array | Readable> {
  const chunks: Buffer[] = [];
  const take = (): number => {
    let length = 0;
    for (let chunk: unknown = body.read(); chunk !== null; chunk = body.read()) {
      const bytes = Buffer.from(chunk as Uint8Array);
      chunks.push(bytes);
      length += bytes.length;
    }
    return length;
  };
  await began(body);
  for (let turn = 0, left = MOST_BYTES; turn < TURNS && left > 0; turn++) {
    left -= take();
    if (body.readableEnded) return Buffer.concat(chunks);
    const { promise, resolve } = Promise.withResolvers<void>();
    setImmediate(resolve);
    await promise;
  }
  take();
  if (body.readableEnded) return Buffer.concat(chunks);
  for (const chunk of chunks.toReversed()) body.unshift(chunk);
  return body;
}

/** Resolves with the first of it, or its end. */
function began(body: Readable): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  if (body.readableLength > 0 || body.readableEnded) resolve();
  body.once("readable", resolve);
  body.once("end", resolve);
  body.once("error", reject);
  return promise.finally(() => {
    body.off("readable", resolve);
    body.off("end", resolve);
    body.off("error", reject);
  });
}

/** Turns of the event loop that what an application says at once may take to arrive. */
const TURNS = 3;
const MOST_BYTES = 256 * 1024;
