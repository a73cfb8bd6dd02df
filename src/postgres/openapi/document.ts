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
import { Members } from "./write-document.ts";

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
): Members {
  const { schema, relations, functions } = visible;
  const context = createContext(catalog, schema, settings);
  const { proxyUri } = settings.openapi;
  const members = {
    openapi: "3.1.1",
    info: info(catalog.schemaComments.get(schema), schema),
    servers: [{ url: proxyUri?.replace(/\/$/, "") ?? (basePath === "" ? "/" : basePath) }],
    ...security(settings),
    tags: relations.map(({ relation: { name, comment } }) => ({
      name,
      ...(comment === null ? {} : { description: comment }),
    })),
    externalDocs: {
      description: "The dialect of queries",
      url: "https://docs.postgrest.org/en/v14/references/api.html",
    },
    paths: new Members(function* () {
      yield ["/", { get: ROOT }];
      for (const relation of relations) yield* Object.entries(relationPaths(context, relation));
      for (const [name, overloads] of functions) {
        yield [`/rpc/${encodeURIComponent(name)}`, functionPath(context, name, overloads)];
      }
    }),
    // Comes last: the paths fill it as they are written.
    components: new Members(() => Object.entries(componentsOf(context))),
  };
  return new Members(() => Object.entries(members));
}

function componentsOf(context: DocumentContext): Json {
  const { settings, schemas, components, parameters, responses } = context;
  return {
    // Rows come first: of a relation's row type they say more than what a composite type of that name does.
    schemas: merge(FAILURE_SCHEMAS, components, schemas.components),
    parameters: merge(sharedParameters(settings), parameters),
    responses: merge(SHARED_RESPONSES, responses),
    headers: SHARED_HEADERS,
    ...(namesTokens(settings) ? { securitySchemes: { jwt: JWT } } : {}),
  };
}

/** The members of several objects. */
function merge(...objects: readonly Json[]): Members {
  return new Members(function* () {
    for (const object of objects) yield* Object.entries(object);
  });
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
  const shared = [FAILURE_SCHEMAS, sharedParameters(settings), SHARED_RESPONSES];
  const names = createComponentNames(shared.flatMap((components) => Object.keys(components)));
  const operations = createComponentNames();
  const isOne = settings.schemas.length === 1;
  return {
    catalog,
    settings,
    names,
    schemas: createJsonSchemas(catalog, schema, names),
    components: {},
    parameters: {},
    responses: {},
    acceptProfile: isOne ? [] : ["Accept-Profile"],
    contentProfile: isOne ? [] : ["Content-Profile"],
    repeatable: settings.idempotency.enabled ? ["Idempotency-Key"] : [],
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
