// Where things are in Redis. All names begin with the prefix and the version of this layout.
//
//   <prefix>:1:{B}e<epoch>:<key>   hash: a field for each variant, its value a record (src/cache/record/record.ts)
//   <prefix>:1:{B}t<epoch>:<tag>   sorted set: the hashes that carry the tag, by when they expire
//   <prefix>:1:{B}x:<k|t><name>    number of the last purge of a key or tag; kept for as long as a fetch may take
//   <prefix>:1:{B}f:<key>          who fetches the key; …w:<key> while others wait for it
//   <prefix>:1:{B0}l:<name>        which node does something for all of them
//   <prefix>:1:{B0}n               number of the last purge; B0 is the first bucket
//   <prefix>:1:{B0}p               epoch: the number of the last purge of everything. Older epochs are out of reach at once.
//   <prefix>:1:{B}h                home: which run of which server has had the bucket since which epoch (src/cache/redis/home.ts)
//   <prefix>:1:m                   channel of the messages to the other nodes; …m:<id> a node's own, on which it hears itself
//
// B is the bucket, a hash tag, so that all that belongs to a key lies in one slot of a cluster and one script can see to
// it. A server alone has one bucket. A cluster has sixteen, spread evenly over the slots; what concerns tags is done in each.
import { hash } from "node:crypto";

/** Names of things in Redis. */
export interface RedisKeys {
  readonly channel: string;
  ownChannel(id: string): string;
  /** Hash tags of all buckets. */
  readonly buckets: readonly string[];
  readonly purgeNumber: string;
  readonly epoch: string;
  home(bucket: string): string;
  bucketOf(key: string): string;
  entry(epoch: number, key: string): string;
  tag(epoch: number, bucket: string, tag: string): string;
  keyPurge(key: string): string;
  tagPurge(bucket: string, tag: string): string;
  flight(key: string): string;
  flightWait(key: string): string;
  lease(name: string): string;
  /** Matches all entries and tags of an epoch, for SCAN. */
  patterns(epoch: number): readonly string[];
}

/** The names below a prefix, in one bucket or, for a cluster, in sixteen. */
export function createRedisKeys(prefix: string, isCluster: boolean): RedisKeys {
  const base = `${prefix}:${LAYOUT_VERSION}:`;
  const buckets = isCluster ? spreadBuckets() : ["0"];
  const bucketOf = (key: string): string => buckets[buckets.length === 1 ? 0 : crc16(key) % buckets.length]!;
  const own = (letter: string, key: string): string => `${base}{${bucketOf(key)}}${letter}:${shorten(key)}`;
  return {
    channel: `${base}m`,
    ownChannel: (id) => `${base}m:${id}`,
    buckets,
    purgeNumber: `${base}{${buckets[0]}}n`,
    epoch: `${base}{${buckets[0]}}p`,
    home: (bucket) => `${base}{${bucket}}h`,
    bucketOf,
    entry: (epoch, key) => own(`e${epoch}`, key),
    tag: (epoch, bucket, tag) => `${base}{${bucket}}t${epoch}:${shorten(tag)}`,
    keyPurge: (key) => `${base}{${bucketOf(key)}}x:k${shorten(key)}`,
    tagPurge: (bucket, tag) => `${base}{${bucket}}x:t${shorten(tag)}`,
    flight: (key) => own("f", key),
    flightWait: (key) => own("w", key),
    lease: (name) => `${base}{${buckets[0]}}l:${name}`,
    patterns: (epoch) => ["e", "t"].map((letter) => `${escapeGlob(base)}{*}${letter}${epoch}:*`),
  };
}

/** Changes with the layout above. */
const LAYOUT_VERSION = 1;
const CLUSTER_BUCKETS = 16;
const SLOTS = 16_384;
/** Longer names are hashed: a URL may have 16 KiB. */
const LONGEST_NAME = 200;

function shorten(name: string): string {
  return name.length <= LONGEST_NAME && !name.startsWith("#") ? name : `#${hash("sha256", name, "base64url")}`;
}

/** Hash tags, one in each sixteenth of the slots: nodes own runs of slots, so each gets its share. */
function spreadBuckets(): string[] {
  const buckets: string[] = [];
  for (let candidate = 0; buckets.length < CLUSTER_BUCKETS; candidate++) {
    const share = Math.floor(((crc16(String(candidate)) % SLOTS) * CLUSTER_BUCKETS) / SLOTS);
    if (share === buckets.length) buckets.push(String(candidate));
  }
  return buckets;
}

/** CRC-16/XMODEM over the text's UTF-8 bytes, as Redis Cluster uses it. */
function crc16(text: string): number {
  let crc = 0;
  for (const byte of Buffer.from(text)) {
    crc ^= byte << 8;
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x80_00 ? ((crc << 1) ^ 0x10_21) & 0xff_ff : (crc << 1) & 0xff_ff;
  }
  return crc;
}

function escapeGlob(text: string): string {
  return text.replaceAll(/[*?[\]\\]/g, String.raw`\$&`);
}
