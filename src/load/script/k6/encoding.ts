/** Bytes of what k6's functions take: a text, an ArrayBuffer, an array of numbers. */
export function toBytes(value: unknown): Buffer {
  if (typeof value === "string") return Buffer.from(value, "utf8");
  if (value instanceof ArrayBuffer) return Buffer.from(value);
  if (ArrayBuffer.isView(value)) return Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (Array.isArray(value)) return Buffer.from(value as number[]);
  throw new TypeError("a text, an ArrayBuffer or an array of bytes is needed");
}

export function toArrayBuffer(bytes: Buffer): ArrayBuffer {
  const copy = new ArrayBuffer(bytes.length);
  new Uint8Array(copy).set(bytes);
  return copy;
}

/** Base64 in k6's four forms. */
export function toBase64(bytes: Buffer, form: string): string {
  const text = bytes.toString(form === "url" || form === "rawurl" ? "base64url" : "base64");
  if (form === "rawstd" || form === "rawurl") return text.replace(/=+$/, "");
  return text.padEnd(Math.ceil(text.length / 4) * 4, "=");
}

/** `k6/encoding`. */
export function createEncoding() {
  const module = {
    b64encode: (value: unknown, form = "std"): string => toBase64(toBytes(value), form),
    b64decode(text: string, _form = "std", as = ""): string | ArrayBuffer {
      const bytes = Buffer.from(text, "base64");
      return as === "s" ? bytes.toString("utf8") : toArrayBuffer(bytes);
    },
  };
  return { ...module, default: module };
}
