import type { Routine, RoutineParameter, RoutineReturn } from "../catalog/types.ts";
import { describeOperation } from "./comment.ts";
import { type DocumentContext, references } from "./context.ts";
import { failures, headers } from "./shared-responses.ts";
import type { Json } from "./swagger-schema.ts";

/** The operations of a function; overloads stand together, since a path has room for one operation of each method. */
export function functionPath(context: DocumentContext, name: string, overloads: readonly Routine[]): Json {
  const post = {
    ...common(context, name, overloads, "call"),
    parameters: references(...SHARED, ...context.repeatable, ...context.contentProfile),
    requestBody: requestBody(context, overloads),
  };
  const readable = overloads.filter(({ volatility }) => volatility !== "volatile");
  if (readable.length === 0) return { post };
  const get = {
    ...common(context, name, readable, "read"),
    parameters: [
      ...queryArguments(context, readable),
      ...references(...SHARED, "If-None-Match", ...context.acceptProfile),
    ],
  };
  return { get, post };
}

const SHARED = ["select", "order", "limit", "offset", "Prefer-call"];

function common(context: DocumentContext, name: string, overloads: readonly Routine[], verb: "call" | "read"): Json {
  const schemas = distinct(
    overloads.map(({ returns }) => answerOf(context, returns)).filter((schema) => schema !== undefined),
  );
  const content = { "application/json": { schema: oneOrAny(schemas) } };
  const answers = { description: "What the function returns.", headers: REPLIED, content };
  const isVoid = overloads.some(({ returns }) => returns.kind === "void");
  return {
    tags: [`(rpc) ${name}`],
    ...describeOperation(overloads[0]?.comment ?? null),
    operationId: context.operationId("rpc", name, verb),
    responses: {
      ...(schemas.length === 0 ? {} : { 200: answers }),
      ...(isVoid ? { 204: { description: "Done; the function returns nothing." } } : {}),
      ...(verb === "read" ? failures(300, 304) : failures(300, 409, 413, 415)),
    },
  };
}

const REPLIED = headers("Content-Range", "Preference-Applied", "Consistency-Token", "Idempotent-Replayed");

/** The schema of what a function returns; undefined for nothing. */
function answerOf({ schemas }: DocumentContext, { kind, type, set, columns }: RoutineReturn): Json | undefined {
  if (kind === "void") return undefined;
  const one =
    columns.length === 0
      ? schemas.ofType(type)
      : {
          type: "object",
          properties: Object.fromEntries(columns.map((column) => [column.name, schemas.ofType(column.type)])),
        };
  return set ? { type: "array", items: one } : one;
}

/** A parameter is required where every overload requires it. Those without a name have no place in a URL. */
function queryArguments({ schemas }: DocumentContext, overloads: readonly Routine[]): readonly Json[] {
  const byName = Map.groupBy(
    overloads.flatMap(({ parameters }) => parameters.filter(({ name }) => name !== "")),
    ({ name }) => name,
  );
  return [...byName].map(([name, all]) => ({
    name,
    in: "query",
    ...(all.length === overloads.length && all.every(({ required }) => required) ? { required: true } : {}),
    schema: oneOrAny(distinct(all.map((parameter) => queryType(parameter, schemas.ofType)))),
  }));
}

/** In a URL only variadic arguments are lists; arrays, JSON and rows are written as PostgreSQL writes them. */
function queryType({ declaredType, variadic }: RoutineParameter, ofType: (name: string) => Json): Json {
  const schema = ofType(declaredType);
  if (variadic) return schema;
  const isText = ["string", "number", "integer", "boolean"].includes(String(schema["type"]));
  return isText || schema["$ref"] !== undefined ? schema : { type: "string" };
}

function requestBody({ schemas }: DocumentContext, overloads: readonly Routine[]): Json {
  const whole = overloads.flatMap(({ parameters: [only, ...others] }) =>
    only?.name === "" && others.length === 0 ? only : [],
  );
  const named = overloads.filter(({ parameters }) => parameters.every(({ name }) => name !== ""));
  const content: Record<string, Json> = {};
  for (const { type } of whole) content[WHOLE[type] ?? "application/json"] = { schema: schemas.ofType(type) };
  if (named.length > 0) {
    const schema = oneOrAny(distinct(named.map(({ parameters }) => argumentsOf(parameters, schemas.ofType))));
    content["application/json"] = { schema };
    content["application/x-www-form-urlencoded"] = { schema };
  }
  return { required: named.every(({ parameters }) => parameters.some(({ required }) => required)), content };
}

/** What a function's one parameter without a name takes the whole content as. */
const WHOLE: Readonly<Record<string, string>> = {
  bytea: "application/octet-stream",
  text: "text/plain",
  xml: "text/xml",
};

function argumentsOf(parameters: readonly RoutineParameter[], ofType: (name: string) => Json): Json {
  const required = parameters.filter((parameter) => parameter.required).map(({ name }) => name);
  return {
    type: "object",
    properties: Object.fromEntries(parameters.map(({ name, declaredType }) => [name, ofType(declaredType)])),
    ...(required.length === 0 ? {} : { required }),
  };
}

function distinct(schemas: readonly Json[]): readonly Json[] {
  return [...new Map(schemas.map((schema) => [JSON.stringify(schema), schema])).values()];
}

function oneOrAny(schemas: readonly Json[]): Json {
  const [first = {}] = schemas;
  return schemas.length > 1 ? { anyOf: schemas } : first;
}
