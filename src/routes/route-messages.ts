import { FIELD_MASK, type MessageField, type MessageType } from "../content/protobuf/schema.ts";
import type { Route } from "./route.ts";
import { routeNames } from "./route-names.ts";
import { fieldOf, isObject, type RouteMessage, textsMessage, wholeMessage } from "./schema-message.ts";
import { type JsonObject, prepareSchemas, schemaOf } from "./schema-of.ts";

/** What a route takes and answers. */
export interface RouteMessages {
  /** Of its procedure. */
  readonly name: string;
  /** Where its schema does not say what is answered: JSON. */
  readonly reply: RouteMessage;
  readonly body: RouteMessage | undefined;
  /** Values of the path and of the query, which are texts there. */
  readonly params: RouteMessage | undefined;
  readonly query: RouteMessage | undefined;
  /** All that a call says, in the fields `REQUEST`. */
  readonly request: MessageType;
}

/** Package of the routes' messages. */
export const ROUTES_PACKAGE = "hotpath.routes";
export const ROUTES_SERVICE = "Routes";
/** Numbers of a request's fields. */
export const REQUEST = { params: 1, query: 2, body: 3, fields: 4 } as const;

/**
 * The messages of one route, made of its schemas. A field's number is made of its name and the kind of its value, so that fields may stand in any
 * order, and one whose type changes is another field.
 *
 * @param routes all there are, which it must not be called the same as
 */
export async function messagesOf(route: Route, routes: readonly Route[]): Promise<RouteMessages> {
  let known = made.get(route);
  if (known === undefined) made.set(route, (known = makeMessages(route, routeNames(routes).get(route) ?? "")));
  return known;
}

const made = new WeakMap<Route, Promise<RouteMessages>>();

async function makeMessages(route: Route, name: string): Promise<RouteMessages> {
  const { reply, body, params, query, fields } = route.options;
  await prepareSchemas([reply, body, params, query].filter((schema) => schema !== undefined));
  const called = `${name}Request`;
  const ofReply = reply === undefined ? {} : schemaOf(reply, "output", `${name}Reply`, {});
  const ofBody = body && wholeMessage(schemaOf(body, "input", `${name}Body`, {}), `${name}Body`);
  const ofParams = textsMessage(pathSchema(route), "Params", called);
  const ofQuery = query && textsMessage(schemaOf(query, "input", `${name}Query`, {}), "Query", called);
  const parts: readonly (readonly [keyof typeof REQUEST, RouteMessage | undefined])[] = [
    ["params", ofParams],
    ["query", ofQuery],
    ["body", ofBody],
  ];
  const request: MessageType = {
    name: called,
    comment: null,
    fields: [
      ...parts.flatMap(([part, message]) =>
        message === undefined ? [] : [fieldOf(part, REQUEST[part], { kind: "message", message })],
      ),
      ...(fields === true ? [MASK] : []),
    ],
    nested: [ofParams, ofQuery].flatMap((message) => message?.type ?? []),
    reserved: [],
  };
  const whole = wholeMessage(ofReply, `${name}Reply`);
  return { name, reply: whole, body: ofBody, params: ofParams, query: ofQuery, request };
}

const MASK: MessageField = {
  name: "fields",
  key: "fields",
  number: REQUEST.fields,
  type: FIELD_MASK,
  label: "single",
  comment: "what is answered of it; absent: all",
};

/** What a path takes: texts, unless a schema says more. */
function pathSchema({ segments, options: { params } }: Route): JsonObject {
  const described = params === undefined ? {} : schemaOf(params, "input", "Params", {});
  const known = isObject(described["properties"]) ? described["properties"] : {};
  const names = segments.flatMap((segment) => (segment.kind === "literal" ? [] : [segment.name]));
  return { properties: Object.fromEntries(names.map((name) => [name, known[name] ?? { type: "string" }])) };
}
