/** A limit on how long calls of one kind may take. One timer watches them all, since they end in the order they began. */
export interface TimeLimit {
  /** Settles as the call does, or rejects once its time is over. */
  limit<Value>(call: Promise<Value>): Promise<Value>;
}

export function createTimeLimit(timeoutMs: number, failure: () => Error): TimeLimit {
  let waiting: Waiting[] = [];
  let timer: NodeJS.Timeout | undefined;

  function expire(): void {
    timer = undefined;
    const nowMs = performance.now();
    const due = waiting.findIndex(({ isOver, endsMs }) => !isOver && endsMs > nowMs);
    const over = due === -1 ? waiting : waiting.slice(0, due);
    waiting = due === -1 ? [] : waiting.slice(due);
    for (const each of over) if (!each.isOver) each.reject(failure());
    if (waiting[0] !== undefined) timer = setTimeout(expire, Math.max(1, waiting[0].endsMs - nowMs));
  }

  return {
    limit: (call) =>
      new Promise((resolve, reject) => {
        const entry: Waiting = { endsMs: performance.now() + timeoutMs, isOver: false, reject };
        waiting.push(entry);
        timer ??= setTimeout(expire, timeoutMs);
        void call.then(
          (value) => {
            entry.isOver = true;
            return resolve(value);
          },
          (error: unknown) => {
            entry.isOver = true;
            return reject(error);
          },
        );
      }),
  };
}

interface Waiting {
  readonly endsMs: number;
  isOver: boolean;
  readonly reject: (error: unknown) => void;
}
