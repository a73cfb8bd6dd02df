import type { Cardinality, Relationship } from "./types.ts";

/**
 * Orders the relationships of one relation as PostgREST lists them, which clients see in the reply to an ambiguous
 * embedding: functions last; then by target, self-reference, cardinality, constraint or junction, columns.
 */
export function sortRelationships(relationships: readonly Relationship[]): Relationship[] {
  const keyed = relationships.map((one) => ({ one, key: sortKey(one) }));
  return keyed.sort((a, b) => compareLists(a.key, b.key)).map(({ one }) => one);
}

const ranks: Readonly<Record<Cardinality, string>> = {
  "one-to-many": "0",
  "many-to-one": "1",
  "one-to-one": "2",
  "many-to-many": "3",
};

function sortKey(one: Relationship): readonly string[] {
  if (one.kind === "computed") return ["1", one.function.schema, one.function.name];
  const { junction } = one;
  const through =
    junction === undefined
      ? [one.constraint, ...one.columns.flat()]
      : [
          junction.schema,
          junction.name,
          junction.fromConstraint,
          junction.toConstraint,
          ...junction.fromColumns.flat(),
          ...junction.toColumns.flat(),
        ];
  const views = [flag(one.fromIsView), flag(one.toIsView)];
  return [
    "0",
    one.to.schema,
    one.to.name,
    flag(one.isSelf),
    ranks[one.cardinality],
    ...through,
    // PostgREST names the side the other way round: the one that is referred to.
    flag(!one.isParentSide),
    ...views,
  ];
}

function compareLists(a: readonly string[], b: readonly string[]): number {
  for (const [index, item] of a.entries()) {
    const other = b[index];
    if (other === undefined || item > other) return 1;
    if (item < other) return -1;
  }
  return a.length - b.length;
}

function flag(value: boolean): string {
  return value ? "1" : "0";
}
