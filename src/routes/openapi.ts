import { STATUS_CODES } from "node:http";
import type { DeclaredError } from "./failure.ts";
import type { Route } from "./route.ts";
import { type JsonObject, prepareSchemas, schemaOf } from "./schema-of.ts";
import type { StandardSchema } from "./standard-schema.ts";

/** What of the API its routes do not say. */
export interface DescriptionSettings {
  readonly version: string;
  /** The server verifies tokens. */
  readonly takesTokens: boolean;
}

/** The OpenAPI 3.1 document of routes. Schemas that cannot be had as JSON Schema say nothing. */
export async function describeRoutes(
  routes: readonly Route[],
  { version, takesTokens }: DescriptionSettings,
): Promise<JsonObject> {
  await prepareSchemas(routes.flatMap(schemasOf));
  const schemas: JsonObject = { Problem: PROBLEM };
  const paths: Record<string, JsonObject> = {};
  for (const route of routes) {
    const path = toTemplate(route);
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route, schemas, takesTokens) };
  }
  return {
    openapi: "3.1.1",
    info: { title: "Routes", version },
    paths,
    components: {
      schemas,
      ...(takesTokens && { securitySchemes: { jwt: { type: "http", scheme: "bearer", bearerFormat: "JWT" } } }),
    },
  };
}

function schemasOf({ options: { params, query, body, reply, errors = {} } }: Route): readonly StandardSchema[] {
  const details = Object.values(errors).map((error) => error.details);
  return [params, query, body, reply, ...details].filter((schema) => schema !== undefined);
}

function toTemplate({ segments }: Route): string {
  return `/${segments.map((segment) => (segment.kind === "literal" ? segment.text : `{${segment.name}}`)).join("/")}`;
}

function operationOf(route: Route, schemas: JsonObject, takesTokens: boolean): JsonObject {
  const { method, path, options } = route;
  const { summary, description, groups, body, examples, auth = "verify" } = options;
  const operationId = `${method.toLowerCase()}${path.replaceAll(/[^A-Za-z0-9]+(.)?/g, (_, next: string = "") => next.toUpperCase())}`;
  const parameters = parametersOf(route, operationId, schemas);
  return {
    operationId,
    ...(summary !== undefined && { summary }),
    ...(description !== undefined && { description }),
    ...(groups !== undefined && { tags: groups }),
    ...(takesTokens && auth !== "none" && { security: auth === "require" ? [{ jwt: [] }] : [{}, { jwt: [] }] }),
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && {
      requestBody: {
        required: true,
        content: mediaOf(schemaOf(body, "input", `${operationId}Body`, schemas), examples?.body),
      },
    }),
    responses: responsesOf(route, operationId, schemas, parameters.length > 0 || body !== undefined),
  };
}

function parametersOf({ segments, options }: Route, operationId: string, schemas: JsonObject): readonly JsonObject[] {
  const { params, query, fields, examples } = options;
  const inPath = propertiesOf(params && schemaOf(params, "input", `${operationId}Params`, schemas));
  const inQuery = propertiesOf(query && schemaOf(query, "input", `${operationId}Query`, schemas));
  const parameters = segments.flatMap((segment): JsonObject[] => {
    if (segment.kind === "literal") return [];
    const { name } = segment;
    const schema = inPath.properties[name] ?? { type: "string" };
    return [{ name, in: "path", required: true, schema, ...exampleOf(examples?.params?.[name]) }];
  });
  for (const [name, schema] of Object.entries(inQuery.properties)) {
    const required = inQuery.required.includes(name);
    parameters.push({ name, in: "query", required, schema, ...exampleOf(examples?.query?.[name]) });
  }
  if (fields === true)
    parameters.push({ name: "fields", in: "query", description: FIELDS, schema: { type: "string" } });
  return parameters;
}

function responsesOf(
  { options }: Route,
  operationId: string,
  schemas: JsonObject,
  readsInput: boolean,
): Record<string, JsonObject> {
  const { reply, status = 200, errors = {}, auth, examples } = options;
  const schema = reply === undefined ? {} : schemaOf(reply, "output", `${operationId}Reply`, schemas);
  const responses: Record<string, JsonObject> = {
    [status]: { description: STATUS_CODES[status] ?? "Answered", content: mediaOf(schema, examples?.reply) },
  };
  const failures = new Map<number, [code: string, error: DeclaredError][]>();
  for (const [code, error] of Object.entries(errors)) {
    failures.set(error.status, [...(failures.get(error.status) ?? []), [code, error]]);
  }
  for (const [failed, declared] of failures) {
    const variants = declared.map(([code, { details }]) => ({
      allOf: [
        { $ref: "#/components/schemas/Problem" },
        { type: "object", properties: { code: { const: code } } },
        ...(details === undefined ? [] : [schemaOf(details, "input", `${operationId}_${code}`, schemas)]),
      ],
    }));
    const words = declared.map(([code, { message }]) => message ?? code).join(" ");
    responses[failed] = problemOf(words, variants.length === 1 ? variants[0] : { oneOf: variants });
  }
  if (readsInput) responses["400"] ??= problemOf("The request is not as it must be; `issues` says where.");
  if (auth === "require") responses["401"] ??= problemOf("Credentials are missing or not valid.");
  return responses;
}

function problemOf(description: string, schema: unknown = { $ref: "#/components/schemas/Problem" }): JsonObject {
  return { description, content: { "application/problem+json": { schema } } };
}

function mediaOf(schema: unknown, example: unknown): JsonObject {
  return { "application/json": { schema, ...exampleOf(example) } };
}

function exampleOf(example: unknown): JsonObject {
  return example === undefined ? {} : { example };
}

interface Properties {
  readonly properties: Readonly<Record<string, unknown>>;
  readonly required: readonly string[];
}

function propertiesOf(schema: JsonObject | undefined): Properties {
  const { properties = {}, required = [] } = (schema ?? {}) as Partial<Properties>;
  return { properties, required };
}

const FIELDS = "Fields of the reply that are wanted: id,user(name)";

const PROBLEM = {
  type: "object",
  description: "Problem details (RFC 9457)",
  properties: {
    type: { type: "string" },
    title: { type: "string" },
    status: { type: "integer" },
    detail: { type: "string" },
    code: { type: "string" },
    todo: { type: "string" },
    issues: {
      type: "array",
      items: { type: "object", properties: { at: { type: "string" }, message: { type: "string" } } },
    },
  },
  required: ["type", "title", "status", "code"],
};
