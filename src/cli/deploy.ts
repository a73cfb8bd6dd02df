import { HotpathError } from "../errors.ts";
import type { Command, CommandInput } from "./command.ts";

const KINDS = ["prometheus", "prometheus-rules", "grafana"] as const;
const BUCKETS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

/** `hotpath deploy`: files for the tools around a server. */
export const deploy: Command = {
  name: "deploy",
  summary: "Print files for Prometheus and Grafana: scraping, rules with alerts, a dashboard.",
  usage: ["deploy prometheus", "deploy prometheus-rules", "deploy grafana"],
  positionals: [{ name: "KIND", description: `One of ${KINDS.join(", ")}.` }],
  flags: [
    { name: "job", value: "NAME", description: "Prometheus's name for the servers. [hotpath]" },
    { name: "targets", value: "LIST", description: "Admin listeners, as host:port. [127.0.0.1:3001]" },
    { name: "rules", value: "FILE", description: "Where prometheus.yml finds the rules. [hotpath.rules.yml]" },
    { name: "availability", value: "PERCENT", description: "Requests that must not fail. [99.9]" },
    { name: "quick", value: "PERCENT", description: "Requests that must be as quick as --latency. [99]" },
    { name: "latency", value: "SECONDS", description: `One of ${BUCKETS.join(", ")}. [0.25]` },
  ],
  scopes: [],
  examples: [
    "hotpath deploy prometheus --targets api-1:3001,api-2:3001 > prometheus.yml",
    "hotpath deploy prometheus-rules --availability 99.95 > hotpath.rules.yml",
    "hotpath deploy grafana > hotpath.json",
  ],
  async run({ positionals, own, terminal }) {
    const kind = KINDS.find((known) => known === positionals[0]);
    if (kind === undefined) throw misused(`hotpath deploy takes one of ${KINDS.join(", ")}.`);
    const text = (name: string, otherwise: string): string => String(own.get(name) ?? otherwise);
    const objectives = {
      job: text("job", "hotpath"),
      targets: text("targets", "127.0.0.1:3001")
        .split(",")
        .map((target) => target.trim()),
      availability: share(own, "availability", 99.9),
      quick: share(own, "quick", 99),
      latencySeconds: bucket(text("latency", "0.25")),
    };
    if (kind === "grafana") {
      const { grafanaDashboard } = await import("../deploy/grafana.ts");
      terminal.out(grafanaDashboard(objectives.job));
      return;
    }
    const { prometheusRules, scrapeConfiguration } = await import("../deploy/prometheus.ts");
    terminal.out(
      kind === "prometheus"
        ? scrapeConfiguration(objectives, text("rules", "hotpath.rules.yml"))
        : prometheusRules(objectives),
    );
  },
};

function share(own: CommandInput["own"], name: string, otherwise: number): number {
  const percent = Number(own.get(name) ?? otherwise);
  if (percent > 0 && percent < 100) return percent / 100;
  throw misused(`--${name} is a percentage below 100, such as ${otherwise}.`);
}

function bucket(text: string): number {
  const seconds = Number(text);
  if (BUCKETS.includes(seconds)) return seconds;
  throw misused(`--latency is one of ${BUCKETS.join(", ")}: only those are counted.`);
}

function misused(message: string): HotpathError {
  return new HotpathError("HP_ARGUMENT_INVALID", message);
}
