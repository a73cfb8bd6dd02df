import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { findCommand } from "./commands.ts";
import { defer, type TestScope } from "./defer.ts";

/** Networks between this machine and hosts of its own: namespaces of Linux. */
export interface Network<Name extends string> {
  /** This machine's address in a network. */
  address(name: Name): string;
  /** Makes a host that is in all networks. */
  join(): Promise<Host<Name>>;
}

/** A namespace: what is started in it sees the networks and nothing else. */
export interface Host<Name extends string> {
  /** Words before a command line that is to run there. */
  readonly prefix: readonly string[];
  address(name: Name): string;
  /** Takes it out of a network: packets get lost, nobody is told. */
  cut(name: Name): Promise<void>;
  heal(name: Name): Promise<void>;
}

const execute = promisify(execFile);

async function ip(...words: string[]): Promise<void> {
  await execute("ip", words, { timeout: 10_000 });
}

/** Answers why there can be no namespaces here, if there is a reason. */
export async function whyNoNetwork(): Promise<string | undefined> {
  if (process.platform !== "linux") return "network namespaces are of Linux";
  if (findCommand("ip") === undefined) return "ip is not installed (package iproute2)";
  if (process.getuid?.() !== 0) return "network namespaces need root";
  const name = `hp${process.pid}t`;
  try {
    await ip("netns", "add", name);
    await ip("netns", "del", name);
    return undefined;
  } catch (error) {
    return `no network namespace can be made: ${error instanceof Error ? error.message.split("\n").at(-2) : String(error)}`;
  }
}

/** Makes networks, one a name, gone when the scope has ended. */
export async function createNetwork<Name extends string>(
  scope: TestScope,
  names: readonly Name[],
): Promise<Network<Name>> {
  // Two runs at once are to be told apart.
  const run = process.pid % 200;
  const bridge = (name: Name): string => `hp${run}b${names.indexOf(name)}`;
  const subnet = (name: Name): string => `10.${20 + run}.${names.indexOf(name)}`;
  defer(scope, async () => {
    for (const name of names) await ip("link", "del", bridge(name)).catch(() => undefined);
  });
  for (const name of names) {
    await ip("link", "add", bridge(name), "type", "bridge");
    await ip("addr", "add", `${subnet(name)}.1/24`, "dev", bridge(name));
    await ip("link", "set", bridge(name), "up");
  }
  let hosts = 0;
  return {
    address: (name) => `${subnet(name)}.1`,
    async join() {
      const own = ++hosts;
      const space = `hp${run}n${own}`;
      const address = (name: Name): string => `${subnet(name)}.${own + 1}`;
      const outside = (name: Name): string => `hp${run}n${own}o${names.indexOf(name)}`;
      await ip("netns", "add", space);
      defer(scope, async () => {
        // Connections that are not yet over would keep it all alive for a while.
        for (const name of names) await ip("link", "del", outside(name)).catch(() => undefined);
        await ip("netns", "del", space).catch(() => undefined);
      });
      await ip("-n", space, "link", "set", "lo", "up");
      for (const [at, name] of names.entries()) {
        const inside = `net${at}`;
        await ip("link", "add", outside(name), "type", "veth", "peer", "name", inside, "netns", space);
        await ip("link", "set", outside(name), "master", bridge(name), "up");
        await ip("-n", space, "addr", "add", `${address(name)}/24`, "dev", inside);
        await ip("-n", space, "link", "set", inside, "up");
      }
      return {
        prefix: ["ip", "netns", "exec", space],
        address,
        cut: (name) => ip("link", "set", outside(name), "nomaster"),
        heal: (name) => ip("link", "set", outside(name), "master", bridge(name)),
      };
    },
  };
}
