import {
  type Attributes,
  type HrTime,
  type Link,
  type SpanContext,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
} from "@opentelemetry/api";
import type { Resource } from "@opentelemetry/resources";
import type { ReadableSpan } from "@opentelemetry/sdk-trace";
import { VERSION } from "../../version.ts";
import { requestAttributes } from "./request-attributes.ts";
import type { Span } from "./span.ts";
import type { EndedTrace } from "./ended-trace.ts";

/** Longer texts of statements are cut. */
const MAX_TEXT = 4096;

const KINDS = { internal: SpanKind.INTERNAL, server: SpanKind.SERVER, client: SpanKind.CLIENT } as const;
const OK = { code: SpanStatusCode.UNSET };
const SAMPLED = TraceFlags.SAMPLED;

/** A span as the SDK hands it to exporters. */
export function toReadable(span: Span, ended: EndedTrace, resource: Resource): ReadableSpan {
  const { trace, parent } = span;
  const isRoot = parent === undefined;
  // What has not ended (a stream that goes on) ends with its request.
  const endedMs = span.endedMs === 0 ? trace.root.endedMs : span.endedMs;
  const context = contextOf(span);
  const parentContext = isRoot
    ? trace.parent && { traceId: trace.id, spanId: trace.parent.spanId, traceFlags: SAMPLED, isRemote: true }
    : contextOf(parent);
  const attributes: Attributes = isRoot ? requestAttributes(ended) : {};
  const own = span.attributes;
  for (const name in own) {
    const value = own[name];
    attributes[name] = typeof value === "string" && value.length > MAX_TEXT ? value.slice(0, MAX_TEXT) : value;
  }
  if (span.error !== undefined) attributes["error.type"] = span.error;
  return {
    name: isRoot ? `${ended.method} ${ended.route}` : span.name,
    kind: KINDS[span.kind],
    spanContext: () => context,
    ...(parentContext !== undefined && { parentSpanContext: parentContext }),
    startTime: toTime(performance.timeOrigin + span.startedMs),
    endTime: toTime(performance.timeOrigin + endedMs),
    duration: toTime(Math.max(0, endedMs - span.startedMs)),
    status: span.error === undefined ? OK : { code: SpanStatusCode.ERROR, message: span.error },
    attributes,
    links: (span.links ?? []).map((other): Link => ({ context: contextOf(other) })),
    events: [],
    ended: true,
    resource,
    instrumentationScope: { name: "hotpath", version: VERSION },
    droppedAttributesCount: 0,
    droppedEventsCount: 0,
    droppedLinksCount: 0,
  };
}

function contextOf(span: Span): SpanContext {
  return { traceId: span.trace.id, spanId: span.id, traceFlags: SAMPLED };
}

/** Seconds and nanoseconds. */
function toTime(milliseconds: number): HrTime {
  const seconds = Math.floor(milliseconds / 1000);
  return [seconds, Math.round((milliseconds - seconds * 1000) * 1e6)];
}
