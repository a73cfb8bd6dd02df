import { type ExactType, exactTypeOf } from "./canonical-value.ts";
import type { Change, OldRow, RowValues, TableDescription } from "./pgoutput.ts";
import type { TagNames } from "./tag-names.ts";

/** A column by whose values replies are tagged. */
export interface TagColumn {
  readonly name: string;
  readonly type: ExactType;
}

/** What is known of a table whose changes come. */
export interface TaggedTable {
  /** The table that replies name: itself, or the one it is a partition of. */
  readonly taggedAs: number;
  readonly columns: readonly TagColumn[];
}

/** What changes are turned into tags by. */
export interface TagScheme {
  /** `undefined`: nothing is known of the table. */
  tableOf(oid: number): TaggedTable | undefined;
  /** The partitioned tables. A table that nothing is known of may be a new partition of one of them. */
  readonly partitioned: readonly number[];
}

/** Turns changes into the tags of the replies that they make out of date. */
export interface RowTags {
  /** A table's structure as of the changes that follow. Answers which of its columns are looked at. */
  describe(table: TableDescription): readonly boolean[];
  /** Adds the tags of a change. */
  add(change: Change, tags: Set<string>): void;
}

/**
 * @param scheme the one in force.
 * @param met is told of a table that the scheme does not know when it is described first. Described again, and still not known, it is taken for one
 *   that nothing depends on.
 */
export function createRowTags(names: TagNames, scheme: () => TagScheme, met: (oid: number) => void): RowTags {
  const layouts = new Map<number, Layout>();

  function layoutOf(table: TableDescription): Layout {
    const known = scheme().tableOf(table.oid);
    if (known === undefined) {
      const isStrange = !layouts.has(table.oid);
      if (isStrange) met(table.oid);
      return { taggedAs: table.oid, columns: undefined, isStrange };
    }
    const columns = known.columns.map(({ name, type }): PlacedColumn => {
      const place = table.columns.findIndex((column) => column.name === name);
      const found = table.columns[place];
      const isAsKnown = found !== undefined && exactTypeOf(found.typeOid) === type;
      return { name, type, place: isAsKnown ? place : -1, isTold: found?.isIdentity === true };
    });
    return { taggedAs: known.taggedAs, columns, isStrange: false };
  }

  /** The value that a version of a row has, or that it may have any. */
  function addValue(oid: number, { name, type, place }: PlacedColumn, values: RowValues, tags: Set<string>): void {
    const value = place === -1 ? undefined : values[place];
    // `=` never finds a null.
    if (value === null) return;
    tags.add((value === undefined ? undefined : names.value(oid, name, type, value)) ?? names.column(oid, name));
  }

  function addOld(oid: number, column: PlacedColumn, before: OldRow, tags: Set<string>): void {
    if (column.isTold || before.isWhole) addValue(oid, column, before.values, tags);
    else tags.add(names.column(oid, column.name));
  }

  /** Whatever was read from the table goes. */
  function addTable(oid: number, tags: Set<string>): void {
    const layout = layouts.get(oid);
    tags.add(names.table(layout?.taggedAs ?? scheme().tableOf(oid)?.taggedAs ?? oid));
    if (layout?.isStrange === true) for (const root of scheme().partitioned) tags.add(names.table(root));
  }

  return {
    describe(table) {
      const layout = layoutOf(table);
      layouts.set(table.oid, layout);
      const wanted = table.columns.map(() => false);
      for (const { place } of layout.columns ?? []) if (place !== -1) wanted[place] = true;
      return wanted;
    },
    add(change, tags) {
      if (change.kind === "truncate") {
        for (const oid of change.tables) addTable(oid, tags);
        return;
      }
      const layout = layouts.get(change.table);
      if (layout?.columns === undefined || change.kind === "oversized") {
        addTable(change.table, tags);
        return;
      }
      const oid = layout.taggedAs;
      tags.add(names.rows(oid));
      for (const column of layout.columns) {
        if (change.kind !== "delete") addValue(oid, column, change.row, tags);
        if (change.kind === "insert") continue;
        if (change.before !== undefined) addOld(oid, column, change.before, tags);
        // Without an old version what identifies the row has not changed, and of the rest nothing is known.
        else if (!column.isTold) tags.add(names.column(oid, column.name));
      }
    },
  };
}

interface Layout {
  readonly taggedAs: number;
  /** `undefined`: nothing is known of the table. */
  readonly columns: readonly PlacedColumn[] | undefined;
  /** It may be a partition of a table that is known. */
  readonly isStrange: boolean;
}

interface PlacedColumn extends TagColumn {
  /** Among the table's columns in the stream; -1: not there, or of another type. */
  readonly place: number;
  /** Part of the replica identity: the old version of a row tells it, and where there is none it has not changed. */
  readonly isTold: boolean;
}
