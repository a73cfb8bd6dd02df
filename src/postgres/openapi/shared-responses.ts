import type { Json } from "./swagger-schema.ts";

/** Responses that operations share, by the name of their component: failures, and 304. */
export const SHARED_RESPONSES: Readonly<Record<string, Json>> = {
  NotModified: { description: "The representation at hand is current.", headers: { ETag: headerReference("ETag") } },
  MultipleChoices: failure(
    "The arguments fit several functions of this name, or a relation can be embedded in several ways.",
  ),
  BadRequest: failure("The request could not be understood, or the database refused it."),
  Unauthorized: {
    ...failure("A token is missing or not valid, or anonymous requests may not do this."),
    headers: { "WWW-Authenticate": { schema: { type: "string" } } },
  },
  Forbidden: failure("The role may not do this."),
  NotFound: failure("There is no such relation, function or row."),
  NotAcceptable: failure(
    "There is no such media type or schema, or the rows are not exactly one where one object was asked for.",
  ),
  Conflict: failure("The rows are in conflict with others: a unique or foreign key."),
  PreconditionFailed: failure("The current representation does not meet the condition."),
  ContentTooLarge: failure("The content is too large."),
  UnsupportedMediaType: failure("The content's media type is not taken here."),
  RangeNotSatisfiable: failure("The range begins behind the last row."),
  TooManyRequests: {
    ...failure("A rate limit is used up."),
    headers: { "Retry-After": { schema: { type: "integer" } } },
  },
  Unavailable: {
    ...failure("The database cannot be reached at the moment."),
    headers: { "Retry-After": { schema: { type: "integer" } } },
  },
  Timeout: failure("The database did not answer in time."),
};

/** Header fields of replies, by the name of their component. */
export const SHARED_HEADERS: Readonly<Record<string, Json>> = {
  ETag: { description: "Tag of the representation.", schema: { type: "string" } },
  "Last-Modified": { description: "When the row was changed last.", schema: { type: "string" } },
  "Content-Range": {
    description: "Places of the rows, and their number if it was asked for: `0-24/3573`, `*/0`.",
    schema: { type: "string" },
  },
  "Content-Location": {
    description: "The resource with its parameters in alphabetical order.",
    schema: { type: "string" },
  },
  Link: { description: 'The next page (`rel="next"`), where there may be one.', schema: { type: "string" } },
  Location: { description: "Where the new row is.", schema: { type: "string" } },
  "Consistency-Token": {
    description: "Where the database's log was after the write, for reads that must see it.",
    schema: { type: "string" },
  },
  "Preference-Applied": { description: "The preferences that were heeded.", schema: { type: "string" } },
};

/** Schemas of failures, by the name of their component. */
export const FAILURE_SCHEMAS: Readonly<Record<string, Json>> = {
  DialectError: {
    type: "object",
    description: "A failure in PostgREST's form. Codes begin with `PGRST`, or are PostgreSQL's SQLSTATE.",
    properties: {
      code: { type: "string" },
      message: { type: "string" },
      details: {},
      hint: { type: ["string", "null"] },
    },
    required: ["code", "message"],
  },
  Problem: {
    type: "object",
    description: "A failure in the form of RFC 9457.",
    properties: {
      type: { type: "string", format: "uri-reference" },
      title: { type: "string" },
      status: { type: "integer" },
      detail: { type: "string" },
      code: { type: "string" },
    },
  },
};

/** References to shared responses by status; those of every operation are added. */
export function failures(...statuses: readonly (keyof typeof NAMES)[]): Json {
  return Object.fromEntries(
    [...ALWAYS, ...statuses].map((status) => [status, { $ref: `#/components/responses/${NAMES[status]}` }]),
  );
}

/** Refers to a header's component. */
export function headerReference(name: keyof typeof SHARED_HEADERS): Json {
  return { $ref: `#/components/headers/${name}` };
}

/** References to several, as the `headers` of a response. */
export function headers(...names: readonly string[]): Json {
  return Object.fromEntries(names.map((name) => [name, headerReference(name)]));
}

const NAMES = {
  300: "MultipleChoices",
  304: "NotModified",
  400: "BadRequest",
  401: "Unauthorized",
  403: "Forbidden",
  404: "NotFound",
  406: "NotAcceptable",
  409: "Conflict",
  412: "PreconditionFailed",
  413: "ContentTooLarge",
  415: "UnsupportedMediaType",
  416: "RangeNotSatisfiable",
  429: "TooManyRequests",
  503: "Unavailable",
  504: "Timeout",
} as const;

const ALWAYS = [400, 401, 403, 404, 406, 429, 503, 504] as const;

function failure(description: string): Json {
  return {
    description,
    content: {
      "application/json": { schema: { $ref: "#/components/schemas/DialectError" } },
      "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } },
    },
  };
}
