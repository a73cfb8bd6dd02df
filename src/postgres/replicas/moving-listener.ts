import type { Listener, Pool } from "../pool/index.ts";

/** A subscription that follows the primary. */
export interface MovingListener extends Listener {
  /** Listens there from now on. */
  moveTo(pool: Pool): void;
}

export function createMovingListener(
  channel: string,
  onNotify: (payload: string) => void,
  onListening: () => void,
  first: Pool | undefined,
): MovingListener {
  let current = first?.listen(channel, onNotify, onListening);
  let isClosed = false;
  return {
    moveTo(pool) {
      if (isClosed) return;
      void current?.close();
      current = pool.listen(channel, onNotify, onListening);
    },
    async close() {
      isClosed = true;
      await current?.close();
    },
  };
}
