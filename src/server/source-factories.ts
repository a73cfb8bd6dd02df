import type { ApiDefinition } from "../api/definition.ts";
import type { SourceFactories, SourceKind } from "../api/source-factories.ts";

/** Loads what makes the sources of a definition, and nothing for kinds that it does not declare. */
export async function loadSourceFactories({ sources }: ApiDefinition): Promise<SourceFactories> {
  // A config file in JavaScript may hold anything; `resolveDefinition` says what is wrong with it.
  const declared: readonly unknown[] = typeof sources === "object" && sources !== null ? Object.values(sources) : [];
  const declares = (kind: SourceKind): boolean =>
    declared.some(
      (source) => typeof source === "object" && source !== null && "kind" in source && source.kind === kind,
    );
  return {
    postgres: declares("postgres") ? (await import("../postgres/source.ts")).createPostgresSource : absent,
    upstream: declares("upstream") ? (await import("../upstream/source.ts")).createUpstreamSource : absent,
  };
}

function absent(): never {
  throw new TypeError("no such source was declared");
}
