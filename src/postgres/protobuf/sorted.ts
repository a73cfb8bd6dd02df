/** By name, whatever the order they are known in. */
export function sortedByName<T extends { readonly name: string }>(items: Iterable<T>): readonly T[] {
  return [...items].sort((one, other) => (one.name < other.name ? -1 : 1));
}
