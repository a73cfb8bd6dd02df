import type { UpstreamSettings } from "../api/settings.ts";
import type { Connections } from "./connections.ts";
import type { FailureKind } from "./failure.ts";

/**
 * One address of an upstream: its load and its health.
 *
 * Health is passive. After `failures` failures in a row the address is out for a time that doubles with each failed trial
 * (the breaker is open); then a few requests may try it (half open), and the first whole reply brings it back.
 */
export class Address {
  readonly origin: string;
  readonly connections: Connections;
  readonly #health: UpstreamSettings["health"];
  readonly #maxInFlight: number;
  #inFlight = 0;
  #failures = 0;
  #ejections = 0;
  #outUntilMs = 0;

  constructor(origin: string, connections: Connections, settings: Pick<UpstreamSettings, "health" | "maxInFlight">) {
    this.origin = origin;
    this.connections = connections;
    this.#health = settings.health;
    this.#maxInFlight = settings.maxInFlight;
  }

  get inFlight(): number {
    return this.#inFlight;
  }

  /** Whether it takes its share of requests now. */
  isHealthy(): boolean {
    return this.#ejections === 0;
  }

  /** Whether it may be tried although it failed: its time is over, or nothing better is left. */
  isOnTrial(nowMs: number): boolean {
    return this.#ejections > 0 && nowMs >= this.#outUntilMs;
  }

  /** Whether one more request fits. */
  hasRoom(): boolean {
    return this.#inFlight < (this.#ejections === 0 ? this.#maxInFlight : Math.min(MAX_TRIALS, this.#maxInFlight));
  }

  /** How long it is still out. */
  outForMs(nowMs: number): number {
    return Math.max(0, this.#outUntilMs - nowMs);
  }

  begin(): void {
    this.#inFlight += 1;
  }

  end(): void {
    this.#inFlight -= 1;
  }

  /** A proper reply came. */
  succeed(): void {
    this.#failures = 0;
    this.#ejections = 0;
    this.#outUntilMs = 0;
  }

  /** Counts a failure; answers whether it took the address out. */
  fail(nowMs: number): boolean {
    this.#failures += 1;
    const isTrial = this.#ejections > 0;
    if (this.#failures < this.#health.failures && !isTrial) return false;
    // Failures of requests that were sent before the address went out say nothing new.
    if (isTrial && nowMs < this.#outUntilMs) return false;
    const doubled = this.#health.ejectionMs * 2 ** Math.min(this.#ejections, MAX_DOUBLINGS);
    this.#outUntilMs = nowMs + Math.min(this.#health.maxEjectionMs, doubled);
    this.#ejections += 1;
    return true;
  }
}

/** Requests at once that may find out whether an address is back. */
const MAX_TRIALS = 4;
const MAX_DOUBLINGS = 30;

/** Failures that any request would have met, as against those that one slow or large resource may cause. */
export function isAddressFailure(kind: FailureKind): boolean {
  return kind === "connect" || kind === "broken" || kind === "invalid";
}
