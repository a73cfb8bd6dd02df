import { HotpathError } from "../errors.ts";
import type { Command } from "./command.ts";

/** How long the server may take; a purge has reached every store by then. */
const TIMEOUT_MS = 30_000;

/** `hotpath purge`: removes stored replies of a running server, by way of its admin listener. */
export const purge: Command = {
  name: "purge",
  summary: "Remove replies from the cache of a running server.",
  usage: ["purge --tag NAME[,NAME…]", "purge --url URL", "purge --all"],
  positionals: [],
  flags: [
    { name: "tag", value: "NAMES", description: "Tags, as in Surrogate-Key, separated by commas." },
    { name: "url", value: "URL", description: "Absolute URL as clients ask for it; every stored form of it goes." },
    { name: "all", description: "Everything." },
    { name: "admin-url", value: "URL", description: "Admin listener of the server. [http://127.0.0.1:3001]" },
  ],
  scopes: [],
  examples: ["hotpath purge --tag products", "hotpath purge --url https://api.example/products?page=1"],
  async run({ own, environment, terminal }) {
    const query = new URLSearchParams();
    const tags = own.get("tag");
    const url = own.get("url");
    if (typeof tags === "string") for (const tag of tags.split(",")) query.append("tag", tag.trim());
    if (typeof url === "string") query.append("url", url);
    if (own.get("all") === true) query.append("all", "");
    const admin = String(own.get("admin-url") ?? "http://127.0.0.1:3001").replace(/\/$/, "");
    terminal.out(
      `${await send(`${admin}/purge?${query.toString()}`, admin, environment["HOTPATH_ADMIN_TOKEN"])} purged\n`,
    );
  },
};

async function send(url: string, admin: string, token: string | undefined): Promise<number> {
  const headers = token === undefined ? {} : { authorization: `Bearer ${token}` };
  let response: Response;
  try {
    response = await fetch(url, { method: "POST", headers, signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch (cause) {
    throw new HotpathError("HP_UNAVAILABLE", `The admin listener at ${admin} does not answer.`, {
      cause,
      todo: "Start the server, or name its admin listener with --admin-url.",
    });
  }
  const answer = (await response.json().catch(() => ({}))) as { purged?: number; detail?: string; todo?: string };
  if (response.ok && answer.purged !== undefined) return answer.purged;
  if (response.status === 401) {
    throw new HotpathError("HP_ADMIN_TOKEN", "The admin listener wants its token.", {
      todo: "Set HOTPATH_ADMIN_TOKEN.",
    });
  }
  throw new HotpathError("HP_ARGUMENT_INVALID", answer.detail ?? `The admin listener answered ${response.status}.`, {
    todo: "Give --tag, --url or --all, one of them.",
  });
}
