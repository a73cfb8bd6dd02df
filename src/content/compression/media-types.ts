/** Types without a telling suffix whose content shrinks when compressed. */
const COMPRESSIBLE = new Set([
  "application/cbor",
  "application/ecmascript",
  "application/graphql",
  "application/javascript",
  "application/json",
  "application/json-seq",
  "application/jsonl",
  "application/msgpack",
  "application/ndjson",
  "application/protobuf",
  "application/rtf",
  "application/sql",
  "application/toml",
  "application/vnd.google.protobuf",
  "application/vnd.ms-fontobject",
  "application/vnd.msgpack",
  "application/wasm",
  "application/x-javascript",
  "application/x-msgpack",
  "application/x-ndjson",
  "application/x-protobuf",
  "application/x-www-form-urlencoded",
  "application/x-yaml",
  "application/xml",
  "application/xml-dtd",
  "application/yaml",
  "font/otf",
  "font/ttf",
  "image/bmp",
  "image/vnd.microsoft.icon",
  "image/x-icon",
]);

const COMPRESSIBLE_SUFFIX = /\+(?:json|xml|yaml|cbor|protobuf|json-seq)$/;

/** gRPC and Connect streams compress each message themselves, and an event stream must not wait in a compressor. */
const NEVER = /^(?:text\/event-stream$|application\/(?:grpc|connect\+))/;

/** Enough for every type a server uses; an upstream that invents more makes the memory start again. */
const MOST_REMEMBERED = 256;
const LONGEST_REMEMBERED = 256;
const remembered = new Map<string, boolean>();

/** Whether content of this type is worth compressing. Parameters of the `Content-Type` value are ignored. */
export function isCompressible(contentType: string): boolean {
  const known = remembered.get(contentType);
  if (known !== undefined) return known;
  const answer = decide(contentType);
  if (contentType.length <= LONGEST_REMEMBERED) {
    if (remembered.size >= MOST_REMEMBERED) remembered.clear();
    remembered.set(contentType, answer);
  }
  return answer;
}

function decide(contentType: string): boolean {
  const semicolon = contentType.indexOf(";");
  const type = (semicolon === -1 ? contentType : contentType.slice(0, semicolon)).trim().toLowerCase();
  if (NEVER.test(type)) return false;
  return type.startsWith("text/") || COMPRESSIBLE.has(type) || COMPRESSIBLE_SUFFIX.test(type);
}
