import { parseLink, findLink } from "../../http/link.ts";
import type { Prober } from "../exchange.ts";
import { kib, listOf, type Sample } from "../sample.ts";
import type { Check } from "./check.ts";

const OFFSETS: ReadonlySet<string> = new Set(["offset", "skip", "page", "start", "from"]);
const CURSORS = /^(?:after|before|cursor|since_id|starting_after|page_?token|continuation_?token|next_?token)$/i;
const LIMITS = ["limit", "per_page", "page_size", "pageSize", "first", "take", "$top"] as const;
const LONG_LIST = 100;
const LEAST_ROWS = 20;
const ROUNDS = 5;
/** What a row may take: more than that is no matter of writing it down. */
const LEAST_MS_A_ROW = 0.5;

/** T6 and T9: lists. */
export const LIST_CHECKS: readonly Check[] = [
  {
    name: "offset-pages",
    title: "Pages by offset",
    technique: "T9",
    severity: "medium",
    source: "use-the-index-luke.com/no-offset; RFC 8288 for links",
    async run({ sample: { target, plain, json }, parameters }) {
      const next = nextOf(plain.headers.link) ?? nextMember(json);
      const named = next === undefined ? parameters : [...new URL(next, "http://list.example").searchParams.keys()];
      if (named.some((name) => CURSORS.test(name))) return [];
      const offset = named.find((name) => OFFSETS.has(name));
      if (offset === undefined) return next === undefined ? "no pages are offered" : [];
      const where = next === undefined ? "the description of the API" : "the link to the next page";
      return [
        {
          seen: `${where} pages ${target.split("?")[0]} by \`${offset}\`, and by no cursor.`,
          gain: "a page takes longer the further it is back, and rows come twice or not at all when others are inserted",
          evidence: [plain],
        },
      ];
    },
  },
  {
    name: "unbounded-list",
    title: "A list without bounds",
    technique: "T9",
    severity: "high",
    source: "OWASP API Security Top 10 2023, API4: unrestricted resource consumption",
    async run({ sample: { plain, json, list } }) {
      if (list === undefined) return "not a list";
      const isPaged = nextOf(plain.headers.link) !== undefined || nextMember(json) !== undefined || hasPageMember(json);
      // A partial range tells that there is more: somebody bounded it.
      const range = /^\w* ?(\d+)-(\d+)\/(\d+)$/.exec(plain.headers["content-range"] ?? "");
      const isPart = range !== null && Number(range[2]) - Number(range[1]) + 1 < Number(range[3]);
      if (list.length < LONG_LIST || isPaged || isPart) return [];
      return [
        {
          seen: `${list.length} rows (${kib(plain.content?.length ?? 0)}) in one reply, which names no next page.`,
          gain: "memory, time and traffic that grow with the table",
          evidence: [plain],
        },
      ];
    },
  },
  {
    name: "over-fetching",
    title: "Fields that never differ",
    technique: "T9",
    severity: "low",
    source: "JSON:API 1.1, sparse fieldsets",
    async run({ prober, sample }) {
      const rows =
        sample.list?.filter(
          (row): row is Record<string, unknown> => typeof row === "object" && row !== null && !Array.isArray(row),
        ) ?? [];
      if (rows.length < LEAST_ROWS) return `fewer than ${LEAST_ROWS} rows`;
      const names = Object.keys(rows[0]!);
      const constant = names.filter((name) => rows.every((row) => sameValue(row[name], rows[0]![name])));
      const bytesOf = (of: readonly string[]): number =>
        rows.reduce((sum, row) => sum + of.reduce((each, name) => each + memberBytes(name, row[name]), 0), 0);
      const share = bytesOf(constant) / Math.max(1, bytesOf(names));
      if (constant.length < 2 || share < 0.3) return [];
      if (await selectsFields(prober, sample, names[0]!)) return [];
      return [
        {
          seen: `In ${rows.length} rows ${constant.map((name) => `\`${name}\``).join(", ")} were always the same, and neither \`fields\` nor \`select\` leaves them out.`,
          gain: `${Math.round(share * 100)}% of the reply`,
          evidence: [sample.plain],
        },
      ];
    },
  },
  {
    name: "n-plus-one",
    title: "Time grows with each row: N+1?",
    technique: "T6",
    severity: "high",
    source: "measured here; the pattern is described at docs.sqlalchemy.org (select IN loading)",
    async run({ prober, sample }) {
      const { list, target } = sample;
      if (list === undefined || list.length < LEAST_ROWS) return `fewer than ${LEAST_ROWS} rows`;
      const limit = await findLimit(prober, target);
      if (limit === undefined) return "no parameter was found that limits the rows";
      const most = Math.min(list.length, 50);
      const sizes = [1, Math.ceil(most / 2), most];
      const times: number[][] = [[], [], []];
      let last = sample.plain;
      for (let round = 0; round < ROUNDS; round++) {
        for (const [at, size] of sizes.entries())
          times[at]!.push((last = await prober.send(withParameter(target, limit, size))).firstByteMs);
      }
      // To the first byte: rows also take their time on the way. The quickest of each: whatever else the machines do only adds to it.
      const [one, half, all] = times.map((each) => Math.min(...each)) as [number, number, number];
      const perRow = (all - one) / (most - 1);
      const foretold = one + perRow * (sizes[1]! - 1);
      const isLinear = Math.abs(half - foretold) < 0.3 * (all - one);
      if (perRow < LEAST_MS_A_ROW || all < 3 * one || !isLinear) return [];
      return [
        {
          seen: `${limit}=1 takes ${one.toFixed(1)} ms, ${sizes[1]} rows ${half.toFixed(1)} ms, ${most} rows ${all.toFixed(1)} ms: ${perRow.toFixed(1)} ms for each further row.`,
          gain: `up to ${Math.round((1 - one / all) * 100)}% of the time of ${most} rows`,
          evidence: [last],
        },
      ];
    },
  },
];

function nextOf(field: string | readonly string[] | undefined): string | undefined {
  return field === undefined ? undefined : findLink(parseLink([field].flat().join(", ")), "next");
}

/** A member that names the next page: a URL, or a cursor. */
function nextMember(json: unknown): string | undefined {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return undefined;
  const links = "links" in json && typeof json.links === "object" && json.links !== null ? json.links : {};
  for (const members of [json, links]) {
    for (const [name, value] of Object.entries(members)) {
      if (!/^next/i.test(name) || typeof value !== "string" || value === "") continue;
      return /^(?:https?:\/\/|\/|\?)/.test(value) && URL.canParse(value, "http://list.example") ? value : "?cursor=";
    }
  }
  return undefined;
}

function hasPageMember(json: unknown): boolean {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return false;
  return Object.keys(json).some((name) => /^(?:has_?more|page|per_?page|limit|total_?pages|cursor)$/i.test(name));
}

function sameValue(one: unknown, other: unknown): boolean {
  return one === other || JSON.stringify(one) === JSON.stringify(other);
}

function memberBytes(name: string, value: unknown): number {
  return value === undefined ? 0 : name.length + JSON.stringify(value).length + 4;
}

async function selectsFields(prober: Prober, { target, plain }: Sample, name: string): Promise<boolean> {
  for (const parameter of ["fields", "select"]) {
    const { status, content } = await prober.send(withParameter(target, parameter, name), {
      "accept-encoding": "identity",
    });
    if (status === 200 && (content?.length ?? Infinity) < 0.7 * (plain.content?.length ?? 0)) return true;
  }
  return false;
}

async function findLimit(prober: Prober, target: string): Promise<string | undefined> {
  for (const name of LIMITS) {
    const { status, content } = await prober.send(withParameter(target, name, 1), { "accept-encoding": "identity" });
    if (status !== 200 && status !== 206) continue;
    try {
      if (listOf(JSON.parse(content?.toString() ?? ""))?.length === 1) return name;
    } catch {
      continue;
    }
  }
  return undefined;
}

function withParameter(target: string, name: string, value: string | number): string {
  const url = new URL(target, "http://list.example");
  url.searchParams.set(name, String(value));
  return url.pathname + url.search;
}
