import { describeDatabase } from "../api/database-url.ts";
import { type ApiDefinition, toMountPoint } from "../api/definition.ts";
import { describeUpstream } from "../api/upstream-url.ts";
import type { Titles } from "./announce.ts";

/** What stands for the sources of a definition in the announcement. */
export function titlesOf(definition: ApiDefinition): Titles {
  return Object.fromEntries(
    Object.entries(definition.sources ?? {}).map(([path, source]) => [
      toMountPoint(path),
      !("url" in source)
        ? source.name
        : source.kind === "upstream"
          ? describeUpstream(source.url)
          : describeDatabase(source.url),
    ]),
  );
}
