import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { isCompressible } from "../../content/compression/index.ts";
import { isStatement } from "../trace/statement.ts";
import type { EndedTrace } from "../trace/ended-trace.ts";
import type { Detector } from "./advice.ts";

const LARGE_ROWS_BYTES = 256 * 1024;
/** From so many bytes on compressing is worth advice. */
const WORTH_COMPRESSING_BYTES = 16 * 1024;
/** So much of a reply is compressed to tell what that would save. */
const TRIED_BYTES = 1024 * 1024;
const MAX_ROUTES = 500;

/** Finds rows in large replies without pages. */
export const watchSizes: Detector = {
  look({ trace, isPaged }, note) {
    const { contentBytes: bytes } = trace;
    if (bytes < LARGE_ROWS_BYTES || isPaged || !trace.spans.some(isStatement)) return;
    const todo = "Page it: limit=100 and the Link to the next page, or select= fewer columns; or set maxRows.";
    note({ kind: "large reply", ms: trace.ms, seen: `${kibibytes(bytes)} in one reply`, todo });
  },
};

/** What is known of a route's large replies. */
interface Coding {
  /** One of them was compressed: whoever asks for it gets it. */
  isUsed: boolean;
  /** What gzip made of one of them, once that was tried. */
  gzipped: string;
}

/** Finds large replies of which none is ever compressed. */
export function createCompressionWatch(isOffered: boolean): Detector {
  const byRoute = new Map<string, Coding>();
  return {
    look(ended, note, withdraw) {
      const { route, status, reply } = ended;
      const { contentBytes: bytes } = ended.trace;
      const { headers = {}, body } = reply;
      if (status !== 200 && status !== 206) return;
      const isCoded = headers["content-encoding"] !== undefined;
      const type = headers["content-type"];
      if (!isCoded && (bytes < WORTH_COMPRESSING_BYTES || typeof type !== "string" || !isCompressible(type))) return;
      let coding = byRoute.get(route);
      if (coding?.isUsed === true) return;
      if (coding === undefined) {
        if (byRoute.size >= MAX_ROUTES) return;
        byRoute.set(route, (coding = { isUsed: isCoded, gzipped: "" }));
        if (!isCoded) void tryGzip(coding, body);
      }
      if (isCoded) {
        coding.isUsed = true;
        withdraw("never compressed");
        return;
      }
      note({
        kind: "never compressed",
        ms: 0,
        seen: `${kibibytes(bytes)} sent as they are${coding.gzipped}`,
        todo: adviseCoding(ended, isOffered),
      });
    },
  };
}

function adviseCoding({ request, reply }: EndedTrace, isOffered: boolean): string {
  if (!isOffered) return "Switch compression on: compression.enabled.";
  if (request.headers["accept-encoding"] === undefined) {
    return "Its clients do not ask for it: have them send Accept-Encoding: gzip, br or zstd (curl --compressed; fetch does by itself).";
  }
  const cacheControl = String(reply.headers?.["cache-control"] ?? "");
  if (/\bno-transform\b/i.test(cacheControl)) return "Take no-transform out of its Cache-Control.";
  return "Its clients accept no coding that is offered: gzip, br or zstd in Accept-Encoding.";
}

async function tryGzip(coding: Coding, body: EndedTrace["reply"]["body"]): Promise<void> {
  if (typeof body !== "string" && !(body instanceof Uint8Array)) return;
  const sample = Buffer.from(body.slice(0, TRIED_BYTES));
  const small = await compress(sample, { level: 1 }).catch(() => undefined);
  if (small !== undefined) coding.gzipped = `; gzip makes ${kibibytes(small.length)} of ${kibibytes(sample.length)}`;
}

const compress = promisify(gzip);

function kibibytes(bytes: number): string {
  return `${Math.max(1, Math.round(bytes / 1024))} KiB`;
}
