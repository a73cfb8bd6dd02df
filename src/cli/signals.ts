/** Signals from now on: listened to before anything is opened, so that none is lost or kills half-opened things. */
export interface Signals {
  /** Settles at the first SIGINT or SIGTERM. */
  readonly stopped: Promise<undefined>;
  /** Aborts at the same time. */
  readonly abort: AbortSignal;
  /** Sets what SIGUSR1 does; until then it does nothing. */
  onReload(reload: () => void): void;
  /** Takes over SIGUSR2, which would end the process, and sets what it does. */
  onReconfigure(reconfigure: () => void): void;
  /** Gives the signals back to Node. */
  dispose(): void;
}

/**
 * Takes over SIGINT, SIGTERM and SIGUSR1. The second SIGINT or SIGTERM ends the process with 128 plus its number.
 * Without a listener Node would open its debugger on SIGUSR1.
 */
export function listenForSignals(): Signals {
  const { promise, resolve } = Promise.withResolvers<undefined>();
  const controller = new AbortController();
  let reload: (() => void) | undefined;
  const onStop = (_signal: string, number: number): void => {
    if (controller.signal.aborted) process.exit(128 + number);
    controller.abort();
    resolve(undefined);
  };
  const onUser = (): void => reload?.();
  let onSecondUser: (() => void) | undefined;
  process.on("SIGINT", onStop).on("SIGTERM", onStop).on("SIGUSR1", onUser);
  return {
    stopped: promise,
    abort: controller.signal,
    onReload: (listener) => {
      reload = listener;
    },
    onReconfigure: (reconfigure) => {
      onSecondUser = reconfigure;
      process.on("SIGUSR2", onSecondUser);
    },
    dispose: () => {
      if (onSecondUser !== undefined) process.off("SIGUSR2", onSecondUser);
      process.off("SIGINT", onStop).off("SIGTERM", onStop).off("SIGUSR1", onUser);
    },
  };
}
