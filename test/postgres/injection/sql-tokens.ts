/** One word of a statement, as PostgreSQL's own scanner would part it (documentation, "Lexical Structure"). */
export interface SqlToken {
  readonly kind: "name" | "word" | "text" | "number" | "parameter" | "sign";
  /** A quoted name without its quotes; a word in lower case. */
  readonly value: string;
}

const PATTERN =
  /\s+|(?<comment>--|\/\*)|"(?<name>(?:[^"]|"")*)"|(?<text>(?:[eE]|[uU]&)?'(?:[^']|'')*')|\$(?<parameter>\d+)|(?<dollar>\$[^$]*\$)|(?<number>\d+(?:\.\d+)?)|(?<word>[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)|(?<sign>.)/gsu;

/** @throws for what our statements never hold: comments and texts in dollar signs. */
export function sqlTokens(sql: string): SqlToken[] {
  const tokens: SqlToken[] = [];
  for (const { groups = {} } of sql.matchAll(PATTERN)) {
    if (groups["comment"] !== undefined || groups["dollar"] !== undefined) throw new Error(`not ours: ${sql}`);
    for (const kind of ["name", "text", "parameter", "number", "word", "sign"] as const) {
      const value = groups[kind];
      if (value === undefined) continue;
      tokens.push({
        kind,
        value: kind === "name" ? value.replaceAll('""', '"') : kind === "word" ? value.toLowerCase() : value,
      });
    }
  }
  return tokens;
}
