import { readFile } from "node:fs/promises";
import { basename } from "node:path";
import { HotpathError } from "../../errors.ts";
import { scriptSettings } from "../k6-options.ts";
import type { ScriptJob } from "../messages.ts";
import { readArtillery } from "../record/read-artillery.ts";
import { loadScript } from "../script/load-script.ts";
import { type LoadFlags, misused } from "./flags.ts";
import { defaultWorkers, type Prepared } from "./prepared.ts";

/** Reads and transforms a script, and says what the command line changes of its options. */
export async function prepareScript(
  file: string,
  flags: LoadFlags,
  environment: Readonly<Record<string, string | undefined>>,
  directory: string,
): Promise<Prepared> {
  const { entry, modules } = /\.ya?ml$/i.test(file)
    ? await loadScript(file, { name: `${file}.js`, text: await readArtillery(await readScript(file), basename(file)) })
    : await loadScript(file);
  const stages = flags.stages();
  const duration = flags.duration("duration");
  const tags = Object.fromEntries(flags.lines("tag").map((line) => pairOf("tag", line)));
  const overrides = {
    ...(flags.count("vus") !== undefined && { vus: flags.count("vus") }),
    ...(flags.count("iterations") !== undefined && { iterations: flags.count("iterations") }),
    ...(duration !== undefined && { duration }),
    ...(stages.length > 0 && {
      stages: stages.map((stage) => ({ duration: stage.durationMs, target: stage.target })),
    }),
    ...(Object.keys(tags).length > 0 && { tags }),
  };
  const known = Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const script: ScriptJob = {
    entry,
    modules,
    env: { ...Object.fromEntries(known), ...Object.fromEntries(flags.lines("env").map((line) => pairOf("env", line))) },
    overrides,
    hosts: flags.hosts(),
    isInsecure: flags.is("insecure"),
    directory,
  };
  return {
    job: { script },
    title: basename(file),
    server: hostOf(Object.values(flags.hosts())[0] ?? "127.0.0.1"),
    settle: (options, exports) =>
      scriptSettings(options, exports, {
        overrides,
        thresholds: flags.thresholds(),
        workers: flags.count("workers"),
        defaultWorkers,
      }),
  };
}

function hostOf(target: string): string {
  return URL.parse(target.includes("://") ? target : `http://${target}`)?.hostname ?? "";
}

async function readScript(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    throw new HotpathError("HP_LOAD_SCRIPT", `${file} cannot be read: ${message}`, { cause: error });
  }
}

function pairOf(flag: string, line: string): readonly [string, string] {
  const at = line.indexOf("=");
  if (at > 0) return [line.slice(0, at), line.slice(at + 1)];
  throw misused(`--${flag} takes NAME=VALUE, not ${line}.`);
}
