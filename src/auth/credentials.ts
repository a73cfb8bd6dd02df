import type { IncomingHttpHeaders } from "node:http";

/** What a request shows of who asks. */
export type ShownCredentials =
  | { readonly kind: "token"; readonly text: string }
  | { readonly kind: "key"; readonly text: string }
  /** More than one, of which nobody could say which counts. */
  | { readonly kind: "several" };

/**
 * Finds credentials that are for us: a token after `Bearer`, an API key in its field or after `ApiKey`. Other schemes say nothing to us.
 *
 * @param keyField name of the field for API keys in lower case; `undefined`: there are none
 */
export function readCredentials(
  headers: Readonly<IncomingHttpHeaders>,
  keyField: string | undefined,
): ShownCredentials | undefined {
  const { authorization } = headers;
  const key = keyField === undefined ? undefined : headers[keyField];
  const shown = authorization === undefined ? undefined : readAuthorization(authorization, keyField !== undefined);
  if (key === undefined) return shown;
  return shown === undefined && typeof key === "string" ? { kind: "key", text: key } : { kind: "several" };
}

function readAuthorization(field: string, takesKeys: boolean): ShownCredentials | undefined {
  const [, scheme = "", text = ""] = /^([^ \t]*)[ \t]*(.*)$/.exec(field) ?? [];
  const name = scheme.toLowerCase();
  if (name === "bearer") return { kind: "token", text };
  return name === "apikey" && takesKeys ? { kind: "key", text } : undefined;
}
