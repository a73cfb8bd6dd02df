import type { OutgoingRequest } from "../../client/request.ts";

/** The request as it went out, by k6's names. */
export class SentRequest {
  readonly method: string;
  readonly url: string;
  readonly #outgoing: OutgoingRequest | undefined;
  readonly #cookies: readonly (readonly [string, string])[];

  constructor(
    outgoing: OutgoingRequest | undefined,
    url: string,
    cookies: readonly (readonly [string, string])[],
    method = outgoing?.method ?? "",
  ) {
    this.method = method;
    this.url = url;
    this.#outgoing = outgoing;
    this.#cookies = cookies;
  }

  /** One that could not even be made. */
  static unsent(method: string, url: string): SentRequest {
    return new SentRequest(undefined, url, [], method);
  }

  get headers(): Record<string, string[]> {
    return Object.fromEntries((this.#outgoing?.fields ?? []).map(([field, value]) => [field, [value]]));
  }

  get body(): string {
    return this.#outgoing?.body?.toString("utf8") ?? "";
  }

  get cookies(): Record<string, { name: string; value: string; replace: boolean }[]> {
    return Object.fromEntries(this.#cookies.map(([name, value]) => [name, [{ name, value, replace: false }]]));
  }

  toJSON(): object {
    const { method, url, headers, body, cookies } = this;
    return { method, url, headers, body, cookies };
  }
}
