import type { MediaRange } from "../../http/index.ts";
import type { OpenApiVersion } from "../../api/settings.ts";
import { DialectError } from "../dialect-error.ts";
import { acceptable } from "../media.ts";

/** A document that was asked for, and the `Content-Type` it is sent with. */
export interface DocumentChoice {
  readonly version: OpenApiVersion;
  readonly contentType: string;
}

/**
 * The first media type of `Accept`, best weight first, that a document has: Swagger 2.0 is PostgREST's
 * `application/openapi+json`, OpenAPI 3.1 the registered `application/vnd.oai.openapi+json` or any of the two with
 * `version=3.1`; JSON in general is what `standard` says.
 *
 * @throws DialectError PGRST107 when there is none.
 */
export function chooseDocument(accept: string | undefined, standard: OpenApiVersion): DocumentChoice {
  const ranges = acceptable(accept ?? "*/*");
  for (const range of ranges) {
    const choice = documentFor(range, standard);
    if (choice !== undefined) return choice;
  }
  throw new DialectError("PGRST107", 406, `None of these media types are available: ${ranges.map(nameOf).join(", ")}`);
}

const JSON_TYPE = "application/json; charset=utf-8";
const SWAGGER: DocumentChoice = { version: "2.0", contentType: "application/openapi+json; charset=utf-8" };
const OPENAPI: DocumentChoice = { version: "3.1", contentType: "application/vnd.oai.openapi+json;version=3.1" };

function documentFor(range: MediaRange, standard: OpenApiVersion): DocumentChoice | undefined {
  const asked = range.parameters.get("version");
  switch (nameOf(range)) {
    case "application/openapi+json":
      if (asked === undefined || isVersion(asked, "2")) return SWAGGER;
      return isVersion(asked, "3") ? { ...OPENAPI, contentType: "application/openapi+json;version=3.1" } : undefined;
    case "application/vnd.oai.openapi+json":
      return asked === undefined || isVersion(asked, "3") ? OPENAPI : undefined;
    case "application/json":
    case "application/*":
      return { version: standard, contentType: JSON_TYPE };
    case "*/*":
      return standard === "2.0" ? SWAGGER : { version: standard, contentType: JSON_TYPE };
    default:
      return undefined;
  }
}

function isVersion(asked: string, major: string): boolean {
  return asked === major || asked.startsWith(`${major}.`);
}

function nameOf({ type, subtype }: MediaRange): string {
  return `${type}/${subtype}`;
}
