import type { Procedures } from "../../api/procedures.ts";

/** All that calls can be made to. */
export interface CallTargets {
  /** What the sources offer at this moment. */
  all(): Promise<readonly Procedures[]>;
}
