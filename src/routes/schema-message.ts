import { fieldName, messageName, numberOf, TakenNames } from "../content/protobuf/names.ts";
import type { FieldType, MessageField, MessageType, Scalar } from "../content/protobuf/schema.ts";
import type { JsonObject } from "./schema-of.ts";

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

/** A message of what stands in a URL; undefined where that is nothing. */
export function textsMessage({ properties }: JsonObject, name: string, within: string): RouteMessage | undefined {
  if (!isObject(properties) || Object.keys(properties).length === 0) return undefined;
  return messageOf(properties, new Set(), name, `${within}.${name}`, inUrl);
}

/** What is neither a number nor a truth value is a text there. */
function inUrl(form: ValueForm): ValueForm {
  if (form.kind === "list") return { kind: "list", element: inUrl(form.element) };
  return form.kind === "message" || form.kind === "json" ? { kind: "string" } : form;
}

/** A schema as a message; what is no object stands in a field `value`. */
export function wholeMessage(schema: JsonObject, called: string): RouteMessage {
  const own = formOf(schema, called, called);
  if (own.kind === "message") return own.message;
  const whole = formOf(schema, "Value", `${called}.Value`);
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

function messageOf(
  properties: JsonObject,
  required: ReadonlySet<unknown>,
  name: string,
  place: string,
  adapt: (form: ValueForm) => ValueForm = (form) => form,
): RouteMessage {
  const taken = new TakenNames();
  const nested: MessageType[] = [];
  const forms = Object.entries(properties).map(([key, schema]) => {
    const own = taken.take(fieldName(key));
    const inner = messageName(own);
    const form = adapt(isObject(schema) ? formOf(schema, inner, `${place}.${inner}`) : { kind: "json" });
    nested.push(...nestedOf(form));
    const isNull = isObject(schema) && isNullable(schema);
    const absent = !required.has(key) ? undefined : isNull ? null : form.kind === "list" ? NO_ITEMS : undefined;
    return { key, own, form, absent };
  });
  const numbers = numbersOf(forms.map(({ key, form }) => `${key} ${kindOf(form)}`));
  const fields = forms.map(({ key, own, form, absent }): RouteField => {
    const number = numbers.get(`${key} ${kindOf(form)}`) ?? 0;
    return { field: { ...fieldOf(own, number, form), key }, form, absent };
  });
  const type: MessageType = { name, comment: null, fields: fields.map(({ field }) => field), nested, reserved: [] };
  return { type: Object.assign(type, { place }), isWrapped: false, fields };
}

/** Of two in a million that have the same, the order of their names decides, not that of the declaration. */
function numbersOf(names: readonly string[]): ReadonlyMap<string, number> {
  const numbers = new Map<string, number>();
  const used = new Set<number>();
  for (const name of names.toSorted()) {
    const number = numberOf(name, (candidate) => used.has(candidate));
    used.add(number);
    numbers.set(name, number);
  }
  return numbers;
}

function kindOf(form: ValueForm): string {
  return form.kind === "list" ? `list of ${kindOf(form.element)}` : form.kind;
}

const NO_ITEMS: readonly never[] = [];

function nestedOf(form: ValueForm): readonly MessageType[] {
  if (form.kind === "message") return [form.message.type];
  return form.kind === "list" ? nestedOf(form.element) : [];
}

/** A field for a value of such a form, whose key is its name. */
export function fieldOf(name: string, number: number, form: ValueForm): MessageField {
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

/** Whether a value is a JSON object. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
