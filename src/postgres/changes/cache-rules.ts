import type { RelationName } from "../catalog/types.ts";

/** What the settings say of one table, view or function. */
export type CacheRule =
  | { readonly kind: "off" }
  /** Cached for so long, whatever changes. */
  | { readonly kind: "ttl"; readonly ttlMs: number }
  /** Replies depend on these tables, and on nothing else. */
  | { readonly kind: "tables"; readonly tables: readonly string[] };

/** Finds the rule for a name; `undefined` where the settings say nothing of it. */
export type FindCacheRule = (name: RelationName) => CacheRule | undefined;

/**
 * Reads the entries of option `queryCache.tables`: `orders=off`, `rates=30s`, `top_users=users+orders`. A name may be qualified (`api.orders`);
 * without its schema it is one of any schema that is served.
 */
export function parseCacheRules(entries: readonly string[]): FindCacheRule {
  if (entries.length === 0) return () => undefined;
  const rules = new Map(
    entries.map((entry) => {
      const equals = entry.indexOf("=");
      return [entry.slice(0, equals), toRule(entry.slice(equals + 1))];
    }),
  );
  return ({ schema, name }) => rules.get(`${schema}.${name}`) ?? rules.get(name);
}

function toRule(text: string): CacheRule {
  if (text === "off") return { kind: "off" };
  const [, digits, unit] = /^(\d+)(ms|s|m|h|d)$/.exec(text) ?? [];
  if (digits === undefined || unit === undefined) return { kind: "tables", tables: text.split("+") };
  return { kind: "ttl", ttlMs: Number(digits) * (UNITS_MS[unit] ?? 1) };
}

const UNITS_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
