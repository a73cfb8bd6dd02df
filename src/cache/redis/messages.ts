import type { PurgeSelector } from "../store.ts";

/** What nodes tell each other. */
export type NodeMessage =
  | { readonly kind: "purged"; readonly number: number; readonly selector: PurgeSelector }
  | { readonly kind: "replaced"; readonly key: string }
  | { readonly kind: "released"; readonly key: string }
  /** Whatever nodes have to say to each other beside the cache. */
  | { readonly kind: "told"; readonly topic: string; readonly words: readonly string[] };

/**
 * Writes a message: JSON, `[kind, number, sender, …names]`. The number of a purge is 0 here; the script that purges
 * puts the real one in the place of the text's first 0.
 */
export function formatMessage(sender: string, kind: MessageKind, names: readonly string[] = []): string {
  return JSON.stringify([kind, 0, sender, ...names]);
}

/** Reads a message; `undefined` when it is none that this version knows, or one's own. Own purges still tell their number. */
export function parseMessage(
  text: string,
  self: string,
): NodeMessage | { readonly kind: "own"; readonly number: number } | undefined {
  let parts: unknown;
  try {
    parts = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(parts)) return undefined;
  const [kind, number, sender, ...names] = parts as unknown[];
  if (typeof number !== "number" || !names.every((name) => typeof name === "string")) return undefined;
  if (sender === self && kind === "told") return undefined;
  if (sender === self) return kind === "released" ? toMessage(kind, number, names) : { kind: "own", number };
  return toMessage(kind, number, names);
}

/** `k` key purged, `t` tags purged, `a` everything purged. */
export type MessageKind = "k" | "t" | "a" | "replaced" | "released" | "told";

function toMessage(kind: unknown, number: number, names: readonly string[]): NodeMessage | undefined {
  const [key] = names;
  if (kind === "a") return { kind: "purged", number, selector: { kind: "all" } };
  if (kind === "t") return { kind: "purged", number, selector: { kind: "tags", tags: names } };
  if (key === undefined) return undefined;
  if (kind === "told") return { kind, topic: key, words: names.slice(1) };
  if (kind === "k") return { kind: "purged", number, selector: { kind: "key", key } };
  return kind === "replaced" || kind === "released" ? { kind, key } : undefined;
}
