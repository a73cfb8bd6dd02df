/** Decides how many workers there should be. */
export interface Scaler {
  /**
   * How many, after one more look.
   *
   * @param utilizations of the workers that serve: the share of time that each one's event loop was busy lately
   */
  decide(utilizations: readonly number[], nowMs: number): number;
}

export interface ScalerSettings {
  readonly min: number;
  readonly max: number;
  /** Busier than that for `upAfterMs`: more workers. */
  readonly busy?: number;
  /** What workers are added up to. */
  readonly target?: number;
  /** Fewer only where those that are left would not be busier than that. */
  readonly idle?: number;
  readonly upAfterMs?: number;
  readonly downAfterMs?: number;
}

/**
 * Up fast, down slow: a busy event loop makes everybody wait, an idle worker costs some memory.
 *
 * One worker goes at a time, when for `downAfterMs` on end the load would have fitted into one fewer at `idle`. As that is well below `busy`,
 * the ones that are left are not found busy for that, and nothing goes up and down in turn under a steady load.
 */
export function createScaler({
  min,
  max,
  busy = 0.75,
  target = 0.6,
  idle = 0.45,
  upAfterMs = 2000,
  downAfterMs = 60_000,
}: ScalerSettings): Scaler {
  let busySinceMs: number | undefined;
  let idleSinceMs: number | undefined;
  return {
    decide(utilizations, nowMs) {
      const count = utilizations.length;
      const load = utilizations.reduce((sum, each) => sum + each, 0);
      const isBusy = count === 0 || load / count > busy;
      const isIdle = count > 1 && load / (count - 1) < idle;
      busySinceMs = isBusy ? (busySinceMs ?? nowMs) : undefined;
      idleSinceMs = isIdle ? (idleSinceMs ?? nowMs) : undefined;
      if (busySinceMs !== undefined && nowMs - busySinceMs >= upAfterMs) {
        busySinceMs = undefined;
        // What a saturated loop cannot do it does not show: at least one more.
        return within(min, max, Math.max(count + 1, Math.ceil(load / target)));
      }
      if (idleSinceMs !== undefined && nowMs - idleSinceMs >= downAfterMs) {
        idleSinceMs = undefined;
        return within(min, max, count - 1);
      }
      return within(min, max, count);
    },
  };
}

function within(min: number, max: number, count: number): number {
  return Math.min(max, Math.max(min, count));
}
