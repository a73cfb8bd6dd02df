import {
  type Context,
  ProxyTracerProvider,
  ROOT_CONTEXT,
  type Span as ApiSpan,
  SpanKind,
  SpanStatusCode,
  trace as api,
  TraceFlags,
} from "@opentelemetry/api";
import { VERSION } from "../../version.ts";
import type { MakeTwin, Span, SpanTwin } from "./span.ts";

const KINDS = { internal: SpanKind.INTERNAL, server: SpanKind.SERVER, client: SpanKind.CLIENT } as const;

/** Begins spans by OpenTelemetry's API, where the program has registered an SDK of its own; undefined where it has not. */
export function createApiTwins(): MakeTwin | undefined {
  const provider = api.getTracerProvider();
  const isIdle = provider instanceof ProxyTracerProvider && provider.getDelegateTracer("hotpath") === undefined;
  if (isIdle) return undefined;
  const tracer = provider.getTracer("hotpath", VERSION);
  return (span) => {
    const startTime = performance.timeOrigin + span.startedMs;
    const began = tracer.startSpan(span.name, { kind: KINDS[span.kind], startTime }, contextOf(span));
    return new ApiTwin(began);
  };
}

class ApiTwin implements SpanTwin {
  readonly span: ApiSpan;
  readonly traceId: string;
  readonly spanId: string;

  constructor(span: ApiSpan) {
    this.span = span;
    const { traceId, spanId } = span.spanContext();
    this.traceId = traceId;
    this.spanId = spanId;
  }

  get isSampled(): boolean {
    return (this.span.spanContext().traceFlags & TraceFlags.SAMPLED) !== 0;
  }

  ended({ parent, attributes = {}, links = [], error, endedMs, trace }: Span): void {
    const { span } = this;
    if (parent === undefined)
      span.updateName(`${String(attributes["http.request.method"])} ${String(attributes["http.route"])}`);
    span.setAttributes(attributes);
    for (const { twin } of links) if (twin instanceof ApiTwin) span.addLink({ context: twin.span.spanContext() });
    if (error !== undefined)
      span.setAttribute("error.type", error).setStatus({ code: SpanStatusCode.ERROR, message: error });
    span.end(performance.timeOrigin + (endedMs || trace.root.endedMs));
  }
}

function contextOf({ parent, trace }: Span): Context {
  if (parent?.twin instanceof ApiTwin) return api.setSpan(ROOT_CONTEXT, parent.twin.span);
  if (parent !== undefined || trace.parent === undefined) return ROOT_CONTEXT;
  const { traceId, spanId, isSampled } = trace.parent;
  const traceFlags = isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
  return api.setSpanContext(ROOT_CONTEXT, { traceId, spanId, traceFlags, isRemote: true });
}
