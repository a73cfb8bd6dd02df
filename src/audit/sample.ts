import type { IncomingHttpHeaders } from "node:http";
import { parseCacheControl } from "../http/cache-control.ts";
import type { Exchange, Prober } from "./exchange.ts";

/** What is known of a resource before any check. */
export interface Sample {
  readonly target: string;
  /** The first request, the same with all codings offered, and the same again. */
  readonly plain: Exchange;
  readonly coded: Exchange;
  readonly again: Exchange;
  /** Its JSON, when it is that. */
  readonly json: unknown;
  /** The list in it: the JSON itself, or the one member that is an array. */
  readonly list: readonly unknown[] | undefined;
}

/** What browsers offer. */
export const CODINGS = "gzip, deflate, br, zstd";

/** Asks three times; undefined for what does not answer 200. */
export async function takeSample(prober: Prober, target: string): Promise<Sample | undefined> {
  const plain = await prober.send(target, { "accept-encoding": "identity" });
  if (plain.status !== 200) return undefined;
  const coded = await prober.send(target, { "accept-encoding": CODINGS });
  const again = await prober.send(target, { "accept-encoding": "identity" });
  const json = readJson(plain);
  return { target, plain, coded, again, json, list: listOf(json) };
}

function readJson({ headers, content }: Exchange): unknown {
  if (content === undefined || !/[/+]json\b/i.test(headers["content-type"] ?? "")) return undefined;
  try {
    return JSON.parse(content.toString());
  } catch {
    return undefined;
  }
}

/** The rows of a reply. */
export function listOf(json: unknown): readonly unknown[] | undefined {
  if (Array.isArray(json)) return json;
  if (typeof json !== "object" || json === null) return undefined;
  const lists = Object.values(json).filter((value) => Array.isArray(value));
  return lists.length === 1 ? lists[0] : undefined;
}

/** Directives of `Cache-Control`. */
export function directives(headers: IncomingHttpHeaders): ReturnType<typeof parseCacheControl> {
  return parseCacheControl(headers["cache-control"]);
}

/** Names in `Vary`, in lower case. */
export function varyNames(headers: IncomingHttpHeaders): readonly string[] {
  return (headers.vary ?? "")
    .split(",")
    .map((name) => name.trim().toLowerCase())
    .filter(Boolean);
}

export function kib(bytes: number): string {
  return bytes < 1024 ? `${bytes} bytes` : `${(bytes / 1024).toFixed(1)} KiB`;
}

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((one, other) => one - other);
  return sorted[Math.floor(sorted.length / 2)] ?? 0;
}
