import type { Client } from "pg";
import type { PoolSettings } from "./types.ts";
import { createClient } from "./open.ts";
import { insideOf } from "./wire.ts";

/**
 * Asks the server to cancel what `victim`'s backend is running, on a connection of its own as the protocol wants it.
 *
 * Resolves when the server has closed that connection: the signal has then been sent, and whatever the backend reads
 * afterwards is safe from it. `false` when that is not certain.
 */
export function cancelRequest(settings: PoolSettings, victim: Client): Promise<boolean> {
  const { processID, secretKey } = insideOf(victim);
  const messenger = createClient(settings);
  const { connection: wire, sslNegotiation } = insideOf(messenger);
  const { promise, resolve } = Promise.withResolvers<boolean>();
  if (processID === null || secretKey === null) return Promise.resolve(false);
  let isSent = false;
  const send = (): void => {
    wire.cancel(processID, secretKey);
    isSent = true;
  };
  const timer = setTimeout(() => {
    isSent = false;
    wire.stream.destroy();
  }, settings.connectTimeoutMs);
  wire.on("connect", () => {
    if (!messenger.ssl) send();
    else if (sslNegotiation !== "direct") wire.requestSsl();
  });
  wire.on("sslconnect", send);
  wire.on("error", () => {
    isSent = false;
    wire.stream.destroy();
    settle();
  });
  wire.on("end", () => settle());
  if (messenger.host.startsWith("/")) wire.connect(`${messenger.host}/.s.PGSQL.${messenger.port}`);
  else wire.connect(messenger.port, messenger.host);
  return promise;

  function settle(): void {
    clearTimeout(timer);
    resolve(isSent);
  }
}
