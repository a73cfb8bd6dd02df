import { wireFields } from "../../content/protobuf/fields.ts";
import { HotpathError } from "../../errors.ts";
import type { Relationship } from "../catalog/types.ts";
import type { RowMessage } from "./row-message.ts";

/** The paths of a `google.protobuf.FieldMask`. */
export function maskPaths(bytes: Buffer): readonly string[] {
  const paths: string[] = [];
  for (const { number, wireType, bytes: path } of wireFields(bytes)) {
    if (number === 1 && wireType === 2) paths.push(path.toString("utf8"));
  }
  return paths;
}

/**
 * A field mask as `select` has it: `id`, `orders.total` and `orders.id` are `id,orders(total,id)`. An embed alone means all of its columns.
 *
 * @throws HotpathError HP_FIELDS_INVALID for what the message has not.
 */
export function selectOf(paths: readonly string[], message: RowMessage): string {
  const own: string[] = [];
  const below = new Map<string, string[]>();
  for (const path of paths) {
    const [name = "", ...rest] = path.split(".");
    if (rest.length > 0 || isEmbed(message, name)) {
      const inner = below.get(name);
      const more = rest.length === 0 ? [] : [rest.join(".")];
      if (inner === undefined) below.set(name, more);
      else inner.push(...more);
    } else {
      own.push(quoted(columnOf(message, name)));
    }
  }
  const embeds = [...below].map(([name, inner]) => {
    const [relationship, embed] = embedOf(message, name);
    return `${embedText(relationship)}(${inner.length === 0 ? "*" : selectOf(inner, embed.message())})`;
  });
  return [...own, ...embeds].join(",");
}

/** The columns that a mask names. */
export function maskedColumns(paths: readonly string[], message: RowMessage): readonly string[] {
  return paths.map((path) => columnOf(message, path));
}

function isEmbed({ embeds }: RowMessage, name: string): boolean {
  return [...embeds.values()].some(({ field }) => field.name === name || field.key === name);
}

function embedOf(message: RowMessage, name: string) {
  const found = [...message.embeds].find(([, { field }]) => field.name === name || field.key === name);
  if (found === undefined) throw unknownField(message, name);
  return found;
}

/** By its name in the message, or as it is called. */
function columnOf(message: RowMessage, name: string): string {
  if (message.columns.has(name) || message.computed.has(name)) return name;
  const all = [...message.columns, ...message.computed];
  const found = all.find(([, { field, exact }]) => field.name === name || exact?.name === name);
  if (found === undefined) throw unknownField(message, name);
  return found[0];
}

/** What the dialect takes for just this relationship. */
function embedText(relationship: Relationship): string {
  if (relationship.kind === "computed") return quoted(relationship.function.name);
  const { to, isSelf, cardinality, columns, constraint, junction } = relationship;
  const [[from, target] = []] = columns;
  if (isSelf) {
    if (cardinality === "many-to-one") return quoted(from ?? to.name);
    return target === undefined ? quoted(to.name) : `${quoted(to.name)}!${quoted(target)}`;
  }
  return `${quoted(to.name)}!${quoted(junction?.name ?? constraint)}`;
}

/** A name as the dialect's grammar takes any. */
export function quoted(name: string): string {
  return `"${name.replaceAll("\\", "\\\\").replaceAll('"', '\\"')}"`;
}

function unknownField({ type }: RowMessage, name: string): HotpathError {
  return new HotpathError("HP_FIELDS_INVALID", `The message ${type.name} has no field ${name}.`, {
    todo: "Name fields as /schema.proto does.",
  });
}
