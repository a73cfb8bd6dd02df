import { createHash } from "node:crypto";
import type { KeptContent } from "../../http/message.ts";
import type { Catalog } from "../catalog/types.ts";
import type { DocumentSettings } from "./context.ts";
import { openApiDocument } from "./document.ts";
import type { DocumentChoice } from "./negotiate.ts";
import { parsePrivileges } from "./privileges.ts";
import { swaggerDocument } from "./swagger-document.ts";
import { visibleParts } from "./visible.ts";
import { writeDocument } from "./write-document.ts";

/** A document ready to be sent, and what the represent stage has worked out for it. */
export interface KeptDocument {
  readonly content: Buffer;
  readonly kept: KeptContent;
}

/** What a document is about. */
export interface DocumentSubject {
  readonly schema: string;
  /** Where the source is mounted, without a trailing slash. */
  readonly basePath: string;
}

/** The documents of one state of the catalog, each made when it is first asked for. */
export interface Documents {
  /** @param privileges what `privilegesCommand` answered; null: everything is shown, whoever asks */
  get(subject: DocumentSubject, choice: DocumentChoice, privileges: string | null): Promise<KeptDocument>;
}

/** A document of thousands of tables has megabytes, and each set of privileges has its own. */
const MAX_BYTES = 64 * 1024 * 1024;
/** Room for the compressed forms of a document, for each byte of it. */
const BYTES_A_BYTE = 2;

export function createDocuments(catalog: Catalog, settings: DocumentSettings): Documents {
  // In the order of their last use.
  const documents = new Map<string, KeptDocument>();
  const underWay = new Map<string, Promise<KeptDocument>>();
  let bytes = 0;
  return {
    async get(subject, choice, privileges) {
      const key = JSON.stringify([subject, choice, privileges === null ? null : fingerprint(privileges)]);
      const known = documents.get(key);
      if (known !== undefined) {
        documents.delete(key);
        documents.set(key, known);
        return known;
      }
      const others = underWay.get(key);
      if (others !== undefined) return others;
      const document = make(catalog, settings, subject, choice, privileges);
      underWay.set(key, document);
      try {
        keep(key, await document);
      } finally {
        underWay.delete(key);
      }
      return document;
    },
  };

  function keep(key: string, document: KeptDocument): void {
    documents.set(key, document);
    bytes += document.content.byteLength * BYTES_A_BYTE;
    for (const [oldest, { content }] of documents) {
      if (bytes <= MAX_BYTES || documents.size === 1) break;
      documents.delete(oldest);
      bytes -= content.byteLength * BYTES_A_BYTE;
    }
  }
}

async function make(
  catalog: Catalog,
  settings: DocumentSettings,
  { schema, basePath }: DocumentSubject,
  { version }: DocumentChoice,
  privileges: string | null,
): Promise<KeptDocument> {
  const visible = visibleParts(catalog, schema, privileges === null ? null : parsePrivileges(privileges));
  const document =
    version === "2.0"
      ? swaggerDocument(catalog, visible, settings.openapi, basePath)
      : openApiDocument(catalog, visible, settings, basePath);
  return { content: await writeDocument(document), kept: new Kept() };
}

function fingerprint(text: string): string {
  return createHash("sha256").update(text).digest("base64url");
}

class Kept implements KeptContent {
  etag: string | undefined;
  readonly #forms = new Map<string, Uint8Array>();

  find(coding: string): Uint8Array | undefined {
    return this.#forms.get(coding);
  }

  keep(coding: string, content: Uint8Array): void {
    this.#forms.set(coding, content);
  }
}
