import type { TransactionEnd } from "../api/settings.ts";
import type { Catalog } from "./catalog/types.ts";
import { DialectError } from "./dialect-error.ts";

/** What `Prefer` asked for (RFC 7240), as far as the dialect knows it. Unset: not asked. */
export interface Preferences {
  readonly resolution?: "merge-duplicates" | "ignore-duplicates";
  readonly representation?: "representation" | "minimal" | "headers-only";
  readonly count?: "exact" | "planned" | "estimated";
  readonly transaction?: "commit" | "rollback";
  readonly missing?: "default" | "null";
  readonly handling?: "strict" | "lenient";
  readonly timezone?: string;
  readonly maxAffected?: number;
  /** Ours: read from the primary, whatever replicas there are; or answer a `Consistency-Token` for what was seen. */
  readonly consistency?: "primary" | "monotonic";
  /** Preferences that are not known, as received. */
  readonly unknown: readonly string[];
}

export const NO_PREFERENCES: Preferences = { unknown: [] };

const KNOWN = {
  resolution: ["merge-duplicates", "ignore-duplicates"],
  return: ["representation", "minimal", "headers-only"],
  count: ["exact", "planned", "estimated"],
  tx: ["commit", "rollback"],
  missing: ["default", "null"],
  handling: ["strict", "lenient"],
  consistency: ["primary", "monotonic"],
} as const;

/**
 * Reads what a request prefers. A time zone that the database does not know is left out.
 *
 * @throws DialectError PGRST122 under `handling=strict` when something asked for is not known.
 */
export async function readPreferences(catalog: Catalog, prefer: string | string[]): Promise<Preferences> {
  const header = Array.isArray(prefer) ? prefer.join(",") : prefer;
  const preferences = parsePreferences(header);
  const { timezone } = preferences;
  const isTimezone = timezone === undefined || (await catalog.timezones()).has(timezone);
  refuseUnknown(preferences, isTimezone);
  const { timezone: _ignored, ...rest } = preferences;
  const read = isTimezone ? preferences : rest;
  remember(catalog, header, read);
  return read;
}

/** The preferences of a header that was read before: clients send few different ones. */
export function recallPreferences(catalog: Catalog, prefer: string | string[]): Preferences | undefined {
  return typeof prefer === "string" ? remembered.get(catalog)?.get(prefer) : undefined;
}

const remembered = new WeakMap<Catalog, Map<string, Preferences>>();
/** Clients choose what is remembered, so its number and length are bounded. */
const MAX_REMEMBERED = 200;
const MAX_REMEMBERED_CHARACTERS = 200;

function remember(catalog: Catalog, header: string, preferences: Preferences): void {
  if (header.length > MAX_REMEMBERED_CHARACTERS) return;
  let known = remembered.get(catalog);
  if (known === undefined) remembered.set(catalog, (known = new Map()));
  if (known.size >= MAX_REMEMBERED) known.clear();
  known.set(header, preferences);
}

/** Of a preference given twice the first counts (RFC 7240 section 2). */
export function parsePreferences(header: string): Preferences {
  const found: Partial<Record<keyof typeof KNOWN, string>> = {};
  const rest: { timezone?: string; maxAffected?: number | undefined } = {};
  const unknown: string[] = [];
  for (const part of header.split(",")) {
    const preference = part.trim();
    const [name = "", value = ""] = split(preference);
    if (name === "timezone") rest.timezone ??= value;
    else if (name === "max-affected") rest.maxAffected ??= /^\d{1,15}$/.test(value) ? Number(value) : undefined;
    else if (isKnown(name, value)) found[name] ??= value;
    else if (preference !== "") unknown.push(preference);
  }
  const { return: representation, tx: transaction, ...others } = found;
  return {
    ...others,
    ...(representation === undefined ? {} : { representation }),
    ...(transaction === undefined ? {} : { transaction }),
    ...rest,
    unknown,
  } as Preferences;
}

/** @throws DialectError PGRST122 under `handling=strict` when something asked for is not known. */
function refuseUnknown(preferences: Preferences, isTimezone: boolean): void {
  if (preferences.handling !== "strict") return;
  const invalid = [...preferences.unknown, ...(isTimezone ? [] : [`timezone=${preferences.timezone}`])];
  if (invalid.length === 0) return;
  throw new DialectError("PGRST122", 400, "Invalid preferences given with handling=strict", {
    details: `Invalid preferences: ${invalid.join(", ")}`,
  });
}

/** The `Preference-Applied` of a read, or undefined when nothing was applied. */
export function appliedToRead(preferences: Preferences, honoursTransaction: boolean): string | undefined {
  const applied = [
    preferences.count === undefined ? undefined : `count=${preferences.count}`,
    preferences.transaction === undefined || !honoursTransaction ? undefined : `tx=${preferences.transaction}`,
    preferences.handling === undefined ? undefined : `handling=${preferences.handling}`,
    preferences.timezone === undefined ? undefined : `timezone=${preferences.timezone}`,
    preferences.consistency === undefined ? undefined : `consistency=${preferences.consistency}`,
  ].filter((part) => part !== undefined);
  return applied.length === 0 ? undefined : applied.join(", ");
}

/** What of its preferences a write applies; `Preference-Applied` names them in this order. */
export interface WritePreferences {
  readonly method: string;
  readonly preferences: Preferences;
  /** There is something that rows can be in conflict with. */
  readonly resolves: boolean;
  readonly honoursTransaction: boolean;
}

/** The `Preference-Applied` of a write, or undefined when nothing was applied. */
export function appliedToWrite(write: WritePreferences): string | undefined {
  const { method, preferences, resolves, honoursTransaction } = write;
  const { resolution, missing, representation, handling, maxAffected } = preferences;
  const limitsRows = maxAffected !== undefined && handling === "strict" && (method === "PATCH" || method === "DELETE");
  const applied = [
    resolution === undefined || !resolves ? undefined : `resolution=${resolution}`,
    missing === undefined || (method !== "POST" && method !== "PATCH") ? undefined : `missing=${missing}`,
    representation === undefined ? undefined : `return=${representation}`,
    appliedToRead(preferences, honoursTransaction),
    limitsRows ? `max-affected=${maxAffected}` : undefined,
  ].filter((part) => part !== undefined);
  return applied.length === 0 ? undefined : applied.join(", ");
}

/** The `Preference-Applied` of a call. */
export function appliedToCall(preferences: Preferences, honoursTransaction: boolean): string | undefined {
  const applied = appliedToRead(preferences, honoursTransaction);
  const { handling, maxAffected } = preferences;
  if (handling !== "strict" || maxAffected === undefined) return applied;
  return `${applied}, max-affected=${maxAffected}`;
}

/** Whether `Prefer: tx=` may say how a transaction ends. */
export function allowsOverride(end: TransactionEnd): boolean {
  return end.endsWith("-allow-override");
}

/** How a request's transaction ends. */
export function transactionEnd(end: TransactionEnd, { transaction }: Preferences): "commit" | "rollback" {
  const chosen = allowsOverride(end) ? transaction : undefined;
  return chosen ?? (end.startsWith("rollback") ? "rollback" : "commit");
}

function split(preference: string): readonly string[] {
  const equals = preference.indexOf("=");
  return equals === -1 ? [preference] : [preference.slice(0, equals), preference.slice(equals + 1)];
}

function isKnown(name: string, value: string): name is keyof typeof KNOWN {
  return Object.hasOwn(KNOWN, name) && (KNOWN[name as keyof typeof KNOWN] as readonly string[]).includes(value);
}
