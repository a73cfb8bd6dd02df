import { createHash, createHmac, randomBytes, type Hash, type Hmac } from "node:crypto";
import { toArrayBuffer, toBase64, toBytes } from "./encoding.ts";

const ALGORITHMS = ["md5", "sha1", "sha256", "sha384", "sha512", "sha512_224", "sha512_256", "ripemd160"] as const;

/** `k6/crypto`. */
export function createCrypto() {
  const hashes = Object.fromEntries(
    ALGORITHMS.map((algorithm) => [
      algorithm,
      (value: unknown, form: string) => hasher(algorithm).update(value).digest(form),
    ]),
  );
  const module = {
    ...hashes,
    createHash: hasher,
    createHMAC: hmacer,
    hmac: (algorithm: string, secret: unknown, value: unknown, form: string) =>
      hmacer(algorithm, secret).update(value).digest(form),
    hexEncode: (value: unknown): string => toBytes(value).toString("hex"),
    randomBytes(size: number): ArrayBuffer {
      if (!Number.isInteger(size) || size < 1) throw new RangeError("randomBytes() takes a size above 0");
      return toArrayBuffer(randomBytes(size));
    },
  };
  return { ...module, default: module };
}

function hasher(algorithm: string): Hasher {
  return wrap(createHash(toNode(algorithm)));
}

function hmacer(algorithm: string, secret: unknown): Hasher {
  return wrap(createHmac(toNode(algorithm), toBytes(secret)));
}

interface Hasher {
  update(value: unknown): Hasher;
  digest(form: string): string | ArrayBuffer;
}

function wrap(hash: Hash | Hmac): Hasher {
  const hasher: Hasher = {
    update(value) {
      hash.update(toBytes(value));
      return hasher;
    },
    digest(form) {
      // As in k6, more may be added after that.
      const bytes = copyOf(hash).digest();
      switch (form) {
        case "binary":
          return toArrayBuffer(bytes);
        case "base64":
          return toBase64(bytes, "std");
        case "base64url":
          return toBase64(bytes, "url");
        case "base64rawurl":
          return toBase64(bytes, "rawurl");
        case "hex":
          return bytes.toString("hex");
        default:
          throw new TypeError(`${form} is no form of a digest: hex, base64, base64url, base64rawurl, binary`);
      }
    },
  };
  return hasher;
}

function copyOf(hash: Hash | Hmac): Hash | Hmac {
  return "copy" in hash ? hash.copy() : hash;
}

function toNode(algorithm: string): string {
  return algorithm.replace("_", "-");
}
