import { STATUS_CODES } from "node:http";
import { parseFields } from "../../client/response-head.ts";
import type { RawReply } from "../../client/transfer.ts";
import { type Cookie, parseSetCookie } from "../cookies.ts";
import { toArrayBuffer } from "./encoding.ts";
import { parseHtml, type Selection } from "./html.ts";
import { pickJson } from "./json-path.ts";
import type { SentRequest } from "./sent-request.ts";

export interface Timings {
  readonly blocked: number;
  readonly looking_up: number;
  readonly connecting: number;
  readonly tls_handshaking: number;
  readonly sending: number;
  readonly waiting: number;
  readonly receiving: number;
  readonly duration: number;
}

/** Sends a request that a page leads to. */
export type Ask = (method: string, url: string, body: unknown, params: unknown) => Promise<Response>;

/** k6's `Response`. What is not looked at is not made. */
export class Response {
  readonly status: number;
  readonly url: string;
  readonly request: SentRequest;
  readonly #raw: RawReply;
  readonly #bytes: Buffer | undefined;
  readonly #type: string;
  readonly #port: number;
  #timings: Timings | undefined;
  #fields: Map<string, string[]> | undefined;
  #headers: Record<string, string> | undefined;
  #cookies: Record<string, Cookie[]> | undefined;
  #body: string | ArrayBuffer | null | undefined;
  #json: unknown;
  #hasJson = false;

  readonly #ask: Ask;

  constructor(
    raw: RawReply,
    bytes: Buffer | undefined,
    type: string,
    url: string,
    port: number,
    request: SentRequest,
    ask: Ask,
  ) {
    this.#ask = ask;
    this.#raw = raw;
    this.#bytes = bytes;
    this.#type = type;
    this.#port = port;
    this.status = raw.status;
    this.url = url;
    this.request = request;
  }

  get proto(): string {
    return this.#raw.protocol;
  }

  get remote_ip(): string {
    return this.#raw.remoteAddress;
  }

  get remote_port(): number {
    return this.#raw.remoteAddress === "" ? 0 : this.#port;
  }

  get error(): string {
    return this.#raw.failure?.message ?? "";
  }

  get error_code(): number {
    return this.#raw.failure?.code ?? (this.status >= 400 ? 1000 + this.status : 0);
  }

  get tls_version(): string {
    const version = this.#raw.tls?.version ?? "";
    return version
      .toLowerCase()
      .replace("tlsv", "tls")
      .replace(/^tls1$/, "tls1.0");
  }

  get tls_cipher_suite(): string {
    return this.#raw.tls?.cipher ?? "";
  }

  get ocsp(): object {
    return {
      produced_at: 0,
      this_update: 0,
      next_update: 0,
      revoked_at: 0,
      revocation_reason: "",
      status: "unknown",
    };
  }

  get timings(): Timings {
    const raw = this.#raw;
    this.#timings ??= {
      blocked: raw.blocked,
      looking_up: 0,
      connecting: raw.connecting,
      tls_handshaking: raw.tlsHandshaking,
      sending: raw.sending,
      waiting: raw.waiting,
      receiving: raw.receiving,
      duration: raw.sending + raw.waiting + raw.receiving,
    };
    return this.#timings;
  }

  get status_text(): string {
    return this.status === 0 ? "" : `${this.status} ${STATUS_CODES[this.status] ?? ""}`.trim();
  }

  get body(): string | ArrayBuffer | null {
    if (this.#body === undefined) {
      const bytes = this.#bytes;
      this.#body =
        bytes === undefined || this.#type === "none"
          ? null
          : this.#type === "binary"
            ? toArrayBuffer(bytes)
            : bytes.toString("utf8");
    }
    return this.#body;
  }

  /** Names as Go writes them: `Content-Type`. */
  get headers(): Record<string, string> {
    this.#headers ??= Object.fromEntries(
      [...this.#all()].map(([name, values]) => [canonical(name), values.join(", ")]),
    );
    return this.#headers;
  }

  get cookies(): Record<string, Cookie[]> {
    if (this.#cookies === undefined) {
      this.#cookies = {};
      for (const field of this.#all().get("set-cookie") ?? []) {
        const cookie = parseSetCookie(field);
        if (cookie !== undefined) (this.#cookies[cookie.name] ??= []).push(cookie);
      }
    }
    return this.#cookies;
  }

  /** For scripts that print a reply. */
  toJSON(): object {
    const { status, status_text, url, proto, remote_ip, remote_port, error, error_code, tls_version } = this;
    const { tls_cipher_suite, ocsp, timings, headers, cookies, body, request } = this;
    const facts = { remote_ip, remote_port, url, status, status_text, proto, headers, cookies, body, timings };
    return { ...facts, tls_version, tls_cipher_suite, ocsp, error, error_code, request };
  }

  json(selector?: string): unknown {
    if (!this.#hasJson) {
      const { body } = this;
      if (body === null)
        throw new Error("the reply has no body: was it discarded (responseType, discardResponseBodies)?");
      this.#json = JSON.parse(typeof body === "string" ? body : Buffer.from(body).toString("utf8"));
      this.#hasJson = true;
    }
    return selector === undefined ? this.#json : pickJson(this.#json, selector);
  }

  /** The page, or what the selector finds of it. */
  html(selector?: string): Selection {
    const { body } = this;
    if (typeof body !== "string") throw new Error("the reply has no text to be read as HTML");
    const page = parseHtml(body);
    return selector === undefined ? page : page.find(selector);
  }

  /** Sends the page's form as a browser would, its fields changed as told. */
  async submitForm(given: Readonly<Record<string, unknown>> = {}): Promise<Response> {
    const form = this.html(typeof given["formSelector"] === "string" ? given["formSelector"] : "form").first();
    if (form.length === 0) throw new Error("the page has no such form");
    const fields = { ...form.serializeObject(), ...(given["fields"] as Readonly<Record<string, unknown>> | undefined) };
    const button = form
      .find(typeof given["submitSelector"] === "string" ? given["submitSelector"] : "[type=submit]")
      .first();
    const name = button.attr("name");
    if (name !== undefined) fields[name] = button.val() ?? "";
    const method = (form.attr("method") ?? "GET").toUpperCase();
    const url = new URL(form.attr("action") ?? "", this.url);
    if (method === "GET") for (const [key, value] of Object.entries(fields)) url.searchParams.set(key, String(value));
    return this.#ask(method, url.href, method === "GET" ? undefined : fields, given["params"]);
  }

  /** Follows a link of the page. */
  async clickLink(given: Readonly<Record<string, unknown>> = {}): Promise<Response> {
    const link = this.html(typeof given["selector"] === "string" ? given["selector"] : "a[href]").first();
    const href = link.attr("href");
    if (href === undefined) throw new Error("the page has no such link");
    return this.#ask("GET", new URL(href, this.url).href, undefined, given["params"]);
  }

  #all(): Map<string, string[]> {
    this.#fields ??= parseFields(this.#raw.head);
    return this.#fields;
  }
}

function canonical(name: string): string {
  return name.replace(/(^|-)([a-z])/g, (_match, before: string, letter: string) => before + letter.toUpperCase());
}
