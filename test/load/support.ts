import { createServer, type RequestListener, type Server } from "node:http";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { LoadResult } from "../../src/load/result.ts";
import { runHotpath } from "../cli/run-hotpath.ts";
import { defer, type TestScope } from "../support/defer.ts";

/** A server of the test's own, on a free port. */
export async function listen(t: TestScope, listener: RequestListener): Promise<{ url: string; server: Server }> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  defer(t, () => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, server };
}

/** A folder that goes with the test. */
export async function temporaryFolder(t: TestScope): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), "hotpath-load-"));
  defer(t, () => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Runs `hotpath load` and reads its result. */
export async function runLoadTest(
  t: TestScope,
  words: readonly string[],
  environment: Readonly<Record<string, string>> = {},
): Promise<{ status: number | null; out: string; err: string; result: LoadResult | undefined }> {
  const folder = await temporaryFolder(t);
  const file = join(folder, "result.json");
  const ended = await runHotpath(["load", ...words, "--json", file], { environment });
  const text = await readFile(file, "utf8").catch(() => undefined);
  return { ...ended, result: text === undefined ? undefined : (JSON.parse(text) as LoadResult) };
}
