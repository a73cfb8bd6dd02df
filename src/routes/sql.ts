import type { Asker, Database, RowBatches, SqlStatement, StatementMode } from "../api/database.ts";
import type { SourceRequest } from "../api/source-request.ts";
import { HotpathError } from "../errors.ts";

/** What a row is where nobody says more. */
export type Row = Readonly<Record<string, unknown>>;

/**
 * Statements in a tagged template. What stands in `${…}` is always a value, never text, unless it is itself a statement made by `sql`, which
 * is put in as a part. Rows come as replies of tables have them: what JSON can say, dates as texts; whole numbers that JavaScript cannot
 * hold come as texts.
 */
export interface Sql {
  /** All rows. Nothing runs before it is awaited, or returned. */
  <Found extends object = Row>(texts: TemplateStringsArray, ...values: unknown[]): SqlQuery<Found>;
  /** The first row. Throws HP_NOT_FOUND (404) where there is none. */
  one<Found extends object = Row>(texts: TemplateStringsArray, ...values: unknown[]): Promise<Found>;
  /** The first row, if there is one. */
  maybe<Found extends object = Row>(texts: TemplateStringsArray, ...values: unknown[]): Promise<Found | undefined>;
  /**
   * The first row of a read by key, if there is one. Calls that wait at the same time and differ in their values alone, of this request or
   * of others that ask as the same identity, share a statement.
   */
  load<Found extends object = Row>(texts: TemplateStringsArray, ...values: unknown[]): Promise<Found | undefined>;
}

/** What a route's own tag has, inside of a transaction it has not. */
export interface StreamingSql extends Sql {
  /**
   * Rows one by one, as many as there are, fetched as they are wanted: to be returned, which answers NDJSON, or iterated. A connection is
   * theirs until they end, or whoever reads leaves; half of the pool's can be.
   */
  stream<Found extends object = Row>(texts: TemplateStringsArray, ...values: unknown[]): SqlStream<Found>;
}

/** What routes that write have besides. */
export interface WritingSql extends StreamingSql {
  /** Runs statements in one transaction, rolled back when `work` throws. `work` may be called once more: it should do nothing else. */
  transaction<Value>(work: (sql: Sql) => Promise<Value>): Promise<Value>;
}

/** A statement that has not run yet: to be awaited, returned, or put into another. */
export class SqlQuery<Found extends object = Row> implements PromiseLike<Found[]> {
  readonly statement: SqlStatement;
  readonly #run: (statement: SqlStatement) => Promise<string>;
  #text: Promise<string> | undefined;

  constructor(statement: SqlStatement, run: (statement: SqlStatement) => Promise<string>) {
    this.statement = statement;
    this.#run = run;
  }

  /** A statement around this one, which stands before the other values. */
  within(texts: readonly string[], values: readonly unknown[]): SqlQuery<Found> {
    return new SqlQuery(toStatement(texts, [this, ...values]), this.#run);
  }

  /** Its rows as they came: the text of a JSON array. */
  json(): Promise<string> {
    this.#text ??= this.#run(this.statement);
    return this.#text;
  }

  // oxlint-disable-next-line unicorn/no-thenable -- a query is awaited like a promise, but runs only then
  then<Fulfilled = Found[], Rejected = never>(
    onFulfilled?: ((rows: Found[]) => Fulfilled | PromiseLike<Fulfilled>) | null,
    onRejected?: ((reason: unknown) => Rejected | PromiseLike<Rejected>) | null,
  ): Promise<Fulfilled | Rejected> {
    return this.json()
      .then((text) => parseRows(text) as Found[])
      .then(onFulfilled, onRejected);
  }
}

/** The template tag of one request. */
export function createSql(database: Database, request: SourceRequest, isWriting: boolean, asker: Asker): WritingSql {
  const run = (mode: StatementMode) => (statement: SqlStatement) => database.run(request, statement, mode, asker);
  const sql = createTag(run(isWriting ? "write" : "read"), run(isWriting ? "write" : "keyed"));
  return Object.assign(sql, {
    stream<Found extends object>(texts: TemplateStringsArray, ...values: unknown[]) {
      return new SqlStream<Found>(database.stream(request, toStatement(texts, values), asker));
    },
    async transaction<Value>(work: (sql: Sql) => Promise<Value>): Promise<Value> {
      if (!isWriting) throw new TypeError("a route that reads has no transactions");
      return database.transaction(request, async (runInside) => work(createTag(runInside, runInside)), asker);
    },
  });
}

/** Rows that are fetched as they are wanted; read once. */
export class SqlStream<Found extends object = Row> implements AsyncIterable<Found> {
  readonly #batches: RowBatches;
  /** Fetched ahead, so that a statement that fails does so before its reply begins. */
  #first: readonly string[] | undefined;
  #hasBegun = false;

  constructor(batches: RowBatches) {
    this.#batches = batches;
  }

  /** Fetches the first rows. */
  async begin(): Promise<void> {
    this.#hasBegun = true;
    this.#first = await this.#batches.next();
  }

  /** Its rows as JSON, a line each, batch by batch. */
  lines(): AsyncIterableIterator<string> {
    return this.#iterate((rows) => rows.map((row) => `${row.replaceAll(BREAK, " ")}\n`).join(""));
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Found> {
    const batches = this.#iterate((rows) => rows);
    try {
      for await (const rows of batches) for (const row of rows) yield parseValue(row) as Found;
    } finally {
      this.#batches.close();
    }
  }

  /** No generator: one that has not begun does not hear that it is to end. */
  #iterate<Value>(make: (rows: readonly string[]) => Value): AsyncIterableIterator<Value> {
    const next = async (): Promise<IteratorResult<Value>> => {
      const rows = this.#hasBegun ? this.#first : await this.#batches.next();
      this.#hasBegun = false;
      return rows === undefined ? { done: true, value: undefined } : { done: false, value: make(rows) };
    };
    const end = async (): Promise<IteratorResult<Value>> => {
      this.#batches.close();
      return { done: true, value: undefined };
    };
    const iterator = { next, return: end, [Symbol.asyncIterator]: () => iterator };
    return iterator;
  }
}

/** JSON has them between its parts alone, where a space does as well. */
const BREAK = /[\r\n]/g;

type Run = (statement: SqlStatement) => Promise<string>;

function createTag(run: Run, runKeyed: Run): Sql {
  const first = async (statement: SqlStatement, by: Run): Promise<unknown> => parseRows(await by(statement))[0];
  const tag = (texts: TemplateStringsArray, ...values: unknown[]) => new SqlQuery(toStatement(texts, values), run);
  return Object.assign(tag, {
    async one(texts: TemplateStringsArray, ...values: unknown[]) {
      const row = await first(toStatement(texts, values), run);
      if (row === undefined) throw new HotpathError("HP_NOT_FOUND", "There is no such thing here.");
      return row;
    },
    maybe: async (texts: TemplateStringsArray, ...values: unknown[]) => first(toStatement(texts, values), run),
    load: async (texts: TemplateStringsArray, ...values: unknown[]) => first(toStatement(texts, values), runKeyed),
  }) as Sql;
}

/** A template's statement, with those that it holds put in their places. */
export function toStatement(texts: readonly string[], values: readonly unknown[]): SqlStatement {
  if (!values.some((value) => value instanceof SqlQuery)) return { texts, values };
  const flatTexts = [texts[0] ?? ""];
  const flatValues: unknown[] = [];
  const append = (text: string): void => void (flatTexts[flatTexts.length - 1] += text);
  for (const [place, value] of values.entries()) {
    if (value instanceof SqlQuery) {
      const { statement } = value;
      append(statement.texts[0] ?? "");
      flatValues.push(...statement.values);
      flatTexts.push(...statement.texts.slice(1));
    } else {
      flatValues.push(value);
      flatTexts.push("");
    }
    append(texts[place + 1] ?? "");
  }
  return { texts: intern(flatTexts), values: flatValues };
}

/** The same array for the same texts, so that what is known of a statement is known for the next. */
function intern(texts: readonly string[]): readonly string[] {
  const key = texts.join("\0");
  let known = interned.get(key);
  if (known === undefined) {
    if (interned.size >= MOST_INTERNED) interned.clear();
    interned.set(key, (known = texts));
  }
  return known;
}

const interned = new Map<string, readonly string[]>();
/** A program has so many ways to put statements together, unless it makes them of lists. */
const MOST_INTERNED = 1000;

/** Rows of a JSON array. */
export function parseRows(text: string): unknown[] {
  return parseValue(text) as unknown[];
}

function parseValue(text: string): unknown {
  return LONG_NUMBER.test(text) ? JSON.parse(text, keepDigits) : JSON.parse(text);
}

const LONG_NUMBER = /\d{16}/;

function keepDigits(_key: string, value: unknown, context?: { readonly source?: string }): unknown {
  if (typeof value !== "number" || context?.source === undefined || Number.isSafeInteger(value)) return value;
  return /^-?\d+$/.test(context.source) ? context.source : value;
}
