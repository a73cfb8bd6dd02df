import { type Token, tokenize } from "./tokens.ts";

/** A column as a plan names it. */
export interface ColumnName {
  /** Absent: the plan has one table. */
  readonly alias: string | undefined;
  readonly column: string;
}

/** One side of a comparison. */
export type Operand =
  | { readonly kind: "column"; readonly name: ColumnName }
  /** Of columns of one table, and nothing that differs between executions; `sql` names them without the table. */
  | {
      readonly kind: "expression";
      readonly alias: string | undefined;
      readonly sql: string;
      readonly columns: readonly string[];
    }
  /** Whatever can be worked out before the table is read; `columns` are those of other tables. `literal` is SQL of a constant. */
  | { readonly kind: "value"; readonly columns: readonly ColumnName[]; readonly literal: string | undefined }
  | { readonly kind: "other" };

/** A condition of a plan's node, as far as an index may serve it. */
export type Condition =
  | {
      readonly kind: "compare";
      readonly left: Operand;
      readonly operator: string;
      readonly right: Operand;
      readonly isAny: boolean;
    }
  | { readonly kind: "test"; readonly operand: Operand; readonly test: "null" | "not null" | "true" | "false" }
  | { readonly kind: "or"; readonly conditions: readonly Condition[] }
  | { readonly kind: "other" };

/**
 * Reads a condition as PostgreSQL writes it in plans: one that is wholly in parentheses, so that no precedence has to be known
 * (`get_rule_expr` of its ruleutils.c). What is not understood becomes `other`, alone: its neighbours are still read.
 */
export function readConditions(text: string): readonly Condition[] {
  return conjuncts(groupTokens(tokenize(text)), text);
}

/** A key that rows are sorted by. */
export interface SortKey {
  readonly operand: Operand;
  readonly descending: boolean;
  readonly nullsFirst: boolean;
}

/** Reads a line of `Sort Key`. */
export function readSortKey(text: string): SortKey | undefined {
  let parts = [...groupTokens(tokenize(text))];
  let nulls: string | undefined;
  if (wordAt(parts, -2) === "nulls") {
    nulls = wordAt(parts, -1);
    parts = parts.slice(0, -2);
  }
  const last = wordAt(parts, -1);
  const descending = last === "desc";
  if (descending || last === "asc") parts = parts.slice(0, -1);
  // An order by another operator or another collation than the column's is not that of a plain index.
  if (parts.some((part) => isWord(part, "using") || isWord(part, "collate"))) return undefined;
  return {
    operand: readOperand(parts, text),
    descending,
    nullsFirst: nulls === undefined ? descending : nulls === "first",
  };
}

/** Every column that an expression names. */
export function columnsIn(text: string): readonly ColumnName[] {
  return columnsOf(groupTokens(tokenize(text)));
}

type Part = Token | Group;
interface Group {
  readonly kind: "group";
  readonly open: string;
  readonly parts: readonly Part[];
  readonly start: number;
  readonly end: number;
}

function groupTokens(tokens: readonly Token[]): readonly Part[] {
  const root: Part[] = [];
  const stack: { parts: Part[]; open: Token | undefined }[] = [{ parts: root, open: undefined }];
  for (const token of tokens) {
    const top = stack.at(-1)!;
    if (token.kind === "mark" && (token.text === "(" || token.text === "[")) stack.push({ parts: [], open: token });
    else if (token.kind === "mark" && (token.text === ")" || token.text === "]") && top.open !== undefined) {
      stack.pop();
      const { text, start } = top.open;
      stack.at(-1)!.parts.push({ kind: "group", open: text, parts: top.parts, start, end: token.end });
    } else top.parts.push(token);
  }
  return root;
}

function unwrap(parts: readonly Part[]): readonly Part[] {
  const [only, ...more] = parts;
  return only?.kind === "group" && only.open === "(" && more.length === 0 ? unwrap(only.parts) : parts;
}

function conjuncts(given: readonly Part[], text: string): readonly Condition[] {
  const parts = unwrap(given);
  const all = splitAt(parts, "and");
  if (all.length > 1) return all.flatMap((each) => conjuncts(each, text));
  const any = splitAt(parts, "or");
  if (any.length === 1) return [readOne(parts, text)];
  return [{ kind: "or", conditions: any.map((each) => single(conjuncts(each, text))) }];
}

/** Of an alternative that is itself several conditions, the first that an index may serve. */
function single(conditions: readonly Condition[]): Condition {
  return conditions.find(({ kind }) => kind !== "other") ?? { kind: "other" };
}

function readOne(parts: readonly Part[], text: string): Condition {
  const is = parts.findIndex((part) => isWord(part, "is"));
  if (is !== -1) {
    const test = parts
      .slice(is + 1)
      .map((part) => ("text" in part ? part.text : "?"))
      .join(" ");
    if (test !== "null" && test !== "not null" && test !== "true" && test !== "false") return { kind: "other" };
    return { kind: "test", operand: readOperand(parts.slice(0, is), text), test };
  }
  if (isWord(parts[0], "not")) {
    const operand = readOperand(parts.slice(1), text);
    return operand.kind === "column" ? { kind: "test", operand, test: "false" } : { kind: "other" };
  }
  const sign = parts.findIndex((part, at) => at > 0 && part.kind === "operator");
  if (sign === -1) {
    const operand = readOperand(parts, text);
    return operand.kind === "column" ? { kind: "test", operand, test: "true" } : { kind: "other" };
  }
  const operator = (parts[sign] as Token).text;
  const left = readOperand(parts.slice(0, sign), text);
  const rest = parts.slice(sign + 1);
  if (isWord(rest[0], "any") || isWord(rest[0], "all")) {
    // `<> ALL` and the like leave nearly everything.
    if (isWord(rest[0], "all")) return { kind: "other" };
    return { kind: "compare", left, operator, right: readOperand(rest.slice(1), text), isAny: true };
  }
  return { kind: "compare", left, operator, right: readOperand(rest, text), isAny: false };
}

function readOperand(given: readonly Part[], text: string): Operand {
  const parts = unwrap(withoutTextCast(unwrap(given)));
  const name = columnName(parts);
  if (name !== undefined) return { kind: "column", name };
  const columns = columnsOf(parts);
  const isSteady = !hasParameter(parts) && !mentions(parts, "subplan") && !mentions(parts, "initplan");
  if (columns.length === 0) return { kind: "value", columns, literal: isSteady ? textOf(given, text) : undefined };
  const aliases = new Set(columns.map(({ alias }) => alias));
  if (aliases.size > 1 || !isSteady) return { kind: "value", columns, literal: undefined };
  const sql = withoutAliases(parts, text);
  return {
    kind: "expression",
    alias: columns[0]!.alias,
    sql,
    columns: [...new Set(columns.map(({ column }) => column))],
  };
}

/** `(name)::text` of a `varchar` is no work: an index on the column serves it. Of anything else the index is refused, and seen to be useless. */
function withoutTextCast(parts: readonly Part[]): readonly Part[] {
  const cast = parts.findIndex((part) => isMark(part, "::"));
  const isText = cast > 0 && parts.length === cast + 2 && isWord(parts[cast + 1], "text");
  return isText && columnName(unwrap(parts.slice(0, cast))) !== undefined ? parts.slice(0, cast) : parts;
}

function columnName(parts: readonly Part[]): ColumnName | undefined {
  const [first, dot, second] = parts;
  if (parts.length === 1 && isName(first))
    return isConstantWord(first) ? undefined : { alias: undefined, column: first.text };
  if (parts.length === 3 && isName(first) && isMark(dot, ".") && isName(second)) {
    return { alias: first.text, column: second.text };
  }
  return undefined;
}

/** Names that are neither functions, types nor keywords. */
function columnsOf(parts: readonly Part[]): readonly ColumnName[] {
  const columns: ColumnName[] = [];
  for (const [at, part] of parts.entries()) {
    if (part.kind === "group") columns.push(...columnsOf(part.parts));
    if (!isName(part)) continue;
    const [before, next, after] = [parts[at - 1], parts[at + 1], parts[at + 2]];
    if (isMark(before, ".") || isCastTo(parts, at)) continue;
    if (isMark(next, ".")) {
      const isCall = parts[at + 3]?.kind === "group";
      if (isName(after) && !isCall) columns.push({ alias: part.text, column: after.text });
      // The whole row.
      if (after?.kind === "operator" && after.text === "*") columns.push({ alias: part.text, column: "*" });
    } else if (!(next?.kind === "group" && next.open === "(") && !isConstantWord(part)) {
      columns.push({ alias: undefined, column: part.text });
    }
  }
  return columns;
}

/** Whether a word is part of a type: of what follows `::`, up to what cannot be one. */
function isCastTo(parts: readonly Part[], at: number): boolean {
  for (let i = at - 1; i >= 0; i--) {
    const part = parts[i]!;
    if (isMark(part, "::")) return true;
    if (!isName(part) && part.kind !== "group" && !isMark(part, ".")) return false;
  }
  return false;
}

function withoutAliases(parts: readonly Part[], text: string): string {
  const cuts: { from: number; to: number }[] = [];
  const collect = (level: readonly Part[]): void => {
    for (const [at, part] of level.entries()) {
      if (part.kind === "group") collect(part.parts);
      const isQualifier = isName(part) && isMark(level[at + 1], ".") && level[at + 3]?.kind !== "group";
      if (isQualifier && !isCastTo(level, at)) cuts.push({ from: part.start, to: level[at + 1]!.end });
    }
  };
  collect(parts);
  let sql = "";
  let from = parts[0]?.start ?? 0;
  for (const cut of cuts) {
    sql += text.slice(from, cut.from);
    from = cut.to;
  }
  return sql + text.slice(from, parts.at(-1)?.end);
}

function textOf(parts: readonly Part[], text: string): string {
  return text.slice(parts[0]?.start, parts.at(-1)?.end);
}

function splitAt(parts: readonly Part[], word: string): (readonly Part[])[] {
  const split: Part[][] = [[]];
  for (const part of parts) {
    if (isWord(part, word)) split.push([]);
    else split.at(-1)!.push(part);
  }
  return split;
}

function hasParameter(parts: readonly Part[]): boolean {
  return parts.some((part) => (part.kind === "group" ? hasParameter(part.parts) : part.kind === "parameter"));
}

function mentions(parts: readonly Part[], word: string): boolean {
  return parts.some((part) => (part.kind === "group" ? mentions(part.parts, word) : isWord(part, word)));
}

function isName(part: Part | undefined): part is Token {
  return part?.kind === "word" || part?.kind === "quoted";
}

/** Words that stand alone and are no columns; a column of such a name is written in quotes. */
function isConstantWord({ kind, text }: Token): boolean {
  return kind === "word" && CONSTANT_WORDS.has(text);
}

const CONSTANT_WORDS: ReadonlySet<string> = new Set(
  `null true false current_date current_time current_timestamp localtime localtimestamp current_user session_user user current_role
  and or not is in any all case when then else end array row distinct from as like at time zone collate hashed alternatives subplan initplan
  asc desc nulls first last using`.split(/\s+/),
);

function isWord(part: Part | undefined, word: string): boolean {
  return part?.kind === "word" && part.text === word;
}

function isMark(part: Part | undefined, mark: string): boolean {
  return part?.kind === "mark" && part.text === mark;
}

function wordAt(parts: readonly Part[], at: number): string | undefined {
  const part = parts.at(at);
  return part?.kind === "word" ? part.text : undefined;
}
