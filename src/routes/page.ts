import { HotpathError } from "../errors.ts";
import { formatLink } from "../http/link.ts";
import type { Row, SqlQuery } from "./sql.ts";

/** In which order, and how many at a time, a list is read. */
export interface PageOptions {
  /**
   * Columns of the list that order it, those after `-` descending: `["-created_at", "id"]`. Together they must tell its rows apart, and
   * none may be null. An index on them makes every page as quick as the first.
   */
  readonly by: readonly [string, ...string[]];
  /** Rows where the client does not say how many. Default 20. */
  readonly limit?: number | undefined;
  /** Rows that a client may ask for. Default 100. */
  readonly most?: number | undefined;
}

/** Part of a list, with where to go on. */
export class Page<Found> {
  readonly items: readonly Found[];
  /** What to send as `after` for those that follow; null at the end. */
  readonly next: string | null;

  constructor(items: readonly Found[], next: string | null) {
    this.items = items;
    this.next = next;
  }
}

/**
 * Reads a page of any statement's rows by keyset: those behind the last one of the page before, however many those were. `limit` and `after`
 * are the client's.
 *
 * @throws HotpathError HP_CURSOR_INVALID, HP_BAD_REQUEST
 */
export async function readPage<Found extends object>(
  query: SqlQuery<Found>,
  { by, limit = 20, most = 100 }: PageOptions,
  asked: URLSearchParams,
): Promise<Page<Found>> {
  const keys = by.map(toKey);
  const size = toSize(asked.get("limit"), Math.min(limit, most), most);
  const after = asked.get("after");
  const scope = by.join(",");
  const where = after === null ? NOTHING : behind(keys, parseCursor(after, scope, keys.length));
  const order = keys.map(({ column, isDescending }) => `${column}${isDescending ? " DESC" : ""}`).join(", ");
  // One more than asked for tells whether there are others.
  const texts = ["SELECT * FROM (", `\n) AS "hp.page"${where.texts[0]}`, ...where.texts.slice(1)];
  texts[texts.length - 1] += ` ORDER BY ${order} LIMIT `;
  const rows = await query.within([...texts, ""], [...where.values, size + 1]);
  const items = rows.slice(0, size);
  const last = items.at(-1);
  return new Page(items, rows.length > size && last !== undefined ? formatCursor(scope, by, last as Row) : null);
}

/** `Link` to the page that follows. */
export function nextLink(path: string, asked: URLSearchParams, next: string): string {
  const query = new URLSearchParams(asked);
  query.set("after", next);
  return formatLink(`${path}?${query.toString()}`, { rel: "next" });
}

interface Key {
  /** Quoted. */
  readonly column: string;
  readonly isDescending: boolean;
}

function toKey(given: string): Key {
  const isDescending = given.startsWith("-");
  const name = isDescending ? given.slice(1) : given;
  return { column: `"${name.replaceAll('"', '""')}"`, isDescending };
}

/** Rows behind these values: greater in the first key, or equal in it and greater in the second, and so on. */
function behind(keys: readonly Key[], values: readonly string[]): typeof NOTHING {
  const texts = [" WHERE "];
  const given: string[] = [];
  const append = (text: string): void => void (texts[texts.length - 1] += text);
  for (const [place, { column, isDescending }] of keys.entries()) {
    append(place === 0 ? "(" : " OR (");
    for (const [before, equal] of keys.slice(0, place).entries()) {
      append(`${equal.column} = `);
      given.push(values[before] ?? "");
      texts.push(" AND ");
    }
    append(`${column} ${isDescending ? "<" : ">"} `);
    given.push(values[place] ?? "");
    texts.push(")");
  }
  return { texts, values: given };
}

function toSize(asked: string | null, usual: number, most: number): number {
  if (asked === null) return usual;
  const size = /^\d{1,9}$/.test(asked) ? Number(asked) : 0;
  if (size < 1) throw new HotpathError("HP_BAD_REQUEST", `limit is a number from 1 to ${most}.`);
  return Math.min(size, most);
}

function formatCursor(scope: string, by: readonly string[], row: Row): string {
  const values = by.map((given) => {
    const name = given.replace(/^-/, "");
    const value = row[name];
    if (value === undefined || value === null) throw new TypeError(`a page is ordered by ${name}, which a row lacks`);
    return typeof value === "string" ? value : JSON.stringify(value);
  });
  return Buffer.from(JSON.stringify([scope, ...values])).toString("base64url");
}

function parseCursor(text: string, scope: string, count: number): readonly string[] {
  let parsed: unknown;
  try {
    parsed = JSON.parse(Buffer.from(text, "base64url").toString());
  } catch {
    parsed = undefined;
  }
  const isOurs = Array.isArray(parsed) && parsed.every((part) => typeof part === "string");
  const [of, ...values] = isOurs ? (parsed as string[]) : [];
  if (of === scope && values.length === count && !values.some((value) => value.includes("\0"))) return values;
  throw new HotpathError("HP_CURSOR_INVALID", "The cursor is none of this list.");
}

const NOTHING: { readonly texts: readonly string[]; readonly values: readonly string[] } = { texts: [""], values: [] };
