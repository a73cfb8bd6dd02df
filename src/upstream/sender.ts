import type { IncomingHttpHeaders } from "node:http";
import type { Readable } from "node:stream";
import type { UpstreamSettings } from "../api/settings.ts";
import type { Log, MetricsRegistry } from "../api/source.ts";
import { HotpathError } from "../errors.ts";
import { withoutHopByHop } from "../http/hop-by-hop.ts";
import type { HttpRequest } from "../http/message.ts";
import { type Address, isAddressFailure } from "./address.ts";
import { pickAddress } from "./balancer.ts";
import type { Lease } from "./connections.ts";
import { Exchange, type UpstreamReply } from "./exchange.ts";
import { createLateWatch, type Watched } from "./late-watch.ts";
import { failureOf, UpstreamFailure } from "./failure.ts";
import type { ForwardedHeaders } from "./request-fields.ts";
import { createTurns } from "./turns.ts";
import { observeUpstream } from "./metrics.ts";

/** A request as it goes to an upstream. */
export interface Outgoing {
  readonly method: string;
  readonly path: string;
  readonly headers: ForwardedHeaders;
  readonly body: Buffer | Readable | null;
  /** What it is forwarded for: its client may leave, and may be told of interim replies. */
  readonly request: HttpRequest;
  /** Collect replies up to this length, also where they do not state one. */
  readonly collectBytes: number | undefined;
  /** When it must be over, by `performance.now()`. */
  readonly deadlineMs: number | undefined;
}

/** Sends single requests, each to the address that suits best. */
export interface Sender {
  /** Throws or rejects with a `HotpathError`. Adds the address to `tried`. */
  send(outgoing: Outgoing, tried: Address[]): Promise<UpstreamReply>;
  /** Counts a retry. */
  retried(): void;
  /** Whether requests wait for an address. */
  isSaturated(): boolean;
  close(): Promise<void>;
}

/** Owns the addresses' connections. */
export function createSender(
  addresses: readonly Address[],
  settings: UpstreamSettings,
  registry: MetricsRegistry,
  log: Log,
): Sender {
  const { limits, timeout } = settings;
  const late = createLateWatch();
  const turns = createTurns<Address>(settings.maxWaiting, timeout.waitMs);
  const metrics = observeUpstream(registry, { addresses, waiting: () => turns.waiting });

  const find = (tried: readonly Address[]): Address | undefined => {
    const address = pickAddress(addresses, tried, Date.now());
    address?.begin();
    return address;
  };

  const record = (address: Address, failure: HotpathError | undefined, status: number): void => {
    const others = addresses.some((other) => other !== address && other.isHealthy());
    if (!isFault(failure, status, others)) {
      // A client that left says nothing about the address.
      if (failure === undefined || failure instanceof UpstreamFailure) address.succeed();
    } else if (address.fail(Date.now())) {
      log.warn({ address: address.origin, reason: failure?.message ?? `status ${status}` }, "upstream address is out");
    }
  };

  const exchange = (address: Address, outgoing: Outgoing): Exchange => {
    const { method, path, headers, body, request, collectBytes } = outgoing;
    let timer: NodeJS.Timeout | undefined;
    let place = -1;
    let current!: Exchange;
    const leave = (): void => current.abort(new HotpathError("HP_UNAVAILABLE", "The client left."));
    const watched: Watched = {
      watch() {
        if (request.signal.aborted) leave();
        else request.signal.addEventListener("abort", leave, { once: true });
      },
    };
    const handler = (lease: Lease): Exchange => {
      current = new Exchange({
        method,
        maxBodyBytes: limits.bodyBytes ?? Number.POSITIVE_INFINITY,
        bufferBytes: collectBytes ?? limits.bufferBytes,
        collectsUnknown: collectBytes !== undefined,
        informed: request.inform === undefined ? undefined : passHints(request),
        wasReset: () => lease.wasReset(),
        began: (status) => record(address, undefined, status),
        ended(failure) {
          clearTimeout(timer);
          if (!late.end(watched, place)) request.signal.removeEventListener("abort", leave);
          lease.release();
          address.end();
          if (failure !== undefined) record(address, failure, 0);
          metrics.exchange(address, outcomeOf(failure));
          turns.next();
        },
      });
      return current;
    };
    const options = { method, path, headers: headers as string[], body };
    address.connections.send(options, handler);
    if (current.isOver) return current;
    if (outgoing.deadlineMs !== undefined) {
      timer = setTimeout(() => current.abort(failureOf("late")), Math.max(0, outgoing.deadlineMs - performance.now()));
    }
    place = late.begin(watched);
    return current;
  };

  return {
    send(outgoing, tried) {
      refuseIfOut(addresses);
      const begin = (address: Address): Promise<UpstreamReply> => {
        tried.push(address);
        return exchange(address, outgoing).reply;
      };
      const place = turns.take(
        () => find(tried),
        () => outgoing.request.signal,
      );
      return place instanceof Promise ? place.then(begin) : begin(place);
    },
    retried: () => metrics.retry(),
    isSaturated: () => turns.waiting > 0,
    async close() {
      turns.close();
      await Promise.all(addresses.map(async ({ connections }) => connections.close()));
    },
  };
}

/** Whether an exchange speaks against its address. Replies and slowness that one resource can cause do so only where another can step in. */
function isFault(failure: HotpathError | undefined, status: number, hasOthers: boolean): boolean {
  if (failure === undefined) return hasOthers && status >= 502 && status <= 504;
  if (!(failure instanceof UpstreamFailure)) return false;
  if (failure.kind === "late") return hasOthers || failure.isUnsent;
  return isAddressFailure(failure.kind);
}

function outcomeOf(failure: HotpathError | undefined): string {
  if (failure === undefined) return "whole";
  return failure instanceof UpstreamFailure ? failure.kind : "abandoned";
}

/** Where every address is out and being tried already, waiting would only add to what the client has to wait. */
function refuseIfOut(addresses: readonly Address[]): void {
  if (addresses.some((address) => address.isHealthy() || address.hasRoom())) return;
  const outForMs = Math.min(...addresses.map((address) => address.outForMs(Date.now())));
  throw new HotpathError("HP_UPSTREAM_UNREACHABLE", "The upstream cannot be reached.", {
    headers: { "retry-after": String(Math.max(1, Math.ceil(outForMs / 1000))) },
  });
}

/** Interim replies that concern the client: 100 is for us, 102 keeps a client from giving up, 103 has hints (RFC 9110 section 15.2). */
function passHints(request: HttpRequest): (status: number, headers: IncomingHttpHeaders) => void {
  return (status, headers) => {
    if (status === 102 || status === 103) request.inform?.(status, withoutHopByHop(headers));
  };
}
