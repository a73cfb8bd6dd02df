import { parseLsn } from "../replicas/index.ts";

/**
 * A position in the write-ahead log, as a number: exact up to 2^53, which is eight million gigabytes of log. Positions compare as
 * numbers do.
 */
export type Lsn = number;

/** Before every position; what the protocol calls invalid. */
export const NO_LSN: Lsn = 0;

/** Reads PostgreSQL's spelling, two hexadecimal halves: `16/B374D848`. */
export function toLsn(text: string): Lsn {
  return Number(parseLsn(text));
}

/** Reads the protocol's eight bytes. */
export function readLsn(bytes: Buffer, offset: number): Lsn {
  return Number(bytes.readBigUInt64BE(offset));
}

export function writeLsn(bytes: Buffer, lsn: Lsn, offset: number): void {
  bytes.writeBigUInt64BE(BigInt(lsn), offset);
}
