import { HotpathError } from "../errors.ts";

/**
 * Brings a libpq connection string into the form of a URL: URLs stay as they are, `host=… dbname=…` is rewritten.
 * Source: https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNSTRING
 *
 * @param origin names the setting in errors
 * @throws HotpathError HP_OPTION_INVALID (without the text: it may hold a password)
 */
export function toConnectionUrl(text: string, origin: string): string {
  if (/^\w+:\/\//.test(text) || !text.includes("=")) return text;
  const keywords = parseKeywords(text);
  if (!keywords) {
    throw new HotpathError("HP_OPTION_INVALID", `${origin} is neither a URL nor a list of keyword=value.`, {
      todo: "Write it as postgres://user:password@host:5432/database",
    });
  }
  const { host = "", hostaddr, port, user, password, dbname = "", ...parameters } = keywords;
  const address = hostaddr ?? host;
  const isSocket = address.startsWith("/");
  if (isSocket) parameters["host"] = address;
  if (isSocket && port !== undefined) parameters["port"] = port;
  const credentials =
    user === undefined
      ? ""
      : encodeURIComponent(user) + (password === undefined ? "" : `:${encodeURIComponent(password)}`);
  const authority = isSocket
    ? ""
    : (address.includes(":") ? `[${address}]` : encodeURIComponent(address)) + (port === undefined ? "" : `:${port}`);
  const query = new URLSearchParams(parameters).toString().replaceAll("+", "%20");
  const at = credentials === "" ? "" : `${credentials}@`;
  return `postgresql://${at}${authority}/${encodeURIComponent(dbname)}${query && `?${query}`}`;
}

function parseKeywords(text: string): Record<string, string> | undefined {
  const keywords: Record<string, string> = {};
  const pair = /\s*(\w+)\s*=\s*(?:'((?:[^'\\]|\\.)*)'|((?:[^\s'\\]|\\.)*))(?:\s+|$)/gy;
  let end = 0;
  for (const [whole, name, quoted, bare] of text.trim().matchAll(pair)) {
    keywords[name!] = (quoted ?? bare ?? "").replace(/\\(.)/g, "$1");
    end += whole.length;
  }
  return end === text.trim().length ? keywords : undefined;
}
