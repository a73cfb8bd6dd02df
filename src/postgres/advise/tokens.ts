/** A word of SQL, with its place in the text. */
export interface Token {
  readonly kind: "word" | "quoted" | "text" | "number" | "parameter" | "operator" | "mark";
  /** Words in lower case, quoted names without their quotes; everything else as it stands. */
  readonly text: string;
  readonly start: number;
  readonly end: number;
}

/**
 * Cuts SQL into tokens by PostgreSQL's own rules (documentation, section 4.1): nested comments, escape strings, dollar quotes.
 * What is never closed ends with the text.
 */
export function tokenize(sql: string): readonly Token[] {
  const tokens: Token[] = [];
  let at = 0;
  const add = (kind: Token["kind"], end: number, text = sql.slice(at, end)): void => {
    tokens.push({ kind, text, start: at, end });
    at = end;
  };
  while (at < sql.length) {
    const here = sql[at]!;
    if (/\s/.test(here)) at++;
    else if (sql.startsWith("--", at)) at = lineEnd(sql, at);
    else if (sql.startsWith("/*", at)) at = commentEnd(sql, at);
    else if (here === '"') {
      const end = quoteEnd(sql, at + 1, '"', false);
      add("quoted", end, sql.slice(at + 1, end - 1).replaceAll('""', '"'));
    } else if (here === "'") add("text", quoteEnd(sql, at + 1, "'", false));
    else if (/^[ebxn]'/i.test(sql.slice(at, at + 2))) add("text", quoteEnd(sql, at + 2, "'", /e/i.test(here)));
    else if (here === "$") {
      const parameter = match(/\$\d+/y, sql, at);
      const tag =
        parameter === undefined ? match(/\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y, sql, at) : undefined;
      if (parameter !== undefined) add("parameter", at + parameter.length);
      else if (tag !== undefined) {
        const close = sql.indexOf(tag, at + tag.length);
        add("text", close === -1 ? sql.length : close + tag.length);
      } else add("mark", at + 1);
    } else if (/[A-Za-z_\u0080-\uffff]/.test(here)) {
      const word = match(/[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y, sql, at) ?? here;
      add("word", at + word.length, word.toLowerCase());
    } else if (/\d/.test(here) || (here === "." && /\d/.test(sql[at + 1] ?? ""))) {
      add("number", at + (match(/(?:\d[\w.]*|\.\d\w*)(?:(?<=[eE])[+-]\d+)?/y, sql, at) ?? here).length);
    } else if (sql.startsWith("::", at)) add("mark", at + 2);
    else if (/[+\-*/<>=~!@#%^&|`?]/.test(here)) {
      const run = match(/[+\-*/<>=~!@#%^&|`?]+/y, sql, at) ?? here;
      const comment = run.search(/--|\/\*/);
      add("operator", at + (comment > 0 ? comment : run.length));
    } else add("mark", at + 1);
  }
  return tokens;
}

function match(pattern: RegExp, text: string, at: number): string | undefined {
  pattern.lastIndex = at;
  return pattern.exec(text)?.[0];
}

function lineEnd(sql: string, at: number): number {
  const end = sql.indexOf("\n", at);
  return end === -1 ? sql.length : end + 1;
}

function commentEnd(sql: string, at: number): number {
  let depth = 0;
  for (let i = at; i < sql.length; i++) {
    if (sql.startsWith("/*", i)) depth++;
    else if (sql.startsWith("*/", i)) depth--;
    else continue;
    i++;
    if (depth === 0) return i + 1;
  }
  return sql.length;
}

function quoteEnd(sql: string, from: number, quote: string, escapes: boolean): number {
  for (let i = from; i < sql.length; i++) {
    if (escapes && sql[i] === "\\") i++;
    else if (sql[i] === quote) {
      if (sql[i + 1] !== quote) return i + 1;
      i++;
    }
  }
  return sql.length;
}
