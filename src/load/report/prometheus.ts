import type { LoadResult } from "../result.ts";

const NAMES: Readonly<Record<string, string>> = { avg: "mean", med: "0.5", min: "0", max: "1" };

/** What a run has come to as Prometheus's text format, for a push gateway or the textfile collector. */
export function renderPrometheus(result: LoadResult): string {
  const lines: string[] = [];
  const run = `title="${escape(result.title)}"`;
  const families = new Set<string>();
  for (const [full, metric] of Object.entries(result.metrics)) {
    const [, base = full, inner] = /^([^{]+)(?:\{(.*)\})?$/.exec(full) ?? [];
    const name = `load_${base.replaceAll(/[^\w:]/g, "_")}`;
    const tags = inner?.split(",").map((part) => {
      const at = part.indexOf(":");
      return `${part.slice(0, at).trim().replaceAll(/\W/g, "_")}="${escape(part.slice(at + 1).trim())}"`;
    });
    const labels = [run, ...(tags ?? [])].join(",");
    const family = (suffix: string, type: string): string => {
      const whole = name + suffix;
      if (!families.has(whole)) lines.push(`# TYPE ${whole} ${type}`);
      families.add(whole);
      return whole;
    };
    const { values } = metric;
    if (metric.kind === "counter") lines.push(`${family("_total", "counter")}{${labels}} ${values["count"] ?? 0}`);
    else if (metric.kind === "rate") lines.push(`${family("_ratio", "gauge")}{${labels}} ${values["rate"] ?? 0}`);
    else if (metric.kind === "gauge") lines.push(`${family("", "gauge")}{${labels}} ${values["value"] ?? 0}`);
    else {
      const unit = metric.isTime ? 1000 : 1;
      const whole = family(metric.isTime ? "_seconds" : "", "summary");
      for (const [statistic, value] of Object.entries(values)) {
        const percentile = /^p\((.*)\)$/.exec(statistic)?.[1];
        const share = percentile === undefined ? NAMES[statistic] : String(Number(percentile) / 100);
        if (share !== undefined && share !== "mean")
          lines.push(`${whole}{${labels},quantile="${share}"} ${value / unit}`);
      }
      lines.push(
        `${whole}_sum{${labels}} ${(metric.histogram?.sum ?? 0) / unit}`,
        `${whole}_count{${labels}} ${values["count"] ?? 0}`,
      );
    }
  }
  lines.push("# TYPE load_threshold_passed gauge");
  for (const { metric, condition, passed } of result.thresholds) {
    lines.push(
      `load_threshold_passed{${run},metric="${escape(metric)}",condition="${escape(condition)}"} ${passed ? 1 : 0}`,
    );
  }
  return `${lines.join("\n")}\n`;
}

function escape(text: string): string {
  return text
    .replaceAll("\\", String.raw`\\`)
    .replaceAll('"', String.raw`\"`)
    .replaceAll("\n", String.raw`\n`);
}
