import type { Catalog, NamedType, Relation } from "../catalog/types.ts";
import { functionMembers } from "./function-types.ts";
import { HELPERS } from "./helper-types.ts";
import { relationType } from "./relation-types.ts";
import { type Member, objectType, propertyName, union, unionOfTexts } from "./source-text.ts";
import { createValueTypes, sectionOf, type ValueTypes } from "./value-types.ts";

/** The version whose dialect we speak: `postgrest-js` types embedding by it. */
const DIALECT_VERSION = "14.12";

/**
 * The source of a TypeScript module that describes the exposed schemas: `Database`, which `postgrest-js` and `supabase-js` take
 * as their generic, and the names that code written for `supabase gen types` expects beside it.
 */
export function databaseTypes(catalog: Catalog): string {
  const values = createValueTypes(catalog);
  const schemas = catalog.schemas.map((schema) => ({ name: schema, type: schemaType(catalog, values, schema) }));
  const internal = {
    name: "__InternalSupabase",
    type: objectType([{ name: "PostgrestVersion", type: JSON.stringify(DIALECT_VERSION) }]),
    comment: "Lets createClient choose the right options.",
  };
  return [
    "// Made by `hotpath types` from the database; made anew when its structure has changed.",
    "export type Json = string | number | boolean | null | { [key: string]: Json | undefined } | Json[];",
    `export type Database = ${objectType([internal, ...schemas])};`,
    HELPERS.replaceAll("DEFAULT", JSON.stringify(catalog.schemas[0] ?? "public")),
    `export const Constants = ${constants(catalog)} as const;`,
    "",
  ]
    .join("\n\n")
    .replace(/\n+$/, "\n");
}

function schemaType(catalog: Catalog, values: ValueTypes, schema: string): string {
  const relations = sorted([...(catalog.relations.get(schema)?.values() ?? [])]);
  const membersOf = (section: "Tables" | "Views"): readonly Member[] =>
    relations
      .filter((relation) => sectionOf(relation) === section)
      .map((relation) => ({
        name: relation.name,
        type: relationType(catalog, values, relation),
        comment: relation.comment,
      }));
  return objectType([
    { name: "Tables", type: objectType(membersOf("Tables")) },
    { name: "Views", type: objectType(membersOf("Views")) },
    { name: "Functions", type: objectType(functionMembers(catalog, values, schema)) },
    { name: "Enums", type: objectType(enumsOf(catalog, schema).map(enumMember)) },
    {
      name: "CompositeTypes",
      type: objectType(compositesOf(catalog, schema).map((one) => compositeMember(values, one))),
    },
  ]);
}

type Enum = Extract<NamedType, { kind: "enum" }>;
type Composite = Extract<NamedType, { kind: "composite" }>;

function enumsOf(catalog: Catalog, schema: string): readonly Enum[] {
  return sorted(
    [...catalog.namedTypes.values()].flatMap((type) => (type.kind === "enum" && type.schema === schema ? [type] : [])),
  );
}

/** Rows of relations are types as well, which stand with the relations. */
function compositesOf(catalog: Catalog, schema: string): readonly Composite[] {
  const relations = catalog.relations.get(schema);
  return sorted(
    [...catalog.namedTypes.values()].flatMap((type) =>
      type.kind === "composite" && type.schema === schema && !relations?.has(type.name) ? [type] : [],
    ),
  );
}

function enumMember({ name, labels }: Enum): Member {
  return { name, type: unionOfTexts(labels) };
}

function compositeMember(values: ValueTypes, { name, columns }: Composite): Member {
  return {
    name,
    type: objectType(columns.map((column) => ({ name: column.name, type: union([values.of(column.type), "null"]) }))),
  };
}

/** The labels of enums, for programs that need them when they run. */
function constants(catalog: Catalog): string {
  const schemas = catalog.schemas.map((schema) => {
    const enums = enumsOf(catalog, schema).map(
      ({ name, labels }) => `      ${propertyName(name)}: ${JSON.stringify(labels)},`,
    );
    const held = enums.length === 0 ? "{}" : `{\n${enums.join("\n")}\n    }`;
    return `  ${propertyName(schema)}: {\n    Enums: ${held},\n  },`;
  });
  return `{\n${schemas.join("\n")}\n}`;
}

function sorted<T extends Pick<Relation, "name">>(named: readonly T[]): readonly T[] {
  return named.toSorted((one, other) => (one.name < other.name ? -1 : one.name > other.name ? 1 : 0));
}
