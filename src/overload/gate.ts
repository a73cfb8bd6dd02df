import type { SourceReply, SourceRequest } from "../api/source.ts";
import { createAdaptiveLimit } from "./adaptive-limit.ts";
import { kindOf } from "./kind.ts";
import type { Priorities, Priority } from "./priority.ts";
import { type Refusal, type Ticket, WaitingRoom } from "./waiting-room.ts";

/** Stands before a source and gives it no more at once than it can answer in time. */
export interface Gate {
  /** Has a request answered, now or in its turn, or refuses it. */
  pass(request: SourceRequest, ask: Ask): SourceReply | Promise<SourceReply>;
  readonly limit: number;
  readonly inFlight: number;
  waiting(priority: Priority): number;
}

/** Asks the source. Never throws, and never rejects. */
export type Ask = () => SourceReply | Promise<SourceReply>;

export interface GateOptions {
  readonly minLimit: number;
  readonly maxLimit: number;
  /** How long a request may wait, and how much longer than without load its source may take for it. */
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
  const room = new WaitingRoom({ delayMs, maxWaiting, shares, clock });
  let inFlight = 0;

  function give(request: SourceRequest, ask: Ask): SourceReply | Promise<SourceReply> {
    const before = ++inFlight;
    const isObserved = limit.begin(before);
    const startedMs = isObserved ? clock() : 0;
    const reply = ask();
    if (!(reply instanceof Promise)) {
      inFlight--;
      return reply;
    }
    return reply.then((answered) => {
      const now = inFlight--;
      if (isObserved && isTelling(answered.status)) {
        const kind = kindOf(request.method, answered.route, request.path, request.query);
        limit.observe(kind, clock() - startedMs, before, now);
      }
      if (room.size > 0) admit();
      return answered;
    });
  }

  /** Lets in as many as there is place for. */
  function admit(): void {
    while (inFlight + invited < limit.current) {
      const ticket = room.next();
      if (ticket === undefined) return;
      invited++;
      ticket.settle(undefined);
    }
  }
  /** Those who were let in and have not begun. */
  let invited = 0;

  async function wait(request: SourceRequest, ask: Ask): Promise<SourceReply> {
    const priority = options.priorityOf(request);
    const refusal = await new Promise<Refusal | undefined>((settle) => {
      const ticket = new WaitingRequest(priority, clock(), settle);
      room.enter(ticket);
      const { signal } = request;
      const left = (): void => {
        room.leave(ticket);
        settle("left");
      };
      if (signal.aborted) left();
      else signal.addEventListener("abort", left, { once: true });
    });
    if (refusal !== undefined) return options.refuse(refusal, priority);
    invited--;
    return give(request, ask);
  }

  return {
    pass: (request, ask) =>
      inFlight + invited < limit.current && room.size === 0 ? give(request, ask) : wait(request, ask),
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
