import { type Client, DatabaseError } from "pg";
import { type TapOwner, tapBytes } from "./bytes-tap.ts";
import { Call } from "./call.ts";
import { MessageWriter } from "./encode.ts";
import { ConnectionLostError } from "./errors.ts";
import { destroyClient } from "./open.ts";
import { PreparedStatements } from "./prepared.ts";
import { placeOfScene, type Scene } from "./scene.ts";
import { bindHead, learnPace, traitsOf, unnamedStatement } from "./statement.ts";
import type { Command, CommandResult, Sequel } from "./types.ts";
import { insideOf, PipelineQuery, type Receiver } from "./wire.ts";

/** Whom a connection tells what happens on it. */
export interface ConnectionOwner {
  /** A call has ended, or the connection may be used again. */
  progressed(connection: PipelinedConnection): void;
  /** Calls that were not executed and must be sent once more, in this order, on any connection. */
  replay(calls: readonly Call[]): void;
  /** The connection broke. */
  lost(connection: PipelinedConnection, cause: Error): void;
  /** Resolves to whether the server has certainly dealt with the request. */
  cancel(client: Client): Promise<boolean>;
}

export interface ConnectionOptions {
  readonly owner: ConnectionOwner;
  /** 0: every statement is parsed each time. */
  readonly maxPrepared: number;
  /** By `performance.now()`. */
  readonly expiresAt: number;
  /** Its transactions only read, unless it is told otherwise. */
  readonly startsReadOnly: boolean;
  /** What its transactions are told at their beginning; absent where it was told itself. */
  readonly scene: Scene | undefined;
}

/** A connection whose pipeline carries the calls of many, or those of one session. */
export class PipelinedConnection implements Receiver, TapOwner {
  readonly expiresAt: number;
  isAlive = true;
  /** Too old: takes no further calls, and ends when it has answered the ones it has. */
  isRetiring = false;
  /** Being emptied for a session that waits. */
  isReserved = false;
  /** Belongs to a session. */
  isExclusive = false;
  idleSince = performance.now();
  /** When the call at the head of the pipeline got there. */
  progressedAt = 0;

  readonly #client: Client;
  readonly #owner: ConnectionOwner;
  readonly #writer = new MessageWriter();
  readonly #query = new PipelineQuery(this);
  readonly #prepared: PreparedStatements | undefined;
  readonly #scene: Scene | undefined;
  #calls: Call[] = [];
  #slowCalls = 0;
  /** Whether transactions may write, as of the end of what was sent; undefined where it makes no difference. */
  #isWriting: boolean | undefined;
  #width = 0;
  #isTapped = false;
  #bytesCalls = 0;
  #cancelling: Promise<void> | undefined = undefined;

  constructor(client: Client, options: ConnectionOptions) {
    this.#client = client;
    this.#owner = options.owner;
    this.expiresAt = options.expiresAt;
    this.#isWriting = options.startsReadOnly ? false : undefined;
    this.#scene = options.scene;
    this.#prepared = options.maxPrepared > 0 ? new PreparedStatements(options.maxPrepared) : undefined;
    client.on("error", (error) => this.#lose(error));
    client.on("end", () => this.#lose(new Error("The connection has ended.")));
    insideOf(client).connection.on("parseComplete", () => {
      const head = this.#calls[0];
      if (head !== undefined) head.parsed++;
    });
  }

  /** Calls sent and not answered. */
  get load(): number {
    return this.#calls.length;
  }

  /** Calls sent and not answered, those that share a statement counted each. */
  get width(): number {
    return this.#width;
  }

  /** Calls sent and not answered, in order. */
  get calls(): readonly Call[] {
    return this.#calls;
  }

  /** Everything under way on it is known to be quick. */
  get isQuick(): boolean {
    return this.#slowCalls === 0;
  }

  get isIdle(): boolean {
    return this.#calls.length === 0 && this.isShareable;
  }

  get isShareable(): boolean {
    return this.isAlive && !this.isRetiring && !this.isReserved && !this.isExclusive && this.#cancelling === undefined;
  }

  /** Whether a call needs no switching over before it. */
  suits({ isWrite }: Call): boolean {
    return this.#isWriting === undefined || this.#isWriting === isWrite;
  }

  /** Whether it can read the call's rows: fields of bytes only once it was free when the first call that has some came. */
  reads({ wantsBytes }: Call): boolean {
    return !wantsBytes || this.#isTapped || this.#calls.length === 0;
  }

  /** Calls under way whose rows have a field of bytes. */
  get bytesCalls(): number {
    return this.#bytesCalls;
  }

  bytesPlace(): number {
    return this.#calls[0]?.bytesPlace ?? -1;
  }

  /** Resolves when a cancel request that is under way can no longer hit what is sent next. */
  get cancelling(): Promise<void> | undefined {
    return this.#cancelling;
  }

  get isInTransaction(): boolean {
    return this.#client.getTransactionStatus() !== "I";
  }

  /** Whether the server should long have answered or ended the statement: the way to it is cut, and TCP does not say so. */
  isOverdue(statementTimeoutMs: number, graceMs: number): boolean {
    const head = this.#calls[0];
    if (head === undefined) return false;
    const allowed = Math.max(statementTimeoutMs * head.commands.length, head.timeoutMs) + graceMs;
    return performance.now() - this.progressedAt > allowed;
  }

  /** Whether the socket still takes data; one that does not is about to be reported lost. */
  get isWritable(): boolean {
    return this.isAlive && insideOf(this.#client).connection.stream.writable;
  }

  /** Appends a call to the pipeline. It leaves with the next `flush`, in one piece with whatever else was added. */
  send(call: Call): void {
    if (!call.isInternal && !this.suits(call)) this.#switchOver(call.isWrite);
    call.connection = this;
    if (call.wantsBytes) this.#readBytes();
    if (this.#calls.length === 0) this.progressedAt = performance.now();
    this.#calls.push(call);
    // Judged once, so that the count comes out even whatever is learnt meanwhile.
    call.wasSlow = !call.isQuick && !call.isInternal;
    if (call.wasSlow) this.#slowCalls++;
    this.#width += call.width;
    this.#encode(call);
    this.#client.query(this.#query);
    if (call.sequel !== undefined) this.#sendSequel(call.sequel, call.isWrite);
  }

  #readBytes(): void {
    this.#bytesCalls++;
    if (this.#isTapped) return;
    this.#isTapped = true;
    tapBytes(insideOf(this.#client).connection.stream, this);
  }

  #sendSequel({ command, followed }: Sequel, isWrite: boolean): void {
    const answer = new Promise<CommandResult | undefined>((resolve) => {
      const call = new Call(
        [command],
        { calls: 0, errors: 0 },
        ([result]) => resolve(result),
        () => resolve(undefined),
      );
      call.isInternal = true;
      call.isWrite = isWrite;
      this.send(call);
    });
    followed(answer);
  }

  flush(): void {
    const bytes = this.#writer.take();
    if (bytes.length > 0) insideOf(this.#client).connection.stream.write(bytes);
  }

  /** The caller of a sent call has left: nobody else's statement may suffer from it. */
  abandon(call: Call): void {
    if (this.#calls[0] === call && this.#isAlone) this.#cancel();
  }

  /** Says goodbye; resolves when the socket is closed. The connection must have nothing to answer. */
  async end(): Promise<void> {
    this.isAlive = false;
    const timer = setTimeout(() => destroyClient(this.#client), GOODBYE_MS);
    await this.#client.end();
    clearTimeout(timer);
  }

  /** Breaks the connection and rejects what is on it. */
  destroy(reason: Error): void {
    this.#lose(reason);
  }

  row(fields: readonly (string | null)[]): void {
    this.#calls[0]?.addRow(fields);
  }

  completed(tag: string): void {
    this.#calls[0]?.completeCommand(tag);
  }

  failed(error: Error): void {
    if (!this.isAlive) return;
    const head = this.#calls[0];
    if (head === undefined || !(error instanceof DatabaseError)) {
      this.#lose(error);
      return;
    }
    // pg regards the query as done. What the transaction came to is known with its ReadyForQuery; if that never
    // comes, the error was the server's last word on this connection.
    head.failure = error;
    insideOf(this.#client).connection.once("readyForQuery", () => this.ready());
  }

  ready(): void {
    if (!this.isAlive) return;
    const call = this.#calls.shift();
    if (call === undefined) return;
    const now = performance.now();
    const elapsedMs = now - this.progressedAt;
    if (call.traits !== undefined) learnPace(call.traits, elapsedMs);
    if (call.shape !== undefined && call.failure === undefined) call.shape.limit.measured(call.width, elapsedMs);
    this.progressedAt = now;
    if (call.wasSlow) this.#slowCalls--;
    this.#width -= call.width;
    if (call.wantsBytes) this.#bytesCalls--;
    call.connection = undefined;
    if (call.failure === undefined) call.succeed();
    else this.#settleFailure(call, call.failure);
    if (this.isInTransaction && !this.isExclusive) {
      // Strangers' calls behind it would run inside that transaction.
      this.#lose(new Error("A call left a transaction open."));
      return;
    }
    const [head] = this.#calls;
    if (head?.isSettled && !head.isInternal && this.#isAlone) this.#cancel();
    if (head === undefined) this.idleSince = this.progressedAt;
    this.#owner.progressed(this);
  }

  /**
   * A session setting between two calls, in a transaction of its own: a transaction that strangers can follow in the pipeline cannot be
   * told to write once it has begun.
   */
  #switchOver(isWriting: boolean): void {
    this.#isWriting = isWriting;
    const call = new Call([isWriting ? WRITING : READING], { calls: 0, errors: 0 }, ignore, (reason) =>
      // What follows would run in the wrong mode.
      this.#lose(reason instanceof Error ? reason : new Error("The connection could not be switched over.")),
    );
    call.isInternal = true;
    this.send(call);
  }

  #encode(call: Call): void {
    const writer = this.#writer;
    this.#prepared?.begin(writer);
    for (const { statement, values } of this.#scene === undefined
      ? call.commands
      : this.#withScene(call, this.#scene)) {
      if (this.#prepared === undefined || statement.name === "") {
        writer.parse("", statement.text);
        writer.bind(UNNAMED, values, traitsOf(statement).resultFormats);
      } else {
        // Others that failed over the same statement may be sent again just before: none relies on another's Parse.
        if (call.wasReplayed) this.#prepared.renew(statement.name);
        const parsed = this.#prepared.prepare(statement, writer);
        if (parsed !== undefined) (call.parses ??= []).push(parsed);
        const { bindHead: head, resultFormats } = traitsOf(statement);
        writer.bind(head, values, resultFormats);
      }
      writer.execute();
    }
    writer.sync();
  }

  #withScene(call: Call, { reads, others }: Scene): readonly Command[] {
    call.sceneAt = call.isInternal ? -1 : placeOfScene(call.commands, this.isExclusive);
    if (call.sceneAt === -1) return call.commands;
    return call.commands.toSpliced(call.sceneAt, 0, this.isExclusive || call.isWrite ? others : reads);
  }

  #settleFailure(call: Call, failure: DatabaseError): void {
    this.#takeBackUnparsed(call);
    if (!call.isReplayable || this.isInTransaction || (this.isExclusive && this.#calls.length > 0)) {
      call.fail(failure);
      return;
    }
    call.rewind();
    call.wasReplayed = true;
    if (this.isExclusive) {
      this.send(call);
      this.flush();
    } else {
      this.#owner.replay([call]);
    }
  }

  #takeBackUnparsed({ parses, parsed, commands }: Call): void {
    if (parses === undefined) return;
    // Unnamed statements are confirmed too, and cannot be told apart: then any statement may be the one that failed.
    const confirmed = commands.some(({ statement }) => statement.name === "") ? 0 : parsed;
    for (const entry of parses.slice(confirmed)) this.#prepared?.takeBack(entry);
  }

  /** Behind the head there are none but the connection's own calls, which a cancel request may hit. */
  get #isAlone(): boolean {
    return this.#calls.every(({ isInternal }, place) => place === 0 || isInternal);
  }

  #cancel(): void {
    this.#cancelling ??= this.#cancelCurrent();
  }

  async #cancelCurrent(): Promise<void> {
    const isCertain = await this.#owner.cancel(this.#client);
    this.#cancelling = undefined;
    if (!isCertain) this.isRetiring = true;
    if (this.isAlive) this.#owner.progressed(this);
  }

  #lose(cause: Error): void {
    if (!this.isAlive) return;
    this.isAlive = false;
    destroyClient(this.#client);
    const calls = this.#calls;
    this.#calls = [];
    this.#slowCalls = 0;
    this.#width = 0;
    this.#bytesCalls = 0;
    const said = calls[0]?.failure;
    // A server that says why it closes has not looked at what follows the call it says that to.
    const unseen = said !== undefined && isFarewell(said) ? calls.splice(1) : [];
    for (const call of calls) {
      call.connection = undefined;
      // Any other error was the answer: that call's transaction has failed, whatever happened then.
      const isAnswered = call.failure !== undefined && !isFarewell(call.failure);
      call.fail(isAnswered ? call.failure : new ConnectionLostError(true, call.failure ?? cause));
    }
    for (const call of unseen) {
      call.rewind();
      if (call.isInternal) call.fail(new ConnectionLostError(false, said));
    }
    if (this.isExclusive) for (const call of unseen) call.fail(new ConnectionLostError(false, said));
    else this.#owner.replay(unseen.filter((call) => !call.isSettled && !call.isInternal));
    this.#owner.lost(this, cause);
  }
}

/** Shutdown, crash of a neighbour, database dropped, idle for too long: codes that end a connection. */
function isFarewell({ code }: DatabaseError): boolean {
  return code !== undefined && /^57P0[1-5]$/.test(code);
}

const GOODBYE_MS = 1000;
const UNNAMED = bindHead("");
const WRITING = { statement: unnamedStatement("SET default_transaction_read_only = off"), values: [] };
const READING = { statement: unnamedStatement("SET default_transaction_read_only = on"), values: [] };

function ignore(): void {}
