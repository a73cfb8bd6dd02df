import type { PurgeSelector } from "../cache/store.ts";
import type { ServerStore } from "../cache/create-store.ts";
import type { WorkerLink } from "./link.ts";

/**
 * A worker's store: each worker has its own, and what one purges is purged in all before the purge is said to be done, so that nobody who
 * asks another worker afterwards gets it.
 */
export function createWorkerStore(store: ServerStore, { purges, nodes }: WorkerLink): ServerStore {
  let told: ((removed: PurgeSelector) => void) | undefined;
  purges.listen((selector) => {
    void store.purge(selector);
    told?.(selector);
  });
  store.listen((removed) => told?.(removed));
  return {
    ...store,
    nodes,
    async purge(selector) {
      // In force here at once, whatever becomes of the rest.
      const counted = store.purge(selector);
      const [count] = await Promise.all([counted, purges.tell(selector)]);
      return count;
    },
    listen(listener) {
      told = listener;
    },
  };
}
