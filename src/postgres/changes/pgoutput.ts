import { type Lsn, readLsn } from "./lsn.ts";

// The messages of the output plugin pgoutput, protocol version 1 (PostgreSQL's documentation, "Logical Replication Message
// Formats"). Transactions arrive whole, in the order of their commits, after they were committed; large ones are kept on the server's
// disk until then. Version 2 could stream them while they run, but nothing may be invalidated before the commit, so
// their changes would only have to be kept here.

/** What a table looks like from now on; sent before its first change and whenever it may have changed. */
export interface TableDescription {
  readonly kind: "table";
  readonly oid: number;
  readonly schema: string;
  readonly name: string;
  readonly identity: ReplicaIdentity;
  readonly columns: readonly TableColumn[];
}

/** What the old version of a changed row tells of it (`REPLICA IDENTITY`). */
export type ReplicaIdentity = "key" | "index" | "full" | "nothing";

export interface TableColumn {
  readonly name: string;
  readonly typeOid: number;
  /** Part of what identifies rows. */
  readonly isIdentity: boolean;
}

/** A row's values in PostgreSQL's text form, by column; `undefined`: not told, since it did not change or nobody wants it. */
export type RowValues = readonly (string | null | undefined)[];

export type Change =
  | { readonly kind: "insert"; readonly table: number; readonly row: RowValues }
  | {
      readonly kind: "update";
      readonly table: number;
      readonly row: RowValues;
      /** Absent: what identifies the row is as before. */
      readonly before: OldRow | undefined;
    }
  | { readonly kind: "delete"; readonly table: number; readonly before: OldRow }
  | { readonly kind: "truncate"; readonly tables: readonly number[] }
  /** A row too long to be looked at. */
  | { readonly kind: "oversized"; readonly table: number };

/** What is known of a row's former version. */
export interface OldRow {
  readonly values: RowValues;
  /** All columns are told; otherwise those that identify the row, and null stands for the others. */
  readonly isWhole: boolean;
}

export interface TransactionBegin {
  readonly kind: "begin";
  /** The lower half of the transaction's number. */
  readonly xid: number;
  /** When it was committed by the server's clock, in milliseconds since the epoch. */
  readonly committedAtMs: number;
}

export interface TransactionCommit {
  readonly kind: "commit";
  /** Just behind the transaction in the log. */
  readonly endLsn: Lsn;
}

export type PgoutputMessage = TransactionBegin | TransactionCommit | TableDescription | Change | { kind: "other" };

/** Reads messages one after another; remembers nothing but the descriptions of tables. */
export interface PgoutputDecoder {
  /**
   * @param isWhole `false`: these bytes are only the beginning of a message that was too long to keep.
   * @throws Error for bytes that the protocol does not have.
   */
  decode(bytes: Buffer, isWhole: boolean): PgoutputMessage;
  /** Asks again which columns of the tables described so far are wanted. */
  renew(): void;
}

/**
 * @param wanted which columns of a table are of interest, asked once for each description; the values of others are skipped
 *   without being made texts.
 */
export function createPgoutputDecoder(wanted: (table: TableDescription) => readonly boolean[]): PgoutputDecoder {
  const wantedOf = new Map<number, readonly boolean[]>();
  const described = new Map<number, TableDescription>();
  const columnsOf = (table: number): readonly boolean[] => wantedOf.get(table) ?? NONE;
  return {
    renew() {
      for (const table of described.values()) wantedOf.set(table.oid, wanted(table));
    },
    decode(bytes, isWhole) {
      const code = bytes[0];
      if (!isWhole) return decodeBeginning(bytes);
      const reader = new Reader(bytes);
      switch (code) {
        case BEGIN:
          return { kind: "begin", committedAtMs: toMilliseconds(bytes, 9), xid: bytes.readUInt32BE(17) };
        case COMMIT:
          return { kind: "commit", endLsn: readLsn(bytes, 10) };
        case TABLE: {
          const table = readTable(reader);
          described.set(table.oid, table);
          wantedOf.set(table.oid, wanted(table));
          return table;
        }
        case INSERT: {
          const table = reader.uint32();
          reader.uint8();
          return { kind: "insert", table, row: reader.row(columnsOf(table)) };
        }
        case UPDATE:
          return readUpdate(reader, columnsOf);
        case DELETE: {
          const table = reader.uint32();
          const isOldWhole = reader.uint8() === OLD;
          return { kind: "delete", table, before: { values: reader.row(columnsOf(table)), isWhole: isOldWhole } };
        }
        case TRUNCATE: {
          const count = reader.uint32();
          reader.uint8();
          return { kind: "truncate", tables: Array.from({ length: count }, () => reader.uint32()) };
        }
        case TYPE:
        case ORIGIN:
        case MESSAGE:
          return { kind: "other" };
        default:
          throw new Error(`The replication stream holds a message of unknown type ${String(code)}.`);
      }
    },
  };
}

const BEGIN = 0x42;
const COMMIT = 0x43;
const DELETE = 0x44;
const INSERT = 0x49;
const MESSAGE = 0x4d;
const NEW = 0x4e;
const OLD = 0x4f;
const ORIGIN = 0x4f;
const TABLE = 0x52;
const TRUNCATE = 0x54;
const UPDATE = 0x55;
const TYPE = 0x59;

const IS_NULL = 0x6e;
const IS_UNCHANGED = 0x75;

const NONE: readonly boolean[] = [];

const IDENTITIES: Readonly<Record<string, ReplicaIdentity>> = { d: "key", i: "index", f: "full", n: "nothing" };

/** Messages about rows name the table first; no other is ever so long. */
function decodeBeginning(bytes: Buffer): PgoutputMessage {
  const code = bytes[0];
  if (code === INSERT || code === UPDATE || code === DELETE) {
    return { kind: "oversized", table: bytes.readUInt32BE(1) };
  }
  if (code === MESSAGE) return { kind: "other" };
  throw new Error(`The replication stream holds an overlong message of type ${String(code)}.`);
}

function readTable(reader: Reader): TableDescription {
  const oid = reader.uint32();
  const schema = reader.text();
  const name = reader.text();
  const identity = IDENTITIES[String.fromCharCode(reader.uint8())] ?? "nothing";
  const columns = Array.from({ length: reader.uint16() }, (): TableColumn => {
    const isIdentity = (reader.uint8() & 1) === 1;
    const column = { name: reader.text(), typeOid: reader.uint32(), isIdentity };
    // The type's modifier, such as a length: values come as text.
    reader.skip(4);
    return column;
  });
  return { kind: "table", oid, schema, name, identity, columns };
}

function readUpdate(reader: Reader, columnsOf: (table: number) => readonly boolean[]): Change {
  const table = reader.uint32();
  const wanted = columnsOf(table);
  const code = reader.uint8();
  if (code === NEW) return { kind: "update", table, row: reader.row(wanted), before: undefined };
  const before = { values: reader.row(wanted), isWhole: code === OLD };
  reader.uint8();
  return { kind: "update", table, row: reader.row(wanted), before };
}

/** Microseconds since 2000 to milliseconds since 1970. */
function toMilliseconds(bytes: Buffer, offset: number): number {
  return Number(bytes.readBigInt64BE(offset)) / 1000 + POSTGRES_EPOCH_MS;
}

/** 2000-01-01, from which PostgreSQL counts. */
export const POSTGRES_EPOCH_MS = 946_684_800_000;

class Reader {
  readonly #bytes: Buffer;
  #at = 1;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  uint8(): number {
    return this.#bytes.readUInt8(this.#at++);
  }

  uint16(): number {
    this.#at += 2;
    return this.#bytes.readUInt16BE(this.#at - 2);
  }

  uint32(): number {
    this.#at += 4;
    return this.#bytes.readUInt32BE(this.#at - 4);
  }

  skip(length: number): void {
    this.#at += length;
  }

  /** Up to a NUL. */
  text(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end === -1) throw new Error("The replication stream holds a text without an end.");
    const text = this.#bytes.toString("utf8", this.#at, end);
    this.#at = end + 1;
    return text;
  }

  row(wanted: readonly boolean[]): RowValues {
    const count = this.uint16();
    const values: (string | null | undefined)[] = [];
    for (let column = 0; column < count; column++) {
      const code = this.uint8();
      if (code === IS_NULL) values.push(null);
      else if (code === IS_UNCHANGED) values.push(undefined);
      else {
        const length = this.uint32();
        const end = this.#at + length;
        if (end > this.#bytes.length) throw new Error("The replication stream holds a value without an end.");
        values.push(wanted[column] === true ? this.#bytes.toString("utf8", this.#at, end) : undefined);
        this.#at = end;
      }
    }
    return values;
  }
}
