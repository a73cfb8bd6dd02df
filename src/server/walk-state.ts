import type { Source } from "../api/source.ts";
import type { HttpRequest } from "../http/message.ts";
import type { Admission } from "../limit/limits.ts";
import type { LimitedRequest } from "../limit/policy.ts";
import type { Trace } from "../observe/trace/span.ts";
import type { Tracer } from "../observe/trace/tracer.ts";
import type { RequestTiming } from "./timing.ts";

/** A request on its walk. */
export interface WalkState {
  readonly request: HttpRequest;
  readonly startedAt: number;
  /** Absent: clients are not told. */
  readonly timing: RequestTiming | undefined;
  /** Absent: it is not followed. */
  trace: Trace | undefined;
  /** The pattern that metrics and logs name. */
  route: string;
  /** Absent: nobody is mounted there. */
  source: Source | undefined;
  /** It was not given to its source. */
  isRefusal: boolean;
  /** That of the keys which the verdict on it rests on, or an earlier one. */
  readonly generation: number;
  /** What its limits looked at and said; absent where there are none. */
  limited: LimitedRequest | undefined;
  admission: Admission | undefined;
}

/** Its trace, also where it was not followed: whoever tells of it says by which name. */
export function traceOf(state: WalkState, tracer: Tracer | undefined): Trace | undefined {
  return (state.trace ??= tracer?.late(state.request, state.startedAt));
}
