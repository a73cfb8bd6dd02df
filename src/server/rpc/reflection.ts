import { NOT_FOUND, UNIMPLEMENTED } from "../../content/grpc/codes.ts";
import { ByteWriter, tagOf } from "../../content/protobuf/byte-writer.ts";
import { wireFields } from "../../content/protobuf/fields.ts";
import { fileDescriptor, WELL_KNOWN } from "../../content/protobuf/file-descriptor.ts";
import type { ProcedureFile } from "../../api/procedures.ts";
import type { HttpRequest } from "../../http/message.ts";
import type { OwnService } from "./own-service.ts";
import type { CallTargets } from "./targets.ts";
import { type Handle, runCall } from "./call.ts";

/** Describes the services to tools (`grpc.reflection.v1` and `v1alpha`, which are alike): what the caller may see of them. */
export function createReflection(walk: Handle, targets: CallTargets): OwnService {
  return {
    call: (method, messages, caller) => (method === "ServerReflectionInfo" ? answer(messages, caller) : undefined),
  };

  async function* answer(messages: AsyncIterable<Buffer>, caller: HttpRequest): AsyncGenerator<Buffer> {
    for await (const request of messages) yield reply(request, await content(request, caller));
  }

  async function content(request: Buffer, caller: HttpRequest): Promise<(writer: ByteWriter) => void> {
    for (const { number, wireType, bytes } of wireFields(request)) {
      if (wireType !== 2) continue;
      const text = bytes.toString("utf8");
      switch (number) {
        case FILE_BY_FILENAME: {
          const file = await fileNamed(text, caller);
          return file === undefined ? failure(NOT_FOUND, `There is no file ${text}.`) : files([file]);
        }
        case FILE_CONTAINING_SYMBOL: {
          const file = await fileWith(text, caller);
          return file === undefined ? failure(NOT_FOUND, `There is no ${text}.`) : files([file]);
        }
        case LIST_SERVICES:
          return list(await visibleServices(caller));
        case FILE_CONTAINING_EXTENSION:
        case ALL_EXTENSION_NUMBERS:
          return failure(NOT_FOUND, "There are no extensions.");
      }
    }
    return failure(UNIMPLEMENTED, "Such a request is not known.");
  }

  async function fileNamed(name: string, caller: HttpRequest): Promise<Buffer | undefined> {
    const known = WELL_KNOWN.get(name);
    if (known !== undefined) return fileDescriptor(known, name);
    const all = await describedFiles();
    const file = all.find(({ package: own }) => `${own}.proto` === name);
    return file === undefined ? undefined : fetchFile(file, caller);
  }

  async function fileWith(symbol: string, caller: HttpRequest): Promise<Buffer | undefined> {
    for (const [name, known] of WELL_KNOWN) {
      if (known.messages.some((message) => symbol === `${known.package}.${message.name}`)) {
        return fileDescriptor(known, name);
      }
    }
    const all = await describedFiles();
    const within = all.filter(({ package: own }) => symbol === own || symbol.startsWith(`${own}.`));
    // A package may stand inside of another's name.
    const [file] = within.toSorted((one, other) => other.package.length - one.package.length);
    return file === undefined ? undefined : fetchFile(file, caller);
  }

  async function describedFiles(): Promise<readonly ProcedureFile[]> {
    return (await targets.all()).flatMap(({ services }) => [...new Set(services.values())]);
  }

  /** As `/schema.proto` is answered to the caller; nothing where that is refused. */
  async function fetchFile({ path, headers }: ProcedureFile, caller: HttpRequest): Promise<Buffer | undefined> {
    const asked = { method: "GET", path, query: "", headers: { ...headers, accept: "application/x-protobuf" } };
    const { failure: refusal, message } = await runCall(
      walk,
      caller,
      { ...asked, content: undefined },
      undefined,
      "message",
    );
    if (refusal !== undefined) return undefined;
    for (const { number, bytes } of wireFields(message)) if (number === 1) return bytes;
    return undefined;
  }

  async function visibleServices(caller: HttpRequest): Promise<readonly string[]> {
    const names = [
      "grpc.health.v1.Health",
      "grpc.reflection.v1.ServerReflection",
      "grpc.reflection.v1alpha.ServerReflection",
    ];
    for (const file of await describedFiles()) {
      const descriptor = await fetchFile(file, caller);
      if (descriptor === undefined) continue;
      for (const { number, bytes } of wireFields(descriptor)) {
        if (number !== SERVICES_OF_FILE) continue;
        for (const field of wireFields(bytes)) {
          if (field.number === 1) names.push(`${file.package}.${field.bytes.toString("utf8")}`);
        }
      }
    }
    return names;
  }
}

const FILE_BY_FILENAME = 3;
const FILE_CONTAINING_SYMBOL = 4;
const FILE_CONTAINING_EXTENSION = 5;
const ALL_EXTENSION_NUMBERS = 6;
const LIST_SERVICES = 7;
/** Of a FileDescriptorProto. */
const SERVICES_OF_FILE = 6;

/** ServerReflectionResponse: the request again, and what it asked for. */
function reply(request: Buffer, write: (writer: ByteWriter) => void): Buffer {
  const writer = new ByteWriter();
  writer.reserve(5);
  writer.varint(tagOf(2, 2));
  writer.blob(request);
  write(writer);
  return writer.take();
}

function files(descriptors: readonly Buffer[]): (writer: ByteWriter) => void {
  return (writer) =>
    nested(writer, 4, () => {
      for (const descriptor of descriptors) {
        writer.reserve(5);
        writer.varint(tagOf(1, 2));
        writer.blob(descriptor);
      }
    });
}

function list(names: readonly string[]): (writer: ByteWriter) => void {
  return (writer) =>
    nested(writer, 6, () => {
      for (const name of names) {
        nested(writer, 1, () => {
          writer.reserve(5);
          writer.varint(tagOf(1, 2));
          writer.text(name);
        });
      }
    });
}

function failure(code: number, message: string): (writer: ByteWriter) => void {
  return (writer) =>
    nested(writer, 7, () => {
      writer.reserve(10);
      writer.varint(tagOf(1, 0));
      writer.varint(code);
      writer.varint(tagOf(2, 2));
      writer.text(message);
    });
}

function nested(writer: ByteWriter, number: number, write: () => void): void {
  writer.reserve(10);
  writer.varint(tagOf(number, 2));
  const begun = writer.begin(1);
  write();
  writer.end(begun, 1);
}
