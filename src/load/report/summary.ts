import { OTHER_NAMES } from "../recorder.ts";
import type { CheckCount } from "../messages.ts";
import type { LoadResult, MetricResult } from "../result.ts";
import { formatBytes, formatMs, formatNumber, formatPercent } from "./values.ts";

/** How a summary is written. */
export interface SummaryStyle {
  readonly indent?: string;
  readonly green: (text: string) => string;
  readonly red: (text: string) => string;
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  /** Statistics of trends, by k6's names. */
  readonly statistics: readonly string[];
  /** `ms`, `s`, `us`; empty: what fits. */
  readonly timeUnit?: string;
  /** With the parts that a request's time consists of. */
  readonly isFull?: boolean;
}

const plain = (text: string): string => text;
/** Without colours, with k6's statistics. */
export const PLAIN_STYLE: SummaryStyle = {
  green: plain,
  red: plain,
  bold: plain,
  dim: plain,
  statistics: ["avg", "min", "med", "max", "p(90)", "p(95)"],
};

const SECTIONS: readonly (readonly [title: string, names: RegExp])[] = [
  ["HTTP", /^http_/],
  ["EXECUTION", /^(iterations|iteration_duration|dropped_iterations|vus|vus_max|group_duration)\b/],
  ["NETWORK", /^data_/],
];
/** Shown only when all is asked for, as k6 does. */
const DETAILS = /^http_req_(blocked|connecting|tls_handshaking|sending|waiting|receiving)\b/;
const LEAST_LABEL_WIDTH = 38;
const MOST_LABEL_WIDTH = 72;
/** Requests that are listed by name. */
const MOST_NAMES = 12;
const MOST_TITLE_WIDTH = 60;

/** What a run has come to, for people, in the form k6 ends with. */
export function renderSummary(result: LoadResult, style: SummaryStyle): string {
  const lines = [
    ...thresholdLines(result, style),
    `  ${style.bold("█ TOTAL RESULTS")}`,
    "",
    ...checkLines(result, style),
    ...metricLines(result, style),
    ...requestLines(result, style),
    ...errorLines(result, style),
    ...result.warnings.map((warning) => `  ${style.red("!")} ${warning}`),
    ...(result.aborted === undefined ? [] : [`  ${style.red("!")} Ended before its time: ${result.aborted}`]),
  ];
  return `${lines.join("\n").trimEnd()}\n`;
}

function thresholdLines({ thresholds, metrics }: LoadResult, style: SummaryStyle): string[] {
  if (thresholds.length === 0) return [];
  const names = [...new Set(thresholds.map(({ metric }) => metric))];
  return [
    `  ${style.bold("█ THRESHOLDS")}`,
    "",
    ...names.flatMap((name) => [
      `    ${name}`,
      ...thresholds
        .filter(({ metric }) => metric === name)
        .map(({ condition, passed, value }) => {
          const metric = metrics[name.replace(/\{.*/, "")];
          const statistic = /^\s*([a-z]+(?:\([^)]*\))?)/i.exec(condition)?.[1] ?? "";
          const found =
            value === undefined
              ? "nothing was counted"
              : `${statistic}=${formatValue(value, metric, statistic, style)}`;
          return `    ${passed ? style.green("✓") : style.red("✗")} '${condition}' ${found}`;
        }),
      "",
    ]),
    "",
  ];
}

function checkLines({ checks, seconds, metrics }: LoadResult, style: SummaryStyle): string[] {
  if (checks.length === 0) return [];
  const passes = checks.reduce((sum, check) => sum + check.passes, 0);
  const width = labelWidth(metrics);
  const total = passes + checks.reduce((sum, check) => sum + check.fails, 0);
  const share = total === 0 ? 0 : passes / total;
  const groups = [...new Set(checks.map(({ group }) => group))];
  const rows = inColumns([
    [String(total), `${formatNumber(round(total / seconds))}/s`],
    [formatPercent(share), `${passes} out of ${total}`],
    [formatPercent(1 - share), `${total - passes} out of ${total}`],
  ]);
  return [
    ...["checks_total", "checks_succeeded", "checks_failed"].map((name, at) => `    ${label(name, width)} ${rows[at]}`),
    "",
    ...groups.flatMap((group) => [
      ...(group === "" ? [] : [`    ${style.bold(group.replace(/^::/, "█ ").replaceAll("::", " › "))}`]),
      ...checks.filter((check) => check.group === group).flatMap((check) => checkLine(check, style)),
      "",
    ]),
  ];
}

function checkLine({ name, passes, fails }: CheckCount, style: SummaryStyle): string[] {
  if (fails === 0) return [`    ${style.green("✓")} ${name}`];
  const share = Math.floor((passes / (passes + fails)) * 100);
  return [
    `    ${style.red("✗")} ${name}`,
    `      ↳  ${share}% — ${style.green("✓")} ${passes} / ${style.red("✗")} ${fails}`,
  ];
}

function metricLines({ metrics }: LoadResult, style: SummaryStyle): string[] {
  const names = Object.keys(metrics).filter(
    (name) => name !== "checks" && (style.isFull === true || !DETAILS.test(name)),
  );
  const width = labelWidth(metrics);
  const isTrend = (name: string): boolean => metrics[name]!.kind === "trend";
  const figures = new Map<string, string>();
  for (const alike of [names.filter(isTrend), names.filter((name) => !isTrend(name))]) {
    const rows = inColumns(alike.map((name) => cellsOf(name, metrics[name]!, style)));
    for (const [at, name] of alike.entries()) figures.set(name, rows[at]!);
  }
  const sectionOf = (name: string): string => SECTIONS.find(([, pattern]) => pattern.test(name))?.[0] ?? "CUSTOM";
  return ["CUSTOM", ...SECTIONS.map(([title]) => title)].flatMap((title) => {
    const here = names.filter((name) => sectionOf(name) === title);
    if (here.length === 0) return [];
    return [
      `    ${style.bold(title)}`,
      ...here.map((name) => `    ${label(shownName(name), width)} ${figures.get(name)}`),
      "",
    ];
  });
}

/** Parts of a metric stand below it, by their tags. */
function shownName(name: string): string {
  const part = /^[^{]+\{(.*)\}$/.exec(name)?.[1];
  return part === undefined ? name : `  { ${part} }`;
}

function labelWidth(metrics: LoadResult["metrics"]): number {
  const longest = Math.max(0, ...Object.keys(metrics).map((name) => shownName(name).length));
  return Math.min(MOST_LABEL_WIDTH, Math.max(LEAST_LABEL_WIDTH, longest + 3));
}

/** Cells of a row parted by a space, each as wide as the widest above and below it. */
function inColumns(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = [];
  for (const row of rows) for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length);
  return rows.map((row) =>
    row
      .map((cell, at) => cell.padEnd(widths[at]!))
      .join(" ")
      .trimEnd(),
  );
}

/** The figures of a metric. */
function cellsOf(name: string, metric: MetricResult, style: SummaryStyle): string[] {
  const { kind, values } = metric;
  const isBytes = name.startsWith("data_");
  const number = isBytes ? formatBytes : formatNumber;
  if (kind === "counter") return [number(values["count"] ?? 0), `${number(round(values["rate"] ?? 0))}/s`];
  if (kind === "rate") {
    const { passes = 0, fails = 0 } = values;
    return [formatPercent(values["rate"] ?? 0), `${passes} out of ${passes + fails}`];
  }
  if (kind === "gauge") {
    return [number(values["value"] ?? 0), `min=${number(values["min"] ?? 0)}`, `max=${number(values["max"] ?? 0)}`];
  }
  return style.statistics
    .filter((statistic) => values[statistic] !== undefined)
    .map((statistic) => `${statistic}=${formatValue(values[statistic]!, metric, statistic, style)}`);
}

function requestLines({ requests, seconds }: LoadResult, style: SummaryStyle): string[] {
  if (requests.length < 2) return [];
  const shown = requests.slice(0, MOST_NAMES);
  const rows = inColumns(
    shown.map(({ method, name, count, failures, p50, p95, p99 }) => {
      const title = name === OTHER_NAMES ? name : `${method} ${name}`;
      return [
        title.length > MOST_TITLE_WIDTH ? `${title.slice(0, MOST_TITLE_WIDTH - 1)}…` : title,
        `${formatNumber(round(count / seconds))}/s`,
        `med=${formatMs(p50, style.timeUnit)}`,
        `p(95)=${formatMs(p95, style.timeUnit)}`,
        `p(99)=${formatMs(p99, style.timeUnit)}`,
        failures === 0 ? "" : `${failures} failed`,
      ];
    }),
  );
  return [
    `    ${style.bold("REQUESTS")}`,
    ...rows.map((row, at) => `    ${shown[at]!.failures === 0 ? row : row.replace(/\d+ failed$/, style.red)}`),
    ...(requests.length > shown.length ? [`    ${style.dim(`and ${requests.length - shown.length} more`)}`] : []),
    "",
  ];
}

function errorLines({ requests }: LoadResult, style: SummaryStyle): string[] {
  const errors = new Map<string, number>();
  for (const request of requests) {
    for (const [status, count] of Object.entries(request.statuses)) {
      if (Number(status) >= 400) errors.set(`status ${status}`, (errors.get(`status ${status}`) ?? 0) + count);
    }
    for (const [words, count] of Object.entries(request.errors)) errors.set(words, (errors.get(words) ?? 0) + count);
  }
  if (errors.size === 0) return [];
  const lines = [...errors]
    .sort((a, b) => b[1] - a[1])
    .map(([words, count]) => `    ${style.red(String(count))} ${words}`);
  return [`    ${style.bold("ERRORS")}`, ...lines, ""];
}

function formatValue(value: number, metric: MetricResult | undefined, statistic: string, style: SummaryStyle): string {
  if (metric?.kind === "rate") return formatPercent(value);
  if (metric?.kind === "trend" && metric.isTime && statistic !== "count") return formatMs(value, style.timeUnit);
  return formatNumber(round(value));
}

function label(name: string, width: number): string {
  return `${name.slice(0, width).padEnd(width, ".")}:`;
}

function round(value: number): number {
  return Math.abs(value) >= 100 ? Math.round(value * 100) / 100 : Math.round(value * 1e6) / 1e6;
}
