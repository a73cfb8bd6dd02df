import { ProtocolError } from "./response-head.ts";

/** A request that got no reply: what happened, and k6's number for it. */
export class LoadFailure extends Error {
  override readonly name = "LoadFailure";
  /** https://grafana.com/docs/k6/latest/javascript-api/error-codes/ */
  readonly code: number;

  constructor(code: number, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

const CODES: Readonly<Record<string, readonly [number, string]>> = {
  ENOTFOUND: [1101, "no such host"],
  EAI_AGAIN: [1101, "the host's name could not be looked up"],
  ECONNREFUSED: [1212, "connection refused"],
  ECONNRESET: [1220, "connection reset by peer"],
  EPIPE: [1202, "broken pipe"],
  ETIMEDOUT: [1211, "connecting took too long"],
  EHOSTUNREACH: [1213, "host unreachable"],
  ENETUNREACH: [1213, "network unreachable"],
  EMFILE: [1213, "too many open files: raise the limit (ulimit -n)"],
  EADDRNOTAVAIL: [1213, "no local port is free: reuse connections or use more addresses"],
  DEPTH_ZERO_SELF_SIGNED_CERT: [1310, "x509: the certificate is signed by an unknown authority"],
  SELF_SIGNED_CERT_IN_CHAIN: [1310, "x509: the certificate is signed by an unknown authority"],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: [1310, "x509: the certificate is signed by an unknown authority"],
  ERR_TLS_CERT_ALTNAME_INVALID: [1311, "x509: the certificate is for another host"],
  CERT_HAS_EXPIRED: [1310, "x509: the certificate has expired"],
};

/** What an error of a socket, of TLS or of parsing means to whoever reads a result. */
export function toFailure(error: unknown): LoadFailure {
  if (error instanceof LoadFailure) return error;
  if (error instanceof ProtocolError) return new LoadFailure(1000, `malformed reply: ${error.message}`, error);
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? "";
  const [number, words] = CODES[code] ?? [code.startsWith("ERR_SSL") || code.startsWith("ERR_TLS") ? 1300 : 1000, ""];
  const message = error instanceof Error ? error.message : String(error);
  return new LoadFailure(number, words === "" ? message : words, error);
}

/** A reply did not come in time. */
export function timeoutFailure(): LoadFailure {
  return new LoadFailure(1050, "request timeout");
}
