import type { HttpReply, HttpRequest } from "../../http/message.ts";
import { parseTraceparent } from "./context.ts";
import { Sampler, type SamplerSettings } from "./sampler.ts";
import { requestAttributes } from "./request-attributes.ts";
import { type MakeTwin, Trace } from "./span.ts";

/** A trace that is over, and what came of its request. */
export interface EndedTrace {
  readonly trace: Trace;
  readonly method: string;
  /** Without its query, which may hold what people typed. */
  readonly path: string;
  readonly scheme: string;
  readonly authority: string;
  readonly httpVersion: string;
  /** The pattern. */
  readonly route: string;
  readonly status: number;
  /** Of its content, where that was at hand; 0: a stream, or none. */
  readonly bytes: number;
  /** Its reply is a page of more, or a limit was asked for. */
  readonly isPaged: boolean;
  /** It was slow, or failed by our fault. */
  readonly isNotable: boolean;
}

/** Is told of requests that are over. */
export interface TraceListener {
  /** Whether it wants to hear of a request. Most it should not: a description is made for those that are wanted alone. */
  wants(trace: Trace, isKept: boolean): boolean;
  ended(ended: EndedTrace): void;
}

export interface TracerOptions {
  readonly sampler: SamplerSettings;
  /** Requests that take longer are always kept. */
  readonly slowMs: number;
  readonly listeners: readonly TraceListener[];
  readonly random?: () => number;
  /** Of the program that hotpath is part of; it then chooses, too. */
  readonly makeTwin?: MakeTwin | undefined;
}

/** Follows requests on their way. */
export interface Tracer {
  /** Whether the next request that nobody else decides about is to be traced, and so must go on the walk. */
  readonly isNextSampled: boolean;
  /** A request was answered without a walk. */
  passed(): void;
  begin(request: HttpRequest, startedMs: number): Trace;
  end(trace: Trace, request: HttpRequest, route: string, reply: EndedReply): void;
}

/** What is looked at of a reply. */
export type EndedReply = Pick<HttpReply, "status"> & Partial<Pick<HttpReply, "body" | "headers">>;

/**
 * Makes a tracer. All requests on the walk are recorded, cheaply, since only the end of one tells whether it was slow or failed; handed on to
 * a tracing backend are those that were chosen ahead and those.
 */
export function createTracer({ sampler: settings, slowMs, listeners, random, makeTwin }: TracerOptions): Tracer {
  const sampler = new Sampler(settings, random);
  return {
    get isNextSampled() {
      return sampler.isNext;
    },
    passed() {
      sampler.take(undefined);
    },
    begin(request, startedMs) {
      const field = request.headers["traceparent"];
      const parent = field === undefined ? undefined : parseTraceparent(field);
      return new Trace(startedMs, parent, sampler.take(parent), makeTwin);
    },
    end(trace, request, route, reply) {
      const { status } = reply;
      const { root } = trace;
      root.end(status >= FAILED ? String(status) : undefined);
      trace.isOver = true;
      const isNotable = status >= FAILED || trace.ms >= slowMs;
      const isKept = isNotable || trace.isSampled;
      let ended: EndedTrace | undefined;
      if (root.twin !== undefined) {
        root.attributes = requestAttributes(describe(trace, request, route, reply, isNotable));
        for (const span of trace.spans.toReversed()) span.twin?.ended(span);
      }
      for (const listener of listeners) {
        if (!listener.wants(trace, isKept)) continue;
        ended ??= describe(trace, request, route, reply, isNotable);
        listener.ended(ended);
      }
    },
  };
}

/** Statuses that are the server's fault. */
const FAILED = 500;

function describe(
  trace: Trace,
  request: HttpRequest,
  route: string,
  { status, body, headers }: EndedReply,
  isNotable: boolean,
): EndedTrace {
  const { method, path, scheme, authority, httpVersion, query } = request;
  const bytes = typeof body === "string" || body instanceof Uint8Array ? body.length : 0;
  const isPaged = status === 206 || headers?.["link"] !== undefined || /(?:^|&)(?:limit|after)=/.test(query ?? "");
  return { trace, method, path, scheme, authority, httpVersion, route, status, bytes, isPaged, isNotable };
}
