/** What has to be known of a statement's text to have its rows as JSON. */
export interface StatementText {
  /** Without comments behind it and a semicolon. */
  readonly text: string;
  /** Where what follows the list of `WITH` begins; 0 where there is none. */
  readonly mainAt: number;
  readonly verb: string;
  /** It answers rows. */
  readonly hasRows: boolean;
  /** It may change something. */
  readonly isWriting: boolean;
}

/**
 * Reads as much of a statement as has to be known: its words outside of parentheses, texts, names and comments. What it takes for another
 * thing than PostgreSQL does becomes a syntax error there, never another statement: values are never part of the text.
 */
export function readStatementText(given: string): StatementText {
  const words = wordsOf(given);
  const last = words.at(-1);
  const text = last?.word === ";" ? given.slice(0, last.at) : given;
  const outer = words.filter(({ depth, word }) => depth === 0 && word !== ";");
  const isWith = outer[0]?.word === "with";
  const main = isWith ? outer.findIndex(({ word }, place) => place > 0 && VERBS.has(word)) : 0;
  const verb = outer[main]?.word ?? "";
  const mainAt = isWith ? (outer[main]?.at ?? 0) : 0;
  const changes = isWith && words.some(({ word, at, depth }) => at < mainAt && depth > 0 && WRITES.has(word));
  const returns = outer.slice(main).some(({ word }) => word === "returning");
  const isWrite = WRITES.has(verb);
  return {
    text,
    mainAt,
    verb,
    hasRows: READS.has(verb) || (isWrite && returns),
    isWriting: isWrite || changes || !READS.has(verb),
  };
}

const READS = new Set(["select", "values", "table"]);
const WRITES = new Set(["insert", "update", "delete", "merge"]);
const VERBS = new Set([...READS, ...WRITES]);

interface Word {
  readonly word: string;
  readonly at: number;
  readonly depth: number;
}

/** Escape strings, strings, names, dollar quotes, comments; then what matters: words, parentheses and semicolons. */
const PARTS =
  /[eE]'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|\$([A-Za-z_]\w*)?\$[^]*?\$\1\$|--[^\n]*|\/\*[^]*?\*\/|([A-Za-z_][\w$]*)|([();])/gs;

function wordsOf(text: string): readonly Word[] {
  const words: Word[] = [];
  let depth = 0;
  for (const match of text.matchAll(PARTS)) {
    const [, , word, sign] = match;
    if (word !== undefined) words.push({ word: word.toLowerCase(), at: match.index, depth });
    else if (sign === "(") depth++;
    else if (sign === ")") depth--;
    else if (sign === ";") words.push({ word: ";", at: match.index, depth });
  }
  return words;
}
