import type { Json } from "./swagger-schema.ts";

/** Responses that operations share, by the name of their component. */
export const SHARED_RESPONSES: Readonly<Record<string, Json>> = {
  NotModified: { description: "The representation at hand is current.", headers: { ETag: headerReference("ETag") } },
  MultipleChoices: failure(
    "The arguments fit several functions of this name, or a relation can be embedded in several ways.",
  ),
  Done: {
    description: "Done. `Prefer: return=representation` would have answered the rows.",
    headers: headers("Content-Range", "Preference-Applied", "Consistency-Token", "Idempotent-Replayed"),
  },
  Conflict: failure(
    "The rows are in conflict with others: a unique or foreign key. Or a request with this `Idempotency-Key` is under way.",
  ),
  ContentTooLarge: failure("The content is too large."),
  UnsupportedMediaType: failure("The content's media type is not taken here."),
  RangeNotSatisfiable: failure("The range begins behind the last row."),
  Refused: {
    ...failure(
      "400: the request could not be understood, or the database refused it. 401: a token is missing or not valid. 403: the role may not do " +
        "this. 404: there is no such relation, function or row. 406: there is no such media type or schema, or not exactly one row where one " +
        "object was asked for. 412: a condition is not met. 422: `Idempotency-Key` belongs to another request. 429: a rate limit is used up.",
    ),
    headers: headers("WWW-Authenticate", "Retry-After"),
  },
  Failed: {
    ...failure("503: the database cannot be reached at the moment. 504: it did not answer in time."),
    headers: headers("Retry-After"),
  },
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
  Location: { description: "Where a row is that POST has made.", schema: { type: "string" } },
  "Retry-After": { description: "Seconds after which to try again.", schema: { type: "integer" } },
  "WWW-Authenticate": { description: "What a token must be like.", schema: { type: "string" } },
  "Consistency-Token": {
    description: "Where the database's log was after the write, for reads that must see it.",
    schema: { type: "string" },
  },
  "Idempotent-Replayed": {
    description: "`true` on what was answered before to a request with this `Idempotency-Key`.",
    schema: { type: "string", const: "true" },
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
    [...statuses, "4XX" as const, "5XX" as const].map((status) => [status, responseReference(NAMES[status])]),
  );
}

/** Refers to a response's component. */
export function responseReference(name: string): Json {
  return { $ref: `#/components/responses/${name}` };
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
  409: "Conflict",
  413: "ContentTooLarge",
  415: "UnsupportedMediaType",
  416: "RangeNotSatisfiable",
  "4XX": "Refused",
  "5XX": "Failed",
} as const;

function failure(description: string): Json {
  return {
    description,
    content: {
      "application/json": { schema: { $ref: "#/components/schemas/DialectError" } },
      "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } },
    },
  };
}
