import type { TraceParent } from "./context.ts";

/** How the traces to record are chosen before anything is known of them. */
export interface SamplerSettings {
  /** Share of the requests, from 0 to 1. */
  readonly ratio: number;
  /** Whoever asks has decided already. */
  readonly heedsParent: boolean;
}

/** Nothing is chosen ahead; what is slow or fails may still be kept. */
export const SAMPLES_NONE: SamplerSettings = { ratio: 0, heedsParent: false };

/**
 * Chooses. The decision about the next request is made before it comes: a reply that could be repeated without a walk is not, where the
 * request is one to be traced.
 */
export class Sampler {
  readonly #settings: SamplerSettings;
  readonly #random: () => number;
  #isNext: boolean;

  constructor(settings: SamplerSettings, random: () => number = Math.random) {
    this.#settings = settings;
    this.#random = random;
    this.#isNext = this.#draw();
  }

  /** Whether the next request that nobody else decides about is chosen. */
  get isNext(): boolean {
    return this.#isNext;
  }

  /** Decides about a request. */
  take(parent: TraceParent | undefined): boolean {
    if (parent !== undefined && this.#settings.heedsParent) return parent.isSampled;
    const isChosen = this.#isNext;
    this.#isNext = this.#draw();
    return isChosen;
  }

  #draw(): boolean {
    const { ratio } = this.#settings;
    return ratio >= 1 || (ratio > 0 && this.#random() < ratio);
  }
}
