import type { Check } from "./check.ts";

const TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

/** T1, T13, T14 and T19: what clients and operators are told. Seen once, whatever resource is asked for. */
export const SIGNAL_CHECKS: readonly Check[] = [
  {
    name: "rate-limit-unsaid",
    title: "Nothing said of rate limits",
    technique: "T19",
    severity: "low",
    source: "draft-ietf-httpapi-ratelimit-headers; RFC 6585 section 4",
    async run({ sample: { plain } }) {
      const said = Object.keys(plain.headers).some((name) => /^(?:x-)?rate-?limit/.test(name));
      if (said) return [];
      return [
        {
          seen: "No RateLimit, RateLimit-Policy or X-RateLimit-… field: clients cannot know how much they may ask, nor whether there is a limit.",
          gain: "clients that slow down before they are refused",
          evidence: [plain],
        },
      ];
    },
  },
  {
    name: "server-timing-missing",
    title: "No Server-Timing",
    technique: "T1, T13",
    severity: "low",
    source: "W3C Server Timing",
    async run({ sample: { plain, coded, again } }) {
      if (plain.headers["server-timing"] !== undefined) return [];
      const times = [coded, again].map(({ firstByteMs }) => firstByteMs.toFixed(1)).join(" and ");
      return [
        {
          seen: `First bytes came after ${times} ms, and nothing says what took them.`,
          gain: "seeing in the browser which part of a request is slow",
          evidence: [plain],
        },
      ];
    },
  },
  {
    name: "trace-context-unsaid",
    title: "No sign of trace context",
    technique: "T14",
    severity: "low",
    source: "W3C Trace Context; its level 2 for traceresponse",
    async run({ prober, sample: { target } }) {
      const traced = await prober.send(target, { traceparent: TRACEPARENT });
      const names = [
        "traceresponse",
        "traceparent",
        "x-trace-id",
        "x-request-id",
        "request-id",
        "x-correlation-id",
        "x-amzn-trace-id",
      ];
      const isSaid =
        names.some((name) => traced.headers[name] !== undefined) ||
        /trace/i.test(String(traced.headers["server-timing"] ?? ""));
      if (isSaid) return [];
      return [
        {
          seen: "A request with traceparent got a reply that names no trace and no request.",
          gain: "finding a client's slow request among the server's traces and logs",
          evidence: [traced],
        },
      ];
    },
  },
];
