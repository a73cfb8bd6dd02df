import type { Relation } from "../catalog/types.ts";
import type { RowsEncoder } from "../media.ts";
import type { PlannedField, ReadNode } from "../query/plan.ts";
import { FORMS, TEXT, TIMESTAMPTZ } from "../protobuf/value-form.ts";
import { JSON_FORMS, type JsonColumn, JsonWriter, prepareColumns } from "./json-writer.ts";

/** A read whose rows come as records, and are made JSON here: half the work for the database. */
export interface JsonRows {
  /** The same read, with its columns named one by one. */
  readonly node: ReadNode;
  readonly encoder: RowsEncoder;
  /** Values are shown in the session's time zone. */
  readonly isZoned: boolean;
}

/** For a list of plain columns whose binary forms are known; undefined for any other. */
export function planJsonRows(node: ReadNode, contentType: string): JsonRows | undefined {
  const { relation, select, children, outputs, spreadOrder, source, relationship } = node;
  if (children.length > 0 || outputs.length > 0 || spreadOrder.length > 0) return undefined;
  if (source !== undefined || relationship !== undefined) return undefined;
  const fields: PlannedField[] = [];
  const columns: JsonColumn[] = [];
  for (const field of select) {
    if (!isPlain(field)) return undefined;
    for (const name of field.column.name === "*" ? relation.columns.keys() : [field.column.name]) {
      const form = formOf(relation, name);
      if (form === undefined) return undefined;
      fields.push({ ...field, column: { ...field.column, name } });
      columns.push({ name: field.alias ?? name, form });
    }
  }
  if (columns.length === 0) return undefined;
  const prepared = prepareColumns(columns);
  return {
    node: { ...node, select: fields },
    encoder: {
      contentType,
      encode: (records) => (records === null ? "[]" : writer.rows(records, prepared)),
    },
    isZoned: columns.some(({ form }) => form === TIMESTAMPTZ),
  };
}

/** Each call is over before the next. */
const writer = new JsonWriter();

function isPlain({ column, aggregate, cast, alias }: PlannedField): boolean {
  const isAsItIs = column.path.length === 0 && !column.toJson && !column.wholeRow && column.transform === undefined;
  return isAsItIs && aggregate === undefined && cast === undefined && (alias === undefined || column.name !== "*");
}

/** A domain comes, and is shown, as what it rests on; a label of an enum is a text. */
function formOf({ columns }: Relation, name: string): number | undefined {
  const column = columns.get(name);
  if (column === undefined) return undefined;
  const form = column.category === "E" ? TEXT : FORMS.get(column.baseType);
  return form !== undefined && JSON_FORMS.has(form) ? form : undefined;
}

/** Time zones that are the one in which the rows are written, by the names that PostgreSQL has for it. */
export function isUtc(zone: string | null | undefined): boolean {
  return zone !== null && zone !== undefined && UTC.has(zone);
}

const UTC = new Set(["UTC", "Etc/UTC", "UCT", "Etc/UCT", "GMT", "Etc/GMT", "Zulu", "Etc/Zulu", "Universal", "Etc/Universal"]);
