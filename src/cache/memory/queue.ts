/** What an entry of a queue carries for the queue. */
export interface QueueLinks<Node> {
  newer: Node | undefined;
  older: Node | undefined;
}

/** A queue whose entries carry its links, so that any of them is taken out in O(1). Counts bytes. */
export class LinkedQueue<Node extends QueueLinks<Node> & { bytes: number }> {
  bytes = 0;
  newest: Node | undefined;
  oldest: Node | undefined;

  add(node: Node): void {
    node.newer = undefined;
    node.older = this.newest;
    if (this.newest === undefined) this.oldest = node;
    else this.newest.newer = node;
    this.newest = node;
    this.bytes += node.bytes;
  }

  remove(node: Node): void {
    if (node.newer === undefined) this.newest = node.older;
    else node.newer.older = node.older;
    if (node.older === undefined) this.oldest = node.newer;
    else node.older.newer = node.newer;
    node.newer = undefined;
    node.older = undefined;
    this.bytes -= node.bytes;
  }

  resize(node: Node, bytes: number): void {
    this.bytes += bytes - node.bytes;
    node.bytes = bytes;
  }

  clear(): void {
    this.bytes = 0;
    this.newest = undefined;
    this.oldest = undefined;
  }
}
