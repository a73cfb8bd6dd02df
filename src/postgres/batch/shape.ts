import type { Call } from "../pool/call.ts";
import type { Command, CommandResult, Statement } from "../pool/types.ts";
import { variantNumber, variantOf } from "../pool/statement.ts";
import { BatchLimit } from "./limit.ts";
import { type BatchTemplate, batchStatement, type ParameterType } from "./template.ts";
import { arrayText, isPlausible } from "./values.ts";

/** What makes a kind of call. */
export interface ShapeDescription {
  /** Absent: only calls with the same values share a statement. */
  readonly template: BatchTemplate | undefined;
  /** Fields of the answer that concern the whole transaction, and so must be null where several share it. */
  readonly private: readonly number[];
  /** Most calls that share one statement. */
  readonly most: number;
}

/**
 * Calls that differ in the values of their last command alone. Those that wait at the same time, for the same identity, may
 * be answered by one statement.
 */
export class BatchShape {
  readonly limit: BatchLimit;
  readonly #template: BatchTemplate | undefined;
  readonly #private: readonly number[];
  #types: readonly ParameterType[] | undefined;
  #statement: Statement | undefined;
  #isSpoilt = false;
  #isAsking = false;
  #asked = 0;

  constructor({ template, private: fields, most }: ShapeDescription) {
    this.#template = template;
    this.#private = fields;
    this.limit = new BatchLimit(most);
  }

  /** Whether the parameters' types are yet to be asked for, by whoever is told so. */
  beginAsking(): boolean {
    if (this.#template === undefined || this.#isSpoilt || this.#isAsking || this.#asked >= MOST_ASKED) return false;
    this.#isAsking = true;
    this.#asked++;
    return true;
  }

  endAsking(): void {
    this.#isAsking = false;
  }

  /** Different values can be answered by one statement. */
  get isReady(): boolean {
    return this.#statement !== undefined && !this.#isSpoilt;
  }

  /** @throws what is wrong with the types. */
  learnTypes(types: readonly ParameterType[]): void {
    if (this.#template === undefined) return;
    this.#types = types;
    this.#statement = batchStatement(this.#template, types);
  }

  /** Tells calls apart. */
  keyOf(call: Call): string {
    const values = valuesOf(call);
    const varying = this.#template?.varying;
    if (varying?.length === 1) return values[varying[0] ?? 0] ?? "";
    // NUL stands in no value.
    return values.join("\0");
  }

  /** Whether a call's values are unlikely to fail the statement that it would share. */
  isPlausible(call: Call): boolean {
    const values = valuesOf(call);
    const types = this.#types ?? [];
    for (const parameter of this.#template?.varying ?? []) {
      const type = types[parameter];
      if (type === undefined || !isPlausible(type, values[parameter] ?? null)) return false;
    }
    return true;
  }

  /** The command that answers all of them. */
  merge(calls: readonly Call[]): Command {
    const { constants, varying } = this.#template ?? NOTHING;
    const lists = varying.map((parameter) => arrayText(calls.map((call) => valuesOf(call)[parameter] ?? null)));
    if (this.#statement === undefined) throw new Error("a batch without a statement");
    const own = calls[0]?.commands.at(-1)?.statement;
    const statement = own === undefined ? this.#statement : variantOf(this.#statement, variantNumber(own));
    return { statement, values: [...constants, ...lists] };
  }

  /** What each of `count` calls would have been answered; undefined where the answers cannot be told apart. */
  split({ rows }: CommandResult, count: number): readonly CommandResult[] | undefined {
    const results = Array.from({ length: count }, () => NO_ROWS);
    for (const row of rows) {
      if (this.#private.some((field) => row[field] !== null)) {
        this.#isSpoilt = true;
        return undefined;
      }
      results[Number(row.at(-1)) - 1] = { rows: [row], tag: "SELECT 1" };
    }
    return results;
  }
}

/** Values may be such that nothing can be learnt from them; a few others are tried. */
const MOST_ASKED = 3;
const NO_ROWS: CommandResult = { rows: [], tag: "SELECT 0" };
const NOTHING = { constants: [], varying: [] };

function valuesOf(call: Call): readonly (string | null)[] {
  return call.commands.at(-1)?.values ?? [];
}
