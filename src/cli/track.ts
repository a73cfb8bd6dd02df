import { checkDatabaseUrl } from "../api/database-url.ts";
import { withLibpqDefaults } from "../api/libpq-defaults.ts";
import { resolvePostgresSettings } from "../api/options.ts";
import { HotpathError } from "../errors.ts";
import type { Command } from "./command.ts";

const ACTIONS = ["install", "remove", "status"] as const;
type Action = (typeof ACTIONS)[number];

/** `hotpath track`: triggers that tell of changes, where the database's log cannot be followed. */
export const track: Command = {
  name: "track",
  summary:
    "Install triggers that tell of changes, for databases whose log cannot be followed; remove them, or list them.",
  usage: [
    "track install postgres://owner:password@host:5432/database [--schemas public,…] [--whole-tables]",
    "track remove postgres://…",
    "track status postgres://… [--schemas public,…]",
  ],
  positionals: [
    { name: "ACTION", description: `One of ${ACTIONS.join(", ")}.` },
    {
      name: "URL",
      description: "Database, as the owner of its tables. HOTPATH_DATABASE_URL keeps it out of the process list.",
    },
  ],
  flags: [
    { name: "schemas", value: "LIST", description: "Schemas that are served. [public]" },
    { name: "whole-tables", description: "Tell which table has changed, and not which rows: cheaper for each write." },
  ],
  scopes: [],
  examples: ["hotpath track install postgres://owner@localhost/shop", "hotpath track status postgres://localhost/shop"],
  async run({ positionals, own, environment, terminal }) {
    const [action, named] = positionals;
    if (!isAction(action)) {
      throw new HotpathError("HP_ARGUMENT_INVALID", `hotpath track does not know ${action ?? "what to do"}.`, {
        todo: `Say one of ${ACTIONS.join(", ")}.`,
      });
    }
    const url = named ?? (environment["HOTPATH_DATABASE_URL"] || undefined);
    if (url === undefined) {
      throw new HotpathError("HP_CONFIG_MISSING", "No database was named.", {
        todo: `Name one: hotpath track ${action} postgres://user:password@host:5432/database`,
      });
    }
    checkDatabaseUrl(url);
    const schemas = own.get("schemas");
    const settings = resolvePostgresSettings(withLibpqDefaults(url, environment), {
      argument: typeof schemas === "string" ? { schemas: schemas.split(",").map((entry) => entry.trim()) } : {},
    });
    const { installTracking, removeTracking, trackingStatus } = await import("../postgres/changes/tracking.ts");
    switch (action) {
      case "install": {
        const { tables, changed } = await installTracking(settings, own.get("whole-tables") === true);
        terminal.out(`${count(tables, "table")} tracked by triggers, ${changed} of them changed just now\n`);
        return;
      }
      case "remove":
        terminal.out(`triggers of ${count(await removeTracking(settings), "table")} removed\n`);
        return;
      case "status":
        for (const { table, state } of await trackingStatus(settings)) terminal.out(`${state.padEnd(8)} ${table}\n`);
        return;
      default:
        action satisfies never;
    }
  },
};

function isAction(text: string | undefined): text is Action {
  return ACTIONS.some((action) => action === text);
}

function count(n: number, noun: string): string {
  return `${n} ${noun}${n === 1 ? "" : "s"}`;
}
