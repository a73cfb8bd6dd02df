import { directives, kib } from "../sample.ts";
import type { Check } from "./check.ts";

const LEAST_BYTES = 200;
/** A tag that nobody has given. */
const STRANGE_TAG = '"hotpath-audit-knows-no-such-tag"';

/** T2: validators, and what becomes of them. */
export const VALIDATOR_CHECKS: readonly Check[] = [
  {
    name: "validator-missing",
    title: "No validator",
    technique: "T2",
    severity: "medium",
    source: "RFC 9110 section 8.8",
    async run({ sample: { plain, again } }) {
      const size = plain.content?.length ?? 0;
      if (plain.headers.etag !== undefined || plain.headers["last-modified"] !== undefined) return [];
      if (directives(plain.headers).noStore || size < LEAST_BYTES) return "nothing that would be worth a validator";
      if (again.content === undefined || plain.content?.equals(again.content) !== true)
        return "the reply was another one each time";
      return [
        {
          seen: `Neither ETag nor Last-Modified, while two requests were answered with the same ${kib(size)}.`,
          gain: `${kib(size)} for each request of a client that has them already`,
          evidence: [plain, again],
        },
      ];
    },
  },
  {
    name: "validator-ignored",
    title: "A 304 that never comes",
    technique: "T2",
    severity: "medium",
    source: "RFC 9110 section 13.1.2, 13.1.3",
    async run({ prober, sample: { target, plain } }) {
      const { etag, "last-modified": modified } = plain.headers;
      if (etag === undefined && modified === undefined) return "there is no validator";
      const condition = etag === undefined ? { "if-modified-since": modified ?? "" } : { "if-none-match": etag };
      const conditional = await prober.send(target, { "accept-encoding": "identity", ...condition });
      if (conditional.status !== 200) return [];
      const isSame =
        etag === undefined ? conditional.headers["last-modified"] === modified : conditional.headers.etag === etag;
      // Where validator or content are others, nothing was ignored.
      if (!isSame || conditional.content === undefined || plain.content?.equals(conditional.content) !== true)
        return [];
      const field = etag === undefined ? "If-Modified-Since" : "If-None-Match";
      return [
        {
          seen: `${field} with the validator just received (${etag ?? modified}) was answered 200 and the same validator, not 304.`,
          gain: `${kib(conditional.encoded.length)} a request`,
          evidence: [plain, conditional],
        },
      ];
    },
  },
  {
    name: "validator-unstable",
    title: "A validator that changes without cause",
    technique: "T2",
    severity: "medium",
    source: "RFC 9110 section 8.8.3",
    async run({ sample: { plain, again } }) {
      if (plain.headers.etag === undefined || again.headers.etag === undefined) return "there is no ETag";
      if (again.content === undefined || plain.content?.equals(again.content) !== true)
        return "the reply was another one each time";
      if (plain.headers.etag === again.headers.etag) return [];
      return [
        {
          seen: `The same ${kib(again.content.length)} came with ETag ${plain.headers.etag} and then ${again.headers.etag}.`,
          gain: `${kib(again.content.length)} a request: no 304 can come`,
          evidence: [plain, again],
        },
      ];
    },
  },
  {
    name: "validator-lies",
    title: "A validator that lies",
    technique: "T2",
    severity: "high",
    source: "RFC 9110 section 8.8.1, 8.8.3.3, 13.1.2",
    async run({ prober, sample: { target, plain, coded, again } }) {
      const { etag } = plain.headers;
      const findings = [];
      const isStrong = etag?.startsWith("W/") === false;
      if (
        isStrong &&
        again.headers.etag === etag &&
        again.content !== undefined &&
        plain.content?.equals(again.content) === false
      ) {
        findings.push({
          seen: `Strong ETag ${etag} came with two different contents (${plain.content.length} and ${again.content.length} bytes).`,
          gain: "clients and caches keep what is outdated, and believe it is not",
          evidence: [plain, again],
        });
      }
      if (
        isStrong &&
        coded.headers["content-encoding"] !== undefined &&
        coded.headers.etag === etag &&
        !coded.encoded.equals(plain.encoded)
      ) {
        findings.push({
          seen: `Strong ETag ${etag} came with ${coded.headers["content-encoding"]} and without: the bytes differ, so must a strong tag.`,
          gain: "ranges and caches put halves of different codings together",
          evidence: [plain, coded],
        });
      }
      const strange = await prober.send(target, { "accept-encoding": "identity", "if-none-match": STRANGE_TAG });
      if (strange.status === 304) {
        findings.push({
          seen: `If-None-Match with a tag that was never given out (${STRANGE_TAG}) was answered 304.`,
          gain: "clients keep what is outdated",
          evidence: [strange],
        });
      }
      return findings;
    },
  },
];
