import { readFile } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import type { UpstreamSettings } from "../api/settings.ts";
import type { Admission, Source, SourceContext, SourceReply, UpgradeConnection } from "../api/source.ts";
import type { SourceRequest } from "../api/source-request.ts";
import { HotpathError } from "../errors.ts";
import { hasContent } from "../http/content.ts";
import { toEndedReply } from "../http/ended.ts";
import { Address } from "./address.ts";
import { pickAddress } from "./balancer.ts";
import { createConnections } from "./connections.ts";
import { mapCondition, PLAIN_TAGS, tagForClient } from "./entity-tags.ts";
import type { UpstreamReply } from "./exchange.ts";
import { UpstreamFailure } from "./failure.ts";
import { createFieldReader, selectFromReply, type WantedFields } from "./fields.ts";
import { createReplyOf } from "./reply-fields.ts";
import { ReplyStream } from "./reply-stream.ts";
import { type ForwardedBody, NO_BODY, takeBody } from "./request-body.ts";
import { createRequestFields, type ForwardedHeaders } from "./request-fields.ts";
import { backoffMs, createRetryBudget, isIdempotent } from "./retry.ts";
import { createSender, type Outgoing, type Sender } from "./sender.ts";
import { createTarget } from "./target.ts";
import { createUpgrades, type Upgrades } from "./upgrade.ts";

/** Passes requests on to an HTTP API. */
export function createUpstreamSource(settings: UpstreamSettings): Source {
  return new UpstreamSource(settings);
}

/** What exists once a source was started. */
interface Parts {
  readonly addresses: readonly Address[];
  readonly sender: Sender;
  readonly upgrades: Upgrades;
}

class UpstreamSource implements Source {
  readonly name = "upstream";
  readonly isGateway = true;
  readonly #settings: UpstreamSettings;
  readonly #toFields: ReturnType<typeof createRequestFields>;
  /** For traces. */
  readonly #host: string;
  readonly #toTarget: ReturnType<typeof createTarget>;
  readonly #toReply: ReturnType<typeof createReplyOf>;
  readonly #fields: ReturnType<typeof createFieldReader>;
  readonly #budget: ReturnType<typeof createRetryBudget>;
  #parts: Parts | undefined;
  readonly admission?: Admission;
  /** Absent where WebSockets are switched off. */
  readonly upgrade?: NonNullable<Source["upgrade"]>;

  constructor(settings: UpstreamSettings) {
    this.#settings = settings;
    if (settings.auth !== "ignore") this.admission = settings.auth;
    if (settings.webSockets) this.upgrade = (request, connection) => this.#upgrade(request, connection);
    this.#toFields = createRequestFields(settings, new URL(settings.url).origin);
    this.#host = new URL(settings.url).host;
    this.#toTarget = createTarget(settings.url, settings.stripBasePath);
    this.#toReply = createReplyOf(settings);
    this.#fields = createFieldReader(settings.fields);
    this.#budget = createRetryBudget(settings.retry.budgetPercent);
  }

  async start({ log, metrics }: SourceContext): Promise<void> {
    const dialler = { undici: await import("undici"), ca: await readCertificates(this.#settings.tls.ca) };
    const origins = new Set([this.#settings.url, ...this.#settings.addresses].map((url) => new URL(url).origin));
    const addresses = [...origins].map(
      (origin) => new Address(origin, createConnections(dialler, origin, this.#settings), this.#settings),
    );
    const sender = createSender(addresses, this.#settings, metrics, log);
    this.#parts = { addresses, sender, upgrades: createUpgrades(dialler, this.#settings) };
  }

  isReady(): boolean {
    return this.#parts !== undefined;
  }

  isSaturated(): boolean {
    return this.#parts?.sender.isSaturated() ?? false;
  }

  async close(): Promise<void> {
    this.#parts?.upgrades.close();
    await this.#parts?.sender.close();
  }

  resolve(request: SourceRequest): Promise<SourceReply> {
    if (!hasContent(request)) return this.#forward(request, NO_BODY);
    return takeBody(request, this.#settings.limits.bufferBytes).then((body) => this.#forward(request, body));
  }

  #forward(request: SourceRequest, body: ForwardedBody): Promise<SourceReply> {
    const { totalMs } = this.#settings.timeout;
    const target = this.#toTarget(request);
    const { target: path, wanted } = this.#fields?.read(target) ?? { target, wanted: undefined };
    const span = request.span?.begin(request.method, "client", {
      "http.request.method": request.method,
      "server.address": this.#host,
    });
    const headers = this.#toFields(request, body.length, span?.traceparent);
    const hasConditions = request.headers["if-none-match"] !== undefined || request.headers["if-match"] !== undefined;
    if (hasConditions || wanted !== undefined) adapt(headers, wanted);
    const outgoing: Outgoing = {
      method: request.method,
      path,
      headers,
      body: body.content,
      request,
      collectBytes: wanted === undefined ? undefined : this.#settings.fields.maxBytes,
      deadlineMs: totalMs === null ? undefined : performance.now() + totalMs,
    };
    const finish = (received: UpstreamReply): SourceReply => {
      span?.set("http.response.status_code", received.status);
      span?.set("http.request.resend_count", Math.max(0, tried.length - 1));
      span?.end(received.status >= 500 ? String(received.status) : undefined);
      return this.#finish(received, request, wanted);
    };
    this.#budget.earn();
    // Promises by hand: nearly every request has one attempt, and each `async` layer would cost it as much as its header fields.
    const tried: Address[] = [];
    return this.#started()
      .sender.send(outgoing, tried)
      .then(
        (received) =>
          this.#isRefusal(received, outgoing)
            ? this.#retry({ received }, outgoing, tried).then(finish)
            : finish(received),
        (error: unknown) => this.#retry({ error }, outgoing, tried).then(finish),
      )
      .catch((error: unknown) => {
        span?.end(error instanceof HotpathError ? error.code : "error");
        const ended = toEndedReply(request.signal);
        if (ended !== undefined) return ended;
        throw error;
      });
  }

  #finish(received: UpstreamReply, request: SourceRequest, wanted: WantedFields | undefined): SourceReply {
    const reply = this.#toReply(received);
    if (wanted !== undefined) selectFromReply(reply, wanted);
    const { etag } = reply.headers;
    if (reply.status === 304 && typeof etag === "string") {
      const sent = request.headers["if-none-match"];
      reply.headers["etag"] = tagForClient(etag, sent, wanted?.tags ?? PLAIN_TAGS);
    }
    return reply;
  }

  /** Whether a reply is one of those that are worth a retry. */
  #isRefusal({ status, headers }: UpstreamReply, { method }: Outgoing): boolean {
    const { statuses } = this.#settings.retry;
    if (statuses.length === 0 || !(statuses as readonly string[]).includes(String(status))) return false;
    return isIdempotent(method) && headers["retry-after"] === undefined;
  }

  /** Sends again what failed, as often as is allowed and useful; else answers or throws what came last. */
  async #retry(first: Outcome, outgoing: Outgoing, tried: Address[]): Promise<UpstreamReply> {
    const { sender } = this.#started();
    const { retry } = this.#settings;
    let outcome = first;
    for (
      let attempt = 1;
      attempt <= retry.attempts && mayRepeat(outcome, outgoing) && this.#budget.spend();
      attempt++
    ) {
      if ("received" in outcome && outcome.received.body instanceof ReplyStream) outcome.received.body.destroy();
      sender.retried();
      await delay(backoffMs(retry, attempt, Math.random), undefined, { signal: outgoing.request.signal });
      try {
        const received = await sender.send(outgoing, tried);
        if (!this.#isRefusal(received, outgoing)) return received;
        outcome = { received };
      } catch (error) {
        outcome = { error };
      }
    }
    if ("received" in outcome) return outcome.received;
    throw outcome.error;
  }

  /** A WebSocket is not retried: its client opens another. */
  async #upgrade(request: SourceRequest, connection: UpgradeConnection): Promise<SourceReply | undefined> {
    const { addresses, upgrades } = this.#started();
    const address = pickAddress(addresses, [], Date.now());
    if (address === undefined) throw new HotpathError("HP_UPSTREAM_OVERLOADED", "The upstream has all it can take.");
    const outgoing: Outgoing = {
      method: request.method,
      path: this.#toTarget(request),
      headers: this.#toFields(request, undefined),
      body: null,
      request,
      collectBytes: undefined,
      deadlineMs: undefined,
    };
    const refusal = await upgrades.open(address.origin, outgoing, connection);
    return refusal === undefined ? undefined : this.#toReply(refusal);
  }

  #started(): Parts {
    if (this.#parts === undefined) throw new HotpathError("HP_UNAVAILABLE", "The source was not started.");
    return this.#parts;
  }
}

async function readCertificates(path: string | null): Promise<Buffer | undefined> {
  if (path === null) return undefined;
  try {
    return await readFile(path);
  } catch (cause) {
    throw new HotpathError("HP_OPTION_INVALID", `tls.ca: the file ${path} cannot be read.`, { cause });
  }
}

/** How an attempt ended that may be followed by another. */
type Outcome = { readonly received: UpstreamReply } | { readonly error: unknown };

/** Puts conditions into the upstream's words; where fields are to be picked, asks for content that can be read. */
function adapt(headers: ForwardedHeaders, wanted: WantedFields | undefined): void {
  const tags = wanted?.tags ?? PLAIN_TAGS;
  for (let at = headers.length - 2; at >= 0; at -= 2) {
    const name = headers[at] as string;
    if (name === "if-none-match" || name === "if-match") {
      const mapped = mapCondition(String(headers[at + 1]), tags);
      // A tag that the upstream cannot know must still make If-Match fail.
      if (mapped !== undefined) headers[at + 1] = mapped;
      else if (name === "if-none-match") headers.splice(at, 2);
    } else if (wanted !== undefined && (name === "range" || name === "if-range" || name === "accept-encoding")) {
      headers.splice(at, 2);
    }
  }
  if (wanted !== undefined) headers.push("accept-encoding", "identity");
}

/** Whether sending again can do no harm and may help: time that ran out once is not spent twice. */
function mayRepeat(outcome: Outcome, { method, body }: Outgoing): boolean {
  if (body !== null && !(body instanceof Buffer)) return false;
  if ("received" in outcome) return true;
  const { error } = outcome;
  if (!(error instanceof UpstreamFailure)) return false;
  return error.isUnsent || (isIdempotent(method) && error.kind === "broken");
}
