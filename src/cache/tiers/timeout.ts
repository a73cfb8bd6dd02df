/** Raised by `withTimeout`. */
export class TimeoutError extends Error {
  override readonly name = "TimeoutError";
}

/** Settles as the promise does, or rejects with a `TimeoutError` once the time is over. What comes later is ignored. */
export async function withTimeout<Value>(promise: Promise<Value>, timeoutMs: number): Promise<Value> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new TimeoutError(`No answer within ${timeoutMs} ms.`)), timeoutMs);
  });
  try {
    return await Promise.race([promise, limit]);
  } finally {
    clearTimeout(timer);
  }
}
