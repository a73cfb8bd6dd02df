import { readFile } from "node:fs/promises";
import { resolve } from "node:path";
import { HotpathError } from "../../errors.ts";
import type { CommandInput } from "../command.ts";
import { parsePostgrestFile } from "./file.ts";
import type { GivenSetting, GivenSettings } from "./values.ts";

/**
 * Reads the settings of the file, overridden by the environment. A key of tokens or an address of the database that begins with
 * `@` names a file that holds it.
 *
 * @throws HotpathError HP_CONFIG_MISSING, HP_CONFIG_INVALID
 */
export async function readGiven({ positionals, environment, directory }: CommandInput): Promise<GivenSettings> {
  const [file] = positionals;
  const given = new Map<string, GivenSetting>();
  if (file !== undefined) {
    const path = resolve(directory, file);
    const settings = parsePostgrestFile(await readText(path, "The configuration file"), path, environment);
    for (const [name, value] of settings) given.set(name, { value, origin: `${name} in ${file}` });
  }
  for (const [variable, value] of Object.entries(environment)) {
    if (variable.startsWith("PGRST_") && value !== undefined) {
      given.set(nameOf(variable), { value, origin: variable });
    }
  }
  return withFiles(given, directory);
}

/** Puts the content of files in the place of their names. */
export async function withFiles(given: GivenSettings, directory: string): Promise<GivenSettings> {
  const whole = new Map(given);
  for (const name of ["db-uri", "jwt-secret"]) {
    const found = given.get(name);
    if (!found?.value.startsWith("@")) continue;
    const text = await readText(resolve(directory, found.value.slice(1)), found.origin);
    // Editors end files with a line break that is no part of a secret.
    whole.set(name, { ...found, value: name === "db-uri" ? text.trim() : text.replace(/\n$/, "") });
  }
  return whole;
}

/** `PGRST_DB_URI` is `db-uri`, `PGRST_APP_SETTINGS_KEY` is `app.settings.key`. */
function nameOf(variable: string): string {
  const name = variable.slice("PGRST_".length).toLowerCase();
  return name.startsWith("app_settings_")
    ? `app.settings.${name.slice("app_settings_".length)}`
    : name.replaceAll("_", "-");
}

async function readText(path: string, origin: string): Promise<string> {
  try {
    return await readFile(path, "utf8");
  } catch (error) {
    const reason = error instanceof Error && "code" in error ? String(error.code) : "unknown";
    throw new HotpathError("HP_CONFIG_MISSING", `${origin}: ${path} cannot be read (${reason}).`, {
      cause: error,
      todo: "Name a file that exists and may be read.",
    });
  }
}
