import type { PostgresSettings } from "../../api/settings.ts";
import type { Catalog } from "../catalog/types.ts";
import type { ComponentNames } from "./component-names.ts";
import type { JsonSchemas } from "./json-schema.ts";
import { parameterReference } from "./shared-parameters.ts";
import type { Json } from "./swagger-schema.ts";

/** The settings that documents depend on. */
export type DocumentSettings = Pick<
  PostgresSettings,
  | "allowAnonymous"
  | "aggregates"
  | "conditionalWrites"
  | "cursors"
  | "idempotency"
  | "openapi"
  | "planEnabled"
  | "rowPaths"
  | "schemas"
  | "txEnd"
  | "updatedAtColumn"
> & {
  /** The server verifies tokens. */
  readonly takesTokens: boolean;
};

/** An OpenAPI document in the making. */
export interface DocumentContext {
  readonly catalog: Catalog;
  readonly settings: DocumentSettings;
  readonly names: ComponentNames;
  readonly schemas: JsonSchemas;
  /** Schemas, parameters and responses that operations refer to; filled as the operations are made. */
  readonly components: Record<string, Json>;
  readonly parameters: Record<string, Json>;
  readonly responses: Record<string, Json>;
  /** Shared parameters that name a schema: none where only one is served. */
  readonly acceptProfile: readonly string[];
  readonly contentProfile: readonly string[];
  /** The shared parameter that lets a request be sent again, if it is heeded. */
  readonly repeatable: readonly string[];
  /** An operation's name, unique in the document. */
  readonly operationId: (...words: readonly string[]) => string;
}

/** References to shared parameters. */
export function references(...names: readonly string[]): readonly Json[] {
  return names.map(parameterReference);
}
