import type { Metric, MetricKind } from "../../metrics.ts";
import { toTexts } from "../script-settings.ts";
import type { Vu } from "../vu.ts";

/** A metric as a script has it. */
export interface CustomMetric {
  readonly name: string;
  add(value: unknown, tags?: unknown): boolean;
}

/** `k6/metrics`: metrics of the script's own. */
export function createMetricsModule(vu: Vu) {
  const define = (kind: MetricKind): new (name: string, isTime?: boolean) => CustomMetric =>
    class {
      readonly name: string;
      readonly #metric: Metric;

      constructor(name: string, isTime = false) {
        if (typeof name !== "string" || !/^[\p{L}_][\p{L}\p{N}_]*$/u.test(name)) {
          throw new TypeError(`${JSON.stringify(name)} is no name for a metric: letters, digits and _`);
        }
        const metric = vu.process.metrics.define(name, kind, isTime);
        if (metric === undefined) throw new TypeError(`the metric ${name} exists already, and is no ${kind}`);
        this.#metric = metric;
        this.name = name;
      }

      add(value: unknown, tags?: unknown): boolean {
        const number =
          typeof value === "boolean" ? Number(value) : kind === "rate" ? Number(Boolean(value)) : Number(value);
        if (!Number.isFinite(number)) {
          vu.process.tell({ kind: "log", level: "warning", text: `${this.name}: ${String(value)} is no number` });
          return false;
        }
        this.#metric.add(number, tags === undefined ? vu.tags : { ...vu.tags, ...toTexts(tags) });
        return true;
      }
    };
  const module = { Counter: define("counter"), Gauge: define("gauge"), Rate: define("rate"), Trend: define("trend") };
  return { ...module, default: module };
}
