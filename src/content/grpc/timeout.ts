import { HotpathError } from "../../errors.ts";

/**
 * Milliseconds that a caller gives its call: `grpc-timeout` has at most eight digits and a unit, `connect-timeout-ms` at most ten digits.
 *
 * @throws HotpathError HP_BAD_REQUEST
 */
export function timeoutMs(grpc: string | undefined, connect: string | undefined): number | undefined {
  if (grpc !== undefined) {
    const [, digits, unit] = /^(\d{1,8})([HMSmun])$/.exec(grpc) ?? [];
    if (digits === undefined || unit === undefined) throw invalid("grpc-timeout");
    return Number(digits) * (UNITS_MS[unit] ?? 1);
  }
  if (connect === undefined) return undefined;
  if (!/^\d{1,10}$/.test(connect)) throw invalid("connect-timeout-ms");
  return Number(connect);
}

const UNITS_MS: Readonly<Record<string, number>> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

function invalid(name: string): HotpathError {
  return new HotpathError("HP_BAD_REQUEST", `${name} is no time span.`);
}
