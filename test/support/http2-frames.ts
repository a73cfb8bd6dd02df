/** HTTP/2 frames as bytes (RFC 9113 section 4), also such as no library would write. */

export const PREFACE = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

export const FLAGS = { none: 0, endStream: 0x1, ack: 0x1, endHeaders: 0x4 } as const;

const TYPES = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  push: 5,
  ping: 6,
  goaway: 7,
  windowUpdate: 8,
  continuation: 9,
  unknown: 0xfa,
} as const;

/** One frame. */
export function frame(type: keyof typeof TYPES, flags: number, stream: number, payload: Buffer = EMPTY): Buffer {
  const head = Buffer.alloc(9);
  head.writeUIntBE(payload.length, 0, 3);
  head.writeUInt8(TYPES[type], 3);
  head.writeUInt8(flags, 4);
  head.writeUInt32BE(stream, 5);
  return Buffer.concat([head, payload]);
}

/** A number of four bytes. */
export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

/** A SETTINGS frame. */
export function settings(values: readonly (readonly [id: number, value: number])[] = []): Buffer {
  const payload = Buffer.concat(values.map(([id, value]) => Buffer.concat([Buffer.from([0, id]), uint32(value)])));
  return frame("settings", FLAGS.none, 0, payload);
}

/** Header fields as literals without indexing (RFC 7541 section 6.2.2). */
export function literals(fields: readonly (readonly [name: string, value: string])[]): Buffer {
  return Buffer.concat(fields.flatMap(([name, value]) => [Buffer.from([0]), text(name), text(value)]));
}

/** A field that is added to the table, for `REFERENCE` to repeat (RFC 7541 section 6.2.1). */
export function indexed(name: string, value: string): Buffer {
  return Buffer.concat([Buffer.from([0x40]), text(name), text(value)]);
}

/** The newest field of the table (RFC 7541 section 6.1): one byte that means all of it. */
export const REFERENCE = Buffer.from([0x80 | 62]);

/** The fields of a request. */
export function requestFields(method: string, path: string): Buffer {
  return literals([
    [":method", method],
    [":scheme", "http"],
    [":authority", "a"],
    [":path", path],
  ]);
}

function text(value: string): Buffer {
  const bytes = Buffer.from(value, "latin1");
  return Buffer.concat([integer(bytes.length), bytes]);
}

/** A length, in an eight-bit prefix of which the first bit is taken (RFC 7541 section 5.1). */
function integer(value: number): Buffer {
  if (value < 127) return Buffer.from([value]);
  const bytes = [127];
  let rest = value - 127;
  for (; rest >= 128; rest >>= 7) bytes.push((rest & 127) | 128);
  bytes.push(rest);
  return Buffer.from(bytes);
}

const EMPTY = Buffer.alloc(0);
