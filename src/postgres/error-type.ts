/** What went wrong as one of a bounded set: a code of the database (SQLSTATE) or of ours. */
export function errorType(reason: unknown): string {
  const { code } = (reason ?? {}) as { readonly code?: unknown };
  return typeof code === "string" && /^[A-Z0-9_]{1,40}$/.test(code) ? code : "error";
}
