import { hash, timingSafeEqual } from "node:crypto";
import { HotpathError } from "../errors.ts";
import type { CursorTerm } from "./query/cursor-sql.ts";
import type { ReadNode } from "./query/plan.ts";

/**
 * Keyset cursors: opaque texts that name the last row of a page by the values it is ordered by.
 *
 * A cursor is base64url of 9 bytes of SHA-256 and the values as JSON. The digest covers relation, columns and
 * directions, so that a cursor serves only the order that made it. It guards against mistakes rather than attackers:
 * forging one gains nothing that a filter would not.
 */
const DIGEST_BYTES = 9;
const KEY = "hotpath cursor 1";
/** A cursor holds one value per ordered column; a longer text is no cursor of ours. */
const MAX_CURSOR_CHARACTERS = 8192;

/**
 * The keyset of a read, or null where it has none: its order must consist of plain columns of the root, and a primary
 * key must be there to tell equal rows apart. Adds the key's columns to the order where they are missing.
 */
export function completeKeyset(node: ReadNode): readonly CursorTerm[] | null {
  const { relation, order } = node;
  const isPlain = order.every(({ column, joinAlias }) => {
    const type = relation.columns.get(column.name)?.baseType;
    // Object names such as regclass compare as the numbers behind them, which a text of theirs is not.
    return joinAlias === undefined && column.path.length === 0 && type !== undefined && !type.startsWith("reg");
  });
  const isGrouped = node.select.some((field) => field.aggregate !== undefined);
  if (order.length === 0 || relation.primaryKey.length === 0 || !isPlain || isGrouped) return null;
  const ordered = new Set(order.map(({ column }) => column.name));
  for (const name of relation.primaryKey) {
    if (ordered.has(name)) continue;
    node.order.push({ column: { name, path: [], toJson: false, wholeRow: false } });
  }
  return node.order.map(({ column, direction = "asc", nulls }) => ({
    column: column.name,
    direction,
    nulls: nulls ?? (direction === "asc" ? "last" : "first"),
    nullable: relation.columns.get(column.name)?.nullable ?? true,
    isArray: relation.columns.get(column.name)?.category === "A",
  }));
}

/** The cursor of a place in an order, or undefined where its values are too long for one: a URL has to carry it. */
export function formatCursor(scope: string, values: readonly (string | null)[]): string | undefined {
  const payload = Buffer.from(JSON.stringify(values));
  const cursor = Buffer.concat([digest(scope, payload), payload]).toString("base64url");
  return cursor.length > MAX_CURSOR_CHARACTERS ? undefined : cursor;
}

/** A cursor taken apart, not yet held against the order it is to serve. */
export interface Cursor {
  readonly values: readonly (string | null)[];
  readonly payload: Uint8Array;
  readonly digest: Uint8Array;
}

/** @throws HotpathError HP_CURSOR_INVALID for a text that is no cursor. */
export function parseCursor(text: string): Cursor {
  const bytes = text.length > MAX_CURSOR_CHARACTERS ? Buffer.alloc(0) : Buffer.from(text, "base64url");
  if (bytes.length <= DIGEST_BYTES || bytes.toString("base64url") !== text) throw invalidCursor();
  const payload = bytes.subarray(DIGEST_BYTES);
  return { values: parseValues(payload), payload, digest: bytes.subarray(0, DIGEST_BYTES) };
}

/** @throws HotpathError HP_CURSOR_INVALID when the cursor was not made for this scope. */
export function assertScope(cursor: Cursor, scope: string): void {
  if (!timingSafeEqual(cursor.digest, digest(scope, cursor.payload))) throw invalidCursor();
}

function parseValues(payload: Buffer): readonly (string | null)[] {
  try {
    const values: unknown = JSON.parse(payload.toString("utf8"));
    const isList = Array.isArray(values) && values.every((value) => value === null || typeof value === "string");
    if (isList) return values as (string | null)[];
  } catch {
    // Not JSON: said below.
  }
  throw invalidCursor();
}

function invalidCursor(): HotpathError {
  return new HotpathError("HP_CURSOR_INVALID", "The cursor in `after` was changed or belongs to another order.");
}

/** What a cursor is bound to. */
export function cursorScope(node: ReadNode, terms: readonly CursorTerm[]): string {
  return JSON.stringify([node.relation.schema, node.relation.name, ...terms.map((term) => Object.values(term))]);
}

function digest(scope: string, payload: Uint8Array): Buffer {
  // The key is no secret, so a plain hash does what an HMAC would, in a third of the time.
  const text = Buffer.concat([Buffer.from(`${KEY}\0${scope}\0`), payload]);
  return hash("sha256", text, "buffer").subarray(0, DIGEST_BYTES);
}
