import type { MountedSource, ResolvedApi } from "../api/definition.ts";
import type { Catalog } from "../postgres/catalog/types.ts";
import type { RunningServer } from "../server/start.ts";
import type { Terminal } from "./terminal.ts";

/** The lines a server command prints once it runs: what is served where. */
export function describeServer(api: ResolvedApi, server: RunningServer, titles: Titles, terminal: Terminal): string {
  const lines = api.sources.map((mounted) => {
    const where = mounted.path === "/" ? server.url : server.url.replace(/\/$/, "") + mounted.path;
    return `  ${terminal.bold(where)}  ${describeSource(mounted, titles)}`;
  });
  const routes = api.routes?.length ?? 0;
  if (routes > 0) lines.unshift(`  ${terminal.bold(server.url)}  ${count(routes, "route")}`);
  if (server.adminUrl) {
    const base = server.adminUrl.replace(/\/$/, "");
    lines.push(`  ${terminal.bold(base)}  admin: dashboard, /live /ready /metrics`);
  }
  const isReady = api.sources.every(({ source }) => source.isReady?.() ?? true);
  const first = isReady ? "hotpath is ready" : "hotpath listens; it answers 503 until it reaches what it serves";
  return `${first}\n${lines.join("\n")}\n`;
}

/** What stands for a source in the announcement, by mount point; never holds a password. */
export type Titles = Readonly<Record<string, string>>;

function describeSource({ path, source }: MountedSource, titles: Titles): string {
  const title = titles[path] ?? source.name;
  const catalog = "catalog" in source ? (source.catalog as Catalog | undefined) : undefined;
  return catalog ? `${title} (${describeCatalog(catalog)})` : title;
}

/** `11 tables, 2 views`. */
function describeCatalog({ relations }: Catalog): string {
  const kinds = [...relations.values()].flatMap((schema) => [...schema.values()].map(({ kind }) => kind));
  const views = kinds.filter((kind) => kind.endsWith("view")).length;
  return [count(kinds.length - views, "table"), ...(views > 0 ? [count(views, "view")] : [])].join(", ");
}

function count(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
