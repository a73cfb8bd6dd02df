import type { Duplex } from "node:stream";

/** Whose rows the tap reads. */
export interface TapOwner {
  /** Calls under way that have a field of bytes in their rows. */
  readonly bytesCalls: number;
  /** Place of that field in the rows that come now; -1: all fields are texts. */
  bytesPlace(): number;
  row(fields: readonly (string | null)[]): void;
}

/**
 * Takes rows with a field of bytes out of what pg reads, since pg makes a text of every field. Everything else goes on to pg as it came.
 * The bytes go on as a text with a character for each (Latin-1), so that rows are texts all the way.
 *
 * The stream must be between two messages when the tap is put on.
 */
export function tapBytes(stream: Duplex, owner: TapOwner): void {
  const readers = stream.listeners("data") as ((chunk: Buffer) => void)[];
  stream.removeAllListeners("data");
  const forward = (bytes: Buffer): void => {
    for (const read of readers) read(bytes);
  };
  /** The beginning of a head or of a row of bytes, until all of it is there. */
  let held: Buffer[] = [];
  let heldBytes = 0;
  let neededBytes = 0;
  /** What is still to come of a message that is being forwarded. */
  let passing = 0;

  const hold = (bytes: Buffer, needed: number): void => {
    held = [bytes];
    heldBytes = bytes.length;
    neededBytes = needed;
  };
  stream.on("data", (chunk: Buffer) => {
    let data = chunk;
    if (held.length > 0) {
      held.push(chunk);
      heldBytes += chunk.length;
      if (heldBytes < neededBytes) return;
      data = Buffer.concat(held, heldBytes);
      held = [];
    }
    let at = Math.min(passing, data.length);
    passing -= at;
    let sent = 0;
    while (data.length - at >= HEAD) {
      const end = at + 1 + data.readUInt32BE(at + 1);
      if (data[at] === DATA_ROW && owner.bytesCalls > 0) {
        // Whose row it is shows when what precedes it has been read.
        if (at > sent) forward(data.subarray(sent, at));
        sent = at;
        const place = owner.bytesPlace();
        if (place !== -1) {
          if (end > data.length) return hold(data.subarray(at), end - at);
          owner.row(readRow(data, at + HEAD, place));
          sent = end;
        }
      }
      passing = Math.max(0, end - data.length);
      at = Math.min(end, data.length);
    }
    if (at > sent) forward(sent === 0 && at === data.length ? data : data.subarray(sent, at));
    if (at < data.length) hold(data.subarray(at), HEAD);
  });
}

/** A message's type and length. */
const HEAD = 5;
const DATA_ROW = 0x44;

function readRow(data: Buffer, begin: number, place: number): (string | null)[] {
  const count = data.readUInt16BE(begin);
  const fields: (string | null)[] = [];
  let at = begin + 2;
  for (let field = 0; field < count; field++) {
    const length = data.readInt32BE(at);
    at += 4;
    if (length === -1) {
      fields.push(null);
      continue;
    }
    fields.push(data.toString(field === place ? "latin1" : "utf8", at, at + length));
    at += length;
  }
  return fields;
}
