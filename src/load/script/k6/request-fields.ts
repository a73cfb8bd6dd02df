import type { CookieJar } from "../cookies.ts";
import type { Params } from "./params.ts";

export function cookiesOf(jar: CookieJar, url: URL, params: Params): readonly [string, string][] {
  if (jar.isEmpty && params["cookies"] === undefined) return NO_COOKIES;
  const pairs = new Map<string, string>(jar.isEmpty ? [] : jar.pairsFor(url));
  const given = params["cookies"];
  if (typeof given === "object" && given !== null) {
    for (const [name, value] of Object.entries(given as Record<string, unknown>)) {
      if (typeof value === "object" && value !== null && "value" in value) {
        const { value: text, replace } = value as { value: unknown; replace?: boolean };
        if (replace === true || !pairs.has(name)) pairs.set(name, String(text));
      } else pairs.set(name, String(value));
    }
  }
  return [...pairs];
}

export interface FieldParts {
  readonly userAgent: string;
  readonly type: string | undefined;
  readonly codings: string;
  readonly cookies: readonly (readonly [string, string])[];
  readonly authorization: string | undefined;
}

/** Nothing but what a script gives itself. */
export const NO_PARTS: FieldParts = {
  userAgent: "",
  type: undefined,
  codings: "",
  cookies: [],
  authorization: undefined,
};

const NO_COOKIES: readonly [string, string][] = [];
/** Names that were looked at, in lower case: a script uses the same ones over and over. */
const lowerNames = new Map<string, string>();
const MAX_NAMES = 1000;

function lowerName(name: string): string {
  let lower = lowerNames.get(name);
  if (lower === undefined) {
    if (!/^[!#$%&'*+.^_`|~\w-]+$/.test(name)) {
      throw new TypeError(`the header field ${JSON.stringify(name)} cannot be sent`);
    }
    if (lowerNames.size >= MAX_NAMES) lowerNames.clear();
    lowerNames.set(name, (lower = name.toLowerCase()));
  }
  return lower;
}

export function fieldsOf(
  params: Params,
  { userAgent, type, codings, cookies, authorization }: FieldParts,
): [string, string][] {
  const fields: [string, string][] = [];
  const seen = new Set<string>();
  const headers = params["headers"];
  if (typeof headers === "object" && headers !== null) {
    for (const [name, value] of Object.entries(headers as Record<string, unknown>)) {
      if (value === undefined || value === null) continue;
      const text = textOf(value);
      seen.add(lowerName(name));
      if (/[\0\r\n]/.test(text)) throw new TypeError(`the header field ${JSON.stringify(name)} cannot be sent`);
      fields.push([name, text]);
    }
  }
  if (!seen.has("user-agent") && userAgent !== "") fields.push(["User-Agent", userAgent]);
  if (type !== undefined && !seen.has("content-type")) fields.push(["Content-Type", type]);
  if (codings !== "" && !seen.has("content-encoding")) fields.push(["Content-Encoding", codings]);
  if (cookies.length > 0 && !seen.has("cookie")) {
    fields.push(["Cookie", cookies.map(([name, value]) => `${name}=${value}`).join("; ")]);
  }
  if (authorization !== undefined && !seen.has("authorization")) fields.push(["Authorization", authorization]);
  return fields;
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : (JSON.stringify(value) ?? "");
}
