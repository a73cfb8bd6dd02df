import { DatabaseError } from "pg";
import { Call } from "../pool/call.ts";
import type { Command, CommandResult } from "../pool/types.ts";
import { Batch } from "./batch.ts";
import { type BatchQueue, BatchQueues } from "./queue.ts";
import type { BatchShape } from "./shape.ts";
import { readTypes, typesCommand } from "./template.ts";
import { endBatchSpan, traceBatch } from "./trace.ts";

/** What batches need of the pool whose calls they carry. */
export interface BatchOwner {
  /** The call no longer waits by itself. */
  taken(call: Call): void;
  /** Calls to be sent as they are, before whatever waits. */
  retry(calls: readonly Call[]): void;
  run(commands: readonly Command[]): Promise<readonly CommandResult[]>;
  /** What is under way on each connection, and since when its head is there. */
  pipelines(): Iterable<{ readonly calls: readonly Call[]; readonly progressedAt: number }>;
  /** Nobody wants the call's answer any more. */
  abandon(call: Call): void;
}

/** Why calls that shared a statement were sent again, each with its own. */
export type SplitReason = "failed" | "held" | "settings";

/** Who is told of batches. */
export interface BatchEvents {
  /** One statement answers so many calls, of so many different values. */
  shared(calls: number, distinct: number): void;
  split(reason: SplitReason): void;
}

/** Lets calls that wait at the same time share statements, and sees that none suffers from another. */
export class Batches {
  readonly #owner: BatchOwner;
  readonly #events: BatchEvents;
  readonly #queues = new WeakMap<BatchShape, BatchQueues>();
  /** Statements that others' calls share are nobody's calls. */
  readonly #uncounted = { calls: 0, errors: 0 };
  /** Batches that may yet be broken off for being slow, so that a database that is slow altogether is not asked twice. */
  #patience = MOST_PATIENCE;
  #timer: NodeJS.Timeout | undefined;

  constructor(owner: BatchOwner, events: BatchEvents) {
    this.#owner = owner;
    this.#events = events;
  }

  /** Has a call wait beside others of its shape and identity. */
  add(call: Call, shape: BatchShape, identity: string): void {
    let queues = this.#queues.get(shape);
    if (queues === undefined) this.#queues.set(shape, (queues = new BatchQueues(shape)));
    call.shape = shape;
    queues.of(identity).push(call);
  }

  /**
   * What to send for a call whose turn it is: the call itself, or a statement for it and others.
   *
   * @param isCrowded more calls wait than there are free connections
   */
  gather(first: Call, isCrowded: boolean): Call {
    const { queue } = first;
    if (queue === undefined) return first;
    if (queue.size === 1) {
      queue.remove(first);
      return first;
    }
    const { shape } = queue;
    const mayMerge = isCrowded || shape.limit.isQuick;
    const gathered = queue.take(first, mayMerge ? Math.min(this.#sizeFor(shape, first), shareOf(queue)) : 1);
    if (gathered.calls.length === 1) return first;
    for (const call of gathered.calls) {
      if (call === first) continue;
      this.#owner.taken(call);
      call.leaves();
    }
    return this.#share(new Batch(shape, gathered), first.commands);
  }

  close(): void {
    clearTimeout(this.#timer);
  }

  #sizeFor(shape: BatchShape, first: Call): number {
    if (shape.isReady) return shape.isPlausible(first) ? shape.limit.sizeAt(performance.now()) : 1;
    if (shape.beginAsking()) void this.#askTypes(shape, first.commands);
    return 1;
  }

  /** Only the database knows which types it gave the parameters of the statement. */
  async #askTypes(shape: BatchShape, commands: readonly Command[]): Promise<void> {
    try {
      const results = await this.#owner.run([...commands, typesCommand(commands.at(-1)?.statement.text ?? "")]);
      shape.learnTypes(readTypes(results.at(-1)?.rows ?? []));
    } catch {
      // The call itself tells its caller what is wrong with it. Behind some poolers no answer is to be had at all.
      shape.endAsking();
    }
  }

  #share(batch: Batch, commands: readonly Command[]): Call {
    const { shape, calls, distinct, isMerged } = batch;
    const call: Call = new Call(
      isMerged ? [...commands.slice(0, -1), shape.merge(distinct)] : commands,
      this.#uncounted,
      (results) => {
        endBatchSpan(call.span, undefined);
        if (isMerged) this.#settle(batch, results);
        else for (const member of calls) member.answer(results);
      },
      (reason) => {
        endBatchSpan(call.span, reason);
        if (batch.isBroken) return;
        if (isMerged && reason instanceof DatabaseError) this.#split(batch, "failed");
        else batch.fail(reason);
      },
    );
    call.batch = batch;
    call.shape = shape;
    call.span = traceBatch(batch, call);
    for (const member of calls) {
      member.sharedCall = call;
      call.timeoutMs = Math.max(call.timeoutMs, member.timeoutMs);
    }
    if (isMerged) this.#timer ??= setTimeout(() => this.#watch(), HELD_MS);
    this.#events.shared(calls.length, distinct.length);
    return call;
  }

  #settle(batch: Batch, results: readonly CommandResult[]): void {
    const { shape, distinct } = batch;
    const last = results.at(-1);
    const answers = last === undefined ? undefined : shape.split(last, distinct.length);
    if (answers === undefined) {
      this.#split(batch, "settings");
      return;
    }
    const before = results.slice(0, -1);
    for (const [index, member] of batch.calls.entries()) {
      const answer = answers[batch.placeOf(index)];
      if (answer !== undefined) member.answer(before.length === 0 ? [answer] : [...before, answer]);
    }
    this.#patience = Math.min(MOST_PATIENCE, this.#patience + REGAINED);
  }

  /** Each for itself: whoever is to blame hurts nobody else. */
  #split(batch: Batch, reason: SplitReason): void {
    batch.isBroken = true;
    batch.shape.limit.troubled(performance.now());
    const calls = batch.calls.filter((call) => !call.isSettled);
    for (const call of calls) call.sharedCall = undefined;
    this.#events.split(reason);
    this.#owner.retry(calls);
  }

  /** Breaks off batches that hold their calls up: one of these is slow, and the others need not wait for it. */
  #watch(): void {
    this.#timer = undefined;
    const now = performance.now();
    const held: Call[] = [];
    let isAnyLeft = false;
    for (const { calls, progressedAt } of this.#owner.pipelines()) {
      for (const [index, call] of calls.entries()) {
        if (call.batch === undefined || !call.batch.isMerged || call.batch.isBroken) continue;
        const heldMs = now - progressedAt;
        if (
          index === 0 &&
          heldMs >= Math.max(HELD_MS, HELD_TIMES * call.batch.shape.limit.usualMs) &&
          this.#patience >= 1
        ) {
          this.#patience--;
          held.push(call);
        } else {
          isAnyLeft = true;
        }
      }
    }
    for (const call of held) {
      if (call.batch !== undefined) this.#split(call.batch, "held");
      this.#owner.abandon(call);
    }
    if (isAnyLeft) this.#timer = setTimeout(() => this.#watch(), HELD_MS);
  }
}

/** Several statements of many calls each overlap: while one is answered its replies are sent. */
function shareOf({ size }: BatchQueue): number {
  return Math.max(SMALLEST_SHARE, Math.ceil(size / SHARES));
}

const SMALLEST_SHARE = 16;
const SHARES = 3;
/** A batch under way for longer holds its calls up, unless the shape's statements take nearly as long as a rule. */
const HELD_MS = 50;
const HELD_TIMES = 8;
/** Batches broken off in a row at most; each that goes well gains back a twentieth of one. */
const MOST_PATIENCE = 10;
const REGAINED = 0.05;
