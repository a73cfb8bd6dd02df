import type { JsonObject } from "./openapi.ts";
import type { StandardSchema } from "./standard-schema.ts";

/** Schemas that can say what they are (https://standardschema.dev/json-schema): those of zod 4.2 and arktype 2.1.28. */
interface Describing {
  readonly jsonSchema?: Readonly<Record<"input" | "output", (options: { target: string }) => JsonObject>>;
}

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
  const { jsonSchema } = schema["~standard"] as Describing;
  try {
    const described = jsonSchema?.[side]({ target: "draft-2020-12" }) ?? {};
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
