import { checkDatabaseUrl } from "../../api/database-url.ts";
import { withLibpqDefaults } from "../../api/libpq-defaults.ts";
import { resolvePostgresSettings, resolveServerSettings } from "../../api/options.ts";
import type { PostgresSettings, ServerSettings } from "../../api/settings.ts";
import type { CommandInput } from "../command.ts";
import { readGiven, withFiles } from "./given.ts";
import { readPostgrestSettings } from "./settings.ts";
import { SETTINGS } from "./table.ts";
import type { GivenSettings, SettingValues } from "./values.ts";

/** PostgREST's settings, read and understood. */
export interface Configuration {
  readonly server: ServerSettings;
  readonly postgres: PostgresSettings;
  readonly values: SettingValues;
  /** One line for each setting that has no effect. */
  readonly warnings: readonly string[];
}

/** Reads a configuration from the places it was given in. */
export interface ConfigurationLoader {
  /** What file and environment say. */
  readonly own: () => Promise<Configuration>;
  /**
   * That, and what the database says, which comes first.
   *
   * @throws HotpathError HP_OPTION_INVALID, HP_CONFIG_MISSING, HP_CONFIG_INVALID, HP_DATABASE_UNREACHABLE, HP_DATABASE_REFUSED
   */
  readonly whole: () => Promise<Configuration>;
  /** Settings that belong to what runs keep the values of this configuration from now on. */
  readonly fix: (running: Configuration) => void;
}

export function createConfigurationLoader(input: CommandInput): ConfigurationLoader {
  let running: Configuration | undefined;

  function understand(given: GivenSettings): Configuration {
    const { kept, postponed } = running === undefined ? { kept: given, postponed: [] } : keepFixed(given, running);
    const { uri, server, postgres, values, warnings } = readPostgrestSettings(kept);
    checkDatabaseUrl(uri);
    const url = withLibpqDefaults(uri, input.environment);
    return {
      server: resolveServerSettings({ argument: server }),
      postgres: resolvePostgresSettings(url, { argument: postgres }),
      values,
      warnings: [...warnings, ...postponed],
    };
  }

  return {
    own: async () => understand(await readGiven(input)),
    async whole() {
      const given = await readGiven(input);
      let found = understand(given);
      if (found.values.get("db-config") !== "true") return found;
      const { readDatabaseSettings } = await import("./database-settings.ts");
      // The database may itself name the function; one that such a function names is not called.
      for (let round = 0, called: string | undefined; round < 2; round += 1) {
        const preConfig = found.values.get("db-pre-config");
        if (preConfig === called) break;
        called = preConfig;
        const stored = await readDatabaseSettings({ ...found.postgres.pool, url: found.postgres.url }, preConfig);
        found = understand(await withFiles(new Map([...given, ...stored]), input.directory));
      }
      return found;
    },
    fix(configuration) {
      running = configuration;
    },
  };
}

/** Puts what belongs to the running server in the place of what is said of it now, and tells where the two differ. */
function keepFixed(
  given: GivenSettings,
  { values }: Configuration,
): { readonly kept: GivenSettings; readonly postponed: readonly string[] } {
  const kept = new Map([...given].filter(([name]) => name.startsWith("app.settings.")));
  const postponed: string[] = [];
  for (const { name, alias, isReloadable } of SETTINGS) {
    const now = given.get(name) ?? (alias === undefined ? undefined : given.get(alias));
    const before = values.given(name);
    if (isReloadable !== true && now !== undefined && now.value !== before?.value) {
      postponed.push(`${now.origin} takes effect at the next start.`);
    }
    const found = isReloadable === true ? now : before;
    if (found !== undefined) kept.set(name, found);
  }
  return { kept, postponed };
}
