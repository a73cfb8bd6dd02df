import { hash } from "node:crypto";
import { decodeRecord, encodeRecord } from "../record/record.ts";
import type { RemoteCache, RemoteListener } from "../remote.ts";
import { addReply } from "../replies.ts";
import type { PurgeSelector, StoredReplies, StoredReply } from "../store.ts";
import type { RedisLink } from "./link.ts";
import { formatMessage } from "./messages.ts";
import { NUMBER, PURGE, PURGE_MEMORY_MS, PUT } from "./scripts.ts";

export interface RedisRemoteOptions {
  readonly link: RedisLink;
  /** A larger record is not written. */
  readonly maxValueBytes: number;
  readonly clock?: () => number;
}

/**
 * Stored replies in Redis. A hit is one round trip (HVALS: every variant of the key), a write one script, a purge one script, or
 * in a cluster one for each bucket.
 */
export function createRedisRemote({ link, maxValueBytes, clock = Date.now }: RedisRemoteOptions): RemoteCache {
  const { keys, connection, heard } = link;
  let listener: RemoteListener | undefined;
  link.listen({
    message(message) {
      if (message.kind === "purged") listener?.purged(message.selector);
      else if (message.kind === "replaced") listener?.replaced(message.key);
    },
    lost: () => listener?.lost(),
    restored: () => listener?.restored(),
  });

  /** Without messages nobody can say which epoch it is: what would be read may have been purged. */
  function currentEpoch(): number {
    const epoch = link.epoch();
    if (epoch === undefined) throw new Error("Redis is not connected.");
    return epoch;
  }

  async function removeTags(tags: readonly string[]): Promise<number> {
    if (tags.length > TAGS_PER_PURGE) {
      const first = await removeTags(tags.slice(0, TAGS_PER_PURGE));
      return first + (await removeTags(tags.slice(TAGS_PER_PURGE)));
    }
    const epoch = currentEpoch();
    const message = formatMessage(link.id, "t", tags);
    const namesIn = (bucket: string): string[] => [
      ...tags.map((tag) => keys.tag(epoch, bucket, tag)),
      ...tags.map((tag) => keys.tagPurge(bucket, tag)),
    ];
    if (keys.buckets.length === 1) return purge(keys.purgeNumber, namesIn(keys.buckets[0]!), 0, "", message);
    // The number first, then every bucket, then the message: whoever has heard of it finds all of them purged.
    const number = String(await link.run(NUMBER, [keys.purgeNumber], []));
    const removed = await Promise.all(
      keys.buckets.map((bucket) => purge(keys.tagPurge(bucket, "-"), namesIn(bucket), 0, number, "")),
    );
    await connection.send(keys.purgeNumber, ["PUBLISH", keys.channel, message.replace("0", number)]);
    return removed.reduce((sum, count) => sum + count, 0);
  }

  async function removeKey(key: string): Promise<number> {
    const names = [keys.entry(currentEpoch(), key), keys.keyPurge(key)];
    const message = formatMessage(link.id, "k", [key]);
    if (keys.buckets.length === 1) return purge(keys.purgeNumber, names, 1, "", message);
    const number = String(await link.run(NUMBER, [keys.purgeNumber], []));
    return purge(names[0]!, names, 1, number, message);
  }

  async function purge(first: string, names: readonly string[], hashes: number, number: string, message: string) {
    const words = [String(hashes), number, String(PURGE_MEMORY_MS), keys.channel, message];
    const [removed, used] = (await link.run(PURGE, [first, ...names], words)) as [number, string];
    heard.note(Number(used));
    return removed;
  }

  async function removeAll(): Promise<number> {
    const before = currentEpoch();
    await link.begin();
    // Out of reach already; taken away to give the memory back sooner than they expire.
    void sweepEpoch(before).catch(() => undefined);
    return 0;
  }

  async function sweepEpoch(epoch: number): Promise<void> {
    for (const pattern of keys.patterns(epoch)) {
      for (const send of connection.masters()) {
        let cursor = "0";
        do {
          const page = (await send(["SCAN", cursor, "MATCH", pattern, "COUNT", "500"])) as [unknown, unknown[]];
          cursor = String(page[0]);
          const found = page[1].map(String);
          await Promise.all(found.map((name) => connection.send(name, ["UNLINK", name])));
        } while (cursor !== "0");
      }
    }
  }

  return {
    name: "redis",
    isCoherent: true,
    async read(key) {
      const name = keys.entry(currentEpoch(), key);
      const values = await connection.sendForBuffers(name, ["HVALS", name]);
      return toReplies(values as Buffer[], clock());
    },
    async write(key, reply) {
      const nowMs = clock();
      const epoch = currentEpoch();
      const keepMs = Math.floor(Math.min(reply.keepUntilMs - nowMs, LONGEST_KEEP_MS));
      if (keepMs <= 0 || nowMs - reply.requestedAtMs > PURGE_MEMORY_MS - PURGE_MARGIN_MS) return;
      const heardThen = heard.at(reply.requestedAtMs);
      // Asked for in an earlier epoch: purged with everything else.
      if (heardThen < epoch) return;
      const name = keys.entry(epoch, key);
      const field = fieldOf(reply);
      const record = encodeRecord(reply);
      if (record.byteLength > maxValueBytes) {
        // What it was to replace is out of date all the same.
        await connection.send(name, ["HDEL", name, field]);
        return;
      }
      const bucket = keys.bucketOf(key);
      const { tags } = reply;
      const names = [
        name,
        keys.keyPurge(key),
        ...tags.map((tag) => keys.tagPurge(bucket, tag)),
        ...tags.map((tag) => keys.tag(epoch, bucket, tag)),
      ];
      const message = formatMessage(link.id, "replaced", [key]);
      await link.run(PUT, names, [field, record, String(keepMs), String(heardThen), keys.channel, message]);
    },
    async remove(selector: PurgeSelector) {
      if (selector.kind === "all") return removeAll();
      return selector.kind === "key" ? removeKey(selector.key) : removeTags(selector.tags);
    },
    listen(next) {
      listener = next;
    },
    ready: (timeoutMs) => link.ready(timeoutMs),
    close: () => link.close(),
  };
}

/** A purge of more tags takes several steps. */
const TAGS_PER_PURGE = 500;
/** Redis takes no expiry that its clock cannot hold; nobody keeps a reply for longer than a year. */
const LONGEST_KEEP_MS = 365 * 864e5;
/** What a write may take to arrive. */
const PURGE_MARGIN_MS = 60_000;

/** The field of a variant: equal for replies that take each other's place. */
function fieldOf({ vary, range }: StoredReply): string {
  if (vary.length === 0 && range === undefined) return "-";
  return hash("sha256", JSON.stringify([vary, range && [range.first, range.last, range.size]]), "base64url");
}

function toReplies(values: readonly Buffer[], nowMs: number): StoredReplies | undefined {
  let replies: StoredReplies | undefined;
  for (const value of values) {
    const reply = decodeRecord(value);
    if (reply !== undefined && reply.keepUntilMs > nowMs) replies = addReply(replies, reply, nowMs);
  }
  return replies;
}
