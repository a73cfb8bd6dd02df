/** What the rules are about. */
export interface Objectives {
  /** Prometheus's name for the server: the label `job`. */
  readonly job: string;
  /** `host:port` of each admin listener. */
  readonly targets: readonly string[];
  /** Share of the requests that must not fail, such as 0.999. */
  readonly availability: number;
  /** Share of the requests that must be as quick as `latencySeconds`. */
  readonly quick: number;
  /** One of the buckets of `api_request_duration_seconds`. */
  readonly latencySeconds: number;
}

/** Windows over which the budget is watched; the longer the window, the slower it may burn (Google's SRE workbook, chapter 5). */
const BURNS = [
  { long: "1h", short: "5m", rate: 14.4, severity: "page" },
  { long: "6h", short: "30m", rate: 6, severity: "page" },
  { long: "3d", short: "6h", rate: 1, severity: "ticket" },
];
const WINDOWS = ["5m", "30m", "1h", "6h", "3d"];

/** `prometheus.yml`: where to scrape, and the file of rules. */
export function scrapeConfiguration({ job, targets }: Objectives, rulesFile: string): string {
  return `global:
  scrape_interval: 15s
  evaluation_interval: 15s
rule_files:
  - ${JSON.stringify(rulesFile)}
scrape_configs:
  - job_name: ${JSON.stringify(job)}
    static_configs:
      - targets: ${JSON.stringify(targets)}
`;
}

/** Recording and alerting rules. */
export function prometheusRules(objectives: Objectives): string {
  const { job, availability, quick, latencySeconds } = objectives;
  const of = (more = ""): string => `{job=${JSON.stringify(job)}${more}}`;
  const recorded = WINDOWS.flatMap((window) => [
    {
      record: `hotpath:failed:ratio_rate${window}`,
      // Without any failure there is no series of them.
      expr:
        `(sum(rate(api_requests_total${of(',status_code=~"5.."')}[${window}])) or vector(0)) / ` +
        `sum(rate(api_requests_total${of()}[${window}]))`,
    },
    {
      record: `hotpath:late:ratio_rate${window}`,
      expr:
        `1 - sum(rate(api_request_duration_seconds_bucket${of(`,le="${latencySeconds}"`)}[${window}])) / ` +
        `sum(rate(api_request_duration_seconds_count${of()}[${window}]))`,
    },
  ]);
  const byRoute = [
    { record: "hotpath:requests:rate5m", expr: `sum by (method, endpoint) (rate(api_requests_total${of()}[5m]))` },
    {
      record: "hotpath:latency:p99_5m",
      expr: `histogram_quantile(0.99, sum by (method, endpoint, le) (rate(api_request_duration_seconds_bucket${of()}[5m])))`,
    },
    {
      record: "hotpath:cache:hit_ratio5m",
      expr:
        `sum(rate(hotpath_cache_requests_total${of(',result=~"hit|stale|collapsed"')}[5m])) / ` +
        `sum(rate(hotpath_cache_requests_total${of()}[5m]))`,
    },
  ];
  const burning = [
    { kind: "failed", name: "HotpathErrorBudgetBurns", budget: 1 - availability, what: "requests fail", where: "5xx" },
    { kind: "late", name: "HotpathLatencyBudgetBurns", budget: 1 - quick, what: "requests are late", where: "slowest" },
  ].flatMap(({ kind, name, budget, what, where }) =>
    BURNS.map(({ long, short, rate, severity }): Alert => {
      const limit = Number((rate * budget).toPrecision(6));
      return {
        alert: name,
        expr: `hotpath:${kind}:ratio_rate${long} > ${limit} and hotpath:${kind}:ratio_rate${short} > ${limit}`,
        severity,
        window: long,
        summary: `Too many ${what}: ${rate} times what the objective allows, over ${long}`,
        runbook: `Open the admin listener's dashboard: routes by ${where}, then where the time goes; kept traces have the whole way.`,
      };
    }),
  );
  const alerts: Alert[] = [...burning, ...saturation(of)];
  return `groups:
  - name: hotpath-recording
    rules:
${[...recorded, ...byRoute].map(({ record, expr }) => `      - record: ${record}\n        expr: ${JSON.stringify(expr)}`).join("\n")}
  - name: hotpath-alerts
    rules:
${alerts.map(formatAlert).join("\n")}
`;
}

interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly for?: string;
  readonly severity: string;
  readonly window?: string;
  readonly summary: string;
  readonly runbook: string;
}

/** What ends in failures, before it does. */
function saturation(of: (more?: string) => string): Alert[] {
  return [
    {
      alert: "HotpathDown",
      expr: `up${of()} == 0`,
      for: "1m",
      severity: "page",
      summary: "{{ $labels.instance }} cannot be scraped",
      runbook: "See whether the process runs, its log's last lines, and whether the admin listener's address is right.",
    },
    {
      alert: "HotpathDatabaseUnreachable",
      expr: `min by (instance) (hotpath_pool_reachable${of()}) == 0`,
      for: "1m",
      severity: "page",
      summary: "{{ $labels.instance }} cannot reach its database",
      runbook:
        "/ready of the admin listener says which; check the server, its connections (max_connections) and the network.",
    },
    {
      alert: "HotpathPoolSaturated",
      expr: `sum by (instance) (hotpath_pool_waiting${of()}) > 0 and sum by (instance) (hotpath_pool_connections${of(',state="idle"')}) == 0`,
      for: "5m",
      severity: "ticket",
      summary: "Requests of {{ $labels.instance }} wait for database connections",
      runbook: "The dashboard's statements show what holds them; cache it, add an index, or raise pool.max.",
    },
    {
      alert: "HotpathEventLoopBusy",
      expr: `nodejs_eventloop_utilization${of()} > 0.9`,
      for: "10m",
      severity: "ticket",
      summary: "{{ $labels.instance }} uses a whole core",
      runbook: "Add a process or a machine; large replies and compression are what costs most.",
    },
    {
      alert: "HotpathUpstreamOut",
      expr: `min by (instance, address) (hotpath_upstream_healthy${of()}) == 0`,
      for: "2m",
      severity: "ticket",
      summary: "{{ $labels.address }} is out for {{ $labels.instance }}",
      runbook: "See the upstream's own log; hotpath tries it again by itself.",
    },
  ];
}

function formatAlert({ alert, expr, for: lasting, severity, window, summary, runbook }: Alert): string {
  return `      - alert: ${alert}
        expr: ${JSON.stringify(expr)}${lasting === undefined ? "" : `\n        for: ${lasting}`}
        labels:
          severity: ${severity}${window === undefined ? "" : `\n          window: ${window}`}
        annotations:
          summary: ${JSON.stringify(summary)}
          runbook: ${JSON.stringify(runbook)}`;
}
