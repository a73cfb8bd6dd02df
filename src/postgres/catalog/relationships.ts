import type { ForeignKey, Keys } from "./keys.ts";
import { sortRelationships } from "./relationship-order.ts";
import {
  type Cardinality,
  type ComputedRelationship,
  type KeyRelationship,
  type Relation,
  relationKey,
  type Relationship,
  type RelationName,
} from "./types.ts";
import { originKey, type ViewOrigins } from "./view-keys.ts";

/**
 * Derives every relationship between exposed relations: those of foreign keys and their reverse, of views in place of
 * their tables, many-to-many ones, and functions, which take the place of the key relationships to a relation of
 * their own name.
 */
export function assembleRelationships(
  relations: ReadonlyMap<number, Relation>,
  keys: Keys,
  origins: ViewOrigins,
  computed: readonly ComputedRelationship[],
): Map<string, readonly Relationship[]> {
  const places = findPlaces(relations, origins);
  const direct = keys.foreign.flatMap((key) => keyRelationships(key, places));
  const overridden = new Set(computed.map((one) => pairKey(one.from, one.function)));
  const byKeys = [...direct, ...throughJunctions(direct, relations), ...direct.map(reverse)].filter(
    ({ from, to }) => !overridden.has(pairKey(from, to)),
  );
  const grouped = Map.groupBy<string, Relationship>([...byKeys, ...computed], ({ from }) => relationKey(from));
  return new Map([...grouped].map(([key, list]) => [key, sortRelationships(list)]));
}

/** A relation that shows all rows' values of columns of a table: the table itself or a view. */
interface Place {
  readonly relation: Relation;
  readonly isView: boolean;
  /** Names in `relation` of the table's column at a position. */
  readonly columnsAt: (position: number) => readonly string[];
}

/** Where each table, by `oid`, may be read: itself, when exposed, and the exposed views on it. */
function findPlaces(relations: ReadonlyMap<number, Relation>, origins: ViewOrigins): Map<number, Place[]> {
  const places = new Map<number, Place[]>();
  const add = (table: number, place: Place) => {
    const list = places.get(table);
    if (list === undefined) places.set(table, [place]);
    else list.push(place);
  };
  for (const relation of relations.values()) {
    const names = new Map([...relation.columns.values()].map((column) => [column.position, [column.name]]));
    add(relation.oid, { relation, isView: false, columnsAt: (position) => names.get(position) ?? [] });
  }
  for (const [view, shown] of origins) {
    const relation = relations.get(view);
    if (relation === undefined) continue;
    for (const table of new Set([...shown.keys()].map((origin) => Number(origin.slice(0, origin.indexOf(".")))))) {
      const columnsAt = (position: number) => shown.get(originKey(table, position)) ?? [];
      add(table, { relation, isView: true, columnsAt });
    }
  }
  return places;
}

/** The relationships of one foreign key from the side that carries it: between each two places of its tables. */
function keyRelationships(key: ForeignKey, places: ReadonlyMap<number, readonly Place[]>): KeyRelationship[] {
  const ends = (table: number, positions: readonly number[]) =>
    (places.get(table) ?? []).flatMap((place) =>
      combinations(positions.map(place.columnsAt)).map((columns) => ({ ...place, columns })),
    );
  const targets = ends(key.referenced, key.referencedColumns);
  return ends(key.table, key.columns).flatMap((source) =>
    targets.map((target): KeyRelationship => ({
      kind: "key",
      from: nameOf(source.relation),
      to: nameOf(target.relation),
      cardinality: key.isUnique ? "one-to-one" : "many-to-one",
      columns: source.columns.map((column, index) => [column, target.columns[index] ?? ""]),
      constraint: key.name,
      isParentSide: true,
      fromIsView: source.isView,
      toIsView: target.isView,
      isSelf: source.relation === target.relation,
    })),
  );
}

/**
 * Many-to-many relationships: through a relation with two foreign keys of different names whose columns are all part
 * of its primary key.
 */
function throughJunctions(direct: readonly KeyRelationship[], relations: ReadonlyMap<number, Relation>) {
  const manyToOne = direct.filter(({ cardinality }) => cardinality === "many-to-one");
  const byJunction = Map.groupBy(manyToOne, ({ from }) => relationKey(from));
  const found: KeyRelationship[] = [];
  for (const relation of relations.values()) {
    const key = new Set(relation.primaryKey);
    const candidates = (byJunction.get(relationKey(relation)) ?? []).filter(({ columns }) =>
      columns.every(([column]) => key.has(column)),
    );
    for (const first of candidates) {
      for (const second of candidates) {
        if (first.constraint !== second.constraint) found.push(manyToMany(nameOf(relation), first, second));
      }
    }
  }
  return found;
}

function manyToMany(junction: RelationName, first: KeyRelationship, second: KeyRelationship): KeyRelationship {
  return {
    kind: "key",
    from: first.to,
    to: second.to,
    cardinality: "many-to-many",
    columns: [],
    constraint: "",
    junction: {
      ...junction,
      fromConstraint: first.constraint,
      fromColumns: first.columns.map(([own, other]) => [other, own]),
      toConstraint: second.constraint,
      toColumns: second.columns,
    },
    isParentSide: false,
    fromIsView: first.toIsView,
    toIsView: second.toIsView,
    isSelf: relationKey(first.to) === relationKey(second.to),
  };
}

function reverse(relationship: KeyRelationship): KeyRelationship {
  const cardinality: Cardinality = relationship.cardinality === "many-to-one" ? "one-to-many" : "one-to-one";
  return {
    ...relationship,
    from: relationship.to,
    to: relationship.from,
    cardinality,
    columns: relationship.columns.map(([column, other]) => [other, column]),
    isParentSide: false,
    fromIsView: relationship.toIsView,
    toIsView: relationship.fromIsView,
  };
}

/** Every way to choose one of each list, in order; none when a list is empty. */
function combinations(lists: readonly (readonly string[])[]): string[][] {
  return lists.reduce<string[][]>(
    (chosen, list) => chosen.flatMap((names) => list.map((name) => [...names, name])),
    [[]],
  );
}

function nameOf({ schema, name }: RelationName): RelationName {
  return { schema, name };
}

function pairKey(from: RelationName, to: RelationName): string {
  return relationKey(from) + relationKey(to);
}
