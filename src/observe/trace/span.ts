import type { SpanAttribute, SpanKind, TraceSpan } from "../../api/source-request.ts";
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

/** How a trace begins. */
export interface TraceOrigin {
  readonly parent: TraceParent | undefined;
  /** It is handed over whatever comes of it. */
  readonly isSampled: boolean;
  /** For how many requests it stands in sums; 0: for none. */
  readonly weight: number;
  /** It may be handed over, to where its parent is known. */
  readonly mayLeave: boolean;
  /** Absent where no other tracing is to know. */
  readonly makeTwin?: MakeTwin | undefined;
}

/** What becomes of a request, part by part. Times are those of `performance.now`. */
export class Trace {
  readonly startedMs: number;
  readonly parent: TraceParent | undefined;
  readonly isSampled: boolean;
  readonly weight: number;
  readonly mayLeave: boolean;
  /** The first is the request itself. */
  readonly spans: Span[];
  /** Spans beyond the bound. */
  dropped = 0;
  isOver = false;
  /** Others were asked for it: a database, an upstream. */
  hasAsked = false;
  /** It was handed over. */
  isKept = false;
  /** Begun only when its request was over: of its parts nothing is known. */
  isLate = false;
  /** When its identity and limits were settled, and when its source or the cache had answered; 0: not yet. */
  admittedMs = 0;
  resolvedMs = 0;
  /** Of what its source or the cache answered, before any coding; 0: a stream, or nothing. */
  contentBytes = 0;
  readonly makeTwin: MakeTwin | undefined;
  #id = "";

  constructor(startedMs: number, { parent, isSampled, weight, mayLeave, makeTwin }: TraceOrigin) {
    this.startedMs = startedMs;
    this.parent = parent;
    this.weight = weight;
    this.mayLeave = mayLeave;
    this.makeTwin = makeTwin;
    const root = new Span(this, undefined, "request", "server", startedMs);
    root.twin = makeTwin?.(root);
    this.isSampled = root.twin?.isSampled ?? isSampled;
    this.spans = [root];
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

  resolved(content: unknown): void {
    this.resolvedMs = performance.now();
    if (typeof content === "string" || content instanceof Uint8Array) this.contentBytes = content.length;
  }

  /** Somebody is likely to look at its parts, down to the quick ones. */
  get isLookedAt(): boolean {
    return this.isSampled || this.weight > 0;
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
  links: Span[] | undefined = undefined;
  twin: SpanTwin | undefined = undefined;
  /** What was known at its beginning, which may be shared with others. */
  readonly facts: Readonly<Record<string, SpanAttribute>> | undefined;
  #found: Record<string, SpanAttribute> | undefined = undefined;
  #id = "";

  constructor(
    trace: Trace,
    parent: Span | undefined,
    name: string,
    kind: SpanKind,
    startedMs: number,
    facts?: Readonly<Record<string, SpanAttribute>>,
  ) {
    this.trace = trace;
    this.parent = parent;
    this.name = name;
    this.kind = kind;
    this.startedMs = startedMs;
    this.facts = facts;
  }

  get attributes(): Readonly<Record<string, SpanAttribute>> | undefined {
    return this.#found === undefined ? this.facts : { ...this.facts, ...this.#found };
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
    // A span that nobody will ever see is nobody's parent: whoever is asked then belongs to who asked us.
    if (!this.trace.mayLeave && this.trace.parent !== undefined) return formatTraceparent(this.trace.parent);
    return formatTraceparent({ traceId: this.trace.id, spanId: this.id, isSampled: this.trace.isSampled });
  }

  begin(name: string, kind: SpanKind = "internal", attributes?: Readonly<Record<string, SpanAttribute>>): Span {
    const { trace } = this;
    const span = new Span(trace, this, name, kind, performance.now(), attributes);
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
    this.#found ??= {};
    this.#found[name] = value;
  }

  link(other: TraceSpan): void {
    if (!(other instanceof Span)) return;
    this.links ??= [];
    if (this.links.length < MAX_LINKS) this.links.push(other);
  }

  /** A value of `attributes`, without making them all. */
  attribute(name: string): SpanAttribute | undefined {
    return this.#found?.[name] ?? this.facts?.[name];
  }

  end(error?: string): void {
    if (this.endedMs !== 0) return;
    this.endedMs = performance.now();
    this.error = error;
  }
}
