/** Takes a long content piece by piece and answers its rows as JSON lists of some length. */
export interface ListSplitter {
  /** Bytes of the row that is not complete: what no list can be made of yet. */
  readonly pendingBytes: number;
  /** Members that every row has, where the content says so once for all. */
  readonly names?: readonly string[] | undefined;
  /** The lists that are full with this piece, which is not kept. Throws a DialectError PGRST102. */
  push(piece: Buffer): readonly string[];
  /** What remains. Throws a DialectError PGRST102 for content that is not complete. */
  end(): readonly string[];
}
