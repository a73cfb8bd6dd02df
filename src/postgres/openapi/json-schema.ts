import type { Catalog, Column, Relation } from "../catalog/types.ts";
import { representationKey } from "../catalog/types.ts";
import type { ComponentNames } from "./component-names.ts";
import { foreignKeyTarget, type Json } from "./swagger-schema.ts";

/** Schemas of what PostgreSQL's JSON looks like (JSON Schema 2020-12), with named types as components. */
export interface JsonSchemas {
  /** Of a value of a type by PostgreSQL's name of it. */
  readonly ofType: (name: string) => Json;
  /** Of a row as it is read. */
  ofRow(relation: Relation): Json;
  /** Of a row as it is written: generated columns are left out, and only what has neither default nor null is required. */
  ofNewRow(relation: Relation): Json;
  /** Of some columns of a row to be changed. */
  ofChanges(relation: Relation): Json;
  /** Components that the schemas made so far refer to, by name. */
  readonly components: Readonly<Record<string, Json>>;
}

/** @param schema whose names stand alone; those of other schemas follow their schema's. */
export function createJsonSchemas(catalog: Catalog, schema: string, names: ComponentNames): JsonSchemas {
  const components: Record<string, Json> = {};

  function ofType(name: string): Json {
    if (name.endsWith("[]")) return { type: "array", items: nullable(ofType(name.slice(0, -2)), true) };
    const builtIn = BUILT_IN.get(name);
    if (builtIn !== undefined) return builtIn;
    if (catalog.representations.has(representationKey(name, "json"))) return {};
    const named = catalog.namedTypes.get(name);
    // Of other types only those of PostgreSQL itself, whose names stand without a schema, are known to become texts.
    if (named === undefined) return name.includes(".") ? {} : { type: "string" };
    if (named.kind === "domain") return ofType(named.base);
    const component = names.of(...(named.schema === schema ? [] : [named.schema]), named.name);
    if (components[component] === undefined) {
      // In its place first: a composite type may hold an array of itself.
      components[component] = {};
      components[component] =
        named.kind === "enum"
          ? { type: "string", enum: named.labels }
          : {
              type: "object",
              properties: Object.fromEntries(
                named.columns.map((column) => [column.name, nullable(ofType(column.type), true)]),
              ),
            };
    }
    return { $ref: `#/components/schemas/${component}` };
  }

  function ofColumn(relation: Relation, column: Column): Json {
    const { comment, maxLength } = column;
    const notes = [
      ...(comment === null ? [] : [comment]),
      ...(relation.primaryKey.includes(column.name) ? ["Primary key."] : []),
      ...targetsOf(catalog, relation, column.name).map((target) => `References ${target}.`),
    ];
    const type = ofType(column.type);
    const bounded = maxLength === null || type["type"] !== "string" ? type : { ...type, maxLength };
    return {
      ...nullable(bounded, column.nullable),
      ...(notes.length === 0 ? {} : { description: notes.join("\n\n") }),
      ...(column.generated ? { readOnly: true } : {}),
    };
  }

  function ofColumns(relation: Relation, columns: readonly Column[], required: readonly Column[]): Json {
    return {
      type: "object",
      ...(relation.comment === null ? {} : { description: relation.comment }),
      properties: Object.fromEntries(columns.map((column) => [column.name, ofColumn(relation, column)])),
      ...(required.length === 0 ? {} : { required: required.map(({ name }) => name) }),
    };
  }

  return {
    components,
    ofType,
    ofRow(relation) {
      const columns = [...relation.columns.values()];
      return ofColumns(relation, columns, columns);
    },
    ofNewRow(relation) {
      const columns = writtenColumns(relation);
      const required = columns.filter((column) => !column.nullable && column.default === null);
      return ofColumns(relation, columns, required);
    },
    ofChanges: (relation) => ofColumns(relation, writtenColumns(relation), []),
  };
}

function writtenColumns({ columns }: Relation): readonly Column[] {
  return [...columns.values()].filter(({ generated }) => !generated);
}

/** What `to_json` makes of PostgreSQL's own types; all others become texts. */
const BUILT_IN: ReadonlyMap<string, Json> = new Map<string, Json>([
  ["boolean", { type: "boolean" }],
  ["smallint", { type: "integer", format: "int16" }],
  ["integer", { type: "integer", format: "int32" }],
  ["bigint", { type: "integer", format: "int64" }],
  ["real", { type: "number", format: "float" }],
  ["double precision", { type: "number", format: "double" }],
  ["numeric", { type: "number" }],
  ["json", {}],
  ["jsonb", {}],
  ["date", { type: "string", format: "date" }],
  ["timestamp with time zone", { type: "string", format: "date-time" }],
  ["uuid", { type: "string", format: "uuid" }],
  ["record", { type: "object" }],
  ["anyelement", {}],
]);

function nullable(schema: Json, isNullable: boolean): Json {
  if (!isNullable) return schema;
  if (typeof schema["type"] === "string" && schema["enum"] === undefined)
    return { ...schema, type: [schema["type"], "null"] };
  return Object.keys(schema).length === 0 ? schema : { anyOf: [schema, { type: "null" }] };
}

/** `table.column` for each relation that a foreign key of this column alone leads to. */
function targetsOf(catalog: Catalog, relation: Relation, column: string): string[] {
  const found = foreignKeyTarget(catalog, relation, column);
  return found === undefined ? [] : [`${found.name}.${found.column}`];
}
