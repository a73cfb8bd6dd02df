import { conditionSql } from "./condition-sql.ts";
import type { Reference } from "./plan.ts";
import type { PlannedWrite, WrittenColumn } from "./planned-write.ts";
import { identifier, qualified, type SqlWriter } from "./sql-text.ts";

/** The content's rows within a statement. */
const CONTENT: Reference = { name: "hp.content" };
/** One element of the content, where its missing members get defaults. */
const ELEMENT = `"hp.element"."hp.value"`;
/** Setting that counts the rows which a merge changed instead of inserting them; it ends with the transaction. */
const MERGED = "hotpath.merged";

/** SQL of the number of rows that a merge has changed, to be evaluated after it; null for none. */
export const MERGED_COUNT_SQL = `nullif(current_setting('${MERGED}', true), '')`;

/**
 * The statement that inserts, changes or deletes.
 *
 * @param returning what it answers of each row; null: nothing.
 */
export function writeSql(writer: SqlWriter, write: PlannedWrite, returning: readonly string[] | null): string {
  const answer = returning === null ? "" : ` RETURNING ${returning.join(", ")}`;
  switch (write.command) {
    case "insert":
      return insertSql(writer, write) + answer;
    case "update":
      // Nothing to set is no UPDATE; the rows it answers are none, with the columns that are asked for.
      if (write.columns.length === 0) return emptySql(write, returning);
      return updateSql(writer, write) + answer;
    case "delete":
      return `DELETE FROM ${qualified(write.relation)}${whereSql(writer, write, ownReference(write))}${answer}`;
    default:
      return write.command satisfies never;
  }
}

function insertSql(writer: SqlWriter, write: PlannedWrite): string {
  const { relation, columns, content } = write;
  const names = columns.length === 0 ? "" : ` (${columns.map(({ name }) => identifier(name)).join(", ")})`;
  const head = `INSERT INTO ${qualified(relation)}${names}`;
  const conflict = conflictSql(write);
  if (content === "members") {
    const values = columns.map((column, index) => memberSql(writer, write, column, index)).join(", ");
    return `${head} ${columns.length === 0 ? "DEFAULT VALUES" : `VALUES (${values})`}${conflict}`;
  }
  const selected = columns.map((column) => contentColumnSql(writer, write, column)).join(", ");
  return `${head} SELECT ${selected} FROM ${contentSql(writer, write)}${whereSql(writer, write, CONTENT)}${conflict}`;
}

function updateSql(writer: SqlWriter, write: PlannedWrite): string {
  const { relation, columns, content } = write;
  const isApart = content === "members";
  const settings = columns.map((column, index) => {
    const value = isApart ? memberSql(writer, write, column, index) : contentColumnSql(writer, write, column);
    return `${identifier(column.name)} = ${value}`;
  });
  const from = isApart ? "" : ` FROM ${contentSql(writer, write)}`;
  const where = whereSql(writer, write, ownReference(write));
  return `UPDATE ${qualified(relation)} SET ${settings.join(", ")}${from}${where}`;
}

function emptySql(write: PlannedWrite, returning: readonly string[] | null): string {
  return `SELECT ${(returning ?? ["1"]).join(", ")} FROM ${qualified(write.relation)} WHERE FALSE`;
}

function ownReference({ relation: { schema, name } }: PlannedWrite): Reference {
  return { schema, name };
}

function whereSql(writer: SqlWriter, { where }: PlannedWrite, reference: Reference): string {
  if (where.length === 0) return "";
  const conditions = where.map((condition) =>
    conditionSql(writer, reference, condition, () => {
      throw new Error("a write has no embedded rows to test");
    }),
  );
  return ` WHERE ${conditions.join(" AND ")}`;
}

function memberSql(writer: SqlWriter, write: PlannedWrite, column: WrittenColumn, index: number): string {
  if (column.isMissing && write.fillsDefaults) return "DEFAULT";
  const value = column.isMissing ? "NULL" : writer.bind({ kind: "member", index });
  return column.transform === undefined ? value : `${qualified(column.transform)}(${value}::json)`;
}

function contentColumnSql(writer: SqlWriter, write: PlannedWrite, column: WrittenColumn): string {
  const own = `${qualified(CONTENT)}.${identifier(column.name)}`;
  const value = column.transform === undefined ? own : `${qualified(column.transform)}(${own})`;
  if (!write.fillsDefaults || column.default === null) return value;
  const name = writer.bind({ kind: "constant", text: column.name });
  return `CASE WHEN ${ELEMENT} ? ${name} THEN ${value} ELSE ${column.default} END`;
}

/** The content as rows of the columns that are written. */
function contentSql(writer: SqlWriter, { content, columns, fillsDefaults }: PlannedWrite): string {
  const whole = writer.bind({ kind: "content" });
  const isList = content === "list";
  const definition = columns
    .map(({ name, type, transform }) => `${identifier(name)} ${transform === undefined ? type : "json"}`)
    .join(", ");
  const rows = `${qualified(CONTENT)}(${definition})`;
  if (columns.length === 0) {
    // A row for each object without members.
    const list = isList ? `${whole}::json` : `json_build_array(${whole}::json)`;
    return `json_array_elements(${list}) AS ${qualified(CONTENT)}`;
  }
  if (fillsDefaults) {
    const elements = isList
      ? `jsonb_array_elements(${whole}::jsonb) AS "hp.element"("hp.value")`
      : `(SELECT ${whole}::jsonb) AS "hp.element"("hp.value")`;
    return `${elements}, LATERAL jsonb_to_record(${ELEMENT}) AS ${rows}`;
  }
  return `${isList ? "json_to_recordset" : "json_to_record"}(${whole}::json) AS ${rows}`;
}

function conflictSql({ conflict, columns }: PlannedWrite): string {
  if (conflict === null || conflict.columns.length === 0) return "";
  const target = ` ON CONFLICT (${conflict.columns.map(identifier).join(", ")})`;
  if (conflict.resolution === "ignore-duplicates" || columns.length === 0) return `${target} DO NOTHING`;
  const settings = columns.map(({ name }) => `${identifier(name)} = EXCLUDED.${identifier(name)}`).join(", ");
  const next = `(coalesce(${MERGED_COUNT_SQL}, '0')::bigint + 1)::text`;
  // Evaluated once for each row that is changed, and always true.
  return `${target} DO UPDATE SET ${settings} WHERE set_config('${MERGED}', ${next}, true) IS NOT NULL`;
}
