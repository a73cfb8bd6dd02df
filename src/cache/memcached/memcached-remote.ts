import { hash } from "node:crypto";
import type { RemoteCache } from "../remote.ts";
import { addReply, lastExpiry, tagsOf, withoutExpired } from "../replies.ts";
import type { PurgeSelector, StoredReplies, StoredReply } from "../store.ts";
import type { MemcachedClient } from "./client.ts";
import { decodeEntry, encodeEntry, type MemcachedEntry } from "./entry.ts";
import type { MetaReply } from "./reply-parser.ts";

export interface MemcachedRemoteOptions {
  /** Finds the server that has a name. */
  readonly clientOf: (name: string) => MemcachedClient;
  readonly clients: readonly MemcachedClient[];
  readonly prefix: string;
  /** A larger value is not written; at most what the server's `-I` allows, by default 1 MiB. */
  readonly maxValueBytes: number;
  readonly clock?: () => number;
}

/**
 * Stored replies in Memcached.
 *
 * There are no sets there, so that a tag is a mark: a number that changes when the tag is purged. An entry notes its tags' marks
 * and holds while they stay. A mark that was evicted counts as changed. A hit is one round trip: what marks a
 * key needs is remembered from the last time and asked for together with it; the first time takes a second one.
 *
 * Marks are times in microseconds. A reply asked for before its tag's mark, or before its key was purged, is not
 * written. That rests on the clocks of the nodes, and nobody tells the nodes about purges: copies in memory have to be checked
 * (`isCoherent` is `false`). Redis does both better.
 */
export function createMemcachedRemote(options: MemcachedRemoteOptions): RemoteCache {
  const { clientOf, clients, prefix, maxValueBytes, clock = Date.now } = options;
  /** Tags that a key had when it was last read. */
  const knownTags = new Map<string, readonly string[]>();
  let lastMark = 0;

  const nameOf = (kind: "e" | "m", text: string): string => hash("sha256", `${prefix}\0${kind}${text}`, "base64url");

  async function ask(name: string, line: string, data?: Buffer): Promise<MetaReply> {
    const reply = await clientOf(name).send(line, data);
    if (reply.code === "ERROR" || reply.code.endsWith("_ERROR"))
      throw new Error(`Memcached: ${reply.code} ${reply.flags.join(" ")}`);
    return reply;
  }

  async function readMark(tag: string): Promise<string | undefined> {
    const name = nameOf("m", tag);
    return (await ask(name, `mg ${name} v`)).value?.toString();
  }

  /** The mark of a tag, made if there is none: older than the reply that needs it, and never one that was before. */
  async function readOrMakeMark(tag: string, requestedAtMs: number): Promise<string> {
    const name = nameOf("m", tag);
    const fresh = Math.floor((requestedAtMs - 1) * 1000 + Math.random() * 1000);
    return String((await ask(name, `ma ${name} N0 J${fresh} D0 v`)).value);
  }

  async function readMarks(tags: readonly string[]): Promise<Map<string, string | undefined>> {
    const marks = await Promise.all(tags.map(readMark));
    return new Map(tags.map((tag, at) => [tag, marks[at]]));
  }

  function remember(key: string, tags: readonly string[]): void {
    knownTags.delete(key);
    if (tags.length === 0) return;
    knownTags.set(key, tags);
    if (knownTags.size > MOST_KNOWN_KEYS) knownTags.delete(knownTags.keys().next().value!);
  }

  async function readEntry(key: string): Promise<{ entry: MemcachedEntry | undefined; version: string }> {
    const name = nameOf("e", key);
    const { value, flags } = await ask(name, `mg ${name} v c`);
    const entry = value && decodeEntry(value);
    return { entry, version: flags.find((flag) => flag.startsWith("c"))?.slice(1) ?? "0" };
  }

  async function read(key: string): Promise<StoredReplies | undefined> {
    const expected = knownTags.get(key) ?? [];
    const [{ entry }, marks] = await Promise.all([readEntry(key), readMarks([EVERYTHING, ...expected])]);
    if (entry === undefined || entry.replies.length === 0) return undefined;
    const tags = Object.keys(entry.marks).filter((tag) => tag !== EVERYTHING);
    const missing = tags.filter((tag) => !marks.has(tag));
    for (const [tag, mark] of await readMarks(missing)) marks.set(tag, mark);
    remember(key, tags);
    if (!Object.entries(entry.marks).every(([tag, mark]) => marks.get(tag) === mark)) return undefined;
    return withoutExpired(entry.replies, clock());
  }

  async function write(key: string, reply: StoredReply): Promise<void> {
    const nowMs = clock();
    if (reply.keepUntilMs <= nowMs) return;
    const name = nameOf("e", key);
    for (let tries = 0; tries < MOST_TRIES; tries++) {
      const { entry, version } = await readEntry(key);
      if ((entry?.purgedAt ?? 0) > reply.requestedAtMs * 1000) return;
      const others = entry && (await isValid(entry)) ? entry.replies : undefined;
      const replies = addReply(others, reply, nowMs);
      const marks: Record<string, string> = Object.create(null) as Record<string, string>;
      const tags = [EVERYTHING, ...tagsOf(replies)];
      const found = await Promise.all(tags.map((tag) => readOrMakeMark(tag, reply.requestedAtMs)));
      if (found.some((mark) => Number(mark) > reply.requestedAtMs * 1000)) return;
      for (const [at, tag] of tags.entries()) marks[tag] = found[at]!;
      const value = encodeEntry({ purgedAt: entry?.purgedAt ?? 0, marks, replies });
      if (value.length > maxValueBytes) {
        // What it was to replace is out of date all the same.
        await ask(name, `md ${name}`);
        return;
      }
      const until = `T${expiryOf(lastExpiry(replies), nowMs)}`;
      const condition = version === "0" ? "ME" : `C${version}`;
      const { code } = await ask(name, `ms ${name} ${value.length} ${until} ${condition}`, value);
      if (code === "HD") return;
      // Another node wrote meanwhile: add to what it wrote.
    }
  }

  async function isValid(entry: MemcachedEntry): Promise<boolean> {
    const marks = await readMarks(Object.keys(entry.marks));
    return Object.entries(entry.marks).every(([tag, mark]) => marks.get(tag) === mark);
  }

  async function changeMark(tag: string): Promise<void> {
    const name = nameOf("m", tag);
    lastMark = Math.max(lastMark + 1, clock() * 1000);
    const mark = Buffer.from(String(lastMark));
    await ask(name, `ms ${name} ${mark.length} T0`, mark);
  }

  async function removeKey(key: string): Promise<number> {
    const name = nameOf("e", key);
    const { entry } = await readEntry(key);
    const purgedAt = clock() * 1000;
    const value = encodeEntry({ purgedAt, marks: {}, replies: [] });
    await ask(name, `ms ${name} ${value.length} T${PURGE_MEMORY_S}`, value);
    return entry !== undefined && entry.replies.length > 0 ? 1 : 0;
  }

  return {
    name: "memcached",
    isCoherent: false,
    read,
    write,
    async remove(selector: PurgeSelector) {
      if (selector.kind === "key") return removeKey(selector.key);
      await Promise.all((selector.kind === "all" ? [EVERYTHING] : selector.tags).map(changeMark));
      return 0;
    },
    listen() {},
    async ready(timeoutMs) {
      return (await Promise.all(clients.map((client) => client.ready(timeoutMs)))).every(Boolean);
    },
    close() {
      for (const client of clients) client.close();
      return Promise.resolve();
    },
  };
}

/** The tag that every entry has. No other begins so: a tag's name is printable. */
const EVERYTHING = "\0all";
const MOST_KNOWN_KEYS = 10_000;
/** Writers of one key that meet. */
const MOST_TRIES = 5;
const PURGE_MEMORY_S = 300;
/** Longer times are points in time to Memcached. */
const LONGEST_DURATION_S = 30 * 86_400;
const LONGEST_KEEP_MS = 365 * 864e5;

function expiryOf(untilMs: number, nowMs: number): number {
  const seconds = Math.ceil(Math.min(untilMs - nowMs, LONGEST_KEEP_MS) / 1000);
  return seconds <= LONGEST_DURATION_S ? Math.max(1, seconds) : Math.ceil(nowMs / 1000) + seconds;
}
