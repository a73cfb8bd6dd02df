import { HotpathError } from "../../errors.ts";

/** One field of a message as it stands in its bytes. */
export interface WireField {
  readonly number: number;
  /** 0 varint, 1 eight bytes, 2 with a length, 5 four bytes. */
  readonly wireType: number;
  /** Of a varint its 64 bits, else 0. */
  readonly bits: bigint;
  /** What is not a varint. */
  readonly bytes: Buffer;
  /** Where the next field begins. */
  readonly end: number;
}

/**
 * The fields of a message in their order.
 *
 * @throws HotpathError HP_MESSAGE_INVALID where the bytes end too soon, or are no message.
 */
export function* wireFields(bytes: Buffer): Generator<WireField, void> {
  let at = 0;
  while (at < bytes.length) {
    const tag = readVarint(bytes, at);
    at = tag.end;
    const number = Number(tag.bits >> 3n);
    const wireType = Number(tag.bits & 7n);
    if (number === 0 || number > LAST_NUMBER) throw invalidMessage(`it has a field with the number ${number}`);
    switch (wireType) {
      case 0: {
        const { bits, end } = readVarint(bytes, at);
        at = end;
        yield { number, wireType, bits, bytes: NO_BYTES, end };
        break;
      }
      case 1:
      case 2:
      case 5: {
        let length = wireType === 1 ? 8 : 4;
        if (wireType === 2) {
          const given = readVarint(bytes, at);
          at = given.end;
          length = Number(given.bits);
        }
        if (length > bytes.length - at) throw invalidMessage(`it ends within field ${number}`);
        at += length;
        yield { number, wireType, bits: 0n, bytes: bytes.subarray(at - length, at), end: at };
        break;
      }
      default:
        throw invalidMessage(`field ${number} has the wire type ${wireType}, which is not known`);
    }
  }
}

/** A number of 64 bits at most, and where it ends. */
export function readVarint(bytes: Buffer, begin: number): { readonly bits: bigint; readonly end: number } {
  let bits = 0n;
  for (let index = 0; index < LONGEST_VARINT; index++) {
    const byte = bytes[begin + index];
    if (byte === undefined) throw invalidMessage("it ends within a number");
    bits |= BigInt(byte & 0x7f) << BigInt(index * 7);
    if (byte < 0x80) return { bits: BigInt.asUintN(64, bits), end: begin + index + 1 };
  }
  throw invalidMessage("it has a number of more than ten bytes");
}

export function invalidMessage(reason: string): HotpathError {
  return new HotpathError("HP_MESSAGE_INVALID", `The content is not such a message: ${reason}.`);
}

const NO_BYTES = Buffer.alloc(0);
const LONGEST_VARINT = 10;
const LAST_NUMBER = 2 ** 29 - 1;
