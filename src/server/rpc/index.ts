import type { Callable } from "../../api/procedures.ts";
import type { HttpRequest } from "../../http/message.ts";
import type { CallSettings, Handle } from "./call.ts";

/**
 * Answers gRPC, gRPC-Web and Connect: each call becomes a request that goes the whole walk (identity, limits, cache, statements shared with
 * strangers), and its reply the call's. All other requests are passed on untouched, and nothing is loaded before the first call.
 *
 * @param walk what calls go to; it must heed `Request-Timeout`
 */
export function withProcedures(
  handle: Handle,
  walk: Handle,
  sources: readonly Callable[],
  settings: CallSettings,
): Handle {
  const callable = sources.filter(({ source }) => source.procedures !== undefined);
  if (callable.length === 0) return handle;
  let answer: Handle | undefined;
  return (request) => {
    if (!isCall(request)) return handle(request);
    if (answer !== undefined) return answer(request);
    return import("./answer.ts").then(({ answerCalls }) => {
      answer ??= answerCalls(walk, callable, settings);
      return answer(request);
    });
  };
}

/** Packages of ours, and of health and reflection. */
function isCall({ target, method }: HttpRequest): boolean {
  const first = target.charCodeAt(1);
  if (first !== SMALL_H && first !== SMALL_G) return false;
  if (!target.startsWith("/hotpath.") && !target.startsWith("/grpc.")) return false;
  return method === "POST" || (method === "GET" && target.includes("connect=v1"));
}

const SMALL_H = 0x68;
const SMALL_G = 0x67;
