import type { MountedSource, ResolvedApi } from "../api/definition.ts";
import type { Source } from "../api/source.ts";
import type { RunningServer } from "./run-server.ts";
import type { Terminal } from "./terminal.ts";

/** Sources may say in a few words what they serve, e.g. `12 tables, 3 views`; asked after their start. */
interface SummarySource extends Source {
  summary?(): string;
}

/** The lines a server command prints once it runs: what is served where. */
export function describeServer(api: ResolvedApi, server: RunningServer, titles: Titles, terminal: Terminal): string {
  const lines = api.sources.map((mounted) => {
    const where = mounted.path === "/" ? server.url : server.url.replace(/\/$/, "") + mounted.path;
    return `  ${terminal.bold(where)}  ${describeSource(mounted, titles)}`;
  });
  if (server.adminUrl) {
    const base = server.adminUrl.replace(/\/$/, "");
    lines.push(`  ${terminal.bold(base)}  admin: /live /ready /metrics`);
  }
  return `hotpath is ready\n${lines.join("\n")}\n`;
}

/** What stands for a source in the announcement, by mount point; never holds a password. */
export type Titles = Readonly<Record<string, string>>;

function describeSource({ path, source }: MountedSource, titles: Titles): string {
  const title = titles[path] ?? source.name;
  const summary = (source as SummarySource).summary?.();
  return summary ? `${title} (${summary})` : title;
}
