import type { RelationName } from "../catalog/types.ts";
import type { OperandUse } from "./query-string.ts";

/** Where a parameter of a compiled statement takes its text from. */
export type Slot =
  | { readonly kind: "constant"; readonly text: string | null }
  /** The operand of the request's parameter at this place. */
  | { readonly kind: "operand"; readonly parameter: number; readonly use: OperandUse }
  /** What all of these parameters of the request supply, as an array of texts. */
  | { readonly kind: "operands"; readonly parameters: readonly number[] }
  /** The request's content. */
  | { readonly kind: "content" }
  /** The cursor's value at this place. */
  | { readonly kind: "cursor"; readonly index: number }
  /** The content of the request as a whole. */
  | { readonly kind: "content" }
  /** What the content has for the column at this place of those that are written. */
  | { readonly kind: "member"; readonly index: number };

/** Collects the parameters of one statement. Texts of a request reach SQL through `bind` alone. */
export interface SqlWriter {
  /** Adds a parameter and answers its placeholder. */
  bind(slot: Slot): string;
  /** The SQL of a type that a cast named, or throws 42704 when the database has none. */
  typeName(cast: string): string;
  readonly slots: readonly Slot[];
}

/** @param types SQL names of the types that casts of this request name; undefined where there is none. */
export function createSqlWriter(types: ReadonlyMap<string, string>, unknownType: (cast: string) => Error): SqlWriter {
  const slots: Slot[] = [];
  return {
    slots,
    bind: (slot) => `$${slots.push(slot)}`,
    typeName(cast) {
      const name = types.get(cast);
      if (name === undefined) throw unknownType(cast);
      return name;
    },
  };
}

/** A quoted identifier. */
export function identifier(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

/** A quoted name, qualified where a schema is given. */
export function qualified(name: { readonly schema?: string; readonly name: string } | RelationName): string {
  return name.schema === undefined ? identifier(name.name) : `${identifier(name.schema)}.${identifier(name.name)}`;
}
