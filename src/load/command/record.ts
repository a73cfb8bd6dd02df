import { readFile, stat, writeFile } from "node:fs/promises";
import { basename, resolve } from "node:path";
import type { CommandInput } from "../../cli/command.ts";
import { HotpathError } from "../../errors.ts";
import { readRecording } from "../record/read-recording.ts";
import { type ArtilleryPhase, writeArtillery } from "../record/write-artillery.ts";
import { writeScript } from "../record/write-script.ts";
import type { LoadFlags } from "./flags.ts";

const MAX_BYTES = 512 * 1024 * 1024;
const DEFAULT_RATE = 50;
const DEFAULT_SECONDS = 60;

/** `hotpath load --record FILE`: a script, or with `--artillery` Artillery's YAML, from a log, HAR or OpenAPI. */
export async function recordCommand(
  { directory, terminal }: CommandInput,
  flags: LoadFlags,
  name: string,
): Promise<number> {
  const file = resolve(directory, name);
  const recorded = await readRecording(await readText(file), basename(file));
  const artillery = flags.text("artillery");
  const rate = recorded.rate ?? DEFAULT_RATE;
  const text =
    artillery === undefined
      ? writeScript(recorded, basename(file))
      : await writeArtillery(recorded, [
          { durationSeconds: (flags.duration("duration") ?? DEFAULT_SECONDS * 1000) / 1000, rate },
        ]);
  await put(artillery ?? flags.text("out"), text, directory, terminal);
  const kinds = `${recorded.kinds.length} kinds of requests`;
  terminal.err(
    `hotpath: ${recorded.visit === undefined ? kinds : `a visit of ${recorded.visit.length} requests`}${recorded.rate === undefined ? "" : `, ${recorded.rate.toFixed(1)} a second`}\n`,
  );
  return 0;
}

/** `hotpath load URL --artillery FILE`: the same test for Artillery. */
export async function exportPlain(
  job: {
    readonly url: string;
    readonly method: string;
    readonly fields: readonly (readonly [string, string])[];
    readonly body: string | undefined;
  },
  phases: readonly ArtilleryPhase[],
): Promise<string> {
  const url = new URL(job.url);
  const step = {
    method: job.method,
    url: url.pathname + url.search,
    fields: Object.fromEntries(job.fields),
    body: job.body,
    pauseMs: 0,
  };
  return writeArtillery({ base: url.origin, rate: undefined, kinds: [], visit: [step] }, phases);
}

/** Writes to a file, or to standard output for `-` and where no file is named. */
export async function put(
  file: string | undefined,
  text: string,
  directory: string,
  terminal: CommandInput["terminal"],
): Promise<void> {
  if (file === undefined || file === "-") terminal.out(text);
  else await writeFile(resolve(directory, file), text);
}

async function readText(file: string): Promise<string> {
  try {
    const { size } = await stat(file);
    if (size > MAX_BYTES) throw new Error(`it is larger than ${MAX_BYTES / 1024 / 1024} MiB: take a part of it`);
    return await readFile(file, "utf8");
  } catch (error) {
    throw new HotpathError(
      "HP_LOAD_FAILED",
      `${file} cannot be read: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}
