import type { Eviction, EvictionNode } from "../../src/cache/memory/eviction.ts";
import { LinkedQueue, type QueueLinks } from "../../src/cache/memory/queue.ts";

interface SieveNode extends EvictionNode, QueueLinks<SieveNode> {
  uses: number;
}

/** SIEVE (Zhang et al., NSDI 2024): a queue in order of arrival and a hand that spares, once, what was used since it last passed. */
export class Sieve<Node extends SieveNode> implements Eviction<Node> {
  readonly #queue = new LinkedQueue<SieveNode>();
  #hand: SieveNode | undefined;

  add(node: Node): void {
    node.uses = 0;
    this.#queue.add(node);
  }

  touch(node: Node): void {
    node.uses = 1;
  }

  resize(node: Node, bytes: number): void {
    this.#queue.resize(node, bytes);
  }

  remove(node: Node): void {
    if (this.#hand === node) this.#hand = node.newer;
    this.#queue.remove(node);
  }

  evict(): Node | undefined {
    let node = this.#hand ?? this.#queue.oldest;
    while (node !== undefined && node.uses > 0) {
      node.uses = 0;
      node = node.newer ?? this.#queue.oldest;
    }
    if (node === undefined) return undefined;
    this.#hand = node.newer;
    this.#queue.remove(node);
    return node as Node;
  }

  clear(): void {
    this.#queue.clear();
    this.#hand = undefined;
  }
}
