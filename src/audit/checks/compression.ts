import { gzipSync } from "node:zlib";
import { CODINGS, kib } from "../sample.ts";
import type { Check } from "./check.ts";

const LEAST_BYTES = 1400;
/** Of less than that compression saves no packet. */
const TINY_BYTES = 200;
const TEXT_TYPES = /^(?:text\/|application\/(?:[\w.+-]*[+]?json|[\w.+-]*[+]?xml|javascript|x-ndjson)|image\/svg)/i;

/** T8. */
export const COMPRESSION_CHECKS: readonly Check[] = [
  {
    name: "compression-missing",
    title: "Not compressed",
    technique: "T8",
    severity: "high",
    source: "RFC 9110 section 8.4",
    async run({ sample: { plain, coded } }) {
      const size = coded.content?.length ?? 0;
      if (!TEXT_TYPES.test(coded.headers["content-type"] ?? "")) return "not a text";
      if (size < LEAST_BYTES) return `${kib(size)} fit into a packet`;
      if (coded.headers["content-encoding"] !== undefined) return [];
      const packed = gzipSync(coded.content ?? "", { level: 6 }).length;
      if (packed > 0.9 * size) return "it hardly gets smaller";
      return [
        {
          seen: `${kib(size)} of ${coded.headers["content-type"]} came uncompressed to a client that offers ${CODINGS}.`,
          gain: `${Math.round((1 - packed / size) * 100)}% of the bytes: gzip makes ${kib(packed)} of them`,
          evidence: [plain, coded],
        },
      ];
    },
  },
  {
    name: "compression-tiny",
    title: "Tiny replies are compressed",
    technique: "T8",
    severity: "low",
    source: "RFC 9110 section 8.4; a packet holds some 1,400 bytes",
    async run({ sample: { coded } }) {
      const coding = coded.headers["content-encoding"];
      if (coding === undefined || coded.content === undefined) return [];
      const size = coded.content.length;
      if (size > TINY_BYTES && coded.encoded.length < size) return [];
      return [
        {
          seen: `${kib(size)} were sent as ${kib(coded.encoded.length)} of ${coding}.`,
          gain: "the work of coding and decoding: either way it is one packet",
          evidence: [coded],
        },
      ];
    },
  },
  {
    name: "compression-forced",
    title: "Content coding without regard to what is accepted",
    technique: "T8",
    severity: "high",
    source: "RFC 9110 section 12.5.3",
    async run({ prober, sample: { target, plain, coded } }) {
      const findings = [];
      const coding = plain.headers["content-encoding"];
      if (coding !== undefined && coding !== "identity") {
        findings.push({
          seen: `Accept-Encoding: identity was answered with Content-Encoding: ${coding}.`,
          gain: "clients that cannot decode it get nothing",
          evidence: [plain],
        });
      }
      if (coded.headers["content-encoding"] === undefined) return findings;
      const refused = `${coded.headers["content-encoding"]};q=0, identity`;
      const without = await prober.send(target, { "accept-encoding": refused });
      if (without.headers["content-encoding"] === coded.headers["content-encoding"]) {
        findings.push({
          seen: `Accept-Encoding: ${refused} was answered with just that coding.`,
          gain: "clients that cannot decode it get nothing",
          evidence: [without],
        });
      }
      const repeated = await prober.send(target, { "accept-encoding": CODINGS });
      if (repeated.headers["content-encoding"] !== coded.headers["content-encoding"]) {
        findings.push({
          seen: `The same Accept-Encoding was answered with ${coded.headers["content-encoding"]} and then ${repeated.headers["content-encoding"] ?? "no coding"}.`,
          gain: "validators and caches that can rely on it",
          evidence: [coded, repeated],
        });
      }
      return findings;
    },
  },
];
