import type { DashboardState, Gauge } from "../observe/dashboard/dashboard.ts";
import { Card } from "./card.tsx";
import { bytes, count, duration } from "./format.ts";

/** The parts of the server that have something to tell, by the beginning of their metrics' names. */
const PARTS = [
  { title: "Pool", prefixes: ["hotpath_pool_"] },
  {
    title: "Replicas",
    prefixes: ["hotpath_replica", "hotpath_reads_routed", "hotpath_server_role", "hotpath_primary"],
  },
  { title: "Shared statements", prefixes: ["hotpath_batch"] },
  { title: "Limits and overload", prefixes: ["limit_", "overload_"] },
  { title: "Clients", prefixes: ["api_connections", "auth_"] },
  { title: "Changes", prefixes: ["hotpath_changes"] },
  { title: "Cache", prefixes: ["hotpath_cache", "hotpath_memo"] },
  { title: "Upstream", prefixes: ["hotpath_upstream"] },
];

/** Pool, replicas, limits and what else there is, as their metrics say. */
export function Parts({ gauges }: { readonly gauges: DashboardState["gauges"] }) {
  return (
    <div class="parts" id="parts">
      {PARTS.map(({ title, prefixes }) => {
        const all = gauges.filter(({ name }) => prefixes.some((prefix) => name.startsWith(prefix)));
        if (all.length === 0) return null;
        // Of what comes in many kinds those that did not come say nothing.
        const found = all.filter(({ labels, value }) => value !== 0 || Object.keys(labels).length === 0);
        return (
          <Card key={title} title={title}>
            {title === "Pool" && <Connections gauges={all} />}
            {found.length === 0 && <p class="muted">Nothing was refused, nobody waits.</p>}
            <dl class="values">
              {found.map((gauge) => (
                <div key={keyOf(gauge)}>
                  <dt>{nameOf(gauge)}</dt>
                  <dd>{valueOf(gauge)}</dd>
                </div>
              ))}
            </dl>
          </Card>
        );
      })}
    </div>
  );
}

/** Connections as dots: busy, idle, opening, and room for more. */
function Connections({ gauges }: { readonly gauges: readonly Gauge[] }) {
  const of = (name: string, state?: string): number =>
    gauges
      .filter((gauge) => gauge.name === name && (state === undefined || gauge.labels["state"] === state))
      .reduce((sum, { value }) => sum + value, 0);
  const states = ["busy", "idle", "opening"].flatMap((state) =>
    Array.from({ length: of("hotpath_pool_connections", state) }, () => state),
  );
  const free = Math.max(0, of("hotpath_pool_max_connections") - states.length);
  return (
    <div class="dots" role="img" aria-label={`${states.length} connections, room for ${free} more`}>
      {[...states, ...Array.from({ length: free }, () => "free")].slice(0, 100).map((state, at) => (
        <i key={at} class={state} title={state} />
      ))}
    </div>
  );
}

function keyOf({ name, labels }: Gauge): string {
  return `${name} ${Object.values(labels).join(" ")}`;
}

function nameOf({ name, labels }: Gauge): string {
  const words = name
    .replace(/^(?:hotpath_(?:pool_|batch_|changes_|cache_|upstream_)?|limit_|api_)/, "")
    .replace(/_(?:total|seconds|bytes)$/, "");
  const told = Object.entries(labels)
    .filter(([, label]) => label !== "")
    .map(([label, value]) => (label === "worker" ? `worker ${value}` : value));
  return [words.replaceAll("_", " "), ...told].join(" · ");
}

function valueOf({ name, value }: Gauge): string {
  if (name.includes("bytes")) return bytes(value);
  if (name.includes("seconds")) return duration(value * 1000);
  return count(Math.round(value * 100) / 100);
}
