import type { Admission, MetricsRegistry, SourceReply } from "../api/source.ts";
import type { SourceRequest } from "../api/source-request.ts";
import type { Authenticator, Verdict } from "../auth/authenticator.ts";
import { CredentialsRefused } from "../auth/refusal.ts";
import type { HttpRequest, ReplyHeaders } from "../http/message.ts";
import { toProblemReply } from "../http/problem.ts";
import { addVary } from "../http/vary.ts";
import { createAuthMetrics } from "../observe/auth-metrics.ts";
import type { Mount } from "./mounts.ts";

/** The step of the walk that tells who asks. */
export interface Admit {
  /**
   * Who asks, or why they may not; `undefined` where that is no business of the server's: the source does not want to know, or no
   * keys are configured.
   */
  judge(request: HttpRequest, mount: Mount): Verdict | undefined | Promise<Verdict>;
  /** Says in `Vary` that a reply depends on who asks: caches on its way know `Authorization`, but no field of ours for API keys. */
  vary(headers: ReplyHeaders): void;
  /** Another number once keys have changed, and with them what was concluded. */
  readonly generation: number;
}

export function createAdmit(authenticator: Authenticator | undefined, registry: MetricsRegistry): Admit {
  if (authenticator === undefined) return { judge: () => undefined, vary: () => undefined, generation: 0 };
  const { fields } = authenticator;
  /** Replies have few different values. */
  const varied = new Map<string, string>();
  const metrics = createAuthMetrics(registry, () => authenticator.remembered);

  function conclude(verdict: Verdict, admission: Admission): Verdict {
    const isRefused = verdict instanceof CredentialsRefused;
    const outcome =
      admission === "require" && !isRefused && verdict.kind === "anonymous" ? authenticator!.missing() : verdict;
    metrics.count(outcome instanceof CredentialsRefused ? outcome.code : outcome.kind);
    return outcome;
  }

  return {
    judge({ headers }, { source: { admission } }) {
      if (admission === undefined) return undefined;
      const verdict = authenticator.authenticate(headers);
      return verdict instanceof Promise
        ? verdict.then((later) => conclude(later, admission))
        : conclude(verdict, admission);
    },
    vary(headers) {
      const { vary = "" } = headers;
      const given = typeof vary === "string" ? vary : vary.join(", ");
      let value = varied.get(given);
      if (value === undefined) {
        value = fields.reduce<string>(addVary, given);
        if (varied.size < MAX_VARIED) varied.set(given, value);
      }
      headers["vary"] = value;
    },
    get generation() {
      return authenticator.generation;
    },
  };
}

const MAX_VARIED = 100;

/** The reply to a request that is not admitted, in the words of the source it was for. */
export function refuse({ source }: Mount, request: SourceRequest, refusal: CredentialsRefused): SourceReply {
  return source.refuse?.(request, refusal) ?? toProblemReply(refusal);
}
