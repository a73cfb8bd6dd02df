import type { Listener } from "./pool/index.ts";
import type { Router } from "./replicas/index.ts";

/** A channel on which it is told that the schema or the configuration has changed. */
export interface ReloadChannel {
  readonly listener: Listener;
  /** Resolves once it is listened to, so that no change is missed between the catalog and its first notification. */
  readonly listening: Promise<void>;
}

/** @param notified takes the payload; an empty one stands for whatever may have been missed. */
export function listenForReloads(router: Router, channel: string, notified: (payload: string) => void): ReloadChannel {
  const listening = Promise.withResolvers<void>();
  let isStarted = false;
  const listener = router.listen(channel, notified, () => {
    // A notification may have been missed while nobody listened.
    if (isStarted) notified("");
    listening.resolve();
  });
  const patience = setTimeout(listening.resolve, router.isReachable() ? LISTEN_PATIENCE_MS : 0);
  const begin = async (): Promise<void> => {
    await listening.promise;
    clearTimeout(patience);
    isStarted = true;
  };
  return { listener, listening: begin() };
}

/** Listening is not worth a late start: when it begins later, the catalog is read again. */
const LISTEN_PATIENCE_MS = 2000;
