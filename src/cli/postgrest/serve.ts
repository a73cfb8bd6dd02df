import { describeDatabase } from "../../api/database-url.ts";
import type { ResolvedApi } from "../../api/definition.ts";
import { HotpathError } from "../../errors.ts";
import { createLog } from "../../observe/log.ts";
import { createPostgresSource } from "../../postgres/source.ts";
import { describeServer } from "../announce.ts";
import { runServer } from "../run-server.ts";
import type { Terminal } from "../terminal.ts";
import type { Configuration, ConfigurationLoader } from "./configuration.ts";
import { createReconfiguration } from "./reconfiguration.ts";
import { createWaitingSource } from "./waiting-source.ts";

/**
 * Serves as PostgREST would until it is told to stop. SIGUSR1 and `NOTIFY … 'reload schema'` read the database's structure again, SIGUSR2 and
 * `'reload config'` the configuration.
 */
export async function servePostgrest(loader: ConfigurationLoader, terminal: Terminal): Promise<void> {
  await runServer(
    async () => {
      const { configuration, isWhole } = await readAtStart(loader);
      for (const warning of configuration.warnings) terminal.err(`hotpath: warning: ${warning}\n`);
      loader.fix(configuration);
      const log = createLog(configuration.server.log);
      const serving = ({ server, postgres }: Configuration): ResolvedApi => {
        const source = createPostgresSource(postgres, { reconfigure: () => void reconfiguration.again() });
        return { server, sources: [{ path: "/", source }] };
      };
      const reconfiguration = createReconfiguration({
        running: isWhole ? configuration : undefined,
        load: loader.whole,
        toApi: serving,
        log,
      });
      const api = isWhole
        ? serving(configuration)
        : { server: configuration.server, sources: [{ path: "/", source: createWaitingSource() }] };
      const titles = { "/": describeDatabase(configuration.postgres.url) };
      return {
        api,
        log,
        announce: (server) => describeServer(api, server, titles, terminal),
        started: (server) => reconfiguration.start(server),
        reconfigure: () => void reconfiguration.again(),
        release: async () => reconfiguration.stop(),
      };
    },
    { terminal },
  );
}

/** Without the database its settings are missing, and with them perhaps who may do what: then nothing is served yet. */
async function readAtStart(
  loader: ConfigurationLoader,
): Promise<{ readonly configuration: Configuration; readonly isWhole: boolean }> {
  try {
    return { configuration: await loader.whole(), isWhole: true };
  } catch (error) {
    if (!(error instanceof HotpathError) || error.code !== "HP_DATABASE_UNREACHABLE") throw error;
    return { configuration: await loader.own(), isWhole: false };
  }
}
