import type { Client, ClientConfig } from "pg";
import type { PoolSettings } from "../pool/types.ts";
import { connect, createClient, destroyClient } from "../pool/open.ts";
import { insideOf } from "../pool/wire.ts";
import { interceptCopyBoth, type ServerError } from "./copy-both.ts";
import { type Lsn, NO_LSN, readLsn, writeLsn } from "./lsn.ts";
import { POSTGRES_EPOCH_MS } from "./pgoutput.ts";

/** Who gets what a replication stream brings. A throw ends the stream with that error. */
export interface ReplicationReceiver {
  /** A message of the output plugin; only its beginning where `isWhole` is false. */
  message(content: Buffer, isWhole: boolean): void;
  /** Everything of the log before this position has been sent. */
  reached(lsn: Lsn): void;
}

/** A connection in replication mode. */
export interface ReplicationConnection {
  /** Runs one statement or replication command, before `start`; answers its rows as texts. */
  query(text: string): Promise<readonly (readonly (string | null)[])[]>;
  /** Begins the stream of a slot at the position it has confirmed. Resolves when the server has begun. */
  start(slot: string, publication: string, receiver: ReplicationReceiver): Promise<void>;
  /** Tells the server how far everything has been dealt with; it may forget the log before that. */
  confirm(lsn: Lsn, asksForReply: boolean): void;
  /** Stops reading until `resume`; what the server sends meanwhile stays with it. */
  pause(): void;
  resume(): void;
  /** Settles when the connection is gone, with the reason. Never rejects. */
  readonly ended: Promise<Error>;
  close(): void;
}

/** Opens one. Rejects with `HP_DATABASE_REFUSED` or `HP_DATABASE_UNREACHABLE`. */
export async function openReplication(settings: PoolSettings): Promise<ReplicationConnection> {
  const overrides: ClientConfig & { replication: "database" } = { replication: "database", statement_timeout: false };
  const client = createClient({ ...settings, startup: TEXT_FORMS }, overrides);
  const ended = Promise.withResolvers<Error>();
  await connect(client);
  client.on("error", ended.resolve);
  client.on("end", () => ended.resolve(new Error("The connection has ended.")));
  return new Replication(client, ended);
}

/** How values are spelled in the stream, whatever the database's own settings. */
const TEXT_FORMS = { datestyle: "ISO", timezone: "UTC", bytea_output: "hex", extra_float_digits: "1" } as const;

/** Longer messages are let pass; a row of this size is not worth its memory. */
const MAX_MESSAGE_BYTES = 1024 * 1024;

class Replication implements ReplicationConnection {
  readonly ended: Promise<Error>;
  readonly #client: Client;
  readonly #end: (reason: Error) => void;
  #isStarted = false;
  #confirmed: Lsn = NO_LSN;

  constructor(client: Client, ended: PromiseWithResolvers<Error>) {
    this.#client = client;
    this.ended = ended.promise;
    this.#end = ended.resolve;
  }

  async query(text: string): Promise<readonly (readonly (string | null)[])[]> {
    const result = await this.#client.query<(string | null)[]>({ text, rowMode: "array", types: AS_TEXT });
    return result.rows;
  }

  async start(slot: string, publication: string, receiver: ReplicationReceiver): Promise<void> {
    const { connection } = insideOf(this.#client);
    const fail = (reason: Error): void => {
      this.#end(reason);
      this.close();
    };
    interceptCopyBoth(connection.stream, MAX_MESSAGE_BYTES, {
      message: (content, isWhole) => {
        try {
          this.#receive(content, isWhole, receiver);
        } catch (error) {
          fail(error instanceof Error ? error : new Error(String(error)));
        }
      },
      ended: (error) => fail(toError(error)),
    });
    const begun = new Promise<void>((resolve) => connection.once("replicationStart", resolve));
    // Only ever settles when the server refuses, or the connection breaks.
    const command = this.#client.query(startCommand(slot, publication));
    const over = command.then(
      () => {
        throw new Error("The server ended the stream.");
      },
      (error: unknown) => {
        throw error;
      },
    );
    over.catch((error: unknown) => this.#end(error instanceof Error ? error : new Error(String(error))));
    await Promise.race([begun, over]);
    this.#isStarted = true;
  }

  confirm(lsn: Lsn, asksForReply: boolean): void {
    const { stream } = insideOf(this.#client).connection;
    this.#confirmed = Math.max(this.#confirmed, lsn);
    if (!this.#isStarted || !stream.writable) return;
    const message = Buffer.alloc(STATUS_BYTES);
    message[0] = COPY_DATA;
    message.writeUInt32BE(STATUS_BYTES - 1, 1);
    message[5] = STATUS;
    for (const offset of [6, 14, 22]) writeLsn(message, this.#confirmed, offset);
    message.writeBigInt64BE(BigInt(Date.now() - POSTGRES_EPOCH_MS) * 1000n, 30);
    message[38] = asksForReply ? 1 : 0;
    stream.write(message);
  }

  pause(): void {
    insideOf(this.#client).connection.stream.pause();
  }

  resume(): void {
    insideOf(this.#client).connection.stream.resume();
  }

  close(): void {
    destroyClient(this.#client);
  }

  #receive(content: Buffer, isWhole: boolean, receiver: ReplicationReceiver): void {
    if (content[0] === LOG_DATA) receiver.message(content.subarray(LOG_DATA_HEADER_BYTES), isWhole);
    else if (content[0] === KEEPALIVE) {
      receiver.reached(readLsn(content, 1));
      // The server is about to give the connection up (wal_sender_timeout).
      if (content[17] === 1) this.confirm(this.#confirmed, false);
    }
  }
}

const COPY_DATA = 0x64;
const STATUS = 0x72;
const STATUS_BYTES = 39;
const LOG_DATA = 0x77;
const KEEPALIVE = 0x6b;
const LOG_DATA_HEADER_BYTES = 25;

function startCommand(slot: string, publication: string): string {
  const names = quoteLiteral(`"${publication.replaceAll('"', '""')}"`);
  return `START_REPLICATION SLOT "${slot}" LOGICAL 0/0 (proto_version '1', publication_names ${names})`;
}

/** A text constant of the replication grammar, which knows no backslashes. */
export function quoteLiteral(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

const AS_TEXT = { getTypeParser: () => (value: string) => value };

function toError(error: ServerError | undefined): Error {
  if (error === undefined) return new Error("The server ended the stream.");
  return Object.assign(new Error(error.message), { code: error.code });
}
