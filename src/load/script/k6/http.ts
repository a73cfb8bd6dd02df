import { UNMEASURED } from "../../client/measures.ts";
import { LoadFailure } from "../../client/failure.ts";
import type { OutgoingRequest } from "../../client/request.ts";
import type { RawReply } from "../../client/transfer.ts";
import { CookieJar, parseSetCookie } from "../cookies.ts";
import { toTexts } from "../script-settings.ts";
import { Interrupted, type Vu } from "../vu.ts";
import { decode, encode, FileData, toContent } from "./content.ts";
import { digestAnswer } from "./digest.ts";
import type { KnownUrl } from "./known-urls.ts";
import type { Params } from "./params.ts";
import { createFacts } from "./reply-facts.ts";
import { cookiesOf, fieldsOf, NO_PARTS } from "./request-fields.ts";
import { createRequestRecord } from "./request-record.ts";
import { type Ask, Response } from "./response.ts";
import { SentRequest } from "./sent-request.ts";
import { basicOf, type NamedUrl, toNamedUrl } from "./url.ts";

const TIMEOUT_MS = 60_000;
const NO_PARAMS: Params = {};
const REDIRECTS: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);

/** `k6/http`. */
export function createHttp(vu: Vu) {
  const { process } = vu;
  const responseCallbackOf = (params: Params): ((status: number) => boolean) | null => {
    const given = params["responseCallback"];
    if (given === undefined) return vu.responseCallback;
    return given === null ? null : (given as (status: number) => boolean);
  };

  const request = async (
    method: string,
    address: unknown,
    body?: unknown,
    params: Params | null = {},
  ): Promise<Response> => {
    if (vu.isInit) throw new Error("requests cannot be made while a script is read: make them in a function that runs");
    const given = params ?? {};
    const { settings } = process;
    const { url: text, name } = toNamedUrl(address);
    let known = process.urls.find(text, settings.throws);
    if (known === undefined) return broken(method, text, new LoadFailure(1020, `invalid URL: ${text}`), given);
    const tags = given["tags"] === undefined ? undefined : toTexts(given["tags"]);
    const content = toContent(body);
    const codings = typeof given["compression"] === "string" ? given["compression"] : "";
    let bytes = content === undefined ? undefined : codings === "" ? content.bytes : encode(content.bytes, codings);
    let verb = method.toUpperCase();
    const timeoutMs = durationOf(given["timeout"]);
    const most = typeof given["redirects"] === "number" ? given["redirects"] : settings.maxRedirects;
    const type =
      typeof given["responseType"] === "string" ? given["responseType"] : settings.discardsBodies ? "none" : "text";
    const jar = given["jar"] instanceof CookieJar ? given["jar"] : vu.jar;
    let authorization = basicOf(known.url, given);
    for (let hop = 0; ; hop++) {
      const { url, href, target } = known;
      const cookies = cookiesOf(jar, url, given);
      const isPlain =
        verb === "GET" && bytes === undefined && cookies.length === 0 && authorization === undefined && codings === "";
      const outgoing =
        isPlain && given["headers"] === undefined
          ? (known.plain ??= toOutgoing(
              verb,
              known,
              fieldsOf(NO_PARAMS, { ...NO_PARTS, userAgent: settings.userAgent }),
              undefined,
            ))
          : toOutgoing(
              verb,
              known,
              fieldsOf(given, {
                userAgent: settings.userAgent,
                type: bytes === undefined ? undefined : content?.type,
                codings,
                cookies,
                authorization,
              }),
              bytes,
            );
      if (settings.rps > 0) await pace();
      const dueAt = vu.dueAt;
      vu.dueAt = 0;
      vu.hasWaited = true;
      const startedAt = performance.now();
      const raw = await vu.pool.send(outgoing, { timeoutMs, wantsBody: type !== "none" });
      if (vu.isInterrupted) throw new Interrupted();
      const isDigest = given["auth"] === "digest" && raw.status === 401 && authorization === undefined;
      const callback = responseCallbackOf(given);
      const isExpected = isDigest ? true : callback === null ? undefined : callback(raw.status);
      record(raw, verb, known, name, tags, isExpected, dueAt === 0 ? startedAt : dueAt);
      const facts = factsOf(raw.head);
      for (const field of facts.cookies) {
        const cookie = parseSetCookie(field);
        if (cookie !== undefined) jar.keep(url, cookie);
      }
      if (isDigest && facts.challenge !== undefined) {
        authorization = digestAnswer(facts.challenge, verb, url);
        if (authorization !== undefined) continue;
      }
      if (facts.location !== undefined && hop < most && REDIRECTS.has(raw.status)) {
        const next = URL.parse(facts.location, url.href);
        const led = next === null ? undefined : process.urls.find(next.href, false);
        if (led !== undefined) {
          if (raw.status === 303 || ((raw.status === 301 || raw.status === 302) && verb === "POST")) {
            verb = verb === "HEAD" ? "HEAD" : "GET";
            bytes = undefined;
          }
          // Credentials are for the host that they were given for.
          if (led.url.host !== url.host) authorization = undefined;
          known = led;
          continue;
        }
      }
      if (raw.failure !== undefined) complain(verb, href, raw.failure, settings.throws || given["throw"] === true);
      const { coding } = facts;
      const decoded = raw.body === undefined || coding === undefined ? raw.body : decode(raw.body, coding);
      return new Response(raw, decoded, type, href, target.port, new SentRequest(outgoing, href, cookies), ask);
    }
  };

  const ask: Ask = async (method, url, body, params) => request(method, url, body, (params ?? {}) as Params);

  const factsOf = createFacts();
  const record = createRequestRecord(vu);

  const complain = (method: string, url: string, failure: LoadFailure, throws: boolean): void => {
    if (throws) throw new Error(`${method} ${url}: ${failure.message}`, { cause: failure });
    process.complain("warning", `Request failed: ${method} ${url}: ${failure.message}`);
  };

  const broken = (method: string, url: string, failure: LoadFailure, params: Params): Response => {
    complain(method, url, failure, process.settings.throws || params["throw"] === true);
    const now = performance.now();
    const raw: RawReply = {
      status: 0,
      head: "",
      body: undefined,
      failure,
      protocol: "HTTP/1.1",
      remoteAddress: "",
      tls: undefined,
      ...UNMEASURED,
      endedAt: now,
    };
    return new Response(raw, undefined, "text", url, 0, SentRequest.unsent(method, url), ask);
  };

  const pace = async (): Promise<void> => {
    const now = performance.now();
    const at = Math.max(now, process.nextRequestAt);
    process.nextRequestAt = at + 1000 / process.settings.rps;
    if (at > now) await vu.pause(at - now);
  };

  const batch = async (requests: unknown): Promise<unknown> => {
    const entries = Object.entries(requests as Record<string, unknown>);
    const results: (readonly [string, Response])[] = [];
    const { batch: most, batchPerHost } = process.settings;
    const hosts = new Map<string, number>();
    const waiting = entries.map(([key, entry]) => ({ key, ...toCall(entry) }));
    await new Promise<void>((resolve, reject) => {
      let active = 0;
      const run = async (call: Call & { readonly key: string }, host: string): Promise<void> => {
        try {
          results.push([call.key, await request(call.method, call.url, call.body, call.params)]);
        } catch (error) {
          reject(error);
        }
        active--;
        hosts.set(host, hosts.get(host)! - 1);
        next();
      };
      const next = (): void => {
        if (waiting.length === 0 && active === 0) return resolve();
        for (let at = 0; at < waiting.length && active < most; at++) {
          const call = waiting[at]!;
          const host = URL.parse(toNamedUrl(call.url).url)?.host ?? "";
          const busy = hosts.get(host) ?? 0;
          if (batchPerHost > 0 && busy >= batchPerHost) continue;
          waiting.splice(at--, 1);
          active++;
          hosts.set(host, busy + 1);
          void run(call, host);
        }
      };
      next();
    });
    const byKey = new Map(results);
    if (Array.isArray(requests)) return entries.map(([key]) => byKey.get(key));
    return Object.fromEntries(entries.map(([key]) => [key, byKey.get(key)]));
  };

  const withBody = (method: string) => (url: unknown, body?: unknown, params?: Params | null) =>
    request(method, url, body, params ?? {});
  const withoutBody = (method: string) => (url: unknown, params?: Params | null) =>
    request(method, url, undefined, params ?? {});
  const module = {
    get: withoutBody("GET"),
    head: withoutBody("HEAD"),
    post: withBody("POST"),
    put: withBody("PUT"),
    patch: withBody("PATCH"),
    del: withBody("DELETE"),
    options: withBody("OPTIONS"),
    request,
    batch,
    asyncRequest: async (method: string, url: unknown, body?: unknown, params?: Params | null) => {
      vu.begin();
      return request(method, url, body, params ?? {}).finally(() => vu.settle());
    },
    cookieJar: () => vu.jar,
    CookieJar,
    file: (data: unknown, filename?: string, contentType?: string) => new FileData(data, filename, contentType),
    FileData,
    url: (parts: TemplateStringsArray, ...values: readonly unknown[]): NamedUrl & { toString(): string } => {
      const url = parts.reduce((text, part, at) => text + String(values[at - 1]) + part);
      return { url, name: parts.join("${}"), toString: () => url };
    },
    expectedStatuses:
      (...given: readonly (number | { readonly min: number; readonly max: number })[]) =>
      (status: number): boolean =>
        given.some((one) => (typeof one === "number" ? one === status : status >= one.min && status <= one.max)),
    setResponseCallback: (callback: ((status: number) => boolean) | null) => {
      vu.responseCallback = callback;
    },
    Response,
    SSL_3_0: "ssl3.0",
    TLS_1_0: "tls1.0",
    TLS_1_1: "tls1.1",
    TLS_1_2: "tls1.2",
    TLS_1_3: "tls1.3",
    OCSP_STATUS_GOOD: "good",
    OCSP_STATUS_REVOKED: "revoked",
    OCSP_STATUS_SERVER_FAILED: "server_failed",
    OCSP_STATUS_UNKNOWN: "unknown",
  };
  return { ...module, default: module };
}

interface Call {
  readonly method: string;
  readonly url: unknown;
  readonly body: unknown;
  readonly params: Params;
}

/** A request of a batch: a URL, a list in the order of `request`'s arguments, or an object. */
function toCall(entry: unknown): Call {
  if (Array.isArray(entry)) {
    const [method, url, body, params] = entry as readonly unknown[];
    return { method: String(method), url, body, params: (params ?? {}) as Params };
  }
  if (typeof entry === "object" && entry !== null && !("name" in entry && "url" in entry && !("method" in entry))) {
    const { method = "GET", url, body, params } = entry as Readonly<Record<string, unknown>>;
    return { method: String(method), url, body, params: (params ?? {}) as Params };
  }
  return { method: "GET", url: entry, body: undefined, params: {} };
}

function toOutgoing(
  method: string,
  { target, path }: KnownUrl,
  fields: readonly (readonly [string, string])[],
  body: Buffer | undefined,
): OutgoingRequest {
  return { method, target, path, fields, body, rendered: undefined };
}

function durationOf(value: unknown): number {
  if (typeof value === "number") return value > 0 ? value : TIMEOUT_MS;
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(typeof value === "string" ? value : "");
  if (match === null) return TIMEOUT_MS;
  return Number(match[1]) * ({ ms: 1, s: 1000, m: 60_000 }[match[2] ?? "ms"] ?? 1);
}
