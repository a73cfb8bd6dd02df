import { createHash } from "node:crypto";
import type { Position } from "./position.ts";

/**
 * A position as clients carry it in `Consistency-Token`: opaque to them, not secret, and not signed, since a forged one can only have its
 * own sender's reads answered by the primary.
 *
 * 21 bytes as base64url: version (1), cluster (6), timeline (4), log position (8), check (2). The check tells a token that was cut or
 * mistyped from one of another cluster.
 */
const VERSION = 1;
const LENGTH = 21;
const CLUSTER_LENGTH = 6;
/** Of later versions too: what is longer was never a token. */
const MAX_TEXT = 128;
const MAX_TIMELINE = 0xffffffff;

/** What a client's token says. `foreign`: it may be a token, but of a version of ours that this one cannot read. */
export type ParsedToken = Position | "foreign" | undefined;

export function formatToken({ cluster, timeline, lsn }: Position): string {
  const bytes = Buffer.alloc(LENGTH);
  bytes.writeUInt8(VERSION, 0);
  bytes.write(cluster, 1, CLUSTER_LENGTH, "hex");
  bytes.writeUInt32BE(timeline, 7);
  bytes.writeBigUInt64BE(lsn, 11);
  bytes.writeUInt16BE(checkOf(bytes), 19);
  return bytes.toString("base64url");
}

/** Reads a token; `undefined` for what is none. */
export function parseToken(text: string): ParsedToken {
  if (text.length > MAX_TEXT || !/^[A-Za-z0-9_-]+$/.test(text)) return undefined;
  const bytes = Buffer.from(text, "base64url");
  const version = bytes[0];
  if (version === undefined || version === 0) return undefined;
  if (version !== VERSION) return "foreign";
  if (bytes.length !== LENGTH || bytes.readUInt16BE(19) !== checkOf(bytes)) return undefined;
  const timeline = bytes.readUInt32BE(7);
  if (timeline === 0 || timeline > MAX_TIMELINE) return undefined;
  return { cluster: bytes.toString("hex", 1, 1 + CLUSTER_LENGTH), timeline, lsn: bytes.readBigUInt64BE(11) };
}

/** What tells clusters apart in tokens. A hash, since the identifier itself holds the time at which the cluster was made. */
export function clusterOf(systemIdentifier: string): string {
  return createHash("sha256")
    .update(systemIdentifier)
    .digest("hex")
    .slice(0, 2 * CLUSTER_LENGTH);
}

/** Fletcher's checksum of what comes before it (RFC 1146, Appendix I, the 8-bit one). */
function checkOf(bytes: Buffer): number {
  let [low, high] = [0, 0];
  for (let at = 0; at < LENGTH - 2; at++) {
    low = (low + bytes[at]!) % 255;
    high = (high + low) % 255;
  }
  return (high << 8) | low;
}
