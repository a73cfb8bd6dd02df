import type { Log } from "../../api/source.ts";
import type { ChangeSink } from "./change-sink.ts";
import type { ChangeWay } from "./change-way.ts";
import { checkServer } from "./prerequisites.ts";
import { dropPublication, isPublished, providePublication } from "./publication.ts";
import { openReplication } from "./replication-connection.ts";
import { ReplicationSession } from "./replication-session.ts";
import type { RowTags } from "./row-tags.ts";
import { provideSlot } from "./slot.ts";
import type { TagNames } from "./tag-names.ts";

/** How changes are followed through the log. */
export interface ReplicationWayOptions {
  /** Of a permanent slot; `null`: a temporary one. */
  readonly slot: string | null;
  readonly maxRetainedBytes: number;
  /** Whose publication: ours is provided and removed. */
  readonly publication: { readonly name: string; readonly isOurs: boolean };
  readonly rowTags: RowTags;
  readonly names: TagNames;
  readonly sink: ChangeSink;
  readonly log: Log;
}

/** Changes from the database's log. */
export function createReplicationWay(options: ReplicationWayOptions): ChangeWay {
  const { publication, slot: slotName, maxRetainedBytes, rowTags, names, sink, log } = options;
  const way: ChangeWay = {
    means: "log",
    isKept: slotName !== null,
    async open(settings, probe, tables, signal) {
      const { asyncCommitMs, log: followed } = await checkServer(probe);
      await way.provide(probe, tables);
      const connection = await openReplication(settings);
      const cut = (): void => connection.close();
      signal.addEventListener("abort", cut, { once: true });
      try {
        signal.throwIfAborted();
        const slot = await provideSlot(connection, probe, { name: slotName, maxRetainedBytes }, log);
        const session = new ReplicationSession({ probe, connection, rowTags, names, sink, asyncCommitMs });
        await connection.start(slot.name, publication.name, session);
        signal.throwIfAborted();
        return { session, log: followed, name: slot.name, isContinued: slot.isContinued };
      } catch (error) {
        cut();
        throw error;
      } finally {
        signal.removeEventListener("abort", cut);
      }
    },
    async provide(probe, { followed, barred }) {
      if (publication.isOurs) await providePublication(probe, publication.name, followed, barred);
    },
    async isProvided(probe, { followed }) {
      return !publication.isOurs || isPublished(probe, publication.name, followed);
    },
    async leave({ name }, probe) {
      if (publication.isOurs && slotName === null) await dropPublication(probe, publication.name, name);
    },
  };
  return way;
}
