import {
  createFileRegistry,
  type FileRegistry,
  fromBinary,
  fromJsonString,
  toBinary,
  toJsonString,
} from "@bufbuild/protobuf";
import { FileDescriptorSetSchema } from "@bufbuild/protobuf/wkt";
import type { Procedure, ProcedureFile, Procedures } from "../../api/procedures.ts";
import { fileDescriptor, WELL_KNOWN } from "../../content/protobuf/file-descriptor.ts";
import { invalidMessage } from "../../content/protobuf/fields.ts";
import { HotpathError } from "../../errors.ts";
import type { HttpRequest } from "../../http/message.ts";
import type { CallTargets } from "./targets.ts";
import { type Handle, runCall } from "./call.ts";
import { ByteWriter } from "../../content/protobuf/byte-writer.ts";

/** Messages in the JSON of Protocol Buffers (ProtoJSON). */
export interface JsonCodec {
  /** @throws HotpathError HP_MESSAGE_INVALID */
  toBinary(name: string, json: Buffer): Buffer;
  toJson(name: string, message: Buffer): Buffer;
}

/** For a procedure as its caller may see it described; made once for each description. */
export async function jsonCodecOf(
  procedure: Procedure,
  caller: HttpRequest,
  targets: CallTargets,
  walk: Handle,
): Promise<JsonCodec> {
  for (const procedures of await targets.all()) {
    const file = procedures.services.get(procedure.service);
    if (file !== undefined) return codecOf(procedures, file, caller, walk);
  }
  throw new HotpathError("HP_NOT_FOUND", `There is no ${procedure.service}.`);
}

async function codecOf(
  procedures: Procedures,
  file: ProcedureFile,
  caller: HttpRequest,
  walk: Handle,
): Promise<JsonCodec> {
  const { path, headers } = file;
  const asked = { method: "GET", path, query: "", headers: { ...headers, accept: "application/x-protobuf" } };
  const described = await runCall(walk, caller, { ...asked, content: undefined }, undefined, "message");
  if (described.failure !== undefined)
    throw new HotpathError("HP_UNAVAILABLE", "The API's messages are not described.");
  let codecs = known.get(procedures);
  if (codecs === undefined) known.set(procedures, (codecs = new Map()));
  const key = described.message.toString("latin1");
  let codec = codecs.get(key);
  if (codec === undefined) {
    if (codecs.size >= MOST_CODECS) codecs.clear();
    codecs.set(key, (codec = createCodec(described.message)));
  }
  return codec;
}

const known = new WeakMap<Procedures, Map<string, JsonCodec>>();
/** Each set of privileges has its own. */
const MOST_CODECS = 16;

function createCodec(described: Buffer): JsonCodec {
  const registry = registryOf(described);
  const typeOf = (name: string) => {
    const type = registry.getMessage(name);
    if (type === undefined) throw new HotpathError("HP_NOT_FOUND", `The message ${name} is not shown to you.`);
    return type;
  };
  return {
    toBinary(name, json) {
      const type = typeOf(name);
      try {
        return Buffer.from(toBinary(type, fromJsonString(type, json.length === 0 ? "{}" : json.toString("utf8"))));
      } catch (error) {
        throw invalidMessage(error instanceof Error ? error.message : "it is not its JSON");
      }
    },
    toJson(name, message) {
      const type = typeOf(name);
      try {
        return Buffer.from(toJsonString(type, fromBinary(type, message)));
      } catch (error) {
        const reason = error instanceof Error ? error.message : "";
        throw new HotpathError("HP_NOT_ACCEPTABLE", `The rows cannot be said in ProtoJSON: ${reason}`, {
          todo: "Ask for application/proto: times beyond the year 9999 and infinity have no JSON.",
        });
      }
    },
  };
}

function registryOf(described: Buffer): FileRegistry {
  const writer = new ByteWriter();
  for (const [name, file] of WELL_KNOWN) {
    writer.reserve(5);
    writer.varint(0x0a);
    writer.blob(fileDescriptor(file, name));
  }
  const whole = Buffer.concat([writer.take(), described]);
  return createFileRegistry(fromBinary(FileDescriptorSetSchema, whole));
}
