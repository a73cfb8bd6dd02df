import { once } from "node:events";
import { connect, createServer, type Socket } from "node:net";
import { defer, type TestScope } from "../../support/defer.ts";

/** A relay to PostgreSQL that notes the text of every statement that clients send. */
export interface Recorder {
  readonly port: number;
  readonly statements: ReadonlySet<string>;
}

/** Starts a relay to a local server; it is gone when the scope has ended. */
export async function startRecorder(t: TestScope, targetPort: number): Promise<Recorder> {
  const statements = new Set<string>();
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const target = connect(targetPort, "127.0.0.1");
    const reader = createReader((statement) => statements.add(statement));
    for (const socket of [client, target]) {
      sockets.add(socket);
      socket.on("error", () => undefined);
      socket.on("close", () => {
        sockets.delete(socket);
        client.destroy();
        target.destroy();
      });
    }
    client.on("data", (chunk) => {
      reader(chunk);
      target.write(chunk);
    });
    target.pipe(client);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  defer(t, async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, "close");
  });
  const address = server.address();
  return { port: typeof address === "object" && address !== null ? address.port : 0, statements };
}

const PARSE = 0x50;
const QUERY = 0x51;

/**
 * Reads what a client sends: a message without a type first, then messages of a type byte and a length that counts itself
 * (PostgreSQL, "Message Flow"). Statements stand in Parse, behind their name, and in Query.
 */
function createReader(found: (statement: string) => void): (chunk: Buffer) => void {
  let pending: Buffer = Buffer.alloc(0);
  let isStarted = false;
  return (chunk) => {
    pending = pending.length === 0 ? chunk : Buffer.concat([pending, chunk]);
    for (;;) {
      const head = isStarted ? 1 : 0;
      if (pending.length < head + 4) return;
      const end = head + pending.readInt32BE(head);
      if (pending.length < end) return;
      const content = pending.subarray(head + 4, end);
      const type = isStarted ? pending[0] : undefined;
      if (type === PARSE) found(textAt(content, content.indexOf(0) + 1));
      if (type === QUERY) found(textAt(content, 0));
      isStarted = true;
      pending = pending.subarray(end);
    }
  };
}

function textAt(content: Buffer, from: number): string {
  return content.toString("utf8", from, content.indexOf(0, from));
}
