import type { IncomingHttpHeaders } from "node:http";
import { pipeline, Readable, type Transform } from "node:stream";
import { constants, createBrotliDecompress, createGunzip, createInflate, createZstdDecompress } from "node:zlib";
import { HotpathError } from "../errors.ts";
import { DelegatedRequest } from "../http/delegated-request.ts";
import type { HttpRequest } from "../http/message.ts";

/**
 * A request for whoever reads its content: what `Content-Encoding` says is undone as the content is read. The decoded content may
 * have no more than `maxBytes`, so that a few bytes cannot become gigabytes; beyond them, reading fails with HP_BODY_TOO_LARGE, and
 * with HP_BAD_REQUEST where the coding is broken.
 *
 * @throws HotpathError HP_CONTENT_CODING_UNSUPPORTED for other codings, and for several on top of each other.
 */
export function decodeContent(
  request: HttpRequest,
  maxBytes: (method: string, path: string, headers: Readonly<IncomingHttpHeaders>) => number,
): HttpRequest {
  const named = request.headers["content-encoding"];
  if (named === undefined) return request;
  const coding = named.trim().toLowerCase();
  if (coding === "" || coding === "identity") return request;
  const create = Object.hasOwn(DECODERS, coding) ? DECODERS[coding] : undefined;
  if (create === undefined) {
    const headers = { "accept-encoding": "gzip, br, zstd, deflate" };
    throw new HotpathError("HP_CONTENT_CODING_UNSUPPORTED", "The content has a coding that is not known here.", {
      headers,
    });
  }
  return new DecodedRequest(request, create, maxBytes(request.method, request.path, request.headers));
}

const DECODERS: Readonly<Record<string, () => Transform>> = {
  gzip: () => createGunzip(),
  "x-gzip": () => createGunzip(),
  deflate: () => createInflate(),
  br: () => createBrotliDecompress(),
  // The window that a decoder must at least support (RFC 8878 section 3.1.1.1.2), and no more: it is memory.
  zstd: () => createZstdDecompress({ params: { [constants.ZSTD_d_windowLogMax]: 23 } }),
};

class DecodedRequest extends DelegatedRequest {
  readonly #request: HttpRequest;
  readonly #create: () => Transform;
  readonly #maxBytes: number;
  #headers: Readonly<IncomingHttpHeaders> | undefined;
  #body: Readable | undefined;

  constructor(request: HttpRequest, create: () => Transform, maxBytes: number) {
    super(request);
    this.#request = request;
    this.#create = create;
    this.#maxBytes = maxBytes;
  }

  override get headers(): Readonly<IncomingHttpHeaders> {
    if (this.#headers === undefined) {
      const { "content-encoding": _coding, "content-length": _length, ...headers } = this.#request.headers;
      this.#headers = headers;
    }
    return this.#headers;
  }

  override get body(): Readable {
    this.#body ??= Readable.from(decode(this.#request.body, this.#create(), this.#maxBytes), { objectMode: false });
    return this.#body;
  }

  /** The content is another than the request's. */
  override takeContent(): undefined {
    return undefined;
  }
}

async function* decode(content: Readable, decoder: Transform, maxBytes: number): AsyncGenerator<Buffer> {
  pipeline(content, decoder, ignore);
  let length = 0;
  try {
    for await (const chunk of decoder as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > maxBytes) {
        throw new HotpathError("HP_BODY_TOO_LARGE", `The decoded content has more than ${maxBytes} bytes.`);
      }
      yield chunk;
    }
  } catch (error) {
    if (error instanceof HotpathError) throw error;
    throw new HotpathError("HP_BAD_REQUEST", "The content is not what its Content-Encoding says.");
  }
}

/** Told to whoever reads. */
function ignore(): void {}
