import { DATABASE_SETTINGS } from "./table-database.ts";
import { SERVER_SETTINGS } from "./table-server.ts";

/** Every setting: https://docs.postgrest.org/en/v14/references/configuration.html */
export const SETTINGS = [...DATABASE_SETTINGS, ...SERVER_SETTINGS] as const;
