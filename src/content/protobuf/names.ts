import { createHash } from "node:crypto";
import { FIRST_RESERVED, LAST_RESERVED } from "./schema.ts";

/** A name as a field of a message: its own where that is an identifier. */
export function fieldName(name: string): string {
  const plain = toIdentifier(name);
  return /^[A-Za-z_]/.test(plain) ? plain : `f_${plain}`;
}

/** A name as that of a message: `order_items` is `OrderItems`. */
export function messageName(name: string): string {
  const words = toIdentifier(name)
    .split("_")
    .filter((word) => word !== "");
  const joined = words.map((word) => word.charAt(0).toUpperCase() + word.slice(1)).join("");
  return /^[A-Z]/.test(joined) ? joined : `M${joined}`;
}

/** A label as the value of an enum, which are unique within a file and so begin with the enum's name. */
export function enumValueName(enumName: string, label: string): string {
  return `${constantName(enumName)}_${constantName(toIdentifier(label)) || "EMPTY"}`;
}

/** `OrderStatus` and `orderStatus` are `ORDER_STATUS`. */
export function constantName(name: string): string {
  return name.replaceAll(/([a-z\d])([A-Z])/g, "$1_$2").toUpperCase();
}

/** A name as part of a package. */
export function packagePart(name: string): string {
  const plain = toIdentifier(name).toLowerCase();
  return /^[a-z_]/.test(plain) ? plain : `p_${plain}`;
}

/** Names that are taken, compared as Protocol Buffers does: `user_id` and `userId` are one in JSON. */
export class TakenNames {
  readonly #taken = new Set<string>();

  /** The name, or one made of it that nobody has. */
  take(name: string, suffix = "2"): string {
    let free = name;
    for (let number = 0; this.#taken.has(folded(free)); number++) {
      free = number === 0 ? `${name}_${suffix}` : `${name}_${suffix}_${number + 1}`;
    }
    this.#taken.add(folded(free));
    return free;
  }
}

/**
 * A field number that follows from a name alone, so that it is the same whatever else a message has: between those of columns and
 * those whose tags take five bytes. Two names get the same one in a million; then `isTaken` has the second try again.
 */
export function numberOf(name: string, isTaken: (number: number) => boolean): number {
  for (let attempt = 0; ; attempt++) {
    const hash = createHash("sha256").update(`${attempt}\0${name}`).digest().readUInt32BE(0);
    const number = FIRST_NAMED + (hash % (LAST_NAMED - FIRST_NAMED + 1));
    if (!isTaken(number)) return number;
  }
}

const FIRST_NAMED = LAST_RESERVED + 1;
/** The last whose tag takes four bytes. */
const LAST_NAMED = 2 ** 25 - 1;

/** Whether a field may have that number. */
export function isFieldNumber(number: number): boolean {
  return number > 0 && (number < FIRST_RESERVED || number > LAST_RESERVED);
}

function folded(name: string): string {
  return name.replaceAll("_", "").toLowerCase();
}

/** Accents go, other characters become underscores. */
function toIdentifier(name: string): string {
  return name
    .normalize("NFKD")
    .replaceAll(/\p{M}/gu, "")
    .replaceAll(/[^A-Za-z0-9_]/g, "_");
}
