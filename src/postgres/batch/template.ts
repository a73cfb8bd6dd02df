import { createHash } from "node:crypto";
import type { RelationName } from "../catalog/types.ts";
import type { BytesField, Command, Statement } from "../pool/types.ts";
import { type ReadOptions, readSql, unknownType } from "../query/compile-read.ts";
import type { PlannedCondition, ReadNode } from "../query/plan.ts";
import { qualified, type SqlWriter } from "../query/sql-text.ts";

/**
 * A read as the inside of a batch: its operands are columns of a row of values instead of parameters. All that is missing
 * is the list of rows, whose types only the database knows.
 */
export interface BatchTemplate {
  readonly inner: string;
  /** What all reads of the shape have in common. */
  readonly constants: readonly (string | null)[];
  /** For each column of values: which parameter of the read's own statement it is. */
  readonly varying: readonly number[];
  readonly catalogVersion: string;
  /** Which field is bytes; absent: none. */
  readonly bytes?: BytesField | undefined;
}

/** The type that PostgreSQL gave a parameter. */
export interface ParameterType {
  readonly type: RelationName;
  /** Of arrays with such elements; null where there are none, or none that are written with commas. */
  readonly arrayType: RelationName | null;
}

/** Qualified wherever it is used, and no name that a relation below it has. */
const VALUES = '"hp.batch"';

/** The template, or undefined for a read that would not be the same, or not as quick, among others. */
export function makeBatchTemplate(node: ReadNode, options: ReadOptions): BatchTemplate | undefined {
  const { format, explain, types, catalogVersion } = options;
  const isPlain = format.kind === "array" || format.kind === "object" || format.kind === "records";
  if (!isPlain || explain !== null || node.relation.name === "hp.batch" || !isFoundByIndex(node)) return undefined;
  const constants: (string | null)[] = [];
  const varying: number[] = [];
  let parameters = 0;
  const writer: SqlWriter = {
    slots: [],
    bind(slot) {
      const parameter = parameters++;
      if (slot.kind === "constant") return `$${constants.push(slot.text)}`;
      return `${VALUES}.v${varying.push(parameter)}`;
    },
    typeName(cast) {
      const name = types.get(cast);
      if (name === undefined) throw unknownType(cast);
      return name;
    },
  };
  const { text, bytes } = readSql(writer, node, options);
  if (varying.length === 0) return undefined;
  // The number of the read comes behind its fields.
  const among = bytes === undefined ? undefined : { ...bytes, of: bytes.of + 1 };
  return { inner: text, constants, varying, catalogVersion, bytes: among };
}

/**
 * Operands are compared for equality alone. Other comparisons are better planned with their values known (a prefix
 * pattern, a rare range), which a batch would hide.
 */
function isFoundByIndex(node: ReadNode): boolean {
  return node.where.every(isEquality) && node.children.every(isFoundByIndex);
}

function isEquality(condition: PlannedCondition): boolean {
  if (condition.kind === "group") return condition.children.every(isEquality);
  if (condition.kind === "embed-null") return true;
  const { operation } = condition;
  if (operation.kind === "is" || operation.kind === "in") return true;
  if (operation.kind !== "compare") return false;
  return operation.value.parameter === undefined || (operation.operator === "eq" && operation.quantifier === undefined);
}

/** Answers the read once for each row of values, with the row's number behind the read's own fields. */
export function batchStatement(template: BatchTemplate, types: readonly ParameterType[]): Statement {
  const { inner, constants, varying, catalogVersion, bytes } = template;
  const lists: string[] = [];
  const columns: string[] = [];
  let isCast = false;
  for (const [index, parameter] of varying.entries()) {
    const known = types[parameter];
    if (known === undefined) throw new Error("a parameter without a type");
    const { type, arrayType } = known;
    lists.push(`$${constants.length + index + 1}::${arrayType === null ? "text[]" : qualified(arrayType)}`);
    // There are no arrays of arrays: what is one itself travels as a text.
    columns.push(arrayType === null ? `u.v${index + 1}::${qualified(type)} AS v${index + 1}` : `u.v${index + 1}`);
    isCast ||= arrayType === null;
  }
  const names = varying.map((_, index) => `v${index + 1}`).join(", ");
  const rows = `pg_catalog.unnest(${lists.join(", ")}) WITH ORDINALITY AS`;
  const values = isCast
    ? `(SELECT ${columns.join(", ")}, u.n FROM ${rows} u(${names}, n)) AS ${VALUES}`
    : `${rows} ${VALUES}(${names}, n)`;
  const text = `SELECT "hp.one".*, ${VALUES}.n FROM ${values} CROSS JOIN LATERAL (${inner}) AS "hp.one"`;
  const hash = createHash("sha256").update(catalogVersion).update(text).digest("base64url");
  return { name: `hp_${hash.slice(0, 27)}`, text, bytes };
}

/** Asks for the parameters' types of a statement that this connection has prepared. */
export function typesCommand(text: string): Command {
  return { statement: TYPES, values: [text] };
}

export function readTypes(rows: readonly (readonly (string | null)[])[]): readonly ParameterType[] {
  return rows.map(([schema, name, arraySchema, arrayName]) => ({
    type: { schema: schema ?? "", name: name ?? "" },
    arrayType: arraySchema && arrayName ? { schema: arraySchema, name: arrayName } : null,
  }));
}

const TYPES: Statement = {
  name: "hp_parameter_types",
  text: `
    SELECT s.nspname, e.typname, CASE e.typdelim WHEN ',' THEN xs.nspname END, x.typname
    FROM (
      SELECT parameter_types FROM pg_catalog.pg_prepared_statements
      WHERE statement = $1 ORDER BY prepare_time DESC LIMIT 1
    ) AS p
    CROSS JOIN LATERAL pg_catalog.unnest(p.parameter_types) WITH ORDINALITY AS t(type, n)
    JOIN pg_catalog.pg_type AS e ON e.oid = t.type
    JOIN pg_catalog.pg_namespace AS s ON s.oid = e.typnamespace
    LEFT JOIN pg_catalog.pg_type AS x ON x.oid = e.typarray
    LEFT JOIN pg_catalog.pg_namespace AS xs ON xs.oid = x.typnamespace
    ORDER BY t.n`,
};
