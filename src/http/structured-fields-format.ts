import type { BareItem, InnerList, Item, Member, Parameters } from "./structured-fields.ts";

/** Writes an Item (RFC 9651 section 4.1); `undefined` when a value cannot be written. */
export function formatItem(item: Item): string | undefined {
  return formatOrNothing(() => writeItem(item));
}

/** Writes a List; `undefined` when a value cannot be written. The empty list must not be sent as a field. */
export function formatList(members: readonly Member[]): string | undefined {
  return formatOrNothing(() => members.map(writeMember).join(", "));
}

/** Writes a Dictionary; `undefined` when a key or value cannot be written. The empty one must not be sent as a field. */
export function formatDictionary(members: ReadonlyMap<string, Member>): string | undefined {
  return formatOrNothing(() => {
    const parts: string[] = [];
    for (const [key, member] of members) {
      const isTrue = "item" in member && member.item.kind === "boolean" && member.item.value;
      parts.push(writeKey(key) + (isTrue ? writeParameters(member.parameters) : `=${writeMember(member)}`));
    }
    return parts.join(", ");
  });
}

const UNWRITABLE = new Error("no structured field can hold this");

function formatOrNothing(write: () => string): string | undefined {
  try {
    return write();
  } catch (error) {
    if (error === UNWRITABLE) return undefined;
    throw error;
  }
}

function writeMember(member: Member): string {
  return "item" in member ? writeItem(member) : writeInnerList(member);
}

function writeItem({ item, parameters }: Item): string {
  return writeBareItem(item) + writeParameters(parameters);
}

function writeInnerList({ items, parameters }: InnerList): string {
  return `(${items.map(writeItem).join(" ")})${writeParameters(parameters)}`;
}

function writeParameters(parameters: Parameters): string {
  let text = "";
  for (const [key, value] of parameters) {
    text += `;${writeKey(key)}`;
    if (value.kind !== "boolean" || !value.value) text += `=${writeBareItem(value)}`;
  }
  return text;
}

function writeKey(key: string): string {
  return require(/^[a-z*][a-z0-9_\-.*]*$/.test(key), key);
}

function writeBareItem(item: BareItem): string {
  switch (item.kind) {
    case "integer":
      return writeInteger(item.value);
    case "date":
      return `@${writeInteger(item.value)}`;
    case "decimal":
      return writeDecimal(item.value);
    case "string":
      return require(/^[\x20-\x7e]*$/.test(item.value), `"${item.value.replace(/["\\]/g, "\\$&")}"`);
    case "token":
      return require(/^[A-Za-z*][!#$%&'*+\-.^_`|~0-9A-Za-z:/]*$/.test(item.value), item.value);
    case "bytes":
      return `:${Buffer.from(item.value).toString("base64")}:`;
    case "boolean":
      return item.value ? "?1" : "?0";
    default:
      return writeDisplayString(item.value);
  }
}

function writeInteger(value: number): string {
  return require(Number.isInteger(value) && Math.abs(value) < 1e15, String(value === 0 ? 0 : value));
}

/** Rounded to three digits, the even one where two are as near (section 4.1.5). */
function writeDecimal(value: number): string {
  const scaled = value * 1000;
  const below = Math.floor(scaled);
  const rounded = scaled - below === 0.5 ? (below % 2 === 0 ? below : below + 1) : Math.round(scaled);
  require(Number.isFinite(value) && Math.abs(rounded) < 1e15, "");
  const [whole = "0", fraction = ""] = (Math.abs(rounded) / 1000).toFixed(3).split(".");
  return `${rounded < 0 ? "-" : ""}${whole}.${fraction.replace(/0{1,2}$/, "")}`;
}

function writeDisplayString(value: string): string {
  require(value.isWellFormed(), "");
  let text = '%"';
  for (const byte of Buffer.from(value)) {
    const isPlain = byte >= 0x20 && byte < 0x7f && byte !== 0x25 && byte !== 0x22;
    text += isPlain ? String.fromCharCode(byte) : `%${byte.toString(16).padStart(2, "0")}`;
  }
  return `${text}"`;
}

function require(isWritable: boolean, text: string): string {
  if (!isWritable) throw UNWRITABLE;
  return text;
}
