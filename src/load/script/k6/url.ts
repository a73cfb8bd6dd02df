import type { Params } from "./params.ts";

/** A URL that stands in tables by another name. */
export interface NamedUrl {
  readonly url: string;
  readonly name: string;
}

export function toNamedUrl(address: unknown): { readonly url: string; readonly name: string | undefined } {
  if (typeof address === "object" && address !== null && "url" in address && "name" in address) {
    return { url: String(address.url), name: String(address.name) };
  }
  return { url: String(address), name: undefined };
}

export function parseUrl(text: string, throws: boolean): URL | undefined {
  const url = URL.parse(text);
  if (url !== null && (url.protocol === "http:" || url.protocol === "https:")) return url;
  if (throws) throw new TypeError(`invalid URL: ${text}`);
  return undefined;
}

/** Numbers and the like in a path stand for any: tables are by what is asked, not by of whom. */
export function withoutIds(url: string): string {
  const [path = ""] = url.split(/[?#]/, 1);
  return path.replaceAll(/\/(?:\d+|[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}|[\da-f]{16,})(?=\/|$)/gi, "/:id");
}

export function withoutUser(url: URL): string {
  if (url.username === "" && url.password === "") return url.href;
  const copy = new URL(url);
  copy.username = "";
  copy.password = "";
  return copy.href;
}

export function basicOf(url: URL, params: Params): string | undefined {
  if (url.username === "" || params["auth"] === "digest") return undefined;
  const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
  return `Basic ${Buffer.from(pair).toString("base64")}`;
}
