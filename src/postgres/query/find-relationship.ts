import type { Catalog, KeyRelationship, Relation, Relationship } from "../catalog/types.ts";
import { relationKey } from "../catalog/types.ts";
import { DialectError } from "../dialect-error.ts";
import { LEAST_LISTED_SCORE, similarName } from "../similar-name.ts";

/**
 * The one relationship of `origin` that an embed names, by the dialect's rules of what a target and a hint may be
 * (PostgREST, "Resource Embedding": table, foreign key, or column as target; foreign key, column or junction as hint).
 *
 * @throws DialectError PGRST200 when there is none, PGRST201 when there are several.
 */
export function findRelationship(
  catalog: Catalog,
  origin: Relation,
  target: string,
  hint: string | undefined,
): Relationship {
  const candidates = (catalog.relationships.get(relationKey(origin)) ?? []).filter(
    (relationship) => relationship.to.schema === origin.schema,
  );
  const matching = candidates.filter((relationship) => matches(relationship, target, hint));
  const [found] = matching;
  if (found === undefined) throw noRelationship(catalog, origin, target, hint, candidates);
  if (matching.length > 1) throw ambiguous(origin, target, matching);
  return found;
}

/** At most one row of `to` belongs to a row of `from`. */
export function isToOne(relationship: Relationship): boolean {
  return relationship.cardinality === "many-to-one" || relationship.cardinality === "one-to-one";
}

function matches(relationship: Relationship, target: string, hint: string | undefined): boolean {
  if (relationship.kind === "computed") return relationship.function.name === target;
  const { to, cardinality } = relationship;
  const [fromColumn, toColumn] = soleColumns(relationship);
  if (relationship.isSelf) {
    // One foreign key is two relationships here: the table's name means the many side, a column's name the one side.
    if (hint !== undefined) return target === to.name && cardinality === "one-to-many" && hint === toColumn;
    return cardinality === "one-to-many" ? target === to.name : cardinality === "many-to-one" && target === fromColumn;
  }
  const constraint = cardinality === "many-to-many" ? undefined : relationship.constraint;
  if (hint === undefined) {
    return target === to.name || (!relationship.toIsView && (target === constraint || target === fromColumn));
  }
  const isHinted =
    hint === constraint || hint === fromColumn || hint === toColumn || hint === relationship.junction?.name;
  return target === to.name && isHinted;
}

/** The columns of a key of one column; keys of several cannot be named by a column. */
function soleColumns(relationship: KeyRelationship): readonly [string?, string?] {
  return relationship.columns.length === 1 ? (relationship.columns[0] ?? []) : [];
}

function noRelationship(
  catalog: Catalog,
  origin: Relation,
  target: string,
  hint: string | undefined,
  candidates: readonly Relationship[],
): DialectError {
  const hinted = hint === undefined ? "" : ` using the hint '${hint}'`;
  return new DialectError(
    "PGRST200",
    400,
    `Could not find a relationship between '${origin.name}' and '${target}' in the schema cache`,
    {
      details: `Searched for a foreign key relationship between '${origin.name}' and '${target}'${hinted} in the schema '${origin.schema}', but no matches were found.`,
      hint: suggestion(catalog, origin, target, candidates),
    },
  );
}

function suggestion(
  catalog: Catalog,
  origin: Relation,
  target: string,
  candidates: readonly Relationship[],
): string | undefined {
  const names = candidates.map(({ to }) => to.name);
  // The target is there: what is wrong is the hint, and the details say so.
  if (names.includes(target) || !catalog.relationships.has(relationKey(origin))) return undefined;
  const found = similarName(target, names, LEAST_LISTED_SCORE);
  return found === undefined ? undefined : `Perhaps you meant '${found}' instead of '${target}'.`;
}

function ambiguous(origin: Relation, target: string, found: readonly Relationship[]): DialectError {
  const keys = found.filter((relationship) => relationship.kind === "key");
  const choices = keys.map(({ to, junction, constraint }) => `'${to.name}!${junction?.name ?? constraint}'`);
  return new DialectError(
    "PGRST201",
    300,
    `Could not embed because more than one relationship was found for '${origin.name}' and '${target}'`,
    {
      details: keys.map(describe),
      hint: `Try changing '${target}' to one of the following: ${choices.join(", ")}. Find the desired relationship in the 'details' key.`,
    },
  );
}

function describe(relationship: KeyRelationship): object {
  const { from, to, junction, columns, cardinality, constraint } = relationship;
  const fromColumns = list(columns.map(([column]) => column));
  const toColumns = list(columns.map(([, column]) => column));
  const relation =
    junction === undefined
      ? `${constraint} using ${from.name}${fromColumns} and ${to.name}${toColumns}`
      : `${junction.name} using ${junction.fromConstraint}${list(junction.fromColumns.map(([, column]) => column))} and ` +
        `${junction.toConstraint}${list(junction.toColumns.map(([column]) => column))}`;
  return { cardinality, embedding: `${from.name} with ${to.name}`, relationship: relation };
}

function list(names: readonly string[]): string {
  return `(${names.join(", ")})`;
}
