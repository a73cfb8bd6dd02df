import type { ServerSettings } from "../api/settings.ts";
import type { Log, Source, SourceReply } from "../api/source.ts";
import type { SourceRequest } from "../api/source-request.ts";
import { HotpathError } from "../errors.ts";
import { toProblemReply } from "../http/problem.ts";
import type { Tracer } from "../observe/trace/tracer.ts";
import type { Gate } from "../overload/gate.ts";
import { traceOf, type WalkState } from "./walk-state.ts";

/** What of the pipeline's parts asking a source takes. */
export interface ResolveParts {
  readonly settings: Pick<ServerSettings["http"], "securityHeaders">;
  readonly log: Log;
  readonly tracer: Tracer | undefined;
}

/** Forbids browsers to take a reply for another type than it says: JSON that somebody wrote a script into is no page. */
export function withoutGuesses(reply: SourceReply): SourceReply {
  const { headers } = reply;
  if (headers["x-content-type-options"] !== undefined) return reply;
  if (Object.isFrozen(headers)) return { ...reply, headers: { ...headers, "x-content-type-options": "nosniff" } };
  headers["x-content-type-options"] = "nosniff";
  return reply;
}

/** Asks the one source; its expected failures become replies, the rest goes to the log. Where there is a gate, it is told of the end. */
export function resolve(
  source: Source,
  request: SourceRequest,
  state: WalkState,
  parts: ResolveParts,
  gate: Gate | undefined,
): SourceReply | Promise<SourceReply> {
  const isPlain = !parts.settings.securityHeaders;
  const finish = isPlain || source.isGateway === true ? undefined : withoutGuesses;
  const passage = gate?.begin();
  let reply: SourceReply;
  try {
    const resolved = source.resolve(request);
    if (resolved instanceof Promise) {
      return resolved.then(
        (answered) => {
          gate?.end(passage, request, answered);
          const { due } = answered;
          // What a reply is kept back for is no work of the source.
          if (due !== undefined) return keptBack(answered, due, finish, (error) => toFailure(error, state, parts));
          return finish === undefined ? answered : finish(answered);
        },
        (error: unknown) => {
          const failure = toFailure(error, state, parts);
          gate?.end(passage, request, failure);
          return failure;
        },
      );
    }
    reply = finish === undefined ? resolved : finish(resolved);
  } catch (error) {
    reply = toFailure(error, state, parts);
  }
  // What is answered at once tells nothing of what takes time.
  gate?.end(undefined, request, reply);
  return reply;
}

async function keptBack(
  reply: SourceReply,
  due: Promise<void>,
  finish: ((reply: SourceReply) => SourceReply) | undefined,
  fail: (error: unknown) => SourceReply,
): Promise<SourceReply> {
  try {
    await due;
  } catch (error) {
    return fail(error);
  }
  return finish === undefined ? reply : finish(reply);
}

/** The reply to what went wrong; what is not the client's doing goes to the log. */
export function toFailure(error: unknown, state: WalkState, { log, tracer }: ResolveParts): SourceReply {
  if (error instanceof HotpathError && error.status < 500) return toProblemReply(error);
  const { method, path } = state.request;
  const trace = traceOf(state, tracer);
  const about = { err: error, method, path, ...(trace && { trace_id: trace.id }) };
  if (!(error instanceof HotpathError)) {
    log.error(about, "a source failed");
    return toProblemReply(new HotpathError("HP_INTERNAL", "The request could not be answered."));
  }
  log.warn(about, "request failed");
  return toProblemReply(error);
}
