import type { Procedure, ProcedureFile, ProcedureRequest, Procedures } from "../../api/procedures.ts";
import { parseExactJson } from "../../content/exact-json.ts";
import { invalidMessage, type WireField, wireFields } from "../../content/protobuf/fields.ts";
import type { MethodType } from "../../content/protobuf/schema.ts";
import type { Relation, Routine } from "../catalog/types.ts";
import { maskedColumns, maskPaths, quoted, selectOf } from "./field-mask.ts";
import { messageJson } from "./message-json.ts";
import type { Messages } from "./messages.ts";
import { FIELDS, SELECT } from "./requests.ts";
import type { RowMessage } from "./row-message.ts";

/** A schema's messages and what its procedures need of the request's surroundings. */
export interface ProcedureSubject {
  readonly messages: Messages;
  readonly basePath: string;
  /** Named in requests where it is not the default one. */
  readonly profile: string | undefined;
}

/** The services of a schema: one a relation, and one of all functions. */
export function createProcedures(subjects: readonly ProcedureSubject[]): Procedures {
  const procedures = new Map<string, Procedure>();
  const services = new Map<string, ProcedureFile>();
  for (const subject of subjects) {
    const { messages, basePath, profile } = subject;
    const headers: Readonly<Record<string, string>> = profile === undefined ? {} : { "accept-profile": profile };
    const file: ProcedureFile = { package: messages.package, path: `${basePath}/schema.proto`, headers };
    for (const { type, relation, routines } of messages.services) {
      const service = `${messages.package}.${type.name}`;
      services.set(service, file);
      for (const method of type.methods) {
        const routine = routines?.get(method.name);
        const toRequest =
          relation === undefined
            ? callOf(subject, method, routine)
            : requestOf(subject, method, relation, messages.ofRelation(relation));
        procedures.set(`${service}/${method.name}`, {
          service,
          method: method.name,
          input: `${messages.package}.${method.input}`,
          output: `${messages.package}.${method.output}`,
          isRead: method.isRead,
          answers: method.streams ? "rows" : method.output.endsWith(".List") ? "list" : "message",
          toRequest,
        });
      }
    }
  }
  return { find: (service, method) => procedures.get(`${service}/${method}`), services };
}

const LIST = { accept: "application/x-protobuf" };
const ONE = { accept: "application/vnd.pgrst.object+protobuf" };
const CONTENT = "application/x-protobuf";
/** Rows of a page of an export. */
const EXPORTED_AT_ONCE = 1000;

type ToRequest = Procedure["toRequest"];

function requestOf(
  { basePath, profile }: ProcedureSubject,
  { name }: MethodType,
  relation: Relation,
  row: RowMessage,
): ToRequest {
  const path = `${basePath}/${encodeURIComponent(relation.name)}`;
  const keys = relation.primaryKey.flatMap((column) => row.columns.get(column) ?? []);
  const keyOf = (key: Buffer | undefined): readonly (readonly [column: string, value: string])[] => {
    const values = parseExactJson(messageJson(key ?? NOTHING, "Key", keys)) as Readonly<Record<string, unknown>>;
    return relation.primaryKey.map((column) => {
      const value = values[column];
      if (value === undefined) throw invalidMessage(`the key's ${column} is not set`);
      return [column, typeof value === "string" ? value : JSON.stringify(value)];
    });
  };
  const filtersOf = (key: Buffer | undefined): string[] =>
    keyOf(key).map(([column, value]) => parameter(quoted(column), `eq.${value}`));
  const read = (query: readonly string[], headers: Readonly<Record<string, string>>): ProcedureRequest => ({
    method: "GET",
    path,
    query: query.join("&"),
    headers: profile === undefined ? headers : { ...headers, "accept-profile": profile },
    content: undefined,
  });
  const write = (
    method: string,
    query: readonly string[],
    prefer: string,
    content: Buffer | undefined,
  ): ProcedureRequest => ({
    method,
    path,
    query: query.join("&"),
    headers: {
      ...ONE,
      prefer: `return=representation${prefer}`,
      ...(content === undefined ? {} : { "content-type": CONTENT }),
      ...(profile === undefined ? {} : { "content-profile": profile }),
    },
    content,
  });
  switch (name) {
    case "Get":
      return (message) => {
        const { key, shown } = keyedRequest(message, row);
        return read([...filtersOf(key), ...shown], ONE);
      };
    case "Delete":
      return (message) => {
        const { key, shown } = keyedRequest(message, row);
        return write("DELETE", [...filtersOf(key), ...shown], "", undefined);
      };
    case "BatchGet":
      return (message) => {
        const given = new Given(message);
        const all = given.all(1).map(keyOf);
        if (all.length === 0) throw invalidMessage("it names no keys");
        return read([filterOfKeys(all), ...given.shown(2, 3, row)], LIST);
      };
    case "Create":
      return (message) => {
        const given = new Given(message);
        const merge = given.flag(2) ? ",resolution=merge-duplicates" : "";
        return write("POST", given.shown(3, 4, row), merge, given.bytes(1) ?? NOTHING);
      };
    case "Update":
      return (message) => {
        const given = new Given(message);
        const mask = given.bytes(3);
        const columns =
          mask === undefined ? [] : [parameter("columns", maskedColumns(maskPaths(mask), row).map(quoted).join(","))];
        const query = [...filtersOf(given.bytes(1)), ...columns, ...given.shown(4, 5, row)];
        return write("PATCH", query, "", given.bytes(2) ?? NOTHING);
      };
    default:
      return (message) => read(...listRequest(new Given(message), row, relation, name === "Export"));
  }
}

/** The columns of a key, and what is to be answered, out of one message. */
function keyedRequest(message: Buffer, row: RowMessage): { key: Buffer; shown: readonly string[] } {
  const given = new Given(message);
  return { key: given.except([FIELDS, SELECT]), shown: given.shown(FIELDS, SELECT, row) };
}

function listRequest(
  given: Given,
  row: RowMessage,
  { primaryKey }: Relation,
  isExport: boolean,
): [readonly string[], Readonly<Record<string, string>>] {
  const filter = given.text(1);
  const order = given.text(2) ?? (isExport ? primaryKey.map(quoted).join(",") : undefined);
  const asked = given.number(3);
  const limit = isExport ? Math.min(asked ?? EXPORTED_AT_ONCE, EXPORTED_AT_ONCE) : asked;
  const after = given.text(4);
  const offset = given.number(8);
  const query = [
    ...(filter === undefined || filter === "" ? [] : [filter]),
    ...(order === undefined ? [] : [parameter("order", order)]),
    ...(limit === undefined ? [] : [`limit=${limit}`]),
    ...(offset === undefined ? [] : [`offset=${offset}`]),
    ...(after === undefined ? [] : [parameter("after", after)]),
    ...given.shown(5, 6, row),
  ];
  return [query, given.flag(7) ? { ...LIST, prefer: "count=exact" } : LIST];
}

/** Rows with any of these keys. */
function filterOfKeys(keys: readonly (readonly (readonly [column: string, value: string])[])[]): string {
  const [first] = keys[0] ?? [];
  if (first !== undefined && keys.every((key) => key.length === 1)) {
    return parameter(quoted(first[0]), `in.(${keys.map(([pair]) => quoted(pair?.[1] ?? "")).join(",")})`);
  }
  const each = keys.map(
    (key) => `and(${key.map(([column, value]) => `${quoted(column)}.eq.${quoted(value)}`).join(",")})`,
  );
  return parameter("or", `(${each.join(",")})`);
}

function callOf(
  { messages, basePath, profile }: ProcedureSubject,
  method: MethodType,
  routine: Routine | undefined,
): ToRequest {
  if (routine === undefined) throw new Error(`no function for ${method.name}`);
  const { argumentsType } = messages.ofRoutine(routine);
  const type = `${CONTENT}; messageType="${messages.package}.${argumentsType.name}"`;
  const headers = {
    ...LIST,
    "content-type": type,
    ...(profile === undefined ? {} : { "content-profile": profile }),
  };
  const path = `${basePath}/rpc/${encodeURIComponent(routine.name)}`;
  return (message) => ({ method: "POST", path, query: "", headers, content: message });
}

/** A request's fields by number. */
class Given {
  readonly #fields = new Map<number, WireField[]>();
  readonly #message: Buffer;

  constructor(message: Buffer) {
    this.#message = message;
    for (const field of wireFields(message)) {
      const before = this.#fields.get(field.number);
      if (before === undefined) this.#fields.set(field.number, [field]);
      else before.push(field);
    }
  }

  all(number: number): readonly Buffer[] {
    return (this.#fields.get(number) ?? []).map((field) => {
      if (field.wireType !== 2) throw invalidMessage(`field ${number} has the wire type ${field.wireType} and not 2`);
      return field.bytes;
    });
  }

  /** Of a message, whose parts are put together. */
  bytes(number: number): Buffer | undefined {
    const all = this.all(number);
    return all.length > 1 ? Buffer.concat(all) : all[0];
  }

  text(number: number): string | undefined {
    return this.all(number).at(-1)?.toString("utf8");
  }

  number(number: number): number | undefined {
    const last = this.#fields.get(number)?.at(-1);
    if (last === undefined) return undefined;
    if (last.wireType !== 0) throw invalidMessage(`field ${number} has the wire type ${last.wireType} and not 0`);
    const value = Number(BigInt.asIntN(32, last.bits));
    if (value < 0) throw invalidMessage(`field ${number} is less than 0`);
    return value;
  }

  flag(number: number): boolean {
    return this.number(number) === 1;
  }

  /** The message without some fields. */
  except(numbers: readonly number[]): Buffer {
    if (!numbers.some((number) => this.#fields.has(number))) return this.#message;
    const kept: Buffer[] = [];
    let from = 0;
    for (const { number, begin, end } of fieldPlaces(this.#message)) {
      if (!numbers.includes(number)) continue;
      kept.push(this.#message.subarray(from, begin));
      from = end;
    }
    kept.push(this.#message.subarray(from));
    return Buffer.concat(kept);
  }

  /** What is answered: a mask, or the words of a URL. */
  shown(mask: number, select: number, row: RowMessage): readonly string[] {
    const words = this.text(select);
    if (words !== undefined && words !== "") return [parameter("select", words)];
    const given = this.bytes(mask);
    if (given === undefined) return [];
    const paths = maskPaths(given);
    return paths.length === 0 ? [] : [parameter("select", selectOf(paths, row))];
  }
}

function* fieldPlaces(message: Buffer): Generator<{ number: number; begin: number; end: number }, void> {
  let begin = 0;
  for (const field of wireFields(message)) {
    yield { number: field.number, begin, end: field.end };
    begin = field.end;
  }
}

function parameter(name: string, value: string): string {
  return `${encodeURIComponent(name)}=${encodeURIComponent(value)}`;
}

const NOTHING = Buffer.alloc(0);
