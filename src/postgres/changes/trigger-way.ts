import type { ChangeWay } from "./change-way.ts";
import { readLog } from "./prerequisites.ts";
import { FeedUnavailable } from "./unavailable.ts";
import { TriggerSession, type TriggerSessionParts } from "./trigger-session.ts";

/** Changes as triggers tell of them, which `hotpath track install` made. */
export function createTriggerWay(parts: Omit<TriggerSessionParts, "probe">): ChangeWay {
  return {
    means: "triggers",
    isKept: false,
    async open(settings, probe, _tables, signal) {
      const session = new TriggerSession(settings, { ...parts, probe });
      const cut = (): void => session.close();
      signal.addEventListener("abort", cut, { once: true });
      try {
        const [[isStandby] = []] = await probe.query("select pg_is_in_recovery()::text");
        if (isStandby === "true") {
          throw new FeedUnavailable("the database is a standby", "name the primary with --changes-url");
        }
        await session.start();
        signal.throwIfAborted();
        return { session, log: await readLog(probe), name: session.channel, isContinued: false };
      } catch (error) {
        cut();
        throw error;
      } finally {
        signal.removeEventListener("abort", cut);
      }
    },
    // Which tables have triggers is part of what replies depend on, and read with it.
    provide: () => Promise.resolve(),
    isProvided: () => Promise.resolve(true),
    leave: () => Promise.resolve(),
  };
}
