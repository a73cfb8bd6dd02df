/** What nodes that share a cache can arrange among themselves. */
export interface NodeLink {
  /** Takes a lease that one node has at a time, or keeps it for so long again. Resolves to whether this node has it; rejects when nobody can be asked. */
  holdLease(name: string, ttlMs: number): Promise<boolean>;
  /** Gives it to whoever asks next. Never rejects. */
  yieldLease(name: string): Promise<void>;
  /**
   * Tells the other nodes something, after the purges that this node made before: who hears it has heard of them. Resolves to whether it was
   * told, which it is not while a purge has yet to reach the shared cache. Never rejects.
   */
  tell(topic: string, words: readonly string[]): Promise<boolean>;
  /** From now on the listener is told what other nodes do and say. */
  listen(listener: NodeListener): void;
}

/** Who hears the other nodes. */
export interface NodeListener {
  told(topic: string, words: readonly string[]): void;
  /** `undefined`: any tag may have been purged. */
  purged(tags: readonly string[] | undefined): void;
  /** Nothing is heard for the moment. */
  lost(): void;
}
