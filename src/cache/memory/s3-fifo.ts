import type { Eviction, EvictionNode } from "./eviction.ts";
import { GhostTable } from "./ghosts.ts";
import { LinkedQueue, type QueueLinks } from "./queue.ts";

/** An entry as S3-FIFO orders it. */
export interface S3FifoNode extends EvictionNode, QueueLinks<S3FifoNode> {
  /** Uses since it was queued, at most 3. */
  uses: number;
  isMain: boolean;
}

/**
 * S3-FIFO (Yang et al., "FIFO queues are all you need for cache eviction", SOSP 2023), in bytes instead of entries.
 *
 * New entries pass through a small queue, a tenth of the room. What was used there moves on to the main queue, the rest
 * leaves and is remembered as a ghost; a key that comes back while its ghost is remembered goes to the main queue at
 * once. There an entry that was used gets another round for each of up to three uses. A scan thus flows through
 * the small queue and leaves what the main queue holds alone.
 */
export class S3Fifo<Node extends S3FifoNode> implements Eviction<Node> {
  readonly #small = new LinkedQueue<S3FifoNode>();
  readonly #main = new LinkedQueue<S3FifoNode>();
  readonly #ghosts = new GhostTable();
  readonly #smallBytes: number;
  #mainEntries = 0;

  constructor(maxBytes: number) {
    this.#smallBytes = Math.floor(maxBytes * SMALL_SHARE);
  }

  /** What the policy itself takes beside the entries. */
  get overheadBytes(): number {
    return this.#ghosts.bytes;
  }

  add(node: Node): void {
    node.uses = 0;
    node.isMain = this.#ghosts.take(node.key, Math.max(this.#mainEntries, LEAST_REACH));
    if (node.isMain) this.#addToMain(node);
    else this.#small.add(node);
  }

  touch(node: Node): void {
    if (node.uses < MOST_USES) node.uses++;
  }

  resize(node: Node, bytes: number): void {
    (node.isMain ? this.#main : this.#small).resize(node, bytes);
  }

  remove(node: Node): void {
    if (!node.isMain) return this.#small.remove(node);
    this.#main.remove(node);
    this.#mainEntries--;
  }

  evict(): Node | undefined {
    if (this.#small.bytes > this.#smallBytes || this.#main.oldest === undefined) {
      const victim = this.#evictFromSmall();
      if (victim !== undefined) return victim as Node;
    }
    return this.#evictFromMain() as Node | undefined;
  }

  clear(): void {
    this.#small.clear();
    this.#main.clear();
    this.#ghosts.clear();
    this.#mainEntries = 0;
  }

  #evictFromSmall(): S3FifoNode | undefined {
    for (let node = this.#small.oldest; node !== undefined; node = this.#small.oldest) {
      this.#small.remove(node);
      if (node.uses < USES_TO_STAY) {
        this.#ghosts.add(node.key);
        return node;
      }
      node.uses = 0;
      node.isMain = true;
      this.#addToMain(node);
    }
    return undefined;
  }

  #evictFromMain(): S3FifoNode | undefined {
    for (let node = this.#main.oldest; node !== undefined; node = this.#main.oldest) {
      this.#main.remove(node);
      if (node.uses === 0) {
        this.#mainEntries--;
        return node;
      }
      node.uses--;
      this.#main.add(node);
    }
    return undefined;
  }

  #addToMain(node: S3FifoNode): void {
    this.#main.add(node);
    this.#mainEntries++;
    this.#ghosts.reserve(this.#mainEntries);
  }
}

/** The paper's share of the small queue. */
const SMALL_SHARE = 0.1;
const MOST_USES = 3;
/** Uses in the small queue that earn a place in the main queue. */
const USES_TO_STAY = 1;
/** Ghosts remembered while the main queue is nearly empty. */
const LEAST_REACH = 64;
