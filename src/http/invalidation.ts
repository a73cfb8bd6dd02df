import type { ReplyHeaders } from "./message.ts";

/** Methods that change nothing (RFC 9110 section 9.2.1). All others, unknown ones too, may change what is stored. */
export function isSafeMethod(method: string): boolean {
  return method === "GET" || method === "HEAD" || method === "OPTIONS" || method === "TRACE";
}

/**
 * The URLs whose stored replies a request has made invalid (RFC 9111 section 4.4): its own, and those of `Location` and
 * `Content-Location` where they are of the same origin. None where the method is safe or the reply says that it failed.
 *
 * @param url of the request, absolute.
 */
export function invalidatedUrls(
  method: string,
  url: string,
  status: number,
  headers: Readonly<ReplyHeaders>,
): readonly string[] {
  if (isSafeMethod(method) || status < 200 || status > 399) return [];
  const urls = new Set([url]);
  for (const name of ["location", "content-location"]) {
    const value = headers[name];
    const other = typeof value === "string" ? URL.parse(value, url) : null;
    if (other === null || other.origin !== URL.parse(url)?.origin) continue;
    other.hash = "";
    urls.add(other.href);
  }
  return [...urls];
}
