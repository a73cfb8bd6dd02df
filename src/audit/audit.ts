import { CACHING_CHECKS } from "./checks/caching.ts";
import type { Check } from "./checks/check.ts";
import { COMPRESSION_CHECKS } from "./checks/compression.ts";
import { CONNECTION_CHECKS } from "./checks/connections.ts";
import { LIST_CHECKS } from "./checks/lists.ts";
import { SIGNAL_CHECKS } from "./checks/signals.ts";
import { TIMING_CHECKS } from "./checks/timing.ts";
import { VALIDATOR_CHECKS } from "./checks/validators.ts";
import { createProber, type Prober, ProbeStopped } from "./exchange.ts";
import type { Finding, Severity, Verdict } from "./finding.ts";
import { type Sample, takeSample } from "./sample.ts";
import type { Target } from "./targets.ts";

/** What the audit of an API has found. */
export interface Audit {
  readonly origin: string;
  readonly at: string;
  readonly targets: readonly string[];
  /** 100 is nothing to be found. */
  readonly score: number;
  readonly requests: number;
  /** Why it ended before its end; undefined: it did not. */
  readonly stopped: string | undefined;
  /** Those that cost most first. */
  readonly results: readonly Result[];
  /** What did not answer 200, and so was not looked at. */
  readonly unanswered: readonly { readonly target: string; readonly why: string }[];
}

/** What became of a check, over all resources. */
export interface Result {
  readonly check: Omit<Check, "run">;
  readonly state: Verdict["state"];
  /** Of `not tried`: why. */
  readonly why: string | undefined;
  readonly points: number;
  readonly findings: readonly Finding[];
}

/** What a finding takes off the score: once, at however many resources it is found. */
export const POINTS: Readonly<Record<Severity, number>> = { high: 12, medium: 6, low: 2 };

/** In order: what is sent for one of the later tells nothing about an earlier one. */
export const CHECKS: readonly Check[] = [
  ...VALIDATOR_CHECKS,
  ...CACHING_CHECKS,
  ...COMPRESSION_CHECKS,
  ...CONNECTION_CHECKS,
  ...LIST_CHECKS,
  ...TIMING_CHECKS,
  ...SIGNAL_CHECKS,
];

/** What concerns the server as a whole, and is seen at the first resource that answers. */
const ONCE: ReadonlySet<string> = new Set([...CONNECTION_CHECKS, ...SIGNAL_CHECKS].map(({ name }) => name));
/** What nobody can see from outside: pools, indexes, replicas, load tests, scaling. */
export const UNSEEN =
  "T5 (pools), T7 (indexes: see hotpath advise), T10 (binary formats), T15 (load tests), T17 (scaling), T18 (replicas)";

export interface AuditSettings {
  readonly maxRequests: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly isInsecure: boolean;
  /** Is told what is looked at. */
  readonly onProgress?: (line: string) => void;
}

/** Looks at the resources of one origin, by requests that change nothing. */
export async function auditApi(origin: URL, targets: readonly Target[], settings: AuditSettings): Promise<Audit> {
  const prober = createProber(origin, settings);
  const names = Object.keys(settings.headers).map((name) => name.toLowerCase());
  const isCredentialed = names.some((name) => name === "authorization" || name === "cookie" || /key|token/.test(name));
  const verdicts: Verdict[] = [];
  const findings: Finding[] = [];
  const unanswered: Audit["unanswered"][number][] = [];
  const seen: string[] = [];
  try {
    for (const { path, parameters } of targets) {
      settings.onProgress?.(path);
      const sample = await sampleOf(prober, path, unanswered);
      if (sample === undefined) continue;
      for (const check of CHECKS) {
        if (ONCE.has(check.name) && seen.length > 0) continue;
        const found = await check.run({ prober, sample, isCredentialed, parameters });
        if (typeof found === "string") verdicts.push({ check: check.name, state: "not tried", why: found });
        else {
          verdicts.push({ check: check.name, state: found.length > 0 ? "found" : "passed" });
          findings.push(...found.map((each) => ({ ...each, check: check.name, target: path })));
        }
      }
      seen.push(path);
    }
  } catch (error) {
    if (!(error instanceof ProbeStopped)) throw error;
  } finally {
    prober.close();
  }
  const results = CHECKS.map((check) => resultOf(check, verdicts, findings, prober.stopped));
  const lost = results.reduce((sum, { points }) => sum + points, 0);
  return {
    origin: origin.origin,
    at: new Date().toISOString(),
    targets: seen,
    score: seen.length === 0 ? 0 : Math.max(0, 100 - lost),
    requests: prober.used,
    stopped: prober.stopped,
    results: results.sort((one, other) => other.points - one.points),
    unanswered,
  };
}

async function sampleOf(
  prober: Prober,
  path: string,
  unanswered: Audit["unanswered"][number][],
): Promise<Sample | undefined> {
  try {
    const sample = await takeSample(prober, path);
    if (sample === undefined) unanswered.push({ target: path, why: "it did not answer 200" });
    return sample;
  } catch (error) {
    if (!(error instanceof ProbeStopped)) throw error;
    unanswered.push({ target: path, why: error.message });
    // One that fails is no reason to leave the others; the prober knows when it is.
    if (prober.stopped !== undefined) throw error;
    return undefined;
  }
}

function resultOf(
  { run: _run, ...check }: Check,
  verdicts: readonly Verdict[],
  all: readonly Finding[],
  stopped: string | undefined,
): Result {
  const findings = all.filter((finding) => finding.check === check.name);
  const own = verdicts.filter((verdict) => verdict.check === check.name);
  const state =
    findings.length > 0 ? "found" : own.some((verdict) => verdict.state === "passed") ? "passed" : "not tried";
  const why =
    state === "not tried"
      ? (own.find((verdict) => verdict.why !== undefined)?.why ?? stopped ?? "no resource answered")
      : undefined;
  return { check, state, why, points: findings.length > 0 ? POINTS[check.severity] : 0, findings };
}
