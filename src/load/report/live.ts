import type { LiveState, RunSettings } from "../coordinator.ts";
import { type ScenarioPlan, mostVus, regularMs } from "../plan.ts";
import { formatMs, formatNumber } from "./values.ts";

/** Where the view is drawn. */
export interface LiveScreen {
  readonly write: (text: string) => void;
  /** Whether lines can be drawn over. */
  readonly isInteractive: boolean;
  readonly columns: number;
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
}

/** The view of a run while it goes on: bars in a terminal, a line now and then elsewhere. */
export interface LiveView {
  start(settings: RunSettings, title: string): void;
  update(state: LiveState): void;
  /** A line that stays, above the view. */
  log(text: string): void;
  end(): void;
}

/** How often a line is written where nothing can be drawn over. */
const LINE_SECONDS = 5;
const BAR_WIDTH = 24;
const ESCAPE = "\u001B";
const COLOUR = new RegExp(`(${ESCAPE}\\[\\d+m)`);

export function createLiveView(screen: LiveScreen): LiveView {
  let drawn = 0;
  let last: readonly string[] = [];
  const erase = (): void => {
    if (drawn > 0) screen.write(`${ESCAPE}[${drawn}A${ESCAPE}[J`);
    drawn = 0;
  };
  const draw = (lines: readonly string[]): void => {
    erase();
    // A line that wraps would be counted once and take up two.
    for (const line of lines) screen.write(`${clip(line, screen.columns)}\n`);
    drawn = lines.length;
    last = lines;
  };
  return {
    start(settings, title) {
      screen.write(`\n  ${screen.bold(title)}\n`);
      for (const { name, words } of settings.words) screen.write(`  ${name}: ${words}\n`);
      if (settings.workers > 1) screen.write(`  ${screen.dim(`over ${settings.workers} processes`)}\n`);
      screen.write("\n");
    },
    update(state) {
      if (screen.isInteractive) draw(toLines(state, screen));
      else if (Math.round(state.seconds) % LINE_SECONDS === 0) screen.write(`${toLine(state)}\n`);
    },
    log(text) {
      if (!screen.isInteractive) return screen.write(`${text}\n`);
      const before = last;
      const had = drawn > 0;
      erase();
      screen.write(`${text}\n`);
      if (had) draw(before);
    },
    end: erase,
  };
}

function toLines(state: LiveState, screen: LiveScreen): string[] {
  const bars = state.settings.scenarios.map((plan) => {
    const { vus, iterations, share, left } = standOf(plan, state);
    const full = Math.round(share * BAR_WIDTH);
    const bar = `${"━".repeat(full)}${screen.dim("─".repeat(BAR_WIDTH - full))}`;
    const name = state.settings.scenarios.length === 1 ? "" : `${plan.name.padEnd(14).slice(0, 14)} `;
    return `  ${name}${bar} ${String(Math.round(share * 100)).padStart(3)}%  ${left}  ${vus}/${mostVus(plan)} VUs  ${iterations} iterations`;
  });
  return [...bars, `  ${describe(state, screen.red)}`];
}

function toLine(state: LiveState): string {
  const share = Math.round(
    (Math.max(...state.settings.scenarios.map((plan) => standOf(plan, state).share)) || 0) * 100,
  );
  return `  ${formatMs(Math.round(state.seconds) * 1000).padStart(6)} ${String(share).padStart(3)}%  ${describe(state, (text) => text)}`;
}

function describe({ point, totals, progress }: LiveState, red: (text: string) => string): string {
  const vus = progress.reduce((sum, entry) => sum + entry.vus, 0);
  if (point === undefined) return `${vus} VUs`;
  const failed = totals.get("http_req_failed");
  const failures = failed === undefined || failed.passes === 0 ? "" : `  ${red(`${failed.passes} failed`)}`;
  const dropped = totals.get("dropped_iterations")?.sum ?? 0;
  return `${formatNumber(Math.round(point.requests))} requests/s  p50 ${formatMs(point.p50)}  p95 ${formatMs(point.p95)}  p99 ${formatMs(point.p99)}  ${vus} VUs${failures}${dropped > 0 ? `  ${red(`${dropped} dropped`)}` : ""}`;
}

function standOf(plan: ScenarioPlan, { seconds, progress }: LiveState) {
  const { vus = 0, iterations = 0 } = progress.find(({ scenario }) => scenario === plan.name) ?? {};
  const elapsedMs = Math.max(0, seconds * 1000 - plan.startTimeMs);
  const wholeMs = regularMs(plan);
  const byTime = Math.min(1, elapsedMs / Math.max(1, wholeMs));
  if (plan.executor === "shared-iterations" || plan.executor === "per-vu-iterations") {
    const all = plan.executor === "shared-iterations" ? plan.iterations : plan.iterations * plan.vus;
    return { vus, iterations, share: Math.min(1, iterations / Math.max(1, all)), left: `${iterations}/${all}` };
  }
  return {
    vus,
    iterations,
    share: byTime,
    left: `${formatMs(Math.min(elapsedMs, wholeMs) - (elapsedMs % 1000))}/${formatMs(wholeMs)}`,
  };
}

/** Cuts a line to a width, colours not counted. */
function clip(line: string, columns: number): string {
  let width = 0;
  let text = "";
  for (const part of line.split(COLOUR)) {
    if (part.startsWith(ESCAPE)) text += part;
    else {
      text += part.slice(0, Math.max(0, columns - 1 - width));
      width += part.length;
    }
  }
  return text;
}
