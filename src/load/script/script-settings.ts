import { readFileSync } from "node:fs";
import type { ConnectionOptions } from "node:tls";
import { VERSION } from "../../version.ts";

/** What a script's options say about requests. */
export interface ScriptSettings {
  readonly userAgent: string;
  readonly maxRedirects: number;
  readonly discardsBodies: boolean;
  readonly throws: boolean;
  readonly keepsCookies: boolean;
  readonly keepsConnections: boolean;
  readonly batch: number;
  readonly batchPerHost: number;
  /** Requests a second of this process; 0: any number. */
  readonly rps: number;
  readonly minIterationMs: number;
  readonly systemTags: ReadonlySet<string> | undefined;
  readonly tags: Readonly<Record<string, string>>;
  readonly tls: ConnectionOptions;
}

const TLS_VERSIONS: Readonly<Record<string, "TLSv1" | "TLSv1.1" | "TLSv1.2" | "TLSv1.3">> = {
  "tls1.0": "TLSv1",
  "tls1.1": "TLSv1.1",
  "tls1.2": "TLSv1.2",
  "tls1.3": "TLSv1.3",
};

/** Reads k6's options that concern requests. */
export function readScriptSettings(
  options: Readonly<Record<string, unknown>>,
  isInsecure: boolean,
  workers: number,
): ScriptSettings {
  const number = (name: string, otherwise: number): number =>
    typeof options[name] === "number" ? options[name] : otherwise;
  const is = (name: string): boolean => options[name] === true;
  const { systemTags, tags, userAgent } = options;
  return {
    userAgent: typeof userAgent === "string" ? userAgent : `hotpath/${VERSION}`,
    maxRedirects: number("maxRedirects", 10),
    discardsBodies: is("discardResponseBodies"),
    throws: is("throw"),
    keepsCookies: is("noCookiesReset"),
    keepsConnections: !is("noVUConnectionReuse"),
    batch: number("batch", 20),
    batchPerHost: number("batchPerHost", 6),
    rps: number("rps", 0) / workers,
    minIterationMs: durationOf(options["minIterationDuration"]),
    systemTags: Array.isArray(systemTags) ? new Set(systemTags.map(String)) : undefined,
    tags: toTexts(tags),
    tls: {
      rejectUnauthorized: !(isInsecure || is("insecureSkipTLSVerify")),
      ...tlsVersions(options["tlsVersion"]),
      ...certificate(options["tlsAuth"]),
    },
  };
}

/** The names and values of an object as texts. */
export function toTexts(value: unknown): Record<string, string> {
  if (typeof value !== "object" || value === null) return {};
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, String(one)]));
}

function tlsVersions(value: unknown): ConnectionOptions {
  const { min, max } = (typeof value === "string" ? { min: value, max: value } : (value ?? {})) as Record<
    string,
    unknown
  >;
  const least = TLS_VERSIONS[String(min)];
  const most = TLS_VERSIONS[String(max)];
  return { ...(least !== undefined && { minVersion: least }), ...(most !== undefined && { maxVersion: most }) };
}

/** The first certificate that a script gives. */
function certificate(value: unknown): ConnectionOptions {
  const [first] = Array.isArray(value) ? (value as Record<string, unknown>[]) : [];
  if (first === undefined) return {};
  const { cert, key, password } = first;
  if (typeof cert !== "string" || typeof key !== "string") return {};
  return { cert: pemOf(cert), key: pemOf(key), ...(typeof password === "string" && { passphrase: password }) };
}

function pemOf(text: string): string {
  return text.includes("-----BEGIN") ? text : readFileSync(text, "utf8");
}

function durationOf(value: unknown): number {
  if (typeof value === "number") return value;
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(typeof value === "string" ? value : "");
  return match === null ? 0 : Number(match[1]) * ({ ms: 1, s: 1000, m: 60_000 }[match[2] ?? "ms"] ?? 1);
}
