import { tagOf } from "../../content/protobuf/byte-writer.ts";
import type { MessageField } from "../../content/protobuf/schema.ts";
import { HotpathError } from "../../errors.ts";
import type { Catalog } from "../catalog/types.ts";
import { isToOne } from "../query/find-relationship.ts";
import type { PlannedField, ReadNode } from "../query/plan.ts";
import { expressionCast } from "./expression.ts";
import type { RecordField, RecordPlan } from "./record-plan.ts";
import type { RowMessage } from "./row-message.ts";
import { EXPRESSION, RECORD, RECORDS } from "../binary/value-form.ts";

/**
 * Has a read select what a message has fields for, in binary format, and says what its records become.
 *
 * @param types names of the types that are cast to, by the texts of the request
 * @throws HotpathError HP_NOT_ACCEPTABLE for what has no field: spread columns.
 */
export function planMessage(
  node: ReadNode,
  message: RowMessage,
  catalog: Catalog,
  types: ReadonlyMap<string, string>,
): RecordPlan {
  const fields: RecordField[] = [];
  const selected: PlannedField[] = [];
  for (const planned of node.select) {
    for (const field of isStar(planned) ? columnsOf(message) : [planned]) {
      const { name, path } = field.column;
      const found = message.columns.get(name) ?? message.computed.get(name);
      const isPlain = path.length === 0 && field.aggregate === undefined && field.cast === undefined;
      if (isPlain && found !== undefined) {
        selected.push({ ...field, wire: found.cast });
        fields.push(found.record);
        continue;
      }
      const { expressions } = message;
      if (isPlain || expressions === undefined) throw noField(message, describe(field));
      const wire = expressionCast(field, node.relation, catalog, types);
      selected.push({ ...field, wire });
      fields.push(expressionField(expressions, field.alias ?? field.aggregate ?? name, wire === "json"));
    }
  }
  // Without any field the rows still count.
  node.select = selected;
  node.embedsAs = "record";
  for (const output of node.outputs) {
    const child = node.children.find(({ joinAlias }) => joinAlias === output.joinAlias);
    if (output.kind === "spread") throw noField(message, `...${child?.outputName ?? ""}`);
    const embed = child?.relationship === undefined ? undefined : message.embeds.get(child.relationship);
    if (child === undefined || child.relationship === undefined || embed === undefined) {
      throw noField(message, output.name);
    }
    const plan = planMessage(child, embed.message(), catalog, types);
    if (output.empty) continue;
    fields.push({
      field: embed.field,
      tag: tagOf(embed.field.number, 2),
      value: { form: isToOne(child.relationship) ? RECORD : RECORDS, record: () => plan },
      exactTag: 0,
      isNullable: true,
    });
  }
  return { fields, width: 1 };
}

function expressionField(field: MessageField, name: string, isJson: boolean): RecordField {
  const value = { form: EXPRESSION, expression: { name: Buffer.from(name), isJson } };
  return { field, tag: tagOf(field.number, 2), value, exactTag: 0, isNullable: true };
}

function isStar({ column, aggregate }: PlannedField): boolean {
  return column.name === "*" && column.path.length === 0 && aggregate === undefined;
}

function columnsOf({ columns }: RowMessage): PlannedField[] {
  return [...columns.keys()].map((name) => ({ column: { name, path: [], toJson: false, wholeRow: false } }));
}

function describe({ column, cast, aggregate }: PlannedField): string {
  const path = column.path
    .map(({ arrow, operand }) => arrow + ("key" in operand ? operand.key : operand.index))
    .join("");
  return `${column.name}${path}${cast === undefined ? "" : `::${cast}`}${aggregate === undefined ? "" : `.${aggregate}()`}`;
}

function noField({ type }: RowMessage, selected: string): HotpathError {
  return new HotpathError("HP_NOT_ACCEPTABLE", `The message ${type.name} has no field for ${selected}.`, {
    todo: "Select columns as they are, or ask for application/json.",
  });
}
