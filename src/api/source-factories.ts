import type { PostgresSettings, UpstreamSettings } from "./settings.ts";
import type { Source } from "./source.ts";

/** Makes the sources that declarations stand for. */
export interface SourceFactories {
  readonly postgres: (settings: PostgresSettings) => Source;
  readonly upstream: (settings: UpstreamSettings) => Source;
}

/** A kind of declaration. */
export type SourceKind = keyof SourceFactories;
