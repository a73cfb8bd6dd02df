import { directives, varyNames } from "../sample.ts";
import type { Check } from "./check.ts";
import type { Finding } from "../finding.ts";

/** An origin of the reserved domain: no page of anybody's. */
const FOREIGN_ORIGIN = "https://audit.example";

/** T2, T3 and T16: what caches are told. */
export const CACHING_CHECKS: readonly Check[] = [
  {
    name: "freshness-unsaid",
    title: "Nothing said of caching",
    technique: "T2, T16",
    severity: "medium",
    source: "RFC 9111 section 4.2.2",
    async run({ sample: { plain } }) {
      if (plain.headers["cache-control"] !== undefined || plain.headers.expires !== undefined) return [];
      const modified = plain.headers["last-modified"] !== undefined;
      const seen = modified
        ? "Neither Cache-Control nor Expires, but Last-Modified: each cache guesses how long it stays fresh."
        : "Neither Cache-Control nor Expires: no cache can tell what it may keep.";
      return [
        { seen, gain: "caches that are there and could answer; or staleness that nobody chose", evidence: [plain] },
      ];
    },
  },
  {
    name: "private-for-all",
    title: "Forbidden to shared caches, though the same for all",
    technique: "T3, T16",
    severity: "medium",
    source: "RFC 9111 section 5.2.2.5, 5.2.2.7",
    async run({ sample: { plain, again }, isCredentialed }) {
      if (isCredentialed) return "asked with credentials: what comes may be private";
      const { private: isPrivate, noStore } = directives(plain.headers);
      if (isPrivate === false && !noStore) return [];
      const names = varyNames(plain.headers);
      if (plain.headers["set-cookie"] !== undefined || names.includes("cookie") || names.includes("authorization"))
        return [];
      if (again.content === undefined || plain.content?.equals(again.content) !== true)
        return "the reply was another one each time";
      return [
        {
          seen: `Cache-Control: ${plain.headers["cache-control"]}, on what anybody gets who asks without credentials or cookies, each time the same.`,
          gain: `a shared cache could answer; each request took ${again.totalMs.toFixed(1)} ms`,
          evidence: [plain, again],
        },
      ];
    },
  },
  {
    name: "vary-missing",
    title: "Vary does not name what the reply depends on",
    technique: "T2, T16",
    severity: "high",
    source: "RFC 9110 section 12.5.5",
    async run({ prober, sample: { target, plain, coded } }) {
      if (directives(plain.headers).noStore) return "nothing may be stored";
      const findings: Omit<Finding, "check" | "target">[] = [];
      const lacks = (of: typeof plain, name: string): boolean =>
        !varyNames(of.headers).some((each) => each === name || each === "*");
      if (
        coded.headers["content-encoding"] !== plain.headers["content-encoding"] &&
        (lacks(plain, "accept-encoding") || lacks(coded, "accept-encoding"))
      ) {
        const where = lacks(coded, "accept-encoding") ? "the coded reply" : "the reply without coding";
        findings.push({
          seen: `Content-Encoding follows Accept-Encoding, but ${where} has no Vary: Accept-Encoding.`,
          gain: "a cache may hand a client what it cannot decode, or all clients what is not compressed",
          evidence: [plain, coded],
        });
      }
      const csv = await prober.send(target, { "accept-encoding": "identity", accept: "text/csv, text/html;q=0.5" });
      const typeOf = (of: typeof plain): string | undefined => of.headers["content-type"]?.split(";")[0]?.trim();
      if (csv.status === 200 && typeOf(csv) !== typeOf(plain) && (lacks(csv, "accept") || lacks(plain, "accept"))) {
        findings.push({
          seen: `Accept chooses between ${typeOf(plain)} and ${typeOf(csv)}, but Vary does not name Accept.`,
          gain: "a cache may hand one client the format of another",
          evidence: [plain, csv],
        });
      }
      const foreign = await prober.send(target, { "accept-encoding": "identity", origin: FOREIGN_ORIGIN });
      if (foreign.headers["access-control-allow-origin"] === FOREIGN_ORIGIN && lacks(foreign, "origin")) {
        findings.push({
          seen: `Access-Control-Allow-Origin repeats the Origin that was sent (${FOREIGN_ORIGIN}), but Vary does not name Origin.`,
          gain: "a cache may hand one site the permission of another",
          evidence: [foreign],
        });
      }
      return findings;
    },
  },
  {
    name: "vary-star",
    title: "Vary: *",
    technique: "T2, T16",
    severity: "high",
    source: "RFC 9111 section 4.1",
    async run({ sample: { plain } }) {
      if (!varyNames(plain.headers).includes("*")) return [];
      return [
        {
          seen: "Vary: * forbids every cache to use the reply a second time.",
          gain: "caches, all of them",
          evidence: [plain],
        },
      ];
    },
  },
];
