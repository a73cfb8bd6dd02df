import { createServer } from "node:net";
import { HotpathError } from "../errors.ts";

/** A port that a command is about to need, and the flag that changes it. */
export interface WantedPort {
  readonly host: string;
  readonly port: number;
  readonly flag: string;
}

/** Finds out before long work whether a port can be listened on. Throws HP_PORT_IN_USE, naming the flag. */
export async function requireFreePort(wanted: WantedPort): Promise<void> {
  if (wanted.port === 0) return;
  await tryToListen(wanted, false);
  // `localhost` means ::1 to many clients: who holds the port there would get the requests meant for us.
  if (wanted.host === "127.0.0.1") await tryToListen({ ...wanted, host: "::1" }, true);
}

/** @param mayLack addresses of this kind may be absent on the machine, which is no error */
function tryToListen({ host, port, flag }: WantedPort, mayLack: boolean): Promise<void> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => {
      if (mayLack && error.code !== "EADDRINUSE") resolve();
      else reject(toHotpathError(error, { host, port, flag }));
    });
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve()));
  });
}

function toHotpathError(error: NodeJS.ErrnoException, { host, port, flag }: WantedPort): HotpathError {
  if (error.code === "EADDRINUSE") {
    return new HotpathError("HP_PORT_IN_USE", `Port ${port} on ${host} is in use by another program.`, {
      cause: error,
      todo: `Stop it, or choose another port with ${flag}, such as ${flag} ${port + 10}.`,
    });
  }
  const message = `Port ${port} on ${host} cannot be listened on (${error.code ?? error.message}).`;
  return new HotpathError("HP_OPTION_INVALID", message, {
    cause: error,
    todo: `Choose another port with ${flag}, or another address.`,
  });
}
