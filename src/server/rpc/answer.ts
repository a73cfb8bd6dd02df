import type { OwnService } from "./own-service.ts";
import type { CallTargets } from "./targets.ts";
import { Readable } from "node:stream";
import type { Callable, Procedure, Procedures } from "../../api/procedures.ts";
import { UNIMPLEMENTED } from "../../content/grpc/codes.ts";
import { timeoutMs } from "../../content/grpc/timeout.ts";
import { HotpathError } from "../../errors.ts";
import type { HttpReply, HttpRequest } from "../../http/message.ts";
import { toProblemReply } from "../../http/problem.ts";
import { createHealth } from "./health.ts";
import { type CallResult, type CallSettings, failed, type Handle, NOTHING, runCall, toFailure } from "./call.ts";
import { protocolOf } from "./protocols.ts";
import type { Protocol } from "./protocol.ts";
import { createReflection } from "./reflection.ts";
import { exportedRows, type MessageStream, type RowsPage } from "./rows.ts";

/** Answers calls. */
export function answerCalls(walk: Handle, sources: readonly Callable[], settings: CallSettings): Handle {
  const targets: CallTargets = {
    async all() {
      const found: Procedures[] = [];
      for (const { source, path } of sources) {
        const offered = await source.procedures?.(path === "/" ? "" : path);
        if (offered !== undefined) found.push(offered);
      }
      return found;
    },
  };
  const reflection = createReflection(walk, targets);
  const own = new Map<string, OwnService>([
    ["grpc.health.v1.Health", createHealth(sources, targets)],
    ["grpc.reflection.v1.ServerReflection", reflection],
    ["grpc.reflection.v1alpha.ServerReflection", reflection],
  ]);

  async function find(service: string, method: string): Promise<Procedure | undefined> {
    for (const { source, path } of sources) {
      const offered = source.procedures?.(path === "/" ? "" : path);
      const procedures = offered instanceof Promise ? await offered : offered;
      const found = procedures?.find(service, method);
      if (found !== undefined) return found;
    }
    return undefined;
  }

  async function unary(caller: HttpRequest, procedure: Procedure, protocol: Protocol): Promise<HttpReply> {
    let result: CallResult;
    try {
      const limit = timeoutOf(caller);
      const message = await protocol.readOne(caller, procedure, settings.maxBodyBytes);
      result = await runCall(walk, caller, procedure.toRequest(message), limit, procedure.answers);
    } catch (error) {
      result = failed(toFailure(error));
    }
    return protocol.unary(result, procedure);
  }

  async function stream(caller: HttpRequest, procedure: Procedure, protocol: Protocol): Promise<HttpReply> {
    try {
      const limit = timeoutOf(caller);
      const message = await protocol.readOne(caller, procedure, settings.maxBodyBytes);
      const rows = exportedRows(walk, caller, procedure, message, limit);
      // What goes wrong at once is told at once, and the first page says what the head of the reply is.
      const first = await rows.next();
      if (first.done === true) return await protocol.unary(first.value ?? failed(toFailure(undefined)), procedure);
      return await protocol.stream(following(first.value, rows), first.value.headers, procedure);
    } catch (error) {
      return protocol.unary(failed(toFailure(error)), procedure);
    }
  }

  return async (request) => {
    const [, service = "", method = ""] = request.path.split("/");
    const protocol = protocolOf(request, targets, walk, settings);
    if (protocol === undefined) {
      discard(request);
      const message = "Calls come as gRPC (over HTTP/2), gRPC-Web or Connect.";
      return toProblemReply(new HotpathError("HP_MEDIA_TYPE_UNSUPPORTED", message));
    }
    const ownService = own.get(service);
    if (ownService !== undefined) {
      const messages = protocol.readAll(request, settings.maxBodyBytes);
      const answers = ownService.call(method, messages, request);
      if (answers !== undefined) return protocol.own(answers, method !== "Check");
    }
    const procedure = ownService === undefined ? await find(service, method) : undefined;
    if (procedure === undefined) {
      discard(request);
      // Who may not ask is not told what there is.
      const result = await runCall(walk, request, unknownPath(sources, service), undefined, "message");
      const isUnknown = result.failure === undefined || result.failure.reason !== "" ? isNotFound(result) : true;
      const failure = isUnknown
        ? { code: UNIMPLEMENTED, message: `There is no ${service}/${method}.`, reason: "HP_NOT_FOUND", metadata: {} }
        : result.failure;
      return protocol.unary({ ...result, message: NOTHING, failure }, undefined);
    }
    return procedure.answers === "rows" ? stream(request, procedure, protocol) : unary(request, procedure, protocol);
  };
}

/** A page that was looked at, and the others. */
async function* following(first: RowsPage, others: MessageStream): MessageStream {
  yield first;
  return yield* others;
}

/** @throws HotpathError HP_BAD_REQUEST */
export function timeoutOf({ headers }: HttpRequest): number | undefined {
  const grpc = headers["grpc-timeout"];
  const connect = headers["connect-timeout-ms"];
  return timeoutMs(typeof grpc === "string" ? grpc : undefined, typeof connect === "string" ? connect : undefined);
}

function unknownPath(sources: readonly Callable[], service: string) {
  const base = sources[0]?.path ?? "/";
  const path = `${base === "/" ? "" : base}/${encodeURIComponent(service || "?")}`;
  return { method: "GET", path, query: "", headers: {}, content: undefined };
}

function isNotFound({ failure }: CallResult): boolean {
  return failure === undefined || failure.metadata["status"] === "404";
}

function discard({ body }: HttpRequest): void {
  if (body instanceof Readable) body.resume();
}
