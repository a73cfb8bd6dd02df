import type { CacheHints } from "../../api/source.ts";
import type { ReplyHeaders } from "../../http/message.ts";

/**
 * Fields that only this cache reads and that never reach a client. A source's hints are stored as the field that an upstream could
 * send in their place, so that every store keeps them without knowing of them.
 */
export const OWN_CACHE_CONTROL = "hotpath-cache-control";
export const OWN_ROUTE = "hotpath-route";

/** A reply's fields with the source's hints among them, for judging and storing. */
export function withHints(
  headers: Readonly<ReplyHeaders>,
  hints: CacheHints | undefined,
  route: string | undefined,
): Readonly<ReplyHeaders> {
  if (hints === undefined && route === undefined) return headers;
  const all: ReplyHeaders = { ...headers };
  if (route !== undefined) all[OWN_ROUTE] = route;
  if (hints !== undefined) all[OWN_CACHE_CONTROL] = toTargetedField(hints);
  return all;
}

/** Structured fields hold milliseconds as decimals of seconds. */
function toTargetedField({ freshForMs, staleWhileRevalidateMs = 0, staleIfErrorMs = 0 }: CacheHints): string {
  if (last.of[0] !== freshForMs || last.of[1] !== staleWhileRevalidateMs || last.of[2] !== staleIfErrorMs) {
    const [fresh, behind, failing] = [freshForMs, staleWhileRevalidateMs, staleIfErrorMs].map(toSeconds);
    const field = `max-age=${fresh}, stale-while-revalidate=${behind}, stale-if-error=${failing}`;
    last = { of: [freshForMs, staleWhileRevalidateMs, staleIfErrorMs], field };
  }
  return last.field;
}

/** A source gives most of its replies the same times. */
let last: { readonly of: readonly number[]; readonly field: string } = { of: [], field: "" };

function toSeconds(milliseconds: number): string {
  return (Math.min(Math.max(0, Math.round(milliseconds)), LONGEST_MS) / 1000).toFixed(3);
}

const LONGEST_MS = 2_147_483_648_000;
