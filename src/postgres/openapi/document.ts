import { VERSION } from "../../version.ts";
import type { Catalog } from "../catalog/types.ts";
import { splitComment } from "./comment.ts";
import { createComponentNames } from "./component-names.ts";
import type { DocumentContext, DocumentSettings } from "./context.ts";
import { functionPath } from "./function-path.ts";
import { createJsonSchemas } from "./json-schema.ts";
import { relationPaths } from "./relation-paths.ts";
import { sharedParameters } from "./shared-parameters.ts";
import { FAILURE_SCHEMAS, SHARED_HEADERS, SHARED_RESPONSES } from "./shared-responses.ts";
import type { Json } from "./swagger-schema.ts";
import type { Visible } from "./visible.ts";

/**
 * The OpenAPI 3.1 document of a schema: what whoever asks may use, hotpath's additions to the dialect included.
 *
 * @param basePath where the source is mounted, without a trailing slash
 */
export function openApiDocument(
  catalog: Catalog,
  visible: Visible,
  settings: DocumentSettings,
  basePath: string,
): Json {
  const { schema, relations, functions } = visible;
  const context = createContext(catalog, schema, settings);
  const paths = Object.assign({}, ...relations.map((one) => relationPaths(context, one))) as Json;
  const called = Object.fromEntries(
    functions.map(([name, overloads]) => [`/rpc/${encodeURIComponent(name)}`, functionPath(context, name, overloads)]),
  );
  const { proxyUri } = settings.openapi;
  return {
    openapi: "3.1.1",
    info: info(catalog.schemaComments.get(schema), schema),
    servers: [{ url: proxyUri?.replace(/\/$/, "") ?? (basePath === "" ? "/" : basePath) }],
    ...security(settings),
    tags: relations.map(({ relation: { name, comment } }) => ({
      name,
      ...(comment === null ? {} : { description: comment }),
    })),
    paths: { "/": { get: ROOT }, ...paths, ...called },
    components: {
      // Rows come last: of a relation's row type they say more than what a composite type of that name does.
      schemas: { ...FAILURE_SCHEMAS, ...context.schemas.components, ...context.components },
      parameters: { ...sharedParameters(settings), ...context.parameters },
      responses: SHARED_RESPONSES,
      headers: SHARED_HEADERS,
      ...(namesTokens(settings) ? { securitySchemes: { jwt: JWT } } : {}),
    },
    externalDocs: {
      description: "The dialect of queries",
      url: "https://docs.postgrest.org/en/v14/references/api.html",
    },
  };
}

const ROOT = {
  tags: ["Introspection"],
  summary: "This document; Swagger 2.0 as application/openapi+json",
  operationId: "describe",
  responses: {
    200: {
      description: "The document.",
      content: {
        "application/vnd.oai.openapi+json;version=3.1": {},
        "application/openapi+json": {},
        "application/json": {},
      },
    },
  },
};

const JWT = { type: "http", scheme: "bearer", bearerFormat: "JWT" };

function createContext(catalog: Catalog, schema: string, settings: DocumentSettings): DocumentContext {
  const names = createComponentNames([...Object.keys(FAILURE_SCHEMAS), ...Object.keys(sharedParameters(settings))]);
  const operations = createComponentNames();
  const isOne = settings.schemas.length === 1;
  return {
    catalog,
    settings,
    names,
    schemas: createJsonSchemas(catalog, schema, names),
    components: {},
    parameters: {},
    acceptProfile: isOne ? [] : ["Accept-Profile"],
    contentProfile: isOne ? [] : ["Content-Profile"],
    operationId: (...words) => operations.of(...words),
  };
}

function info(comment: string | undefined, schema: string): Json {
  const { summary = schema, description = "" } = splitComment(comment) ?? {};
  return { title: summary, ...(description === "" ? {} : { description }), version: VERSION };
}

function namesTokens({ takesTokens, openapi }: DocumentSettings): boolean {
  return takesTokens || openapi.securityActive;
}

/** An empty requirement says that tokens may be left out. */
function security(settings: DocumentSettings): Json {
  if (!namesTokens(settings)) return {};
  return { security: settings.allowAnonymous ? [{}, { jwt: [] }] : [{ jwt: [] }] };
}
