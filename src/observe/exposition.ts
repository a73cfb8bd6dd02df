import type { MetricDeclaration } from "../api/source.ts";
import type { Exemplar, HistogramSeries } from "./series.ts";

/** The text formats metrics can be rendered in: Prometheus's 0.0.4 and OpenMetrics 1.0. */
export type MetricsFormat = "prometheus" | "openmetrics";

/** Media types of the formats, for `Content-Type`. */
export const METRICS_MEDIA_TYPES: Readonly<Record<MetricsFormat, string>> = Object.freeze({
  prometheus: "text/plain; version=0.0.4; charset=utf-8",
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
});

/** One metric with the samples of a scrape. */
export type MetricFamily =
  | {
      readonly type: "counter" | "gauge";
      readonly declaration: MetricDeclaration;
      readonly samples: readonly { readonly labels: readonly string[]; readonly value: number }[];
    }
  | {
      readonly type: "histogram";
      readonly declaration: MetricDeclaration;
      readonly bounds: ArrayLike<number>;
      readonly samples: readonly {
        readonly labels: readonly string[];
        readonly series: HistogramSeries;
      }[];
    };

/**
 * Metrics as text. Source: the Prometheus exposition formats,
 * https://prometheus.io/docs/instrumenting/exposition_formats/
 */
export function formatMetrics(families: readonly MetricFamily[], format: MetricsFormat): string {
  const lines: string[] = [];
  for (const family of families) {
    const { name, help } = family.declaration;
    // OpenMetrics names a counter's family without the suffix that its samples have.
    const isSuffixed = format === "openmetrics" && family.type === "counter" && name.endsWith(TOTAL);
    const familyName = isSuffixed ? name.slice(0, -TOTAL.length) : name;
    lines.push(`# HELP ${familyName} ${escapeHelp(help, format)}`, `# TYPE ${familyName} ${family.type}`);
    if (family.type === "histogram") addHistogram(lines, family, format);
    else
      addValues(lines, family, isSuffixed || family.type === "gauge" || format === "prometheus" ? name : name + TOTAL);
  }
  if (format === "openmetrics") lines.push("# EOF");
  return `${lines.join("\n")}\n`;
}

const TOTAL = "_total";

function addValues(lines: string[], family: Exclude<MetricFamily, { type: "histogram" }>, name: string): void {
  const { labels: names = [] } = family.declaration;
  for (const { labels, value } of family.samples)
    lines.push(`${name}${braces(pairs(names, labels))} ${toNumber(value)}`);
}

function addHistogram(
  lines: string[],
  family: Extract<MetricFamily, { type: "histogram" }>,
  format: MetricsFormat,
): void {
  const { name, labels: names = [] } = family.declaration;
  for (const { labels, series } of family.samples) {
    const { sum, counts, exemplars } = series;
    const own = pairs(names, labels);
    let total = 0;
    for (let at = 0; at < counts.length; at += 1) {
      total += counts[at] ?? 0;
      const bucket = braces([...own, `le="${toNumber(family.bounds[at] ?? Infinity)}"`]);
      lines.push(`${name}_bucket${bucket} ${total}${format === "openmetrics" ? toExemplar(exemplars?.[at]) : ""}`);
    }
    lines.push(`${name}_sum${braces(own)} ${toNumber(sum)}`, `${name}_count${braces(own)} ${total}`);
  }
}

/** Only OpenMetrics has them. */
function toExemplar(exemplar: Exemplar | undefined): string {
  if (exemplar === undefined) return "";
  const { traceId, value, atMs } = exemplar;
  return ` # {trace_id="${traceId}"} ${toNumber(value)} ${(atMs / 1000).toFixed(3)}`;
}

function pairs(names: readonly string[], values: readonly string[]): string[] {
  return names.map((name, at) => `${name}="${escapeValue(values[at] ?? "")}"`);
}

function braces(labels: readonly string[]): string {
  return labels.length === 0 ? "" : `{${labels.join(",")}}`;
}

function toNumber(value: number): string {
  if (value === Infinity) return "+Inf";
  if (value === -Infinity) return "-Inf";
  return String(value);
}

function escapeValue(value: string): string {
  return value.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}

/** OpenMetrics escapes quotes in help texts too. */
function escapeHelp(help: string, format: MetricsFormat): string {
  const escaped = help.replaceAll("\\", "\\\\").replaceAll("\n", "\\n");
  return format === "openmetrics" ? escaped.replaceAll('"', '\\"') : escaped;
}
