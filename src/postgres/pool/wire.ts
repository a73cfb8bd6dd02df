import { type Client, Query } from "pg";
import type { Duplex } from "node:stream";

/** What of a pg client's inside is used here and its published types leave out. */
export interface Wire {
  readonly stream: Duplex;
  on(event: "connect" | "sslconnect" | "end" | "parseComplete", listener: () => void): void;
  on(event: "error", listener: (error: Error) => void): void;
  once(event: "readyForQuery" | "replicationStart", listener: () => void): void;
  connect(portOrPath: number | string, host?: string): void;
  requestSsl(): void;
  cancel(processId: number, secretKey: number): void;
}

export interface ClientInside {
  readonly connection: Wire;
  readonly connectionParameters: { query_timeout: unknown; options: string | undefined };
  readonly processID: number | null;
  readonly secretKey: number | null;
  readonly sslNegotiation: string;
}

/** The same client, seen with its inside. */
export function insideOf(client: Client): ClientInside {
  return client as unknown as ClientInside;
}

/** What a pipeline receives, message by message, for the call at its head. */
export interface Receiver {
  row(fields: readonly (string | null)[]): void;
  completed(tag: string): void;
  /** The call has ended well. */
  ready(): void;
  /** An error of the server, or of the connection. */
  failed(error: Error): void;
}

/**
 * A query for pg's pipeline that sends nothing itself (the connection has written the call already) and hands every
 * message on. One is enough for a connection: pg queues it once for each call and answers in order.
 */
export class PipelineQuery extends (Query as unknown as new (config: { text: string }) => object) {
  readonly #receiver: Receiver;

  constructor(receiver: Receiver) {
    super({ text: "" });
    this.#receiver = receiver;
  }

  submit(): null {
    return null;
  }

  handleRowDescription(): void {}

  handleDataRow(message: { readonly fields: readonly (string | null)[] }): void {
    this.#receiver.row(message.fields);
  }

  handleCommandComplete(message: { readonly text: string }): void {
    this.#receiver.completed(message.text);
  }

  handleEmptyQuery(): void {
    this.#receiver.completed("");
  }

  handleReadyForQuery(): void {
    this.#receiver.ready();
  }

  handleError(error: Error): void {
    this.#receiver.failed(error);
  }

  handlePortalSuspended(): void {}

  /** The server now takes even Sync for data, so that the pipeline cannot be read on. */
  handleCopyInResponse(): void {
    this.#receiver.failed(new Error("COPY FROM STDIN is not supported here."));
  }

  handleCopyData(): void {}
}
