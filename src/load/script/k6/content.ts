import { randomUUID } from "node:crypto";
import {
  brotliCompressSync,
  brotliDecompressSync,
  deflateSync,
  gunzipSync,
  gzipSync,
  inflateSync,
  zstdCompressSync,
  zstdDecompressSync,
} from "node:zlib";
import { toBytes } from "./encoding.ts";

/** A file to be sent in a form: `http.file()`. */
export class FileData {
  readonly data: Buffer;
  readonly filename: string;
  readonly content_type: string;

  constructor(data: unknown, filename?: string, contentType?: string) {
    this.data = toBytes(data);
    this.filename = filename ?? String(Date.now());
    this.content_type = contentType ?? "application/octet-stream";
  }
}

/** Content as it goes out, and the media type that comes with it. */
export interface Content {
  readonly bytes: Buffer;
  readonly type: string | undefined;
}

/** What k6 makes of the second argument of `http.post`: texts and bytes as they are, objects as forms. */
export function toContent(body: unknown): Content | undefined {
  if (body === undefined || body === null) return undefined;
  if (typeof body === "string" || body instanceof ArrayBuffer || ArrayBuffer.isView(body)) {
    return { bytes: toBytes(body), type: undefined };
  }
  if (typeof body !== "object") return { bytes: Buffer.from(String(body as number)), type: undefined };
  const entries = Object.entries(body);
  if (entries.some(([, value]) => value instanceof FileData)) return toMultipart(entries);
  const form = new URLSearchParams();
  for (const [name, value] of entries) for (const one of [value as unknown].flat()) form.append(name, String(one));
  return { bytes: Buffer.from(form.toString()), type: "application/x-www-form-urlencoded" };
}

function toMultipart(entries: readonly (readonly [string, unknown])[]): Content {
  const boundary = `----hotpath${randomUUID().replaceAll("-", "")}`;
  const parts = entries.flatMap(([name, value]) => {
    const field = `--${boundary}\r\nContent-Disposition: form-data; name="${quote(name)}"`;
    if (!(value instanceof FileData)) return [Buffer.from(`${field}\r\n\r\n${String(value)}\r\n`)];
    const head = `${field}; filename="${quote(value.filename)}"\r\nContent-Type: ${value.content_type}\r\n\r\n`;
    return [Buffer.from(head), value.data, Buffer.from("\r\n")];
  });
  return {
    bytes: Buffer.concat([...parts, Buffer.from(`--${boundary}--\r\n`)]),
    type: `multipart/form-data; boundary=${boundary}`,
  };
}

function quote(text: string): string {
  return text.replaceAll(/[\r\n]/g, " ").replaceAll('"', "%22");
}

const ENCODERS: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  gzip: gzipSync,
  deflate: deflateSync,
  br: brotliCompressSync,
  zstd: zstdCompressSync,
};
/** What a reply of a load test may come to when it is unpacked. */
const limit = { maxOutputLength: 256 * 1024 * 1024 };
const DECODERS: Readonly<Record<string, (bytes: Buffer) => Buffer>> = {
  gzip: (bytes) => gunzipSync(bytes, limit),
  deflate: (bytes) => inflateSync(bytes, limit),
  br: (bytes) => brotliDecompressSync(bytes, limit),
  zstd: (bytes) => zstdDecompressSync(bytes, limit),
};

/** Applies k6's `compression`, a list such as `gzip, br`. */
export function encode(bytes: Buffer, codings: string): Buffer {
  return listOf(codings).reduce((content, coding) => {
    const encoder = ENCODERS[coding];
    if (encoder === undefined)
      throw new TypeError(`the content coding ${coding} is not supported: gzip, deflate, br, zstd`);
    return encoder(content);
  }, bytes);
}

/** Takes codings off again; what nobody knows stays as it is. */
export function decode(bytes: Buffer, codings: string): Buffer {
  return listOf(codings).reduceRight((content, coding) => DECODERS[coding]?.(content) ?? content, bytes);
}

export function listOf(text: string): string[] {
  return text
    .split(",")
    .map((part) => part.trim().toLowerCase())
    .filter((part) => part !== "");
}
