import { setTimeout as delay } from "node:timers/promises";

/** Waits, or for as long as nobody aborts; keeps no process alive. Never rejects. */
export async function pause(milliseconds: number, signal?: AbortSignal): Promise<void> {
  await delay(milliseconds, undefined, { ref: false, ...(signal && { signal }) }).catch(() => undefined);
}
