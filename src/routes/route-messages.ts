import { messageName, numberOf, TakenNames, fieldName } from "../content/protobuf/names.ts";
import type { FieldType, MessageField, MessageType, ProtoFile, Scalar } from "../content/protobuf/schema.ts";
import { protoText } from "../content/protobuf/proto-text.ts";
import type { JsonObject } from "./openapi.ts";
import type { Route } from "./route.ts";
import { prepareSchemas, schemaOf } from "./schema-of.ts";

/** How a value of a JSON Schema stands in a message. */
export type ValueForm =
  | { readonly kind: "bool" | "int64" | "double" | "string" | "json" }
  | { readonly kind: "message"; readonly message: RouteMessage }
  | { readonly kind: "list"; readonly element: ValueForm };

/** A message of a route. */
export interface RouteMessage {
  readonly type: MessageType;
  /** The value is its only field: what is no object at the top. */
  readonly isWrapped: boolean;
  readonly fields: readonly RouteField[];
}

export interface RouteField {
  readonly field: MessageField;
  readonly form: ValueForm;
  /** What it means that the field is not set: nothing, no items, or null, where the schema wants one of those. */
  readonly absent: undefined | null | readonly never[];
}

/** What a route takes and answers. */
export interface RouteMessages {
  readonly reply: RouteMessage | undefined;
  readonly body: RouteMessage | undefined;
}

/** Package of the routes' messages. */
export const ROUTES_PACKAGE = "hotpath.routes";

/** The messages of one route, made of its schemas. Fields are numbered by their names, so that they may stand in any order. */
export async function messagesOf(route: Route): Promise<RouteMessages> {
  let known = made.get(route);
  if (known === undefined) made.set(route, (known = makeMessages(route)));
  return known;
}

const made = new WeakMap<Route, Promise<RouteMessages>>();

/** The `.proto` file of routes. */
export async function routesProto(routes: readonly Route[]): Promise<string> {
  const messages: MessageType[] = [];
  for (const route of routes) {
    const { reply, body } = await messagesOf(route);
    for (const message of [body, reply]) if (message !== undefined) messages.push(message.type);
  }
  const file: ProtoFile = {
    package: ROUTES_PACKAGE,
    comment: "Made by hotpath from the schemas of the routes.",
    messages,
    enums: [],
    services: [],
  };
  return protoText(file);
}

async function makeMessages({ method, path, options: { reply, body } }: Route): Promise<RouteMessages> {
  await prepareSchemas([reply, body].filter((schema) => schema !== undefined));
  const name = messageName(`${method.toLowerCase()}_${path}`);
  return {
    reply: reply && wholeMessage(schemaOf(reply, "output", `${name}Reply`, {}), `${name}Reply`),
    body: body && wholeMessage(schemaOf(body, "input", `${name}Body`, {}), `${name}Body`),
  };
}

function wholeMessage(schema: JsonObject, called: string): RouteMessage {
  const whole = formOf(schema, called, called);
  if (whole.kind === "message") return whole.message;
  const field = fieldOf("value", 1, whole);
  const type = { name: called, comment: null, fields: [field], nested: nestedOf(whole), reserved: [] };
  const absent = whole.kind === "list" ? NO_ITEMS : undefined;
  return { type, isWrapped: true, fields: [{ field, form: whole, absent }] };
}

/** @param place of a message for it, from the package on */
function formOf(schema: JsonObject, name: string, place: string): ValueForm {
  const { type, properties, required, items, enum: values } = schemaWithoutNull(schema);
  if (type === "boolean") return { kind: "bool" };
  if (type === "integer") return { kind: "int64" };
  if (type === "number") return { kind: "double" };
  if (type === "string") return { kind: "string" };
  if (type === undefined && Array.isArray(values) && values.every((value) => typeof value === "string")) {
    return { kind: "string" };
  }
  if (type === "array" && isObject(items) && !isNullable(items)) {
    const element = formOf(items, `${name}Item`, `${place}Item`);
    return element.kind === "list" ? { kind: "json" } : { kind: "list", element };
  }
  if (type === "object" && isObject(properties) && Object.keys(properties).length > 0) {
    const needed = new Set(Array.isArray(required) ? required : []);
    return { kind: "message", message: messageOf(properties, needed, name, place) };
  }
  return { kind: "json" };
}

function messageOf(properties: JsonObject, required: ReadonlySet<unknown>, name: string, place: string): RouteMessage {
  const taken = new TakenNames();
  const used = new Set<number>();
  const nested: MessageType[] = [];
  const fields = Object.entries(properties).map(([key, schema]) => {
    const own = taken.take(fieldName(key));
    const number = numberOf(key, (candidate) => used.has(candidate));
    used.add(number);
    const inner = messageName(own);
    const form = isObject(schema) ? formOf(schema, inner, `${place}.${inner}`) : { kind: "json" as const };
    nested.push(...nestedOf(form));
    const isNull = isObject(schema) && isNullable(schema);
    const absent = !required.has(key) ? undefined : isNull ? null : form.kind === "list" ? NO_ITEMS : undefined;
    return { field: { ...fieldOf(own, number, form), key }, form, absent };
  });
  const type: MessageType = { name, comment: null, fields: fields.map(({ field }) => field), nested, reserved: [] };
  return { type: Object.assign(type, { place }), isWrapped: false, fields };
}

const NO_ITEMS: readonly never[] = [];

function nestedOf(form: ValueForm): readonly MessageType[] {
  if (form.kind === "message") return [form.message.type];
  return form.kind === "list" ? nestedOf(form.element) : [];
}

function fieldOf(name: string, number: number, form: ValueForm): MessageField {
  const isList = form.kind === "list";
  const one = isList ? form.element : form;
  const type = typeOf(one);
  const label = isList ? "repeated" : type.kind === "message" ? "single" : "optional";
  return { name, key: name, number, type, label, comment: one.kind === "json" ? "JSON" : null };
}

function typeOf(form: ValueForm): FieldType {
  if (form.kind === "message") return { kind: "message", name: placeOf(form.message.type) };
  const scalar: Scalar = form.kind === "json" || form.kind === "list" ? "string" : form.kind;
  return { kind: "scalar", scalar };
}

function placeOf(type: MessageType): string {
  return "place" in type && typeof type.place === "string" ? type.place : type.name;
}

/** A schema that also allows null, as if it did not: a message shows that by leaving the field out. */
function schemaWithoutNull(schema: JsonObject): JsonObject {
  const { type, anyOf } = schema;
  if (Array.isArray(type)) {
    const others = type.filter((each) => each !== "null");
    return others.length === 1 ? { ...schema, type: others[0] as unknown } : {};
  }
  if (!Array.isArray(anyOf)) return schema;
  const others = anyOf.filter((each) => isObject(each) && each["type"] !== "null");
  return others.length === 1 && isObject(others[0]) ? schemaWithoutNull(others[0]) : {};
}

function isNullable({ type, anyOf }: JsonObject): boolean {
  if (Array.isArray(type)) return type.includes("null");
  return Array.isArray(anyOf) && anyOf.some((each) => isObject(each) && each["type"] === "null");
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
