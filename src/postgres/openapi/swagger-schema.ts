import { findRelationships } from "../catalog/lookup.ts";
import type { Catalog, Column, Relation, RelationName, RoutineParameter } from "../catalog/types.ts";

/** A part of a document. */
export type Json = { readonly [name: string]: unknown };

/** Refers to a part of a document by its place, whatever its name is made of (RFC 6901 section 6). */
export function reference(section: "definitions" | "parameters", name: string): Json {
  return { $ref: `#/${section}/${encodeURIComponent(name.replaceAll("~", "~0").replaceAll("/", "~1"))}` };
}

/** The definition of a relation, as PostgREST 14 writes it. */
export function relationDefinition(catalog: Catalog, relation: Relation): Json {
  const columns = [...relation.columns.values()];
  const required = columns.filter(({ nullable }) => !nullable).map(({ name }) => name);
  return {
    ...(relation.comment === null ? {} : { description: relation.comment }),
    ...(required.length === 0 ? {} : { required }),
    properties: Object.fromEntries(columns.map((column) => [column.name, columnProperty(catalog, relation, column)])),
    type: "object",
  };
}

/** The type of a parameter or column, by PostgreSQL's name of it. */
export function typeOf(name: string): Json {
  const type = swaggerType(name);
  return {
    format: FORMATS.get(name) ?? name,
    ...(type === undefined ? {} : { type }),
    ...(type === "array" ? { items: elementOf(name) } : {}),
  };
}

/** The type of a function's parameter in a URL, where everything is text: arrays are written as PostgreSQL does. */
export function queryTypeOf({ type, variadic }: RoutineParameter): Json {
  if (variadic) {
    const element = withoutBrackets(type);
    const items = { format: FORMATS.get(element) ?? element, ...elementOf(type) };
    return { type: "array", items, collectionFormat: "multi" };
  }
  const written = swaggerType(type);
  return {
    format: FORMATS.get(type) ?? type,
    type: written === undefined || written === "array" ? "string" : written,
  };
}

const TYPES: ReadonlyMap<string, string | undefined> = new Map([
  ["character varying", "string"],
  ["character", "string"],
  ["text", "string"],
  ["boolean", "boolean"],
  ["smallint", "integer"],
  ["integer", "integer"],
  ["bigint", "integer"],
  ["numeric", "number"],
  ["real", "number"],
  ["double precision", "number"],
  ["json", undefined],
  ["jsonb", undefined],
]);

const FORMATS: ReadonlyMap<string, string> = new Map([
  ["smallint", "int32"],
  ["integer", "int32"],
  ["bigint", "int64"],
]);

function swaggerType(name: string): string | undefined {
  if (TYPES.has(name)) return TYPES.get(name);
  return name.endsWith("[]") ? "array" : "string";
}

function elementOf(arrayType: string): Json {
  const type = swaggerType(withoutBrackets(arrayType));
  return type === undefined ? {} : { type };
}

function withoutBrackets(arrayType: string): string {
  return arrayType.slice(0, -2);
}

function columnProperty(catalog: Catalog, relation: Relation, column: Column): Json {
  const type = documentedType(column);
  const initial = defaultOf(type, column.default);
  const description = columnDescription(catalog, relation, column);
  return {
    ...(initial === undefined ? {} : { default: initial }),
    ...(description === null ? {} : { description }),
    ...(column.enumLabels.length === 0 ? {} : { enum: column.enumLabels }),
    ...(column.maxLength === null ? {} : { maxLength: column.maxLength }),
    ...typeOf(type),
  };
}

/** Types of PostgreSQL without their length, domains over them as what they rest on, all others as declared. */
function documentedType({ declaredType, baseType }: Column): string {
  // The catalog was read with an empty search path: only names of pg_catalog stand without a schema.
  return baseType.includes(".") ? declaredType : baseType;
}

/** A default that is a constant, as JSON; expressions have none. */
function defaultOf(type: string, expression: string | null): unknown {
  if (expression === null) return undefined;
  try {
    return JSON.parse(swaggerType(type) === "string" ? `"${constantText(type, expression)}"` : expression);
  } catch {
    return undefined;
  }
}

function constantText(type: string, expression: string): string {
  const suffix = `::${type}`;
  if (!expression.endsWith(suffix)) return expression;
  return expression.slice(0, -suffix.length).replace(/^'+|'+$/g, "");
}

function columnDescription(catalog: Catalog, relation: Relation, { name, comment }: Column): string | null {
  const target = foreignKeyTarget(catalog, relation, name);
  const notes = [
    ...(relation.primaryKey.includes(name) ? ["This is a Primary Key.<pk/>"] : []),
    ...(target === undefined
      ? []
      : [
          `This is a Foreign Key to \`${target.name}.${target.column}\`.<fk table='${target.name}' column='${target.column}'/>`,
        ]),
  ];
  if (notes.length === 0) return comment;
  return `${comment === null ? "" : `${comment}\n\n`}${["Note:", ...notes].join("\n")}`;
}

/** Where the foreign key of one column leads: to a table before a view. */
export function foreignKeyTarget(
  catalog: Catalog,
  relation: RelationName,
  column: string,
): { readonly name: string; readonly column: string } | undefined {
  const candidates = findRelationships(catalog, relation).flatMap((one) =>
    one.kind === "key" && one.isParentSide && one.columns.length === 1 && one.columns[0]?.[0] === column ? [one] : [],
  );
  const found = candidates.find(({ toIsView }) => !toIsView) ?? candidates[0];
  const target = found?.columns[0]?.[1];
  return found === undefined || target === undefined ? undefined : { name: found.to.name, column: target };
}
