import type { ServerSettings } from "../../api/settings.ts";
import { HotpathError } from "../../errors.ts";
import { request } from "../../http/node-http.ts";

/** A server that takes longer is not ready. */
const TIMEOUT_MS = 10_000;

/**
 * Asks the server that runs with these settings whether it is ready, and answers where it asked.
 *
 * @throws HotpathError HP_UNAVAILABLE
 */
export async function askReady({ enabled, host, port, socket }: ServerSettings["admin"]): Promise<string> {
  if (!enabled) {
    throw notReady("The listener for operators is off.", "Set admin-server-port.");
  }
  // Where it listens on any address, this machine's own will do.
  const own = host === "0.0.0.0" ? "127.0.0.1" : host === "::" ? "::1" : host;
  const url = `http://${own.includes(":") ? `[${own}]` : own}:${port}/ready`;
  const shown = socket === null ? url : `unix:${socket} /ready`;
  const status = await statusOf(socket === null ? { host: own, port } : { socketPath: socket }).catch(
    (error: unknown) => {
      throw notReady(`${shown} does not answer (${(error as Error).message}).`, "See whether the server runs.");
    },
  );
  if (status >= 300) throw notReady(`${shown} answers ${status}.`, "See the server's log.");
  return shown;
}

function statusOf(
  at: { readonly host: string; readonly port: number } | { readonly socketPath: string },
): Promise<number> {
  return new Promise((resolve, reject) => {
    const headers = { host: "localhost" };
    const asked = request({ ...at, path: "/ready", headers, timeout: TIMEOUT_MS }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 500);
    });
    asked.once("timeout", () => asked.destroy(new Error("it takes too long")));
    asked.once("error", reject);
    asked.end();
  });
}

function notReady(message: string, todo: string): HotpathError {
  return new HotpathError("HP_UNAVAILABLE", message, { todo });
}
