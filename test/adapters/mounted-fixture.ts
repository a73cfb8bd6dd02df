import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { defer, type TestScope } from "../support/defer.ts";
import { withPackageNames } from "../support/package-names.ts";

const EXAMPLES = new URL("../../examples/mounted/", import.meta.url);

/** Loads an example of a mounted API, which names the package. */
export function load<Example>(name: string): Promise<Example> {
  return withPackageNames(async () => (await import(new URL(name, EXAMPLES).href)) as Example);
}

/** Has a server listen on a free port, and answers its URL; it is closed with the test. */
export async function listening(t: TestScope, server: Server): Promise<string> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, "127.0.0.1", resolve);
  await promise;
  defer(t, () => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}
