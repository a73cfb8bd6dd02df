import { createHash } from "node:crypto";
import { ownBytes } from "../../http/own-bytes.ts";
import type { BytesField, Command, Statement } from "./types.ts";

/** A statement that each connection prepares once, named by a hash of its text. */
export function createStatement(text: string): Statement {
  return { name: `hp_${createHash("sha256").update(text).digest("base64url").slice(0, 32)}`, text };
}

/**
 * The same statement under another name, so that connections prepare it apart: for those whose plans would differ.
 *
 * @param variant 0: the statement itself
 */
export function variantOf(statement: Statement, variant: number): Statement {
  if (variant === 0 || statement.name === "") return statement;
  let known = variants.get(statement);
  if (known === undefined) variants.set(statement, (known = []));
  let other = known[variant];
  if (other === undefined) {
    known[variant] = other = { ...statement, name: `${statement.name}_${variant}` };
    numbers.set(other, variant);
  }
  return other;
}

/** Which variant a statement is. */
export function variantNumber(statement: Statement): number {
  return numbers.get(statement) ?? 0;
}

const variants = new WeakMap<Statement, Statement[]>();
const numbers = new WeakMap<Statement, number>();

/** A statement that is parsed each time it runs. */
export function unnamedStatement(text: string): Statement {
  return { name: "", text };
}

/** What the pool needs to know of a statement, found once. */
export interface StatementTraits {
  /** What a Bind message for it says before its parameters: unnamed portal, name, no parameter formats. */
  readonly bindHead: Uint8Array;
  /** What a Bind message for it says behind its parameters. */
  readonly resultFormats: Uint8Array;
  /** It begins, ends or marks a transaction, or is a COPY: nothing that strangers can share a pipeline with. */
  readonly isExclusive: boolean;
  readonly problem: string | undefined;
  /** How long the server took of late, in milliseconds at the head of a pipeline; moving average. */
  pace: number;
  /** Measurements behind `pace`, as far as they matter. */
  paced: number;
}

/** Quick enough, and known well enough, that others may wait behind it without noticing. */
export function isQuick({ pace, paced }: StatementTraits): boolean {
  return paced >= LEAST_PACED && pace < QUICK_MS;
}

/** Learns from one execution. */
export function learnPace(traits: StatementTraits, elapsedMs: number): void {
  const weight = traits.paced < LEAST_PACED ? 1 / ++traits.paced : PACE_WEIGHT;
  traits.pace += (elapsedMs - traits.pace) * weight;
}

const LEAST_PACED = 8;
const PACE_WEIGHT = 1 / 16;
/** A wake-up of another server process and a packet of its own cost as much. */
const QUICK_MS = 0.5;

const known = new WeakMap<Statement, StatementTraits>();

/** Traits of a statement, remembered for as long as the statement lives. */
export function traitsOf(statement: Statement): StatementTraits {
  let traits = known.get(statement);
  if (traits === undefined) known.set(statement, (traits = inspect(statement)));
  return traits;
}

/** Why commands cannot be sent, or nothing. */
export function problemOf(commands: readonly Command[], shared: boolean): string | undefined {
  for (const { statement, values } of commands) {
    const traits = traitsOf(statement);
    if (traits.problem !== undefined) return traits.problem;
    if (shared && traits.isExclusive) return "Transaction control and COPY need a session of their own.";
    if (values.length > MAX_PARAMETERS) return `A statement takes ${MAX_PARAMETERS} parameters, not ${values.length}.`;
  }
  return undefined;
}

/** The bytes of a Bind message between its length and its parameters. */
export function bindHead(name: string): Uint8Array {
  return ownBytes(Buffer.from(`\0${name}\0\0\0`));
}

/** The bytes of a Bind message behind its parameters: how many formats, and each. */
export function resultFormats(bytes: BytesField | undefined): Uint8Array {
  if (bytes === undefined) return ALL_TEXTS;
  const formats = Buffer.alloc(2 + bytes.of * 2);
  formats.writeUInt16BE(bytes.of, 0);
  formats.writeUInt16BE(BINARY, 2 + bytes.place * 2);
  return ownBytes(formats);
}

const BINARY = 1;
const ALL_TEXTS = new Uint8Array(2);
const MAX_PARAMETERS = 65_535;
const EXCLUSIVE =
  /^(?:\s|--[^\n]*\n|\/\*[^]*?\*\/)*(?:begin|start|commit|end|rollback|abort|savepoint|release|prepare|copy)\b/i;

function inspect({ name, text, bytes }: Statement): StatementTraits {
  let problem: string | undefined;
  if (text.includes("\0") || name.includes("\0")) problem = "SQL text may not contain a zero byte.";
  if (Buffer.byteLength(name) > 63) problem = "A statement's name may have 63 bytes at most.";
  return {
    bindHead: bindHead(name),
    resultFormats: resultFormats(bytes),
    isExclusive: EXCLUSIVE.test(text),
    problem,
    pace: 0,
    paced: 0,
  };
}
