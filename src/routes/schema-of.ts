import type { StandardSchema } from "./standard-schema.ts";

/** A JSON object. */
export type JsonObject = Record<string, unknown>;

/** What schemas say of themselves (https://standardschema.dev/json-schema): those of zod since 4.2, of arktype since 2.1.28. */
type JsonSchemas = Readonly<Record<"input" | "output", (options: object) => JsonObject>>;
type Described = StandardSchema["~standard"] & { readonly jsonSchema?: JsonSchemas };

/**
 * Loads what says it in the place of schemas that cannot themselves: for those of valibot its package `@valibot/to-json-schema`, where that
 * is installed.
 */
export async function prepareSchemas(schemas: readonly StandardSchema[]): Promise<void> {
  const silent = schemas.filter(({ "~standard": own }) => own.vendor === "valibot" && jsonSchemasOf(own) === undefined);
  if (silent.length === 0) return;
  const { toStandardJsonSchema } = await import("@valibot/to-json-schema").catch(() => NOT_INSTALLED);
  if (toStandardJsonSchema === undefined) return;
  for (const schema of silent) {
    const { "~standard": described } = toStandardJsonSchema(schema as never);
    prepared.set(schema, described.jsonSchema as unknown as JsonSchemas);
  }
}

const prepared = new WeakMap<StandardSchema, JsonSchemas>();
const NOT_INSTALLED = { toStandardJsonSchema: undefined };

/**
 * A schema as JSON Schema: what it takes, or what it makes. Empty, which allows anything, where it cannot say.
 *
 * @param name of what it defines besides, under which that is added to `definitions`
 */
export function schemaOf(
  schema: StandardSchema,
  side: "input" | "output",
  name: string,
  definitions: JsonObject,
): JsonObject {
  const { "~standard": own } = schema;
  const jsonSchemas = jsonSchemasOf(own) ?? prepared.get(schema);
  try {
    // What of it has no words there, such as a date, is then anything, and the rest is told all the same.
    const options = { target: "draft-2020-12", libraryOptions: LENIENT[own.vendor] };
    const described = jsonSchemas?.[side](options) ?? {};
    const { $schema: _dialect, $defs: defined, ...plain } = described;
    const text = JSON.stringify(plain);
    const isRecursive = text.includes('"$ref":"#"');
    if (defined === undefined && !isRecursive) return plain;
    // References are those of the whole document.
    const rename = (described: string): string =>
      described
        .replaceAll('"$ref":"#"', `"$ref":"#/components/schemas/${name}"`)
        .replaceAll('"#/$defs/', `"#/components/schemas/${name}_`);
    for (const [key, value] of Object.entries(JSON.parse(rename(JSON.stringify(defined ?? {}))) as JsonObject)) {
      definitions[`${name}_${key}`] = value;
    }
    const renamed = JSON.parse(rename(text)) as JsonObject;
    if (!isRecursive) return renamed;
    definitions[name] = renamed;
    return { $ref: `#/components/schemas/${name}` };
  } catch {
    // A schema may hold what JSON Schema has no words for.
    return {};
  }
}

function jsonSchemasOf(own: Described): JsonSchemas | undefined {
  return own.jsonSchema;
}

/** How each library is told so; arktype need not be. */
const LENIENT: Readonly<Record<string, object>> = {
  zod: { unrepresentable: "any" },
  valibot: { errorMode: "ignore" },
};
