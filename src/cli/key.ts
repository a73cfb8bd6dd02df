import { OPTIONS } from "../api/option-table.ts";
import { toSetting } from "../api/option-value.ts";
import { makeApiKey } from "../auth/api-key.ts";
import { HotpathError } from "../errors.ts";
import type { Command } from "./command.ts";

/** `hotpath key`: makes an API key, and what a server needs to know it by. */
export const key: Command = {
  name: "key",
  summary: "Make an API key.",
  usage: ["key NAME [--role ROLE]"],
  positionals: [{ name: "NAME", description: "Whose key it is: for logs, limits and the claim `api_key`." }],
  flags: [{ name: "role", value: "ROLE", description: "Database role of who shows the key. [the anonymous one]" }],
  scopes: [],
  examples: ["hotpath key reports --role reader"],
  async run({ positionals: [name], own, terminal }) {
    if (name === undefined) throw new HotpathError("HP_ARGUMENT_INVALID", "hotpath key takes the name of who gets it.");
    const made = makeApiKey();
    const entry = `${name}:${String(own.get("role") ?? "")}:${made.hash}`;
    const row = OPTIONS.find(({ path }) => path === "auth.apiKeys.keys");
    if (row !== undefined) toSetting(row, [entry], "The key's entry", false);
    terminal.out(`${made.key}\n`);
    terminal.err(
      `The key is shown this once. For the server (--api-keys, HOTPATH_API_KEYS, auth.apiKeys.keys):\n${entry}\n`,
    );
  },
};
