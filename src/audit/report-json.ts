import type { Audit } from "./audit.ts";
import type { Exchange } from "./exchange.ts";
import { FIXES } from "./fixes.ts";

/** The audit as plain values: of exchanges their heads, and nothing of what was sent to prove who asks. */
export function toJson(audit: Audit): object {
  return {
    ...audit,
    results: audit.results.map(({ check, findings, ...result }) => ({
      ...check,
      ...result,
      fix: findings.length > 0 ? FIXES[check.name] : undefined,
      findings: findings.map(({ evidence, ...finding }) => ({ ...finding, evidence: evidence.map(toEvidence) })),
    })),
  };
}

/** What of an exchange may be shown. */
export function toEvidence({ method, target, sent, status, headers, encoded, content, totalMs }: Exchange): object {
  return {
    request: { method, target, headers: withoutSecrets(sent) },
    reply: {
      status,
      headers: withoutSecrets(headers),
      bytes: encoded.length,
      decodedBytes: content?.length,
      ms: Math.round(totalMs * 10) / 10,
    },
  };
}

const SHOWN: ReadonlySet<string> = new Set([
  "accept",
  "accept-encoding",
  "accept-language",
  "if-none-match",
  "if-modified-since",
  "origin",
  "traceparent",
  "user-agent",
]);
const HIDDEN = /^set-cookie$/;

/** Fields that whoever runs the audit added stay hidden by value: reports are passed on. */
function withoutSecrets(
  headers: Readonly<Record<string, string | string[] | undefined>>,
): Readonly<Record<string, unknown>> {
  const isRequest = "user-agent" in headers;
  return Object.fromEntries(
    Object.entries(headers).map(([name, value]) => {
      const isHidden = isRequest ? !SHOWN.has(name.toLowerCase()) : HIDDEN.test(name);
      return [name, isHidden ? "(hidden)" : value];
    }),
  );
}
