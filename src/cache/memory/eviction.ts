/** What an eviction policy knows of an entry. */
export interface EvictionNode {
  readonly key: string;
  bytes: number;
}

/**
 * Which entry goes when room is needed. Every operation is O(1), amortised. The policy keeps order only: the caller
 * decides when there is too much and asks for victims until there is not.
 */
export interface Eviction<Node extends EvictionNode> {
  add(node: Node): void;
  /** The entry was used. */
  touch(node: Node): void;
  /** The entry has another size now. */
  resize(node: Node, bytes: number): void;
  /** The entry goes for another reason than a lack of room. */
  remove(node: Node): void;
  /** Takes out the entry that is worth least; `undefined` when there is none. */
  evict(): Node | undefined;
  clear(): void;
}
