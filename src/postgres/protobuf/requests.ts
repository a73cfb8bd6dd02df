import {
  FIELD_MASK,
  type FieldType,
  type MessageField,
  type MessageType,
  scalar,
} from "../../content/protobuf/schema.ts";
import { TakenNames } from "../../content/protobuf/names.ts";
import type { Relation } from "../catalog/types.ts";
import type { RowField } from "./row-message.ts";

/** Names of messages inside a row's, which no field there may have. */
export const NESTED_NAMES: ReadonlySet<string> = new Set([
  "List",
  "Key",
  "GetRequest",
  "BatchGetRequest",
  "ListRequest",
  "CreateRequest",
  "UpdateRequest",
  "DeleteRequest",
]);

/** Numbers of what a request says beside the columns of a key, which have theirs. */
export const FIELDS = 2001;
export const SELECT = 2002;

/** What the procedures of a relation take: messages inside its row's. */
export function requestMessages(
  name: string,
  { primaryKey, insertable, updatable, deletable }: Relation,
  columns: ReadonlyMap<string, RowField>,
): readonly MessageType[] {
  const key = primaryKey.flatMap((column) => columns.get(column)?.field ?? []);
  const shown = (mask: number, select: number, taken = new TakenNames()): readonly MessageField[] => [
    field(
      taken.take("fields", "mask"),
      mask,
      FIELD_MASK,
      "single",
      "what is answered: columns, and those of embedded rows as orders.total; absent: all columns",
    ),
    field(
      taken.take("select", "words"),
      select,
      scalar("string"),
      "optional",
      "the same as in a URL, where that says more",
    ),
  ];
  const hasKey = key.length > 0;
  const rowType: FieldType = { kind: "message", name };
  const keyType: FieldType = { kind: "message", name: `${name}.Key` };
  const list = message("ListRequest", [
    field("filter", 1, scalar("string"), "optional", "as in a URL: total=gte.10&status=eq.paid"),
    field("order", 2, scalar("string"), "optional", "as in a URL: created_at.desc,id"),
    field("limit", 3, scalar("int32"), "optional", null),
    field(
      "after",
      4,
      scalar("string"),
      "optional",
      "the cursor that `next` of the page before was; it takes an order and a limit",
    ),
    ...shown(5, 6),
    field("count", 7, scalar("bool"), "optional", "has `total` told"),
    field("offset", 8, scalar("int32"), "optional", null),
  ]);
  const create = message("CreateRequest", [
    field("row", 1, rowType, "single", null),
    field("merge", 2, scalar("bool"), "optional", "changes the row that is there already"),
    ...shown(3, 4),
  ]);
  const byKey = (called: string): MessageType => {
    // A key may have columns that are called so.
    const taken = new TakenNames();
    for (const { name: own } of key) taken.take(own);
    return message(called, [...key, ...shown(FIELDS, SELECT, taken)]);
  };
  return [
    list,
    ...(insertable ? [create] : []),
    ...(hasKey
      ? [
          message("Key", key),
          byKey("GetRequest"),
          message("BatchGetRequest", [field("keys", 1, keyType, "repeated", null), ...shown(2, 3)]),
          ...(updatable
            ? [
                message("UpdateRequest", [
                  field("key", 1, keyType, "single", null),
                  field("row", 2, rowType, "single", "what is set in it is changed"),
                  field("mask", 3, FIELD_MASK, "single", "what is changed, also what is not set: that becomes null"),
                  ...shown(4, 5),
                ]),
              ]
            : []),
          ...(deletable ? [byKey("DeleteRequest")] : []),
        ]
      : []),
  ];
}

function message(name: string, fields: readonly MessageField[]): MessageType {
  return { name, comment: null, fields, nested: [], reserved: [] };
}

function field(
  name: string,
  number: number,
  type: FieldType,
  label: MessageField["label"],
  comment: string | null,
): MessageField {
  return { name, key: name, number, type, label, comment };
}
