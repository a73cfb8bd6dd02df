import { UNMEASURED } from "../../client/measures.ts";
import type { RawReply } from "../../client/transfer.ts";
import type { TagLookup } from "../../metrics.ts";
import type { RequestOutcome } from "../../recorder.ts";
import type { Vu } from "../vu.ts";
import type { KnownUrl } from "./known-urls.ts";

/** Counts what came of a request. `isExpected` undefined: nobody said what is. */
export type RequestRecord = (
  raw: RawReply,
  method: string,
  known: KnownUrl,
  name: string | undefined,
  given: Readonly<Record<string, string>> | undefined,
  isExpected: boolean | undefined,
  dueAt: number,
) => void;

/** Counts the requests of a VU. Nothing is made for one of them: its tags are looked up where a threshold asks for them. */
export function createRequestRecord(vu: Vu): RequestRecord {
  const tags = new RequestTags();
  const outcome: { -readonly [Key in keyof RequestOutcome]: RequestOutcome[Key] } = {
    status: 0,
    hasFailed: false,
    method: "",
    name: "",
    error: "",
    response: 0,
    ...UNMEASURED,
  };
  return (raw, method, known, name, given, isExpected, dueAt) => {
    const named = given?.["name"] ?? name ?? vu.tags["name"];
    tags.raw = raw;
    tags.method = method;
    tags.url = known.href;
    tags.name = named ?? known.text;
    tags.isExpected = isExpected;
    tags.given = given;
    tags.outer = vu.tags;
    outcome.status = raw.status;
    outcome.hasFailed = isExpected === false;
    outcome.method = method;
    outcome.name = named ?? known.table;
    outcome.error = raw.failure?.message ?? "";
    outcome.response = raw.endedAt - dueAt;
    outcome.blocked = raw.blocked;
    outcome.connecting = raw.connecting;
    outcome.tlsHandshaking = raw.tlsHandshaking;
    outcome.sending = raw.sending;
    outcome.waiting = raw.waiting;
    outcome.receiving = raw.receiving;
    outcome.sentBytes = raw.sentBytes;
    outcome.receivedBytes = raw.receivedBytes;
    vu.process.recorder.record(outcome, tags);
  };
}

/** Tags of a request: those that the script gave, else what k6 says of requests, else those of its VU. */
class RequestTags implements TagLookup {
  raw: RawReply | undefined;
  method = "";
  url = "";
  name = "";
  /** Undefined: nobody said what is expected. */
  isExpected: boolean | undefined;
  given: Readonly<Record<string, string>> | undefined;
  outer: Readonly<Record<string, string>> = {};

  of(name: string): string | undefined {
    return this.given?.[name] ?? this.#own(name) ?? this.outer[name];
  }

  #own(name: string): string | undefined {
    const { raw } = this;
    if (raw === undefined) return undefined;
    switch (name) {
      case "method":
        return this.method;
      case "url":
        return this.url;
      case "name":
        return this.name;
      case "status":
        return String(raw.status);
      case "proto":
        return raw.protocol;
      case "expected_response":
        return this.isExpected === undefined ? undefined : String(this.isExpected);
      case "error":
        return raw.failure?.message;
      case "error_code":
        if (raw.failure !== undefined) return String(raw.failure.code);
        return raw.status >= 400 ? String(1000 + raw.status) : undefined;
      case "tls_version":
        return raw.tls?.version;
      default:
        return undefined;
    }
  }
}
