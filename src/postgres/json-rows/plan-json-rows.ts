import type { Relation } from "../catalog/types.ts";
import type { RowsEncoder } from "../media.ts";
import { isToOne } from "../query/find-relationship.ts";
import type { CursorTerm } from "../query/cursor-sql.ts";
import type { PlannedField, ReadNode } from "../query/plan.ts";
import { FORMS, JSON_TEXT, JSONB, RECORD, RECORDS, TEXT, TIMESTAMPTZ } from "../binary/value-form.ts";
import { JSON_FORMS } from "./json-values.ts";
import { type JsonColumn, JsonWriter, prepareColumns } from "./json-writer.ts";

/** A read whose rows come as records, and are made JSON here: half the work for the database. */
export interface JsonRows {
  /** The same read, with its columns named one by one. */
  readonly node: ReadNode;
  readonly encoder: RowsEncoder;
  /** Values are shown in the session's time zone. */
  readonly isZoned: boolean;
}

/**
 * For plain columns whose binary forms are known, and embedded rows of such; undefined for any other.
 *
 * @param kind an array of all rows, or the object that the only one is
 * @param terms what a cursor to the next page is made of
 */
export function planJsonRows(
  root: ReadNode,
  contentType: string,
  kind: "array" | "object",
  terms: readonly CursorTerm[] = [],
): JsonRows | undefined {
  if (root.source !== undefined) return undefined;
  const planned = planNode(root);
  if (planned === undefined) return undefined;
  const columns = prepareColumns(planned.columns);
  const places = terms.map(({ column }) => placeOf(planned, column));
  const tellsLast = places.length > 0 && places.every((place) => place !== -1);
  return {
    node: planned.node,
    encoder: {
      contentType,
      encode:
        kind === "object"
          ? (records) => (records === null ? "" : writer.object(records, columns))
          : (records) => (records === null ? "[]" : writer.array(records, columns)),
      lastValues: tellsLast ? (records) => writer.lastValues(records, columns, places) : undefined,
    },
    isZoned: isZoned(planned.columns),
  };
}

/** Each call is over before the next. */
const writer = new JsonWriter();

interface PlannedNode {
  readonly node: ReadNode;
  readonly columns: readonly JsonColumn[];
}

function planNode(node: ReadNode): PlannedNode | undefined {
  const { relation, select, spreadOrder } = node;
  if (spreadOrder.length > 0) return undefined;
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
  const children = new Map<string, PlannedNode>();
  for (const child of node.children) {
    const planned = planNode(child);
    if (planned === undefined) return undefined;
    children.set(child.joinAlias, planned);
  }
  for (const output of node.outputs) {
    const child = children.get(output.joinAlias);
    if (output.kind !== "json" || child?.node.relationship === undefined) return undefined;
    const form = isToOne(child.node.relationship) ? RECORD : RECORDS;
    if (!output.empty) columns.push({ name: output.name, form, columns: child.columns });
  }
  if (columns.length === 0 || !columns.every(({ name }) => Buffer.byteLength(name) <= LONGEST_NAME)) return undefined;
  const inner = [...children.values()].map((child) => child.node);
  return { node: { ...node, select: fields, children: inner, embedsAs: "record" }, columns };
}

/** Where the values of a column stand that it is ordered by; -1: nowhere, or not as a text of it that can be read again. */
function placeOf({ node, columns }: PlannedNode, name: string): number {
  const place = node.select.findIndex(({ column }) => column.name === name);
  const form = columns[place]?.form;
  return form === undefined || form === JSON_TEXT || form === JSONB ? -1 : place;
}

/** PostgreSQL cuts longer ones (NAMEDATALEN), in JSON as well. */
const LONGEST_NAME = 63;

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

function isZoned(columns: readonly JsonColumn[]): boolean {
  return columns.some(({ form, columns: inner }) => form === TIMESTAMPTZ || (inner !== undefined && isZoned(inner)));
}

/** Whether a time zone is the one in which rows are written, by one of the names that PostgreSQL has for it. */
export function isUtc(zone: string | null | undefined): boolean {
  return zone !== null && zone !== undefined && UTC.has(zone);
}

const UTC = new Set(
  "UTC Etc/UTC UCT Etc/UCT GMT Etc/GMT Zulu Etc/Zulu Universal Etc/Universal Greenwich Etc/Greenwich".split(" "),
);
