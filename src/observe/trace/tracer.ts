import type { HttpRequest } from "../../http/message.ts";
import { parseTraceparent } from "./context.ts";
import type { EndedReply, EndedTrace } from "./ended-trace.ts";
import { Pace } from "./pace.ts";
import { Sampler, type SamplerSettings } from "./sampler.ts";
import { requestAttributes } from "./request-attributes.ts";
import { type MakeTwin, Trace } from "./span.ts";

/** Is told of requests that are over. */
export interface TraceListener {
  /** Whether it wants to hear of a request. Most it should not: a description is made for those that are wanted alone. */
  wants(trace: Trace, isKept: boolean): boolean;
  /** Of requests that nobody followed it wants those that took longer. Absent: none. */
  readonly worthMs?: number;
  ended(ended: EndedTrace): void;
}

export interface TracerOptions {
  readonly sampler: SamplerSettings;
  /** Requests that take longer are always kept. */
  readonly slowMs: number;
  /** Traces are handed to a backend. Every request is then recorded whole, since only the end of one tells whether it is to be kept. */
  readonly isExporting?: boolean;
  readonly listeners: readonly TraceListener[];
  readonly random?: () => number;
  /** Of the program that hotpath is part of; it then chooses, too. */
  readonly makeTwin?: MakeTwin | undefined;
}

/** Follows requests on their way. */
export interface Tracer {
  /** Whether the next request that nobody else decides about is to be traced, and so must go on the walk. */
  readonly isNextSampled: boolean;
  /** One of so many requests is followed in full, at present. */
  readonly stride: number;
  /** A request was answered without a walk. */
  passed(): void;
  /** Undefined: the request is not followed. */
  begin(request: HttpRequest, startedMs: number): Trace | undefined;
  /** Whether a request that was not followed is worth a trace all the same: one of its beginning and end. */
  isNotable(status: number, ms: number): boolean;
  /** The trace of a request that was not followed. */
  late(request: HttpRequest, startedMs: number): Trace;
  end(trace: Trace, request: HttpRequest, route: string, reply: EndedReply): void;
}

/**
 * Makes a tracer. Where traces are handed to a backend, requests are all recorded, cheaply, and those handed over that were chosen ahead, were
 * slow or failed. Where only the dashboard and its advice look on, some are followed, and the rest pays nothing.
 */
export function createTracer(options: TracerOptions): Tracer {
  const { slowMs, listeners, random, makeTwin, isExporting = false } = options;
  const sampler = new Sampler(options.sampler, random);
  const pace = new Pace(random);
  const isWhole = isExporting || makeTwin !== undefined;
  const looking = listeners.filter(({ worthMs }) => worthMs !== undefined);

  function begin(request: HttpRequest, startedMs: number, weight: number): Trace {
    const field = request.headers["traceparent"];
    const parent = field === undefined ? undefined : parseTraceparent(field);
    return new Trace(startedMs, { parent, isSampled: sampler.take(parent), weight, mayLeave: isWhole, makeTwin });
  }

  return {
    get isNextSampled() {
      return sampler.isNext;
    },
    get stride() {
      return pace.stride;
    },
    passed() {
      sampler.take(undefined);
    },
    begin(request, startedMs) {
      const weight = pace.take(startedMs);
      return weight > 0 || isWhole ? begin(request, startedMs, weight) : undefined;
    },
    isNotable: (status, ms) => status >= FAILED || ms >= slowMs || looking.some(({ worthMs = 0 }) => ms > worthMs),
    late(request, startedMs) {
      const trace = begin(request, startedMs, 0);
      trace.isLate = true;
      return trace;
    },
    end(trace, request, route, reply) {
      const { status } = reply;
      const { root } = trace;
      root.end(status >= FAILED ? String(status) : undefined);
      trace.isOver = true;
      const isKept = status >= FAILED || trace.ms >= slowMs || trace.isSampled;
      let ended: EndedTrace | undefined;
      if (root.twin !== undefined) {
        const facts = requestAttributes(describe(trace, request, route, reply));
        for (const [name, value] of Object.entries(facts)) root.set(name, value);
        for (const span of trace.spans.toReversed()) span.twin?.ended(span);
      }
      for (const listener of listeners) {
        if (!listener.wants(trace, isKept)) continue;
        ended ??= describe(trace, request, route, reply);
        listener.ended(ended);
      }
    },
  };
}

/** Statuses that are the server's fault. */
const FAILED = 500;

function describe(trace: Trace, request: HttpRequest, route: string, reply: EndedReply): EndedTrace {
  const { method, path, scheme, authority, httpVersion, query } = request;
  const { status, headers } = reply;
  const isPaged = status === 206 || headers?.["link"] !== undefined || /(?:^|&)(?:limit|after)=/.test(query ?? "");
  return { trace, method, path, scheme, authority, httpVersion, route, status, isPaged, request, reply };
}
