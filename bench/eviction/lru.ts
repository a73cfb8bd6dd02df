import type { Eviction, EvictionNode } from "../../src/cache/memory/eviction.ts";
import { LinkedQueue, type QueueLinks } from "../../src/cache/memory/queue.ts";

interface LruNode extends EvictionNode, QueueLinks<LruNode> {}

/** Least recently used goes first: what most caches do, and what S3-FIFO is held against. */
export class Lru<Node extends LruNode> implements Eviction<Node> {
  readonly #queue = new LinkedQueue<LruNode>();

  add(node: Node): void {
    this.#queue.add(node);
  }

  touch(node: Node): void {
    this.#queue.remove(node);
    this.#queue.add(node);
  }

  resize(node: Node, bytes: number): void {
    this.#queue.resize(node, bytes);
  }

  remove(node: Node): void {
    this.#queue.remove(node);
  }

  evict(): Node | undefined {
    const victim = this.#queue.oldest;
    if (victim !== undefined) this.#queue.remove(victim);
    return victim as Node | undefined;
  }

  clear(): void {
    this.#queue.clear();
  }
}
