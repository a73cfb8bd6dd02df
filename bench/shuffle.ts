/** The numbers 1 to `count` in an order that looks random and is always the same (xorshift, Fisher and Yates). */
export function shuffledIds(count: number): number[] {
  const ids = Array.from({ length: count }, (_, index) => index + 1);
  let state = 0x9e3779b9;
  for (let last = count - 1; last > 0; last--) {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    const other = (state >>> 0) % (last + 1);
    [ids[last], ids[other]] = [ids[other]!, ids[last]!];
  }
  return ids;
}
