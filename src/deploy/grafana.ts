/** A dashboard for Grafana 9 or later, to be imported as it is: it asks for its Prometheus itself. */
export function grafanaDashboard(job: string): string {
  const of = (more = ""): string => `{job=${JSON.stringify(job)},instance=~"$instance"${more}}`;
  const rate = (name: string, more = ""): string => `rate(${name}${of(more)}[$__rate_interval])`;
  const quantile = (share: number, by: string): string =>
    `histogram_quantile(${share}, sum by (${by}le) (${rate("api_request_duration_seconds_bucket")}))`;
  const panels: readonly PanelDescription[] = [
    {
      title: "Requests",
      unit: "reqps",
      targets: [[`sum by (status_code) (${rate("api_requests_total")})`, "{{status_code}}"]],
    },
    {
      title: "Latency",
      unit: "s",
      isLogarithmic: true,
      targets: [0.5, 0.9, 0.99].map((share) => [quantile(share, ""), `p${share * 100}`]),
    },
    {
      title: "Heat map of latency",
      type: "heatmap",
      unit: "s",
      targets: [[`sum by (le) (increase(api_request_duration_seconds_bucket${of()}[$__rate_interval]))`, "{{le}}"]],
    },
    {
      title: "Failed",
      unit: "percentunit",
      targets: [
        [`sum(${rate("api_requests_total", ',status_code=~"5.."')}) / sum(${rate("api_requests_total")})`, "5xx"],
      ],
    },
    {
      title: "Time by route",
      unit: "percentunit",
      targets: [
        [
          `topk(10, sum by (method, endpoint) (${rate("api_request_duration_seconds_sum")}))`,
          "{{method}} {{endpoint}}",
        ],
      ],
    },
    {
      title: "99th percentile by route",
      unit: "s",
      targets: [[`topk(10, ${quantile(0.99, "method, endpoint, ")})`, "{{method}} {{endpoint}}"]],
    },
    {
      title: "Cache",
      unit: "reqps",
      targets: [[`sum by (result) (${rate("hotpath_cache_requests_total")})`, "{{result}}"]],
    },
    {
      title: "Statements",
      unit: "s",
      targets: [
        [
          `histogram_quantile(0.99, sum by (db_operation_name, db_collection_name, le) (${rate("db_client_operation_duration_seconds_bucket")}))`,
          "{{db_operation_name}} {{db_collection_name}}",
        ],
      ],
    },
    {
      title: "Connections",
      unit: "short",
      targets: [
        [`sum by (state) (hotpath_pool_connections${of()})`, "{{state}}"],
        [`sum(hotpath_pool_waiting${of()})`, "waiting"],
      ],
    },
    {
      title: "Event loop and memory",
      unit: "percentunit",
      targets: [[`nodejs_eventloop_utilization${of()}`, "{{instance}}"]],
    },
    { title: "Memory", unit: "bytes", targets: [[`process_resident_memory_bytes${of()}`, "{{instance}}"]] },
    { title: "Advice", unit: "short", targets: [[`sum by (kind) (${rate("hotpath_advice_total")})`, "{{kind}}"]] },
  ];
  const dashboard = {
    __inputs: [{ name: "DS_PROMETHEUS", label: "Prometheus", type: "datasource", pluginId: "prometheus" }],
    uid: "hotpath",
    title: "hotpath",
    tags: ["hotpath"],
    schemaVersion: 38,
    refresh: "10s",
    time: { from: "now-1h", to: "now" },
    templating: {
      list: [
        {
          name: "instance",
          type: "query",
          datasource: DATASOURCE,
          query: { query: `label_values(up{job=${JSON.stringify(job)}}, instance)`, refId: "instance" },
          refresh: 2,
          multi: true,
          includeAll: true,
          allValue: ".*",
          current: { text: "All", value: "$__all" },
        },
      ],
    },
    panels: panels.map(toPanel),
  };
  return `${JSON.stringify(dashboard, null, 2)}\n`;
}

const DATASOURCE = { type: "prometheus", uid: "${DS_PROMETHEUS}" };
const COLUMNS = 2;
const GRID = 24;
const HEIGHT = 8;

interface PanelDescription {
  readonly title: string;
  readonly type?: "heatmap";
  readonly unit: string;
  readonly isLogarithmic?: boolean;
  readonly targets: readonly (readonly string[])[];
}

function toPanel({ title, type, unit, isLogarithmic, targets }: PanelDescription, index: number): object {
  const width = GRID / COLUMNS;
  return {
    id: index + 1,
    title,
    type: type ?? "timeseries",
    datasource: DATASOURCE,
    gridPos: { x: (index % COLUMNS) * width, y: Math.floor(index / COLUMNS) * HEIGHT, w: width, h: HEIGHT },
    targets: targets.map(([expr, legendFormat], at) => ({
      refId: String.fromCodePoint(65 + at),
      datasource: DATASOURCE,
      expr,
      legendFormat,
      exemplar: true,
      ...(type === "heatmap" && { format: "heatmap" }),
    })),
    fieldConfig: {
      defaults: {
        unit,
        custom: {
          fillOpacity: 8,
          showPoints: "never",
          ...(isLogarithmic === true && { scaleDistribution: { type: "log", log: 10 } }),
        },
      },
      overrides: [],
    },
    options: type === "heatmap" ? { yAxis: { unit } } : { tooltip: { mode: "multi", sort: "desc" } },
  };
}
