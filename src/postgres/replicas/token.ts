import { createHash } from "node:crypto";
import { crc32 } from "node:zlib";
import type { Position } from "./position.ts";

/**
 * A position as clients carry it in `Consistency-Token`: opaque to them, not secret, and not signed, since a forged one can only have its
 * own sender's reads answered by the primary.
 *
 * 23 bytes as base64url: version (1), cluster (6), timeline (4), log position (8), CRC-32 of these (4). The last tells a token that was cut
 * or mistyped from one of another cluster.
 */
const VERSION = 1;
const LENGTH = 23;
const CHECKED_LENGTH = 19;
const CLUSTER_LENGTH = 6;
/** Of later versions too: what is longer, or begins otherwise, was never a token. */
const MAX_TEXT = 128;
const MAX_VERSION = 15;

/** What a client's token says. `foreign`: it may be a token, but of a version of ours that this one cannot read. */
export type ParsedToken = Position | "foreign" | undefined;

export function formatToken({ cluster, timeline, lsn }: Position): string {
  const bytes = Buffer.alloc(LENGTH);
  bytes.writeUInt8(VERSION, 0);
  bytes.write(cluster, 1, CLUSTER_LENGTH, "hex");
  bytes.writeUInt32BE(timeline, 7);
  bytes.writeBigUInt64BE(lsn, 11);
  bytes.writeUInt32BE(crc32(bytes.subarray(0, CHECKED_LENGTH)), CHECKED_LENGTH);
  return bytes.toString("base64url");
}

/** Reads a token; `undefined` for what is none. */
export function parseToken(text: string): ParsedToken {
  if (text.length > MAX_TEXT || !/^[A-Za-z0-9_-]+$/.test(text)) return undefined;
  const bytes = Buffer.from(text, "base64url");
  const version = bytes[0];
  if (version === undefined || version === 0 || version > MAX_VERSION) return undefined;
  if (version !== VERSION) return "foreign";
  if (bytes.length !== LENGTH || bytes.toString("base64url") !== text) return undefined;
  if (bytes.readUInt32BE(CHECKED_LENGTH) !== crc32(bytes.subarray(0, CHECKED_LENGTH))) return undefined;
  const timeline = bytes.readUInt32BE(7);
  if (timeline === 0) return undefined;
  return { cluster: bytes.toString("hex", 1, 1 + CLUSTER_LENGTH), timeline, lsn: bytes.readBigUInt64BE(11) };
}

/** What tells clusters apart in tokens. A hash, since the identifier itself holds the time at which the cluster was made. */
export function clusterOf(systemIdentifier: string): string {
  return createHash("sha256")
    .update(systemIdentifier)
    .digest("hex")
    .slice(0, 2 * CLUSTER_LENGTH);
}
