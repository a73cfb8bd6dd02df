import { createHash } from "node:crypto";
import type { BytesField, Statement } from "../pool/types.ts";
import { arrayLiteral, bindOperand } from "./query-string.ts";
import type { Slot } from "./sql-text.ts";

/** A statement and where its parameters come from: made once for a request shape, bound for each request. */
export interface Template {
  readonly statement: Statement;
  readonly slots: readonly Slot[];
}

/** What requests of one shape differ in. */
export interface Bindings {
  /** By place of the query parameter; see `shapeOf`. */
  readonly operands: readonly (string | undefined)[];
  readonly cursor: readonly (string | null)[];
  readonly content?: string;
  readonly members?: readonly (string | null)[];
}

/**
 * Equal texts get equal names, so every connection prepares a statement once however many shapes lead to it.
 *
 * @param version the catalog's: a prepared statement keeps the types that its parameters had, also when a column's changes.
 */
export function createTemplate(text: string, slots: readonly Slot[], version = "", bytes?: BytesField): Template {
  const name = `hp_${createHash("sha256").update(version).update(text).digest("base64url").slice(0, 27)}`;
  return { statement: bytes === undefined ? { name, text } : { name, text, bytes }, slots: [...slots] };
}

/** The parameters of one execution, or undefined when an operand is not of the form its shape promises. */
export function bindTemplate(template: Template, bindings: Bindings): readonly (string | null)[] | undefined {
  const values: (string | null)[] = [];
  for (const slot of template.slots) {
    const value = slotText(slot, bindings);
    if (value === undefined) return undefined;
    values.push(value);
  }
  return values;
}

function slotText(slot: Slot, { operands, cursor, content, members }: Bindings): string | null | undefined {
  switch (slot.kind) {
    case "operand": {
      const operand = operands[slot.parameter];
      return operand === undefined ? undefined : bindOperand(operand, slot.use);
    }
    case "constant":
      return slot.text;
    case "operands":
      return arrayLiteral(slot.parameters.map((parameter) => operands[parameter] ?? ""));
    case "cursor":
      return cursor[slot.index];
    case "content":
      return content;
    case "member":
      return members?.[slot.index];
    default:
      return slot satisfies never;
  }
}
