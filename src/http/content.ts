import type { HttpRequest } from "./message.ts";

/** Whether a request brings content. */
export function hasContent(request: HttpRequest): boolean {
  if (request.hasContent !== undefined) return request.hasContent;
  const { "content-length": length, "transfer-encoding": coding } = request.headers;
  return coding !== undefined || (length !== undefined && length !== "0");
}
