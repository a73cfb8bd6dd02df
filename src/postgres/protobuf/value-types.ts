import { enumValueName, TakenNames } from "../../content/protobuf/names.ts";
import { type EnumType, type FieldType, type Scalar, scalar, TIMESTAMP } from "../../content/protobuf/schema.ts";
import type { Catalog, NamedType } from "../catalog/types.ts";
import { PSEUDO_TYPES } from "./expression.ts";
import {
  ARRAY,
  BOOL,
  BYTES,
  ENUM,
  FLOAT4,
  FLOAT8,
  FORMS,
  INT2,
  INT4,
  INT8,
  JSON_RECORD,
  JSON_TEXT,
  RECORD,
  TEXT,
  TIMESTAMPTZ,
  UINT4,
  type WireCast,
} from "../binary/value-form.ts";
import type { EnumPlan, RecordPlan, ValuePlan } from "./record-plan.ts";

/** How values of a type are sent. */
export interface TypedValue {
  readonly type: FieldType;
  readonly isRepeated: boolean;
  readonly value: ValuePlan;
  /** What is to be selected of a value. */
  readonly cast: WireCast;
}

/** Where messages for composite types, and enums, come from. */
export interface TypeNames {
  enumName(type: NamedType): string;
  /** The message of a composite type, and how its records are written. */
  composite(type: Extract<NamedType, { kind: "composite" }>): {
    readonly name: string;
    readonly plan: () => RecordPlan;
  };
}

/** Finds how values of PostgreSQL's types are sent, by the names that columns have for them. */
export function createValueTypes(catalog: Catalog, names: TypeNames): (type: string) => TypedValue {
  const enums = new Map<NamedType, EnumPlan>();
  const native = new Map<NamedType, boolean>();

  function of(type: string): TypedValue {
    if (type.endsWith("[]")) return arrayOf(of(type.slice(0, -2)));
    const form = FORMS.get(type);
    if (form !== undefined) return single(form === TIMESTAMPTZ ? TIMESTAMP : scalar(scalarOf(form)), { form }, "none");
    const named = catalog.namedTypes.get(type);
    if (named === undefined) return textOf(type);
    if (named.kind === "domain") return of(named.base);
    if (named.kind === "enum") {
      const enumeration = enumOf(named);
      return single({ kind: "enum", name: enumeration.type.name }, { form: ENUM, enumeration }, "none");
    }
    const { name, plan } = names.composite(named);
    const isNative = isNativeRecord(named);
    const value: ValuePlan = { form: isNative ? RECORD : JSON_RECORD, record: plan };
    return single({ kind: "message", name }, value, isNative ? "none" : "json");
  }

  function enumOf(named: Extract<NamedType, { kind: "enum" }>): EnumPlan {
    let known = enums.get(named);
    if (known === undefined) enums.set(named, (known = enumPlan(names.enumName(named), named.created)));
    return known;
  }

  /** Whether every value in it comes in a form that is known here. */
  function isNativeRecord(named: Extract<NamedType, { kind: "composite" }>): boolean {
    let known = native.get(named);
    if (known === undefined) {
      native.set(named, true);
      known = named.columns.every(({ type }) => of(type).cast === "none");
      native.set(named, known);
    }
    return known;
  }

  return of;
}

function single(type: FieldType, value: ValuePlan, cast: WireCast): TypedValue {
  return { type, isRepeated: false, value, cast };
}

/** Arrays of what has no form of its own are arrays of texts, or JSON as a whole. */
function arrayOf(element: TypedValue): TypedValue {
  if (element.cast === "json" || element.isRepeated) return single(scalar("string"), { form: JSON_TEXT }, "json");
  const cast = element.cast === "none" ? "none" : "texts";
  return { type: element.type, isRepeated: true, value: { form: ARRAY, element: element.value }, cast };
}

/** Of types from elsewhere only the database knows what their JSON is. */
function textOf(type: string): TypedValue {
  if (PSEUDO_TYPES.has(type)) return single(scalar("string"), { form: JSON_TEXT }, "json");
  return single(scalar("string"), { form: TEXT }, type.includes(".") ? "string" : "text");
}

function scalarOf(form: number): Scalar {
  switch (form) {
    case BOOL:
      return "bool";
    case INT2:
    case INT4:
      return "int32";
    case INT8:
      return "int64";
    case UINT4:
      return "uint32";
    case FLOAT4:
      return "float";
    case FLOAT8:
      return "double";
    case BYTES:
      return "bytes";
    default:
      return "string";
  }
}

/** Labels are numbered in the order of their making, so that each keeps its number. */
function enumPlan(name: string, created: readonly string[]): EnumPlan {
  const taken = new TakenNames();
  taken.take(enumValueName(name, "unspecified"));
  const values = created.map((label, index) => ({
    name: taken.take(enumValueName(name, label), String(index + 1)).toUpperCase(),
    label,
    number: index + 1,
  }));
  const type: EnumType = { name, comment: null, values };
  return {
    type,
    numbers: new Map(values.map(({ label, number }) => [Buffer.from(label).toString("latin1"), number])),
    labels: new Map(values.map(({ label, number }) => [number, label])),
  };
}
