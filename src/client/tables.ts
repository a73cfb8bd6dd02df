import { findLink, parseLink } from "../http/link.ts";
import { ApiError } from "./api-error.ts";
import { type Answer, createReads, toAnswer } from "./batching.ts";
import { type Client, createClient } from "./client.ts";
import { addWhere, columnName, type Order, orderText, type Where } from "./filters.ts";

/** As much of what `hotpath types` prints as is looked at here. */
export interface DatabaseTypes {
  readonly public: {
    readonly Tables: Readonly<Record<string, TableTypes>>;
    readonly Views: Readonly<Record<string, { readonly Row: object }>>;
  };
}

interface TableTypes {
  readonly Row: object;
  readonly Insert: object;
  readonly Update: object;
}

/** How an API is asked. */
export interface ApiOptions {
  /** Sends the requests, and keeps what may be kept. Default: one of its own. */
  readonly client?: Client | undefined;
  /** Sent with each request, such as `Authorization`; a function is asked each time. */
  readonly headers?: Readonly<Record<string, string>> | (() => Readonly<Record<string, string>>) | undefined;
  /** Where several reads are taken at once; null: each is sent by itself. Default `/batch`. */
  readonly batchPath?: string | null | undefined;
}

export interface ReadOptions<Row, Column extends keyof Row> {
  /** Columns that are wanted. Default: all. */
  readonly select?: readonly Column[] | undefined;
  readonly signal?: AbortSignal | undefined;
}

export interface ListOptions<Row, Column extends keyof Row> extends ReadOptions<Row, Column> {
  readonly where?: Where<Row> | undefined;
  readonly order?: Order<Row> | undefined;
  readonly limit?: number | undefined;
  readonly offset?: number | undefined;
}

/** A table or view to read from. Failures are `ApiError`; requests of one tick are sent together. */
export interface Readable<Row> {
  list<Column extends keyof Row = keyof Row>(options?: ListOptions<Row, Column>): Promise<Pick<Row, Column>[]>;
  /** The row of a primary key, of several columns as a list; undefined where there is none. */
  get<Column extends keyof Row = keyof Row>(
    key: Key | readonly Key[],
    options?: ReadOptions<Row, Column>,
  ): Promise<Pick<Row, Column> | undefined>;
  /** Row by row, however many there are: pages of `limit` rows (default 100) are fetched by cursor as they are needed. */
  each<Column extends keyof Row = keyof Row>(
    options?: Omit<ListOptions<Row, Column>, "offset">,
  ): AsyncGenerator<Pick<Row, Column>, void>;
}

export type Key = string | number | boolean;

/** A table. */
export interface Table<Types extends TableTypes> extends Readable<Types["Row"]> {
  /** Stores rows, all or none, and answers them as they are stored. */
  insert(rows: Types["Insert"] | readonly Types["Insert"][], options?: WriteOptions): Promise<Types["Row"][]>;
  /** Changes the rows that meet conditions, of which there must be one. */
  update(where: Where<Types["Row"]>, values: Types["Update"], options?: WriteOptions): Promise<Types["Row"][]>;
  /** Removes the rows that meet conditions, of which there must be one. */
  remove(where: Where<Types["Row"]>, options?: WriteOptions): Promise<Types["Row"][]>;
}

export interface WriteOptions {
  readonly signal?: AbortSignal | undefined;
  /** Sent as `Idempotency-Key`: however often it is sent, it is carried out once. */
  readonly idempotencyKey?: string | undefined;
}

/** The tables and views of a database, by name. */
export type Tables<Types extends DatabaseTypes> = {
  readonly [Name in keyof Types["public"]["Tables"]]: Table<Types["public"]["Tables"][Name]>;
} & {
  readonly [Name in keyof Types["public"]["Views"]]: Readable<Types["public"]["Views"][Name]["Row"]>;
};

/**
 * Asks for the tables of an API by types that `hotpath types` prints: `createTables<Database>("http://localhost:3000").users.list({ … })`.
 *
 * @param url where the database is mounted
 */
export function createTables<Types extends DatabaseTypes>(url: string, options: ApiOptions = {}): Tables<Types> {
  const { client = createClient(), batchPath = "/batch" } = options;
  const base = url.replace(/\/$/, "");
  const { origin } = new URL(base);
  // Batches are taken at the root of the server.
  const prefix = base.slice(origin.length);
  const reads = createReads(client, origin, batchPath);
  const fields = (): Readonly<Record<string, string>> =>
    typeof options.headers === "function" ? options.headers() : (options.headers ?? {});
  const read = async (path: string, signal: AbortSignal | undefined): Promise<Answer> =>
    assertGood(await reads.read(path, fields(), signal));

  const write = async (method: string, path: string, content: unknown, { signal, idempotencyKey }: WriteOptions) => {
    const headers: Record<string, string> = { ...fields(), prefer: "return=representation" };
    if (content !== undefined) headers["content-type"] = "application/json";
    if (idempotencyKey !== undefined) headers["idempotency-key"] = JSON.stringify(idempotencyKey);
    const body = content === undefined ? {} : { body: JSON.stringify(content) };
    const response = await client.fetch(origin + path, { method, headers, ...body, ...(signal && { signal }) });
    return assertGood(await toAnswer(response)).body;
  };

  const tableAt = (name: string) => {
    const path = `${prefix}/${encodeURIComponent(name)}`;
    const conditions = (where: object): string => {
      const query = new URLSearchParams();
      addWhere(query, where);
      // Nobody means to change everything by an empty object.
      if (query.size === 0) throw new TypeError(`${name} is changed where conditions are met; there are none.`);
      return `${path}?${query.toString()}`;
    };
    return {
      async list(given: ListOptions<object, never> = {}) {
        return (await read(listPath(path, given), given.signal)).body;
      },
      async get(key: Key | readonly Key[], given: ReadOptions<object, never> = {}) {
        const parts = (Array.isArray(key) ? (key as readonly Key[]) : [key as Key]).map((part) =>
          encodeURIComponent(part),
        );
        try {
          return (await read(listPath(`${path}/${parts.join(",")}`, given), given.signal)).body;
        } catch (error) {
          if (error instanceof ApiError && error.status === 404 && error.code !== "PGRST205") return undefined;
          throw error;
        }
      },
      async *each(given: ListOptions<object, never> = {}) {
        let next: string | undefined = listPath(path, { limit: PAGE_ROWS, ...given });
        while (next !== undefined) {
          const { body, headers }: Answer = await read(next, given.signal);
          yield* body as object[];
          const target = findLink(parseLink(headers.get("link") ?? ""), "next");
          next = target === undefined ? undefined : toPath(new URL(target, origin + next));
        }
      },
      insert: async (rows: object, given: WriteOptions = {}) => write("POST", path, rows, given),
      update: async (where: object, values: object, given: WriteOptions = {}) =>
        write("PATCH", conditions(where), values, given),
      remove: async (where: object, given: WriteOptions = {}) => write("DELETE", conditions(where), undefined, given),
    };
  };

  const known = new Map<string, ReturnType<typeof tableAt>>();
  return new Proxy({} as Tables<Types>, {
    get(_target, name) {
      // Whoever awaits it, or prints it, asks for names that no table has.
      if (typeof name !== "string" || name === "then" || name === "toJSON") return undefined;
      let table = known.get(name);
      if (table === undefined) known.set(name, (table = tableAt(name)));
      return table;
    },
  });
}

const PAGE_ROWS = 100;

function listPath(path: string, { select, where, order, limit, offset }: ListOptions<object, never>): string {
  const query = new URLSearchParams();
  if (select !== undefined) query.set("select", (select as readonly string[]).map(columnName).join(","));
  if (where !== undefined) addWhere(query, where);
  if (order !== undefined) query.set("order", orderText(order));
  if (limit !== undefined) query.set("limit", String(limit));
  if (offset !== undefined) query.set("offset", String(offset));
  return query.size === 0 ? path : `${path}?${query.toString()}`;
}

function toPath({ pathname, search }: URL): string {
  return pathname + search;
}

function assertGood(answer: Answer): Answer {
  if (answer.status >= 400) throw new ApiError(answer.status, answer.body);
  return answer;
}
