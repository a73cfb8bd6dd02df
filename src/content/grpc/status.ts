import { ByteWriter } from "../protobuf/byte-writer.ts";
import { wireFields } from "../protobuf/fields.ts";
import { grpcCode } from "./codes.ts";

/** A call's failure (`google.rpc.Status`). */
export interface RpcStatus {
  readonly code: number;
  readonly message: string;
  /** The error's own code, and what else it says. */
  readonly reason: string;
  readonly metadata: Readonly<Record<string, string>>;
}

/** What an error reply in JSON says: problem details, or PostgREST's form. */
export function statusOf(httpStatus: number, body: string): RpcStatus {
  let told: Readonly<Record<string, unknown>> = {};
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed === "object" && parsed !== null) told = parsed as Record<string, unknown>;
  } catch {
    // The status alone must do.
  }
  const reason = textOf(told["code"]) ?? "";
  const details = textOf(told["details"]);
  const metadata: Record<string, string> = { status: String(httpStatus) };
  for (const [name, value] of Object.entries(told)) {
    const text = textOf(value);
    if (text !== undefined && !SAID_ELSEWHERE.has(name)) metadata[name] = text;
  }
  const message =
    textOf(told["detail"]) ?? textOf(told["message"]) ?? textOf(told["title"]) ?? `HTTP status ${httpStatus}`;
  return { code: grpcCode(httpStatus, reason, details ?? ""), message, reason, metadata };
}

const SAID_ELSEWHERE = new Set(["type", "title", "status", "code", "detail", "message"]);

/** The message's bytes, with a `google.rpc.ErrorInfo` in it. */
export function statusBytes(status: RpcStatus): Buffer {
  const writer = new ByteWriter(1024);
  writer.reserve(20);
  if (status.code !== 0) {
    writer.varint(0x08);
    writer.varint(status.code);
  }
  writer.varint(0x12);
  writer.text(status.message);
  writer.reserve(5);
  writer.varint(0x1a);
  const any = writer.begin(2);
  writer.varint(0x0a);
  writer.text(`type.googleapis.com/${ERROR_INFO}`);
  writer.reserve(5);
  writer.varint(0x12);
  writer.blob(errorInfoBytes(status));
  writer.end(any, 2);
  return writer.take();
}

/** The status that `statusBytes` wrote. */
export function readStatus(bytes: Buffer): RpcStatus {
  let code = 0;
  let message = "";
  let reason = "";
  const metadata: Record<string, string> = {};
  for (const { number, bits, bytes: part } of wireFields(bytes)) {
    if (number === 1) code = Number(bits);
    else if (number === 2) message = part.toString("utf8");
    for (const info of number === 3 ? textsOf(part, 2) : []) {
      reason = textsOf(info, 1)[0]?.toString("utf8") ?? "";
      for (const entry of textsOf(info, 3)) {
        metadata[textsOf(entry, 1)[0]?.toString("utf8") ?? ""] = textsOf(entry, 2)[0]?.toString("utf8") ?? "";
      }
    }
  }
  return { code, message, reason, metadata };
}

function textsOf(message: Buffer, wanted: number): readonly Buffer[] {
  return [...wireFields(message)].filter(({ number }) => number === wanted).map(({ bytes }) => bytes);
}

export const ERROR_INFO = "google.rpc.ErrorInfo";

export function errorInfoBytes({ reason, metadata }: RpcStatus): Buffer {
  const writer = new ByteWriter(1024);
  writer.reserve(5);
  writer.varint(0x0a);
  writer.text(reason);
  writer.reserve(5);
  writer.varint(0x12);
  writer.text("hotpath");
  for (const [name, value] of Object.entries(metadata)) {
    writer.reserve(10);
    writer.varint(0x1a);
    const entry = writer.begin(1);
    writer.varint(0x0a);
    writer.text(name);
    writer.reserve(5);
    writer.varint(0x12);
    writer.text(value);
    writer.end(entry, 1);
  }
  return writer.take();
}

function textOf(value: unknown): string | undefined {
  if (value === null || value === undefined) return undefined;
  return typeof value === "string" ? value : JSON.stringify(value);
}
