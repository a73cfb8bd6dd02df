import { resolveDefinition, type ApiDefinition } from "../api/definition.ts";
import { resolveServerSettings } from "../api/options.ts";
import type { ServerSettings } from "../api/settings.ts";
import type { Demo } from "../demo/demo.ts";
import { HotpathError } from "../errors.ts";
import type { RunningServer } from "../server/start.ts";
import { describeServer } from "./announce.ts";
import type { Command, CommandInput } from "./command.ts";
import { requireFreePort } from "./ports.ts";
import { runServer, type ServerRun } from "./run-server.ts";
import type { Terminal } from "./terminal.ts";

const MAX_SCALE = 1000;
/** Each takes as much room as the shop. */
const MAX_DEMO_REPLICAS = 4;

/** `hotpath demo`: a PostgreSQL of its own with a sample shop, served. */
export const demo: Command = {
  name: "demo",
  summary: "Try it: a PostgreSQL of its own with a sample shop, served at once.",
  usage: ["demo [--scale N] [--replicas N] [flags]"],
  positionals: [],
  flags: [
    { name: "scale", value: "N", description: "Size of the shop: 1 is 10,000 users and 100,000 orders. [1]" },
    { name: "replicas", value: "N", description: "Streaming replicas to start; reads go to them. [0]" },
    { name: "directory", value: "DIR", description: "Where the data is kept between runs. [the user's cache]" },
  ],
  scopes: ["server"],
  examples: ["hotpath demo", "hotpath demo --scale 10 --port 8080", "hotpath demo --replicas 2"],
  async run(input) {
    const scale = readScale(input.own.get("scale"));
    const replicas = readReplicas(input.own.get("replicas"));
    const { flags, environment } = input;
    const settings = resolveServerSettings({ flags, environment });
    const open = (signal: AbortSignal): Promise<Demo> => openDatabase(scale, replicas, signal, input);
    if (settings.server.workers !== null) {
      const { runDemoByWorkers } = await import("./demo-workers.ts");
      const prepare = async (signal: AbortSignal): Promise<Demo> => requireFreePorts(settings).then(() => open(signal));
      await runDemoByWorkers(prepare, (database) => describeRun(database, input), input);
      return;
    }
    await requireFreePorts(settings);
    await runServer((signal) => prepareRun(open(signal), input), input);
  },
};

async function openDatabase(
  scale: number,
  replicas: number,
  signal: AbortSignal,
  { own, terminal }: CommandInput,
): Promise<Demo> {
  const { prepareDemo } = await import("../demo/demo.ts");
  const { showProgress } = await import("../demo/progress.ts");
  const directory = own.get("directory");
  terminal.err("Starting PostgreSQL …\n");
  return prepareDemo({
    ...(directory !== undefined && { directory: String(directory) }),
    scale,
    replicas,
    onProgress: showProgress(process.stderr),
    signal,
  });
}

async function prepareRun(opening: Promise<Demo>, input: CommandInput): Promise<ServerRun> {
  const database = await opening;
  try {
    return { ...(await describeRun(database, input)), release: () => database.stop() };
  } catch (error) {
    await database.stop();
    throw error;
  }
}

/** What is served of the demo's database, and what is said about it. */
async function describeRun(
  database: Omit<Demo, "stop">,
  { flags, environment, terminal }: CommandInput,
): Promise<Pick<ServerRun, "api" | "announce">> {
  const { loadSourceFactories } = await import("../server/source-factories.ts");
  const definition: ApiDefinition = {
    // A newcomer reads the terminal: only what went wrong belongs there.
    options: { log: { level: "warn" } },
    sources: { "/": { kind: "postgres", url: database.url, options: { replicas: database.replicaUrls } } },
  };
  const api = resolveDefinition(definition, { flags, environment }, await loadSourceFactories(definition));
  const announce = (server: RunningServer): string => {
    const local = { ...server, url: server.url.replace("//127.0.0.1:", "//localhost:") };
    const titles = { "/": `the sample shop, ${database.shop}; its files are in ${database.directory}` };
    const about = database.replicaUrls.length === 0 ? undefined : (local.adminUrl ?? "");
    return describeServer(api, local, titles, terminal) + renderExamples(local.url, terminal, about);
  };
  return { api, announce };
}

/**
 * Lines to try, each showing another strength.
 *
 * @param metricsUrl of the admin listener, empty where there is none; undefined without replicas
 */
export function renderExamples(serverUrl: string, terminal: Terminal, metricsUrl?: string): string {
  const url = serverUrl.replace(/\/$/, "");
  const curl = url.startsWith("https:") ? "curl -k" : "curl";
  const row = `${url}/users/42`;
  const examples = [
    ["A row by its key", `${curl} -i ${row}`],
    [
      "Orders with their customer, lines and products: one statement",
      `${curl} '${url}/orders?select=id,total,users(username),order_items(quantity,products(name))&limit=2'`,
    ],
    [
      "A page, and in Link the next one, as fast at the end as at the start",
      `${curl} -i '${url}/orders?select=id,total,created_at&order=created_at.desc,id&limit=3'`,
    ],
    [
      "Nothing sent twice: 304 for who has it already",
      `${curl} -i -H "If-None-Match: $(${curl} -s -o /dev/null -w '%header{etag}' ${row})" ${row}`,
    ],
    [
      "CSV, counted and compressed",
      `${curl} -i --compressed -H 'Accept: text/csv' -H 'Prefer: count=exact' '${url}/products?select=sku,name,price&status=eq.active&limit=100'`,
    ],
  ];
  if (metricsUrl !== undefined) {
    const write = `${curl} -s -o /dev/null -w '%header{consistency-token}' -X PATCH --json '{"country":"NZ"}' '${url}/users?id=eq.42'`;
    examples.push([
      "Reads go to replicas, and with the token of a write they are never older than it",
      `${curl} -i -H "Consistency-Token: $(${write})" '${url}/users?id=eq.42&select=id,country'`,
    ]);
  }
  if (metricsUrl) {
    const metrics = `${metricsUrl.replace(/\/$/, "")}/metrics`;
    examples.push(["Where reads went, and why", `curl -s ${metrics} | grep -E '^hotpath_(reads_routed|replica_lag)'`]);
  }
  const lines = examples.map(([title, line]) => `  ${terminal.dim(`# ${title}`)}\n  ${line}\n`);
  return `\nTry:\n${lines.join("")}\nCtrl-C stops everything.\n`;
}

async function requireFreePorts({ server, admin }: ServerSettings): Promise<void> {
  if (server.socket === null) await requireFreePort({ host: server.host, port: server.port, flag: "--port" });
  if (admin.enabled) await requireFreePort({ host: admin.host, port: admin.port, flag: "--admin-port" });
}

function readReplicas(given: string | boolean | undefined): number {
  const count = given === undefined ? 0 : Number(given);
  if (Number.isInteger(count) && count >= 0 && count <= MAX_DEMO_REPLICAS) return count;
  const message = `--replicas must be a whole number up to ${MAX_DEMO_REPLICAS}; received ${JSON.stringify(given)}.`;
  throw new HotpathError("HP_OPTION_INVALID", message, { todo: "Use --replicas 2." });
}

function readScale(given: string | boolean | undefined): number {
  const scale = given === undefined ? 1 : Number(given);
  if (scale > 0 && scale <= MAX_SCALE) return scale;
  const message = `--scale must be a number above 0 and at most ${MAX_SCALE}; received ${JSON.stringify(given)}.`;
  throw new HotpathError("HP_OPTION_INVALID", message, { todo: "Use --scale 1 for 10,000 users and 100,000 orders." });
}
