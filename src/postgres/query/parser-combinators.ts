/**
 * A small backtracking parser whose errors read as the dialect's do.
 *
 * The dialect's error texts ("unexpected ")" expecting field name …") are part of what clients see, and they come from
 * a particular way of merging failures: the furthest position wins, and failures at one position join their
 * expectations. This file follows that scheme (Leijen and Meijer, "Parsec: Direct Style Monadic Parser Combinators
 * for the Real World", 2001, sections 3 and 4): a parser that failed after consuming input is final unless wrapped in
 * `attempt`. Grammars built from it run once per request shape, not once per request.
 */

/** What went wrong at `position`: three kinds of words, joined by `formatFailure`. */
interface Failure {
  readonly position: number;
  /** What the input held, found by a primitive; an empty text is the end of input. */
  readonly found: readonly string[];
  /** What the input held, said by a rule. */
  readonly unexpected: readonly string[];
  readonly expected: readonly string[];
}

interface Outcome<T> {
  readonly ok: boolean;
  /** Input was consumed: alternatives are not tried. */
  readonly consumed: boolean;
  readonly position: number;
  readonly value: T;
  readonly failure: Failure;
}

export type Parser<T> = (input: string, position: number) => Outcome<T>;

/** A text that the grammar does not accept. `position` counts UTF-16 units from 0. */
export interface SyntaxFailure {
  readonly position: number;
  readonly message: string;
}

/** Runs a parser over a text that it need not use up. */
export function run<T>(parser: Parser<T>, input: string): { value: T } | SyntaxFailure {
  const outcome = parser(input, 0);
  if (outcome.ok) return { value: outcome.value };
  return { position: outcome.failure.position, message: formatFailure(outcome.failure) };
}

export function succeed<T>(value: T): Parser<T> {
  return (_input, position) => success(value, position, false, silent(position));
}

/** Fails without a word of its own. */
export function reject<T>(): Parser<T> {
  return (_input, position) => failed<T>(false, silent(position));
}

/** One character that passes the test. */
export function satisfy(test: (character: string) => boolean): Parser<string> {
  return (input, position) => {
    const character = characterAt(input, position);
    if (character !== "" && test(character)) {
      const next = position + character.length;
      return success(character, next, true, silent(next));
    }
    const shown = character === "" ? "" : JSON.stringify(character);
    return failed<string>(false, { position, found: [shown], unexpected: [], expected: [] });
  };
}

export function char(wanted: string): Parser<string> {
  return label(
    JSON.stringify(wanted),
    satisfy((character) => character === wanted),
  );
}

export function oneOf(characters: string): Parser<string> {
  return satisfy((character) => characters.includes(character));
}

export function noneOf(characters: string): Parser<string> {
  return satisfy((character) => !characters.includes(character));
}

export const anyChar: Parser<string> = satisfy(() => true);
export const digit: Parser<string> = label(
  "digit",
  satisfy((character) => character >= "0" && character <= "9"),
);
export const letter: Parser<string> = label(
  "letter",
  satisfy((character) => /^\p{L}$/u.test(character)),
);

/** A fixed text. Fails with consumption when it matched in part. */
export function literal<T>(text: string, value: T): Parser<T>;
export function literal(text: string): Parser<string>;
export function literal(text: string, value: unknown = text): Parser<unknown> {
  return (input, position) => {
    if (input.startsWith(text, position)) {
      const next = position + text.length;
      return success(value, next, text !== "", silent(next));
    }
    let matched = 0;
    while (input[position + matched] === text[matched]) matched++;
    const character = characterAt(input, position + matched);
    const found = character === "" ? "" : JSON.stringify(character);
    return failed<unknown>(matched > 0, { position, found: [found], unexpected: [], expected: [JSON.stringify(text)] });
  };
}

/** Runs `first`, then the parser that `next` makes of its value. */
export function chain<A, B>(first: Parser<A>, next: (value: A) => Parser<B>): Parser<B> {
  return (input, position) => {
    const a = first(input, position);
    if (!a.ok) return a as unknown as Outcome<B>;
    const b = next(a.value)(input, a.position);
    if (b.consumed) return b;
    return { ...b, consumed: a.consumed, failure: merge(a.failure, b.failure) };
  };
}

export function map<A, B>(parser: Parser<A>, change: (value: A) => B): Parser<B> {
  return (input, position) => {
    const outcome = parser(input, position);
    return outcome.ok ? { ...outcome, value: change(outcome.value) } : (outcome as unknown as Outcome<B>);
  };
}

/** All in order; the value lists theirs. */
export function sequence<T extends readonly unknown[]>(...parsers: { [K in keyof T]: Parser<T[K]> }): Parser<T> {
  return (input, position) => {
    const values: unknown[] = [];
    let at = position;
    let consumed = false;
    let failure = silent(position);
    for (const parser of parsers as readonly Parser<unknown>[]) {
      const outcome = parser(input, at);
      failure = outcome.consumed ? outcome.failure : merge(failure, outcome.failure);
      consumed ||= outcome.consumed;
      if (!outcome.ok) return failed<T>(consumed, failure);
      at = outcome.position;
      values.push(outcome.value);
    }
    return success(values as unknown as T, at, consumed, failure);
  };
}

/** `parser` without what follows it. */
export function followedBy<T>(parser: Parser<T>, after: Parser<unknown>): Parser<T> {
  return map(sequence<[T, unknown]>(parser, after), ([value]) => value);
}

export function preceded<T>(before: Parser<unknown>, parser: Parser<T>): Parser<T> {
  return map(sequence<[unknown, T]>(before, parser), ([, value]) => value);
}

export function between<T>(open: Parser<unknown>, close: Parser<unknown>, parser: Parser<T>): Parser<T> {
  return map(sequence<[unknown, T, unknown]>(open, parser, close), ([, value]) => value);
}

/** The first that succeeds; one that failed after consuming input ends the search. */
export function choice<T>(...parsers: readonly Parser<T>[]): Parser<T> {
  return (input, position) => {
    let failure: Failure | undefined;
    for (const parser of parsers) {
      const outcome = parser(input, position);
      if (outcome.consumed) return outcome;
      failure = failure === undefined ? outcome.failure : merge(failure, outcome.failure);
      if (outcome.ok) return { ...outcome, failure };
    }
    return failed<T>(false, failure ?? silent(position));
  };
}

/** A failure of `parser` counts as if nothing had been consumed. */
export function attempt<T>(parser: Parser<T>): Parser<T> {
  return (input, position) => {
    const outcome = parser(input, position);
    return outcome.ok || !outcome.consumed ? outcome : { ...outcome, consumed: false };
  };
}

/** Names what `parser` stands for in "expecting …". */
export function label<T>(name: string, parser: Parser<T>): Parser<T> {
  return (input, position) => {
    const outcome = parser(input, position);
    if (outcome.consumed) return outcome;
    if (outcome.ok && isSilent(outcome.failure)) return outcome;
    return { ...outcome, failure: { ...outcome.failure, expected: [name] } };
  };
}

export function optional<T>(parser: Parser<T>): Parser<T | undefined> {
  return choice<T | undefined>(parser, succeed(undefined));
}

export function many<T>(parser: Parser<T>): Parser<readonly T[]> {
  return (input, position) => {
    const values: T[] = [];
    let at = position;
    for (;;) {
      const outcome = parser(input, at);
      if (outcome.ok && outcome.position > at) {
        values.push(outcome.value);
        at = outcome.position;
      } else if (!outcome.ok && outcome.consumed) {
        return failed<readonly T[]>(true, outcome.failure);
      } else {
        return success(values, at, at > position, outcome.failure);
      }
    }
  };
}

export function many1<T>(parser: Parser<T>): Parser<readonly T[]> {
  return map(sequence<[T, readonly T[]]>(parser, many(parser)), ([first, rest]) => [first, ...rest]);
}

export function separated1<T>(parser: Parser<T>, separator: Parser<unknown>): Parser<readonly T[]> {
  return map(sequence<[T, readonly T[]]>(parser, many(preceded(separator, parser))), ([first, rest]) => [
    first,
    ...rest,
  ]);
}

export function separated<T>(parser: Parser<T>, separator: Parser<unknown>): Parser<readonly T[]> {
  return choice<readonly T[]>(separated1(parser, separator), succeed([]));
}

/** Succeeds where `parser` would, without moving. */
export function lookAhead(parser: Parser<unknown>): Parser<undefined> {
  return (input, position) => {
    const outcome = parser(input, position);
    return outcome.ok ? success(undefined, position, false, silent(position)) : (outcome as Outcome<undefined>);
  };
}

/** Succeeds where `parser` fails, without moving. */
export function notFollowedBy(parser: Parser<string>): Parser<undefined> {
  return (input, position) => {
    const outcome = parser(input, position);
    if (!outcome.ok) return success(undefined, position, false, silent(position));
    const unexpected = [`'${outcome.value}'`];
    return failed<undefined>(false, { position, found: [], unexpected, expected: [] });
  };
}

export const end: Parser<undefined> = label("end of input", notFollowedBy(anyChar));

/** A parser that refers to itself. */
export function lazy<T>(make: () => Parser<T>): Parser<T> {
  let parser: Parser<T> | undefined;
  return (input, position) => (parser ??= make())(input, position);
}

function success<T>(value: T, position: number, consumed: boolean, failure: Failure): Outcome<T> {
  return { ok: true, consumed, position, value, failure };
}

function failed<T>(consumed: boolean, failure: Failure): Outcome<T> {
  return { ok: false, consumed, position: failure.position, value: undefined as T, failure };
}

function silent(position: number): Failure {
  return { position, found: [], unexpected: [], expected: [] };
}

function isSilent(failure: Failure): boolean {
  return failure.found.length === 0 && failure.unexpected.length === 0 && failure.expected.length === 0;
}

/** The failure that says more: a silent one yields, then the furthest wins, equals join. */
function merge(a: Failure, b: Failure): Failure {
  if (isSilent(b) && !isSilent(a)) return a;
  if (isSilent(a) && !isSilent(b)) return b;
  if (a.position !== b.position) return a.position > b.position ? a : b;
  return {
    position: a.position,
    found: [...a.found, ...b.found],
    unexpected: [...a.unexpected, ...b.unexpected],
    expected: [...a.expected, ...b.expected],
  };
}

function formatFailure(failure: Failure): string {
  const parts: string[] = [];
  const found = failure.found[0];
  if (failure.unexpected.length === 0 && found !== undefined) {
    parts.push(`unexpected ${found === "" ? "end of input" : found}`);
  }
  if (failure.unexpected.length > 0) parts.push(`unexpected ${listWords(failure.unexpected)}`);
  if (failure.expected.some((word) => word !== "")) parts.push(`expecting ${listWords(failure.expected)}`);
  return parts.length === 0 ? "unknown parse error" : parts.join(" ");
}

function listWords(words: readonly string[]): string {
  const distinct = [...new Set(words)].filter((word) => word !== "");
  if (distinct.length < 2) return distinct.join("");
  return `${distinct.slice(0, -1).join(", ")} or ${distinct.at(-1)}`;
}

function characterAt(input: string, position: number): string {
  const code = input.codePointAt(position);
  return code === undefined ? "" : String.fromCodePoint(code);
}
