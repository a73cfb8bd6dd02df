import { parseMediaType } from "../../http/index.ts";
import { HotpathError } from "../../errors.ts";
import type { Procedures } from "../../api/procedures.ts";
import { ByteWriter } from "../../content/protobuf/byte-writer.ts";
import { fileDescriptor } from "../../content/protobuf/file-descriptor.ts";
import { packagePart } from "../../content/protobuf/names.ts";
import { protoText } from "../../content/protobuf/proto-text.ts";
import { findFunctions } from "../catalog/lookup.ts";
import type { Catalog, Relation, Routine } from "../catalog/types.ts";
import type { RowsEncoder } from "../media.ts";
import { parsePrivileges } from "../openapi/privileges.ts";
import { type Visible, visibleParts } from "../openapi/visible.ts";
import type { ReadNode } from "../query/plan.ts";
import { selectOf } from "./field-mask.ts";
import { listJson, messageJson } from "./message-json.ts";
import { createMessages, type Messages } from "./messages.ts";
import { planMessage } from "./plan-message.ts";
import { createProcedures } from "./procedures.ts";
import { RecordWriter } from "./record-writer.ts";
import type { RowMessage } from "./row-message.ts";

/** Where messages are asked for. */
export interface MessageSubject {
  readonly catalog: Catalog;
  readonly schema: string;
  /** Where the source is mounted. */
  readonly basePath: string;
}

/** The messages of a schema, made when they are first asked for and kept as long as the catalog is. */
export function messagesOf({ catalog, schema, basePath }: MessageSubject): Messages {
  let known = knownMessages.get(catalog);
  if (known === undefined) knownMessages.set(catalog, (known = new Map()));
  const packageName = packageOf(catalog, schema, basePath);
  let messages = known.get(packageName);
  if (messages === undefined) known.set(packageName, (messages = createMessages(catalog, schema, packageName)));
  return messages;
}

const knownMessages = new WeakMap<Catalog, Map<string, Messages>>();

/** `hotpath.api`, with where the source is mounted before the last part and a schema that is not the default one behind it. */
export function packageOf(catalog: Catalog, schema: string, basePath: string): string {
  const mounted = basePath.split("/").filter((part) => part !== "");
  const own = schema === catalog.schemas[0] ? [] : [packagePart(schema)];
  return ["hotpath", ...mounted.map((part) => `at_${packagePart(part)}`), "api", ...own].join(".");
}

/** What can be called of all exposed schemas. */
export function proceduresOf(catalog: Catalog, basePath: string): Procedures {
  let known = knownProcedures.get(catalog);
  if (known === undefined || known.basePath !== basePath) {
    const subjects = catalog.schemas.map((schema, index) => ({
      messages: messagesOf({ catalog, schema, basePath }),
      basePath,
      profile: index === 0 ? undefined : schema,
    }));
    knownProcedures.set(catalog, (known = { basePath, procedures: createProcedures(subjects) }));
  }
  return known.procedures;
}

const knownProcedures = new WeakMap<Catalog, { readonly basePath: string; readonly procedures: Procedures }>();

/** The same as `schemaProto` as a `google.protobuf.FileDescriptorSet` of one file. */
export function schemaDescriptor(subject: MessageSubject, privileges: string | null): Buffer {
  const file = messagesOf(subject).file(visibleTo(subject, privileges));
  const descriptor = fileDescriptor(file, `${file.package}.proto`);
  const writer = new ByteWriter(descriptor.length + 10);
  writer.varint(0x0a);
  writer.blob(descriptor);
  return writer.take();
}

function visibleTo({ catalog, schema }: MessageSubject, privileges: string | null): Visible {
  return visibleParts(catalog, schema, privileges === null ? null : parsePrivileges(privileges));
}

/**
 * The text of `schema.proto`.
 *
 * @param privileges what `privilegesCommand` answered; null: everything is shown, whoever asks
 */
export function schemaProto(subject: MessageSubject, privileges: string | null): string {
  const messages = messagesOf(subject);
  let texts = knownTexts.get(messages);
  if (texts === undefined) knownTexts.set(messages, (texts = new Map()));
  const key = privileges ?? "";
  let text = texts.get(key);
  if (text === undefined) {
    text = protoText(messages.file(visibleTo(subject, privileges)));
    if (texts.size >= MOST_TEXTS) texts.clear();
    texts.set(key, text);
  }
  return text;
}

const knownTexts = new WeakMap<Messages, Map<string, string>>();
/** Each set of privileges has its own. */
const MOST_TEXTS = 16;

/**
 * Has a read select records, and makes of them the message that is answered.
 *
 * @param routine whose results they are; absent: the relation's own rows
 * @param types names of the types that are cast to, by the texts of the request
 * @throws HotpathError HP_NOT_ACCEPTABLE for what has no field.
 */
export function encodeRows(
  subject: MessageSubject,
  node: ReadNode,
  routine: Routine | undefined,
  isSingular: boolean,
  types: ReadonlyMap<string, string>,
): RowsEncoder {
  const messages = messagesOf(subject);
  const row = routine === undefined ? messages.ofRelation(node.relation) : messages.ofRoutine(routine).result;
  const plan = planMessage(node, row, subject.catalog, types);
  const name = `${messages.package}.${row.type.name}${isSingular ? "" : ".List"}`;
  return {
    contentType: `application/x-protobuf; messageType="${name}"`,
    encode(records) {
      if (records === null) return NOTHING;
      const bytes = toInput(records);
      if (isSingular) rowsWriter.record(bytes, 0, plan);
      else rowsWriter.records(bytes, 0, records.length, plan, ROWS_TAG);
      return rowsWriter.writer.take();
    },
  };
}

/**
 * Paths of a field mask as the `select` that they mean.
 *
 * @throws HotpathError HP_FIELDS_INVALID
 */
export function maskedSelect(subject: MessageSubject, relation: Relation, paths: readonly string[]): string {
  return selectOf(paths, messagesOf(subject).ofRelation(relation));
}

/** Of the field `rows`. */
const ROWS_TAG = 0x0a;
const NOTHING = Buffer.alloc(0);
/** Messages are written in one go, so that one writer serves all. */
const rowsWriter = new RecordWriter();
const input = Buffer.allocUnsafeSlow(64 * 1024);

function toInput(records: string): Buffer {
  if (records.length > input.length) return Buffer.from(records, "latin1");
  input.write(records, 0, "latin1");
  return input;
}

/**
 * What a write's content is to store, as JSON. It is a row unless its type says that it is a list.
 *
 * @throws HotpathError HP_MESSAGE_INVALID
 */
export function rowsJson(subject: MessageSubject, relation: Relation, contentType: string, bytes: Buffer): string {
  const row = messagesOf(subject).ofRelation(relation);
  const named = messageNameOf(contentType);
  const { name } = row.type;
  const fields = [...row.columns.values()];
  if (named === undefined || isCalled(named, name)) return messageJson(bytes, name, fields);
  if (isCalled(named, `${name}.List`)) return listJson(bytes, name, fields);
  throw new HotpathError("HP_MESSAGE_INVALID", `Rows of ${relation.name} are not of the type ${named}.`, {
    todo: `Send ${name} or ${name}.List.`,
  });
}

/** The arguments of a call, as JSON. */
export function argumentsJson(subject: MessageSubject, name: string, contentType: string, bytes: Buffer): string {
  const messages = messagesOf(subject);
  const named = messageNameOf(contentType);
  const found = findFunctions(subject.catalog, { schema: subject.schema, name }).map((routine) =>
    messages.ofRoutine(routine),
  );
  const matching = found.filter(({ argumentsType }) => named === undefined || isCalled(named, argumentsType.name));
  const [only, ...others] = matching;
  if (only === undefined || others.length > 0) {
    const names = found.map(({ argumentsType }) => argumentsType.name).join(", ");
    throw new HotpathError("HP_MESSAGE_INVALID", `The type of the arguments of ${name} is not clear.`, {
      todo: `Name one in Content-Type: application/x-protobuf; messageType="…", of: ${names || "none"}.`,
    });
  }
  return messageJson(bytes, only.argumentsType.name, only.arguments.values());
}

export type { Messages, RowMessage };

function messageNameOf(contentType: string): string | undefined {
  const parameters = parseMediaType(contentType)?.parameters;
  return parameters?.get("messagetype") ?? parameters?.get("messageType") ?? parameters?.get("proto");
}

/** With its package or without. */
function isCalled(given: string, name: string): boolean {
  return given === name || given.endsWith(`.${name}`);
}
