import { checkDatabaseUrl } from "../api/database-url.ts";
import { withLibpqDefaults } from "../api/libpq-defaults.ts";
import { resolvePostgresSettings } from "../api/options.ts";
import type { PostgresSettings } from "../api/settings.ts";
import { HotpathError } from "../errors.ts";
import type { CommandInput } from "./command.ts";

/** What names the database whose structure a command prints. */
export const DATABASE_POSITIONAL = {
  name: "URL",
  description: "Database to describe. HOTPATH_DATABASE_URL keeps it out of the process list.",
} as const;

/** Where computed columns are looked up. */
export const SEARCH_PATH_FLAG = {
  name: "extra-search-path",
  value: "LIST",
  description: "Schemas that computed columns are also looked up in. [public]",
} as const;

/**
 * Settings of the database that a command describes.
 *
 * @param command its name, for who named none
 * @throws HotpathError HP_CONFIG_MISSING, HP_OPTION_INVALID
 */
export function describedDatabase(
  { positionals, own, environment }: Pick<CommandInput, "positionals" | "own" | "environment">,
  command: string,
): PostgresSettings {
  const url = positionals[0] ?? (environment["HOTPATH_DATABASE_URL"] || undefined);
  if (url === undefined) {
    throw new HotpathError("HP_CONFIG_MISSING", "No database was named.", {
      todo: `Name one: hotpath ${command} postgres://user:password@host:5432/database`,
    });
  }
  checkDatabaseUrl(url);
  const schemas = listOf(own.get("schemas"));
  const extraSearchPath = listOf(own.get("extra-search-path"));
  return resolvePostgresSettings(withLibpqDefaults(url, environment), {
    argument: { ...(schemas && { schemas }), ...(extraSearchPath && { extraSearchPath }) },
  });
}

function listOf(text: unknown): readonly string[] | undefined {
  return typeof text === "string" ? text.split(",").map((entry) => entry.trim()) : undefined;
}
