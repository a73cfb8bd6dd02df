import type { ApiKeyEntry } from "./api-key.ts";

/** More are better kept as tokens. */
const MAX_KEYS = 100_000;

/** Reads `name:role:hash`, the form that the options take; the options' own rules have checked it. */
export function parseApiKeyLine(line: string): ApiKeyEntry {
  const [name = "", role = "", hash = ""] = line.split(":");
  return { name, role: role === "" ? null : role, hash, claims: {}, untilMs: Number.POSITIVE_INFINITY };
}

/**
 * Reads a file of API keys: a JSON array of `{ "name", "hash", "role"?, "claims"?, "until"? }`.
 *
 * @throws Error that names the entry at fault, without its hash
 */
export function parseApiKeyFile(text: string): readonly ApiKeyEntry[] {
  const list: unknown = JSON.parse(text);
  if (!Array.isArray(list) || list.length > MAX_KEYS)
    throw new Error(`it must hold an array of at most ${MAX_KEYS} keys`);
  return list.map((entry: unknown, index) => {
    try {
      return toEntry(entry);
    } catch (error) {
      throw new Error(`key ${index + 1}: ${(error as Error).message}`, { cause: error });
    }
  });
}

function toEntry(entry: unknown): ApiKeyEntry {
  if (!isObject(entry)) throw new Error("it must be an object");
  const { name, hash, role = null, claims = {}, until = null, ...unknown } = entry;
  const [other] = Object.keys(unknown);
  if (other !== undefined)
    throw new Error(`${JSON.stringify(other)} is not known; name, hash, role, claims and until are`);
  if (typeof name !== "string" || name === "" || name.length > 64)
    throw new Error("name must be a text of 1 to 64 characters");
  if (typeof hash !== "string" || !/^[0-9a-f]{64}$/.test(hash))
    throw new Error("hash must be 64 hexadecimal digits, as `hotpath key` prints");
  if (role !== null && (typeof role !== "string" || role === "")) throw new Error("role must be a text");
  if (!isObject(claims)) throw new Error("claims must be an object");
  return { name, hash, role, claims, untilMs: toTime(until) };
}

function toTime(until: unknown): number {
  if (until === null) return Number.POSITIVE_INFINITY;
  const time = typeof until === "string" && /^\d{4}-\d\d-\d\d/.test(until) ? Date.parse(until) : Number.NaN;
  if (Number.isNaN(time)) throw new Error('until must be a date such as "2027-01-31" or "2027-01-31T12:00:00Z"');
  return time;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
