import { mkdir, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import type { CommandInput } from "../../cli/command.ts";
import type { LoadOutcome } from "../coordinator.ts";
import { renderJunit } from "../report/junit.ts";
import { renderPrometheus } from "../report/prometheus.ts";
import { PLAIN_STYLE, renderSummary } from "../report/summary.ts";
import type { LoadFlags } from "./flags.ts";

/** Writes what a run has come to: to the terminal, and to the files that were asked for. */
export async function writeOutputs(
  { result, settings, files }: LoadOutcome,
  { terminal, directory }: CommandInput,
  flags: LoadFlags,
): Promise<void> {
  if (files === undefined) {
    const { summaryTimeUnit } = settings.options;
    terminal.out(
      renderSummary(result, {
        ...PLAIN_STYLE,
        bold: (text) => terminal.bold(text),
        red: (text) => terminal.red(text),
        dim: (text) => terminal.dim(text),
        statistics: settings.statistics,
        isFull: flags.is("full"),
        ...(typeof summaryTimeUnit === "string" && { timeUnit: summaryTimeUnit }),
      }),
    );
  }
  for (const [name, content] of Object.entries(files ?? {})) {
    if (name === "stdout") terminal.out(content);
    else if (name === "stderr") terminal.err(content);
    else await write(resolve(directory, name), content);
  }
  const to = async (flag: string, render: () => string | Promise<string>): Promise<void> => {
    const file = flags.text(flag);
    if (file !== undefined) await write(resolve(directory, file), await render());
  };
  await to("json", () => `${JSON.stringify(result)}\n`);
  await to("junit", () => renderJunit(result));
  await to("prometheus", () => renderPrometheus(result));
  await to("html", async () => (await import("../report/html.ts")).renderHtml(result));
}

async function write(file: string, content: string): Promise<void> {
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, content);
}
