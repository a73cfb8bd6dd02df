/** One step from a value to some of its children. */
export type PathStep =
  | { readonly kind: "name"; readonly name: string }
  | { readonly kind: "index"; readonly index: number }
  | {
      readonly kind: "slice";
      readonly start: number | undefined;
      readonly end: number | undefined;
      readonly step: number;
    }
  | { readonly kind: "each" }
  /** Children in which `path` leads to what `matches`; it is given `undefined` where the path leads nowhere. */
  | {
      readonly kind: "filter";
      readonly path: readonly PathStep[];
      readonly matches: (value: unknown) => boolean;
    };

/** PostgREST 14, "JWT role extraction": names, indices, and one comparison at the end. */
export function parseJsPath(text: string): readonly PathStep[] {
  const scan = new Scanner(text);
  const steps: PathStep[] = [];
  do {
    const comparison = scan.take(/\[\?\(@\s*(==\^|==|!=|\^==|\*==)\s*"([^"]*)"\)\]/y);
    if (comparison !== undefined) {
      const [, operator = "", operand = ""] = comparison;
      steps.push({ kind: "filter", path: [], matches: compareTexts(operator, operand) });
      if (!scan.isAtEnd) scan.fail("a comparison must come last");
      return steps;
    }
    const index = scan.take(/\[(\d+)\]/y);
    const name = index === undefined ? scan.take(/\.(?:([\p{L}\p{N}_$@]+)|"([^"]*)")/uy) : undefined;
    if (index !== undefined) steps.push({ kind: "index", index: Number(index[1]) });
    else if (name !== undefined) steps.push({ kind: "name", name: name[1] ?? name[2] ?? "" });
    else scan.fail('a step such as .name, ."other name", [0] or [?(@ == "text")] was expected');
  } while (!scan.isAtEnd);
  return steps;
}

/** RFC 9535, but for descendants, lists of selectors, and filters of more than one comparison. */
export function parseJsonPath(text: string): readonly PathStep[] {
  const scan = new Scanner(text);
  scan.take(/\$/y);
  const steps: PathStep[] = [];
  while (!scan.isAtEnd) steps.push(readStep(scan));
  return steps;
}

function readStep(scan: Scanner): PathStep {
  if (scan.take(/\.\*/y) !== undefined) return { kind: "each" };
  const [, shorthand] = scan.take(/\.([\p{L}_][\p{L}\p{N}_]*)/uy) ?? [];
  if (shorthand !== undefined) return { kind: "name", name: shorthand };
  if (scan.take(/\[\s*/y) === undefined)
    scan.fail("a step such as .name, ['other name'], [0] or [?@ == 'text'] was expected");
  const step = readSelector(scan);
  if (scan.take(/\s*\]/y) === undefined) scan.fail("] was expected");
  return step;
}

function readSelector(scan: Scanner): PathStep {
  if (scan.take(/\*/y) !== undefined) return { kind: "each" };
  if (scan.take(/\?\s*/y) !== undefined) return readFilter(scan);
  const name = readLiteral(scan);
  if (name !== undefined) return { kind: "name", name };
  const slice = scan.take(/(-?\d+)?\s*:\s*(-?\d+)?(?:\s*:\s*(-?\d+)?)?/y);
  if (slice !== undefined) {
    const [, start, end, step] = slice;
    return { kind: "slice", start: toNumber(start), end: toNumber(end), step: toNumber(step) ?? 1 };
  }
  const index = scan.take(/-?\d+/y);
  return index === undefined
    ? scan.fail("a name, an index, a slice or a filter was expected")
    : { kind: "index", index: Number(index[0]) };
}

function readFilter(scan: Scanner): PathStep {
  const isBracketed = scan.take(/\(\s*/y) !== undefined;
  const [, called] = scan.take(/(search|match)\s*\(\s*/y) ?? [];
  const path = readRelative(scan);
  let matches: (value: unknown) => boolean;
  if (called === undefined) {
    const [operator] = scan.take(/\s*(==|!=)\s*/y) ?? scan.fail("== or != was expected");
    matches = compareTexts(operator.trim(), readLiteral(scan) ?? scan.fail("a text in quotes was expected"));
  } else {
    if (scan.take(/\s*,\s*/y) === undefined) scan.fail(", was expected");
    matches = matchPattern(called, readLiteral(scan) ?? scan.fail("a pattern in quotes was expected"));
    if (scan.take(/\s*\)/y) === undefined) scan.fail(") was expected");
  }
  if (isBracketed && scan.take(/\s*\)/y) === undefined) scan.fail(") was expected");
  return { kind: "filter", path, matches };
}

/** `@`, `@.name`, `@['name'][0]` */
function readRelative(scan: Scanner): readonly PathStep[] {
  if (scan.take(/@/y) === undefined) scan.fail("@ was expected");
  const path: PathStep[] = [];
  while (scan.sees(/[.[]/y)) path.push(readStep(scan));
  return path;
}

function readLiteral(scan: Scanner): string | undefined {
  const [, single, double] = scan.take(/'((?:[^'\\]|\\.)*)'|"((?:[^"\\]|\\.)*)"/y) ?? [];
  const raw = single ?? double;
  if (raw === undefined) return undefined;
  try {
    // A text in single quotes is JSON but for its quotes.
    const json = single === undefined ? raw : raw.replaceAll(/\\'|"/g, (found) => (found === '"' ? '\\"' : "'"));
    return JSON.parse(`"${json}"`) as string;
  } catch {
    return scan.fail("an escape was not understood");
  }
}

/** Only texts are ever equal to a text; what is no text differs from none, as PostgREST has it. */
function compareTexts(operator: string, operand: string): (value: unknown) => boolean {
  const compare = COMPARISONS[operator];
  return (value) => typeof value === "string" && compare?.(value, operand) === true;
}

const COMPARISONS: Readonly<Record<string, (value: string, operand: string) => boolean>> = {
  "==": (value, operand) => value === operand,
  "!=": (value, operand) => value !== operand,
  "^==": (value, operand) => value.startsWith(operand),
  "==^": (value, operand) => value.endsWith(operand),
  "*==": (value, operand) => value.includes(operand),
};

/** `match` is of the whole text (RFC 9535 section 2.4.6). */
function matchPattern(called: string, pattern: string): (value: unknown) => boolean {
  const expression = new RegExp(called === "match" ? `^(?:${pattern})$` : pattern, "u");
  return (value) => typeof value === "string" && expression.test(value);
}

function toNumber(digits: string | undefined): number | undefined {
  return digits === undefined ? undefined : Number(digits);
}

class Scanner {
  readonly #text: string;
  #at = 0;

  constructor(text: string) {
    this.#text = text;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#text.length;
  }

  /** Whether the sticky expression matches here. */
  sees(expression: RegExp): boolean {
    expression.lastIndex = this.#at;
    return expression.test(this.#text);
  }

  /** What the sticky expression matches here, which is then behind us. */
  take(expression: RegExp): RegExpExecArray | undefined {
    expression.lastIndex = this.#at;
    const match = expression.exec(this.#text);
    if (match === null) return undefined;
    this.#at = expression.lastIndex;
    return match;
  }

  fail(expected: string): never {
    throw new Error(`${expected} at character ${this.#at + 1}`);
  }
}
