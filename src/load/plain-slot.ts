import { createAddresses } from "./client/addresses.ts";
import { connectTls } from "./client/connect-tls.ts";
import { createDeadlines } from "./client/deadlines.ts";
import type { Exchange } from "./client/exchange.ts";
import { LoadFailure, toFailure } from "./client/failure.ts";
import { Http1Connection } from "./client/http1.ts";
import { Http2Connection } from "./client/http2.ts";
import { UNMEASURED } from "./client/measures.ts";
import { type OutgoingRequest, renderHttp1, renderHttp2 } from "./client/request.ts";
import { toTarget } from "./client/target.ts";
import type { PlainJob } from "./messages.ts";
import type { TagLookup } from "./metrics.ts";
import type { ScenarioPlan } from "./plan.ts";
import { type RunnerParts, shareOf } from "./runner.ts";
import type { RequestOutcome } from "./recorder.ts";

/** What carries one request at a time. */
export interface PlainSlot {
  /** Sends the request. Both are of `performance.now()`. @param dueAt when that was due; it may lie before `now` */
  start(dueAt: number, now: number): void;
}

type Noted = { -readonly [Key in keyof RequestOutcome]: RequestOutcome[Key] };

/** A connection that could not be opened is tried again after that: a server that is down is not to be asked in a busy loop. */
const RECONNECT_MS = 50;

/** The slots of one process. */
export function createPlainSlots(
  job: PlainJob,
  plan: ScenarioPlan,
  { recorder, place }: RunnerParts,
  freed: (slot: PlainSlot, now: number) => void,
): { slots: readonly PlainSlot[]; prepare: () => Promise<void>; close: () => void } {
  const url = new URL(job.url);
  const target = toTarget(url, job.hosts);
  const request: OutgoingRequest = {
    method: job.method,
    target,
    path: url.pathname + url.search,
    fields: job.fields,
    body: job.body === undefined ? undefined : Buffer.from(job.body),
  };
  const rendered = renderHttp1(request);
  const bytes = typeof rendered === "string" ? Buffer.from(rendered, "latin1") : rendered;
  const headers = renderHttp2(request);
  const tls = { rejectUnauthorized: !job.isInsecure };
  const addresses = createAddresses();
  const deadlines = createDeadlines();
  const name = job.url;
  const constants: Readonly<Record<string, string>> = { method: job.method, name, url: name, scenario: plan.name };
  const multiplexed: (Promise<Http2Connection> | undefined)[] = [];
  let isClosed = false;

  const addressOf = async (attempt: number): Promise<string> => {
    if (addresses.find(target.hostname, attempt) === undefined) await addresses.load(target.hostname);
    const address = addresses.find(target.hostname, attempt);
    if (address === undefined) throw new LoadFailure(1101, "no such host");
    return address;
  };
  const openHttp2 = async (): Promise<Http2Connection> => {
    const address = await addressOf(0);
    if (!target.isTls) return new Http2Connection(target, address);
    const { socket } = await connectTls(target, address, ["h2"], tls, job.timeoutMs);
    if (socket.alpnProtocol !== "h2") {
      socket.destroy();
      throw new LoadFailure(1600, "the server speaks no HTTP/2");
    }
    return new Http2Connection(target, socket);
  };

  class Slot implements PlainSlot, Exchange {
    readonly isHead = job.method === "HEAD";
    readonly wantsHead = false;
    readonly wantsBody = false;
    status = 0;
    head = "";
    body: undefined;
    receivedBytes = 0;
    sentAt = 0;
    writtenAt = 0;
    firstByteAt = 0;
    endedAt = 0;
    connection: Http1Connection | undefined;
    readonly #index: number;
    #dueAt = 0;
    #startedAt = 0;
    #hasRetried = false;
    #attempt = 0;

    constructor(index: number) {
      this.#index = index;
    }

    start(dueAt: number, now: number): void {
      this.#startedAt = now;
      this.#dueAt = dueAt;
      this.#hasRetried = false;
      this.status = 0;
      if (job.isHttp2) void this.#sendHttp2();
      else this.#sendHttp1(now);
    }

    /** Opens a connection beforehand. */
    open(address: string): Http1Connection {
      const connection = new Http1Connection(target, { connectTimeoutMs: job.timeoutMs, tls });
      connection.onClosed = () => deadlines.forget(connection);
      deadlines.watch(connection);
      this.connection = connection;
      connection.connect(address);
      return connection;
    }

    ended(): void {
      this.#note(outcome, "");
      // The next request goes out before this one is counted: what counting takes is no pause of the load, nor part of what is measured.
      freed(this, this.endedAt);
      recorder.record(outcome, tags);
    }

    failed(failure: LoadFailure): void {
      // What the end of the test cut off says nothing about the server.
      if (isClosed) return;
      const isFresh = this.connection !== undefined && this.connection.served === 0;
      // A server may close a connection that rests just when a request is sent: that is nobody's failure.
      if (!isFresh && !job.isHttp2 && this.firstByteAt === 0 && !this.#hasRetried && failure.code !== 1050) {
        this.#hasRetried = true;
        this.#sendHttp1(performance.now());
        return;
      }
      this.#attempt++;
      if (this.sentAt < this.#startedAt) this.sentAt = this.#startedAt;
      this.endedAt = performance.now();
      this.status = 0;
      this.#note(outcome, failure.message);
      recorder.record(outcome, tags);
      if (isFresh || job.isHttp2) setTimeout(() => freed(this, performance.now()), RECONNECT_MS);
      else freed(this, this.endedAt);
    }

    #sendHttp1(now: number): void {
      let { connection } = this;
      if (connection === undefined || connection.isGone) {
        const address = addresses.find(target.hostname, this.#attempt);
        if (address === undefined) return void this.#sendAfterLookup();
        connection = this.open(address);
      }
      connection.send(bytes, this, this.#startedAt + job.timeoutMs, now);
    }

    async #sendAfterLookup(): Promise<void> {
      try {
        this.open(await addressOf(this.#attempt));
      } catch (error) {
        this.connection = undefined;
        this.failed(toFailure(error));
        return;
      }
      this.#sendHttp1(performance.now());
    }

    async #sendHttp2(): Promise<void> {
      const at = this.#index % Math.max(1, shareOf(job.connections, place));
      try {
        let connection = await (multiplexed[at] ??= openHttp2());
        if (!connection.isOpen) {
          multiplexed[at] = openHttp2();
          connection = await multiplexed[at];
        }
        connection.send(headers, request.body, this, job.timeoutMs);
      } catch (error) {
        multiplexed[at] = undefined;
        this.failed(toFailure(error));
      }
    }

    #note(outcome: Noted, error: string): void {
      const { status } = this;
      const hasReply = error === "";
      outcome.status = status;
      outcome.hasFailed = !hasReply || status >= 400;
      outcome.error = error;
      outcome.response = this.endedAt - this.#dueAt;
      outcome.blocked = Math.max(0, this.sentAt - this.#startedAt);
      outcome.sending = hasReply ? this.writtenAt - this.sentAt : 0;
      outcome.waiting = hasReply ? this.firstByteAt - this.writtenAt : this.endedAt - this.sentAt;
      outcome.receiving = hasReply ? this.endedAt - this.firstByteAt : 0;
      outcome.receivedBytes = this.receivedBytes;
    }
  }

  /** One for all: it is read before the next is noted. */
  const outcome: Noted = {
    status: 0,
    hasFailed: false,
    method: job.method,
    name,
    error: "",
    response: 0,
    ...UNMEASURED,
    sentBytes: bytes.length,
  };
  const tags: TagLookup = {
    of(name) {
      if (name === "status") return String(outcome.status);
      if (name === "expected_response") return outcome.hasFailed ? "false" : "true";
      if (name === "error") return outcome.error === "" ? undefined : outcome.error;
      return constants[name];
    },
  };
  const number = shareOf(job.connections, place) * (job.isHttp2 ? job.streams : 1);
  const slots = Array.from({ length: number }, (_, index) => new Slot(index));
  return {
    slots,
    async prepare() {
      const address = await addressOf(0).catch(() => undefined);
      if (address === undefined) return;
      if (job.isHttp2) {
        for (let at = 0; at < shareOf(job.connections, place); at++) {
          const opening = openHttp2();
          multiplexed[at] = opening;
          await opening.catch(() => (multiplexed[at] = undefined));
        }
      } else for (const slot of slots) slot.open(address);
    },
    close() {
      isClosed = true;
      deadlines.stop();
      for (const { connection } of slots) connection?.close(new LoadFailure(1000, "the test ended"));
      for (const opening of multiplexed) void opening?.then((connection) => connection.close()).catch(() => undefined);
    },
  };
}
