/**
 * Writes the wire format into a buffer that grows (Protocol Buffers, "Encoding"). What is written often is written here byte by byte:
 * calls into the runtime cost more than a short value does.
 */
export class ByteWriter {
  bytes: Buffer;
  at = 0;

  constructor(size = FIRST_SIZE) {
    this.bytes = Buffer.allocUnsafeSlow(size);
  }

  /** Makes room for what is written next. */
  reserve(size: number): void {
    if (this.at + size > this.bytes.length) this.#grow(size);
  }

  /** A copy of what was written; the writer begins anew. A buffer that one large message needed is let go. */
  take(): Buffer {
    const taken = Buffer.allocUnsafeSlow(this.at);
    this.bytes.copy(taken, 0, 0, this.at);
    this.at = 0;
    if (this.bytes.length > LARGEST_KEPT) this.bytes = Buffer.allocUnsafeSlow(FIRST_SIZE);
    return taken;
  }

  /** @param value from 0 to 2^32-1; needs 5 bytes of room. */
  varint(value: number): void {
    const { bytes } = this;
    let at = this.at;
    let rest = value;
    while (rest > 0x7f) {
      bytes[at++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    bytes[at++] = rest;
    this.at = at;
  }

  /** A number of 64 bits in two halves, in two's complement; needs 10 bytes of room. */
  varint64(high: number, low: number): void {
    const { bytes } = this;
    let at = this.at;
    let lowRest = low >>> 0;
    let highRest = high >>> 0;
    while (highRest !== 0) {
      bytes[at++] = (lowRest & 0x7f) | 0x80;
      lowRest = ((lowRest >>> 7) | (highRest << 25)) >>> 0;
      highRest >>>= 7;
    }
    while (lowRest > 0x7f) {
      bytes[at++] = (lowRest & 0x7f) | 0x80;
      lowRest >>>= 7;
    }
    bytes[at++] = lowRest;
    this.at = at;
  }

  /** A number of 32 bits with a sign; needs 10 bytes of room. */
  int32(value: number): void {
    if (value >= 0) this.varint(value);
    else this.varint64(-1, value);
  }

  int64(value: bigint): void {
    const bits = BigInt.asUintN(64, value);
    this.varint64(Number(bits >> 32n), Number(bits & 0xffff_ffffn));
  }

  /** Copies bytes; needs their room. */
  copy(from: Buffer, begin: number, end: number): void {
    const { bytes } = this;
    let at = this.at;
    if (end - begin > COPIED_BY_HAND) {
      from.copy(bytes, at, begin, end);
      at += end - begin;
    } else {
      for (let index = begin; index < end; index++) bytes[at++] = from[index] ?? 0;
    }
    this.at = at;
  }

  /** A text with its length. */
  text(value: string): void {
    const length = Buffer.byteLength(value);
    this.reserve(length + 5);
    this.varint(length);
    this.at += this.bytes.write(value, this.at);
  }

  /** Bytes with their length. */
  blob(value: Uint8Array): void {
    this.reserve(value.length + 5);
    this.varint(value.length);
    this.bytes.set(value, this.at);
    this.at += value.length;
  }

  /** Begins something whose length comes before it, in as many bytes as it is likely to take. Answers what `end` needs. */
  begin(width: number): number {
    this.reserve(5);
    this.at += width;
    return this.at;
  }

  /** Puts the length before what was written since. Answers the bytes that it took. */
  end(begun: number, width: number): number {
    const length = this.at - begun;
    const needed = length < 0x80 ? 1 : length < 0x4000 ? 2 : length < 0x20_0000 ? 3 : length < 0x1000_0000 ? 4 : 5;
    if (needed !== width) {
      this.reserve(5);
      this.bytes.copyWithin(begun - width + needed, begun, this.at);
    }
    this.at = begun - width;
    this.varint(length);
    this.at += length;
    return needed;
  }

  #grow(size: number): void {
    const grown = Buffer.allocUnsafeSlow(Math.max(this.bytes.length * 2, this.at + size));
    this.bytes.copy(grown, 0, 0, this.at);
    this.bytes = grown;
  }
}

const FIRST_SIZE = 32 * 1024;
const LARGEST_KEPT = 1024 * 1024;
const COPIED_BY_HAND = 40;

/** A field's number and how its value is written, as they stand before it. */
export function tagOf(number: number, wireType: number): number {
  return ((number << 3) | wireType) >>> 0;
}
