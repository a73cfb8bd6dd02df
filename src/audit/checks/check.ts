import type { CheckName, Finding, Severity } from "../finding.ts";
import type { Prober } from "../exchange.ts";
import type { Sample } from "../sample.ts";

/** What a check may look at. */
export interface CheckContext {
  readonly prober: Prober;
  readonly sample: Sample;
  /** Whether each request bears credentials or cookies. */
  readonly isCredentialed: boolean;
  /** Names of query parameters that a description of the API gives the resource. */
  readonly parameters: readonly string[];
}

/** One thing that can be wrong, of which technique, and who says so. */
export interface Check {
  readonly name: CheckName;
  readonly title: string;
  /** Rows of the guide that the project follows: T1 to T19. */
  readonly technique: string;
  readonly severity: Severity;
  readonly source: string;
  /** Findings, or why it could not be tried. */
  readonly run: (context: CheckContext) => Promise<readonly Omit<Finding, "check" | "target">[] | string>;
}
