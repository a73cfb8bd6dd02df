export { compress, COMPRESS_AT_ONCE_BYTES, compressStream, compressSync, ENCODINGS, type Encoding } from "./encode.ts";
export { isCompressible } from "./media-types.ts";
export { createEncodingChoice, type EncodingChoice } from "./negotiate.ts";
