import type { SourceReply } from "../api/source.ts";
import type { SourceRequest } from "../api/source-request.ts";
import { createAdaptiveLimit } from "./adaptive-limit.ts";
import { kindOf } from "./kind.ts";
import type { Priorities, Priority } from "./priority.ts";
import { type Refusal, type Ticket, WaitingRoom } from "./waiting-room.ts";

/**
 * Stands before a source and gives it no more at once than it can answer in time. Whoever asks the source calls `begin` before and `end` after;
 * who finds the gate closed has to `wait` first. Nothing is made for a request that goes through.
 */
export interface Gate {
  /** Whether a request may go to the source at once. */
  readonly isOpen: boolean;
  /** The source is asked. What this answers is for `end`: one request in many is observed. */
  begin(): Passage | undefined;
  end(passage: Passage | undefined, request: SourceRequest, reply: SourceReply): void;
  /** Has a request wait for its turn. Calls `go` once, with a reply that refuses it or, when the source is to be asked at once, nothing. */
  wait(request: SourceRequest, go: (refusal: SourceReply | undefined) => void): void;
  readonly limit: number;
  readonly inFlight: number;
  waiting(priority: Priority): number;
}

/** A request with its source, of which it is observed how long it takes. */
export interface Passage {
  readonly startedMs: number;
  /** Requests that the source had when this one was given to it, this one included. */
  readonly before: number;
}

export interface GateOptions {
  readonly minLimit: number;
  readonly maxLimit: number;
  /** How long a request may wait while it is not known that more comes than can be answered. */
  readonly delayMs: number;
  readonly maxWaiting: number;
  readonly shares: Priorities<number>;
  readonly priorityOf: (request: SourceRequest) => Priority;
  readonly strain: () => number;
  readonly isSaturated: () => boolean;
  /** Makes the reply to a request that is refused. */
  readonly refuse: (refusal: Refusal, priority: Priority) => SourceReply;
  readonly clock?: () => number;
}

export function createGate(options: GateOptions): Gate {
  const { delayMs, maxWaiting, shares, clock = () => performance.now() } = options;
  const limit = createAdaptiveLimit({ ...options, min: options.minLimit, max: options.maxLimit, clock });
  const room = new WaitingRoom({
    delayMs,
    standingDelayMs: () => limit.allowedMs,
    refused: (nowMs) => limit.distrust(nowMs),
    maxWaiting,
    shares,
    clock,
  });
  let inFlight = 0;
  let isAdmitting = false;

  /** Lets in as many as there is room for. A source that answers at once comes back here while one is let in. */
  function admit(): void {
    if (isAdmitting) return;
    isAdmitting = true;
    while (inFlight < limit.current) {
      const ticket = room.next();
      if (ticket === undefined) break;
      ticket.settle(undefined);
    }
    isAdmitting = false;
  }

  return {
    get isOpen() {
      return inFlight < limit.current && room.size === 0;
    },
    begin() {
      const before = ++inFlight;
      return limit.begin(before) ? { startedMs: clock(), before } : undefined;
    },
    end(passage, request, reply) {
      const now = inFlight--;
      if (passage !== undefined && isTelling(reply.status)) {
        const kind = kindOf(request.method, reply.route, request.path, request.query);
        limit.observe(kind, clock() - passage.startedMs, passage.before, now);
      }
      if (room.size > 0) admit();
    },
    wait(request, go) {
      const priority = options.priorityOf(request);
      const ticket = new WaitingRequest(priority, clock(), (refusal) => {
        go(refusal === undefined ? undefined : options.refuse(refusal, priority));
      });
      const { signal } = request;
      const left = (): void => {
        if (room.leave(ticket)) ticket.settle("left");
      };
      room.enter(ticket);
      if (signal.aborted) left();
      else signal.addEventListener("abort", left, { once: true });
    },
    get limit() {
      return limit.current;
    },
    get inFlight() {
      return inFlight;
    },
    waiting: (priority) => room.waiting(priority),
  };
}

/**
 * Whether a reply tells how long an answer takes: one that came, or came too late. Refusals and failures are quick, or slow, for reasons of
 * their own.
 */
function isTelling(status: number): boolean {
  return status < 400 || status === 504;
}

class WaitingRequest implements Ticket {
  readonly priority: Priority;
  readonly since: number;
  readonly settle: (refusal: Refusal | undefined) => void;
  previous: Ticket | undefined;
  next: Ticket | undefined;
  isWaiting = false;

  constructor(priority: Priority, since: number, settle: (refusal: Refusal | undefined) => void) {
    this.priority = priority;
    this.since = since;
    this.settle = settle;
  }
}
