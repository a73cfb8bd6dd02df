import { fieldName, messageName, numberOf, TakenNames } from "../../content/protobuf/names.ts";
import {
  type EnumType,
  type FieldType,
  type MessageField,
  type MessageType,
  type ProtoFile,
  scalar,
} from "../../content/protobuf/schema.ts";
import { resultRelation, VALUE_COLUMN } from "../call/result-relation.ts";
import {
  type Catalog,
  type Column,
  type NamedType,
  type Relation,
  type Relationship,
  representationKey,
  type Routine,
} from "../catalog/types.ts";
import type { Visible } from "../openapi/visible.ts";
import { isToOne } from "../query/find-relationship.ts";
import { computedOf } from "../typescript/value-types.ts";
import { embeddable, embedName, sourceOf } from "./embeds.ts";
import { expressionMessage, EXPRESSIONS_NUMBER } from "./expression.ts";
import type { RecordPlan } from "./record-plan.ts";
import { NESTED_NAMES, requestMessages } from "./requests.ts";
import { type FileParts, schemaFile } from "./schema-file.ts";
import { type DescribedService, functionService, relationService } from "./services.ts";
import { sortedByName } from "./sorted.ts";
import {
  type EmbedField,
  EXACT_OFFSET,
  type RoutineMessages,
  type RowField,
  rowField,
  type RowMessage,
} from "./row-message.ts";
import { JSON_TEXT } from "../binary/value-form.ts";
import { createValueTypes, type TypedValue } from "./value-types.ts";

/** The messages of one exposed schema. */
export interface Messages {
  readonly package: string;
  ofRelation(relation: Relation): RowMessage;
  /** What a function answers, and what it takes. */
  ofRoutine(routine: Routine): RoutineMessages;
  /** One a relation, and one of all functions where there are some. */
  readonly services: readonly DescribedService[];
  /** What of them is shown. */
  file(visible: Visible): ProtoFile;
}

type Composite = Extract<NamedType, { kind: "composite" }>;

/** @param packageName of the file that they stand in */
export function createMessages(catalog: Catalog, schema: string, packageName: string): Messages {
  const names = new TakenNames();
  const relations = sortedByName(catalog.relations.get(schema)?.values() ?? []);
  const relationNames = new Map(relations.map((relation) => [relation.name, names.take(messageName(relation.name))]));
  const serviceNames = new Map(relations.map(({ name }) => [name, names.take(`${relationNames.get(name)}Service`)]));
  const functionsName = names.take("Functions");
  const valueType = expressionMessage(names.take("ExpressionValue"));
  const typeNames = new Map<NamedType, string>();
  const rowMessages = new Map<Relation, RowMessage>();
  const composites = new Map<NamedType, RowMessage>();
  const enums = new Map<string, EnumType>();
  const routines = new Map<Routine, RoutineMessages>();

  const nameOf = (type: NamedType): string => {
    let name = typeNames.get(type);
    if (name === undefined) typeNames.set(type, (name = names.take(messageName(type.name))));
    return name;
  };
  const findValue = createValueTypes(catalog, {
    enumName: nameOf,
    composite(type) {
      const relation = type.schema === schema ? catalog.relations.get(schema)?.get(type.name) : undefined;
      if (relation !== undefined) {
        return { name: relationNames.get(relation.name) ?? "", plan: () => ofRelation(relation).plan };
      }
      return { name: nameOf(type), plan: () => ofComposite(type).plan };
    },
  });
  const valueOf = (type: string): TypedValue => {
    const typed = findValue(type);
    const enumeration = typed.value.enumeration ?? typed.value.element?.enumeration;
    if (enumeration !== undefined) enums.set(enumeration.type.name, enumeration.type);
    return typed;
  };
  // All of the schema's own are named before whatever a message happens to mention.
  for (const type of sortedByName(catalog.namedTypes.values())) {
    const isRelation = type.schema === schema && relationNames.has(type.name);
    if (type.schema === schema && type.kind !== "domain" && !isRelation) nameOf(type);
  }

  function ofRelation(relation: Relation): RowMessage {
    let known = rowMessages.get(relation);
    if (known === undefined) {
      rowMessages.set(
        relation,
        (known = rowMessage({ ...relation, relation, isSelectable: true }, relationNames.get(relation.name) ?? "")),
      );
    }
    return known;
  }

  function ofComposite(type: Composite): RowMessage {
    let known = composites.get(type);
    if (known === undefined) {
      const columns = type.columns.map(({ name, type: declared, position }) => attribute(name, declared, position));
      composites.set(type, (known = rowMessage({ ...NOTHING, columns }, nameOf(type))));
    }
    return known;
  }

  function rowMessage(relation: DescribedRows, name: string): RowMessage {
    const taken = new TakenNames();
    const columns = new Map<string, RowField>();
    for (const column of relation.columns.values()) {
      const typed = representedOf(column) ?? valueOf(column.type);
      const own = column.name === VALUE_COLUMN ? "value" : column.name;
      columns.set(column.name, columnField(taken, own, typed, column));
    }
    const fields = [...columns.values()];
    const used = new Set(fields.flatMap(({ field, exact }) => [field.number, exact?.number ?? 0]));
    const newNumber = (text: string): number => {
      const number = numberOf(text, (candidate) => used.has(candidate) || used.has(candidate + EXACT_OFFSET));
      used.add(number).add(number + EXACT_OFFSET);
      return number;
    };
    const described = relation.relation;
    const computed = new Map<string, RowField>();
    for (const column of described === undefined ? [] : computedOf(catalog, described)) {
      const own = taken.take(fieldName(column.name), "computed");
      const number = newNumber(`column ${column.name}`);
      computed.set(column.name, rowField(valueOf(column.type), own, column.name, number, "computed", true));
    }
    const embeds = new Map<Relationship, EmbedField>();
    for (const relationship of described === undefined ? [] : embeddable(catalog, described)) {
      const target = catalog.relations.get(schema)?.get(relationship.to.name);
      if (target === undefined) continue;
      const source = sourceOf(relationship);
      const own = taken.take(fieldName(embedName(relationship)), fieldName(source));
      const field: MessageField = {
        name: own,
        key: own === fieldName(embedName(relationship)) ? embedName(relationship) : own,
        number: newNumber(`embed ${source}`),
        type: { kind: "message", name: relationNames.get(target.name) ?? "" },
        label: isToOne(relationship) ? "single" : "repeated",
        comment: null,
      };
      embeds.set(relationship, { field, message: () => ofRelation(target) });
    }
    const shown = fields.flatMap(({ field, exact }) => (exact === undefined ? [field] : [field, exact]));
    const later = [...computed.values()].flatMap(({ field, exact }) =>
      exact === undefined ? [field] : [field, exact],
    );
    const expressions = relation.isSelectable ? expressionsField(taken, valueType.name) : undefined;
    const list = listOf(name);
    const type: MessageType = {
      name,
      comment: relation.comment,
      fields: [...shown, ...later, ...[...embeds.values()].map(({ field }) => field), ...(expressions ?? [])],
      nested: described === undefined ? [list] : [list, ...requestMessages(name, described, columns)],
      reserved: gaps([...relation.columns.values()].map(({ position }) => position)),
    };
    const plan: RecordPlan = { fields: fields.map(({ record }) => record), width: 1 };
    return { type, list, columns, computed, embeds, expressions: expressions?.[0], plan };
  }

  /** What functions make of a domain's values is JSON of any form. */
  function representedOf({ type }: DescribedColumn): TypedValue | undefined {
    if (!catalog.representations.has(representationKey(type, "json"))) return undefined;
    return { type: scalar("string"), isRepeated: false, value: { form: JSON_TEXT }, cast: "text" };
  }

  function ofRoutine(routine: Routine): RoutineMessages {
    let known = routines.get(routine);
    if (known === undefined) routines.set(routine, (known = routineMessages(routine)));
    return known;
  }

  function routineMessages(routine: Routine): RoutineMessages {
    const { relation } = resultRelation(catalog, routine);
    const own = catalog.relations.get(schema)?.get(relation.name) === relation ? relation : undefined;
    const base = messageName(routine.name);
    const result =
      own === undefined
        ? rowMessage(
            {
              columns: [...relation.columns.values()],
              comment: routine.comment,
              relation: undefined,
              isSelectable: true,
            },
            names.take(`${base}Result`),
          )
        : ofRelation(own);
    const taken = new TakenNames();
    const argumentFields = new Map(
      routine.parameters.map(({ name, type, declaredType }, index) => {
        const key = name === "" ? "value" : name;
        const column = { ...attribute(key, type, index + 1), declaredType };
        return [name, columnField(taken, key, valueOf(type), column)] as const;
      }),
    );
    const argumentsType: MessageType = {
      name: names.take(`${base}Arguments`),
      comment: null,
      fields: [...argumentFields.values()].flatMap(({ field, exact }) =>
        exact === undefined ? [field] : [field, exact],
      ),
      nested: [],
      reserved: [],
    };
    return { result, argumentsType, arguments: argumentFields };
  }

  function others(): ReadonlyMap<string, MessageType> {
    // A type that only other types mention is made when their records are.
    const byName = new Map<string, MessageType>([[valueType.name, valueType]]);
    for (let size = -1; size !== byName.size;) {
      size = byName.size;
      for (const { type } of composites.values()) byName.set(type.name, type);
      for (const [type, name] of typeNames) if (type.kind === "composite") byName.set(name, ofComposite(type).type);
    }
    return byName;
  }

  const services: DescribedService[] = relations.map((relation) => ({
    type: relationService(serviceNames.get(relation.name) ?? "", relationNames.get(relation.name) ?? "", relation),
    relation,
    routines: undefined,
  }));
  const functions = functionService(functionsName, catalog.routines.get(schema) ?? new Map(), ofRoutine);
  if (functions !== undefined) services.push(functions);

  const rowNames = [...relationNames.values()];
  const parts: FileParts = { package: packageName, ofRelation, ofRoutine, services, rowNames, others, enums };
  return {
    package: packageName,
    ofRelation,
    ofRoutine,
    services,
    file: (visible) => schemaFile(parts, visible),
  };
}

function columnField(taken: TakenNames, key: string, typed: TypedValue, column: DescribedColumn): RowField {
  const plain = fieldName(key);
  const name = taken.take(NESTED_NAMES.has(plain) ? `${plain}_` : plain, String(column.position));
  if (typed.isRepeated) taken.take(`${name}_json`, String(column.position));
  const type = column.declaredType + (column.nullable ? "" : ", never null");
  const comment = column.comment === null ? type : `${column.comment}\n${type}`;
  return rowField(typed, name, key, column.position, comment, column.nullable);
}

/** What of a column a message is made of. */
type DescribedColumn = Pick<Column, "name" | "type" | "declaredType" | "position" | "nullable" | "comment">;

interface DescribedRows {
  readonly columns: { values(): Iterable<DescribedColumn> };
  readonly comment: string | null;
  /** What has embeds and computed columns. */
  readonly relation?: Relation | undefined;
  /** A request chooses what is answered of it. */
  readonly isSelectable: boolean;
}

const NOTHING = { comment: null, relation: undefined, isSelectable: false };

function expressionsField(taken: TakenNames, type: string): readonly [MessageField] {
  const name = taken.take("expressions", "selected");
  const comment = "casts, aggregates and parts of JSON that were selected, by name";
  return [
    { name, key: name, number: EXPRESSIONS_NUMBER, type: { kind: "message", name: type }, label: "map", comment },
  ];
}

function attribute(name: string, type: string, position: number): DescribedColumn {
  return { name, type, declaredType: type, position, nullable: true, comment: null };
}

function listOf(name: string): MessageType {
  return {
    name: "List",
    comment: null,
    fields: [
      { name: "rows", key: "rows", number: 1, type: { kind: "message", name }, label: "repeated", comment: null },
      listField("next", 2, scalar("string"), "the cursor of the next page; over HTTP see Link"),
      listField(
        "total",
        3,
        scalar("int64"),
        "how many there are, where that was asked for; over HTTP see Content-Range",
      ),
    ],
    nested: [],
    reserved: [],
  };
}

function listField(name: string, number: number, type: FieldType, comment: string): MessageField {
  return { name, key: name, number, type, label: "optional", comment };
}

/** Numbers up to the last that no column has: those of columns that there were. */
function gaps(positions: readonly number[]): readonly number[] {
  const known = new Set(positions);
  return Array.from({ length: Math.max(0, ...positions) }, (_, index) => index + 1).filter(
    (place) => !known.has(place),
  );
}
