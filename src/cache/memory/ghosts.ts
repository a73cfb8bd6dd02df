/**
 * Remembers which keys were evicted lately, by their hash alone: eight bytes a key, whatever its length.
 *
 * A table of single slots, indexed by the hash; a slot holds the hash and when it was written, counted in insertions. A
 * key counts as remembered while at most `reach` others were added after it. Two keys of one slot displace each
 * other and two keys of one hash are taken for each other: an eviction policy errs a little, and nothing else does.
 */
export class GhostTable {
  #hashes = new Uint32Array(LEAST_SLOTS);
  #times = new Uint32Array(LEAST_SLOTS);
  /** Starts at 1: a time of 0 marks an empty slot. */
  #time = 1;

  /** Bytes the table takes. */
  get bytes(): number {
    return this.#hashes.byteLength + this.#times.byteLength;
  }

  /** Makes room for remembering as many keys. */
  reserve(keys: number): void {
    let slots = this.#hashes.length;
    while (slots < keys * 2 && slots < MOST_SLOTS) slots *= 2;
    if (slots === this.#hashes.length) return;
    const hashes = this.#hashes;
    const times = this.#times;
    this.#hashes = new Uint32Array(slots);
    this.#times = new Uint32Array(slots);
    for (let at = 0; at < hashes.length; at++) {
      const slot = hashes[at]! & (slots - 1);
      this.#hashes[slot] = hashes[at]!;
      this.#times[slot] = times[at]!;
    }
  }

  add(key: string): void {
    const hash = hashKey(key);
    const slot = hash & (this.#hashes.length - 1);
    if (this.#time === MOST_TIME) this.clear();
    this.#hashes[slot] = hash;
    this.#times[slot] = this.#time++;
  }

  /** Whether the key was among the last `reach` that were added; it is forgotten. */
  take(key: string, reach: number): boolean {
    const hash = hashKey(key);
    const slot = hash & (this.#hashes.length - 1);
    const time = this.#times[slot]!;
    if (time === 0 || this.#hashes[slot] !== hash) return false;
    this.#times[slot] = 0;
    return this.#time - time <= reach;
  }

  clear(): void {
    this.#times.fill(0);
    this.#time = 1;
  }
}

const LEAST_SLOTS = 1024;
/** 32 MiB at most, enough for two million entries. */
const MOST_SLOTS = 2 ** 22;
const MOST_TIME = 2 ** 32 - 1;

/** FNV-1a over UTF-16 code units, with a final mix because the table uses the low bits. */
function hashKey(key: string): number {
  let hash = 0x81_1c_9d_c5;
  for (let at = 0; at < key.length; at++) hash = Math.imul(hash ^ key.charCodeAt(at), 0x01_00_01_93);
  hash ^= hash >>> 15;
  hash = Math.imul(hash, 0x2c_1b_3c_6d);
  return (hash ^ (hash >>> 13)) >>> 0;
}
