import type { SpanAttribute, SpanKind, TraceSpan } from "../../api/source.ts";
import { formatTraceparent, newSpanId, newTraceId, type TraceParent } from "./context.ts";

/** A request that makes more spans loses the later ones, and is said to. */
const MAX_SPANS = 128;
/** What a span is linked to at most: all that share a statement, as a rule. */
const MAX_LINKS = 128;

/** A span in the tracing of the program that hotpath is part of: it names the span, and is told when it ends. */
export interface SpanTwin {
  readonly traceId: string;
  readonly spanId: string;
  readonly isSampled: boolean;
  ended(span: Span): void;
}

/** Begins the twin of a span, below that of its parent. */
export type MakeTwin = (span: Span) => SpanTwin;

/** What becomes of a request, part by part. Times are those of `performance.now`. */
export class Trace {
  readonly startedMs: number;
  readonly parent: TraceParent | undefined;
  /** It is handed over whatever comes of it. */
  readonly isSampled: boolean;
  /** The first is the request itself. */
  readonly spans: Span[] = [];
  /** Spans beyond the bound. */
  dropped = 0;
  isOver = false;
  /** Others were asked for it: a database, an upstream. */
  hasAsked = false;
  /** It was handed over. */
  isKept = false;
  /** When its identity and limits were settled, and when its source or the cache had answered; 0: not yet. */
  admittedMs = 0;
  resolvedMs = 0;
  /** Absent where no other tracing is to know. */
  readonly makeTwin: MakeTwin | undefined;
  #id = "";

  constructor(startedMs: number, parent: TraceParent | undefined, isSampled: boolean, makeTwin?: MakeTwin) {
    this.startedMs = startedMs;
    this.parent = parent;
    this.makeTwin = makeTwin;
    const root = new Span(this, undefined, "request", "server", startedMs);
    root.twin = makeTwin?.(root);
    this.isSampled = root.twin?.isSampled ?? isSampled;
    this.spans.push(root);
  }

  /** Made when first read: most requests are never told apart. */
  get id(): string {
    if (this.#id === "") this.#id = this.root.twin?.traceId ?? this.parent?.traceId ?? newTraceId();
    return this.#id;
  }

  /** By which it can be looked up, where it was handed over. */
  get keptId(): string | undefined {
    return this.isKept ? this.id : undefined;
  }

  get root(): Span {
    return this.spans[0] as Span;
  }

  admitted(): void {
    this.admittedMs = performance.now();
  }

  resolved(): void {
    if (this.hasAsked || this.isSampled) this.resolvedMs = performance.now();
  }

  get ms(): number {
    return this.root.endedMs - this.startedMs;
  }
}

/** A part of what is done for a request. */
export class Span implements TraceSpan {
  readonly trace: Trace;
  readonly parent: Span | undefined;
  readonly name: string;
  readonly kind: SpanKind;
  readonly startedMs: number;
  /** 0: not yet. */
  endedMs = 0;
  /** What went wrong, as a code. */
  error: string | undefined = undefined;
  attributes: Record<string, SpanAttribute> | undefined = undefined;
  links: Span[] | undefined = undefined;
  twin: SpanTwin | undefined = undefined;
  #id = "";

  constructor(trace: Trace, parent: Span | undefined, name: string, kind: SpanKind, startedMs: number) {
    this.trace = trace;
    this.parent = parent;
    this.name = name;
    this.kind = kind;
    this.startedMs = startedMs;
  }

  get id(): string {
    if (this.#id === "") this.#id = this.twin?.spanId ?? newSpanId();
    return this.#id;
  }

  get isSampled(): boolean {
    return this.trace.isSampled;
  }

  get traceId(): string {
    return this.trace.id;
  }

  get traceparent(): string {
    return formatTraceparent({ traceId: this.trace.id, spanId: this.id, isSampled: this.trace.isSampled });
  }

  begin(name: string, kind: SpanKind = "internal", attributes?: Record<string, SpanAttribute>): Span {
    const { trace } = this;
    const span = new Span(trace, this, name, kind, performance.now());
    span.attributes = attributes;
    if (kind === "client") trace.hasAsked = true;
    // What begins after the reply (a refresh behind the client's back) is nobody's part any more.
    if (trace.isOver || trace.spans.length >= MAX_SPANS) {
      trace.dropped++;
      return span;
    }
    trace.spans.push(span);
    if (trace.makeTwin !== undefined && trace.isSampled) span.twin = trace.makeTwin(span);
    return span;
  }

  set(name: string, value: SpanAttribute): void {
    this.attributes ??= {};
    this.attributes[name] = value;
  }

  link(other: TraceSpan): void {
    if (!(other instanceof Span)) return;
    this.links ??= [];
    if (this.links.length < MAX_LINKS) this.links.push(other);
  }

  end(error?: string): void {
    if (this.endedMs !== 0) return;
    this.endedMs = performance.now();
    this.error = error;
  }
}
