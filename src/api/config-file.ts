import { execFile } from "node:child_process";
import { access } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { HotpathError } from "../errors.ts";
import { definitionOf, type ApiDefinition } from "./definition.ts";

/** Names that are looked for, in this order. */
export const CONFIG_NAMES = ["hotpath.config.ts", "hotpath.config.mts", "hotpath.config.js", "hotpath.config.mjs"];

/** Path of the config file in a directory, `undefined` when there is none. */
export async function findConfigFile(directory: string): Promise<string | undefined> {
  for (const name of CONFIG_NAMES) {
    const path = join(directory, name);
    if (await isReadable(path)) return path;
  }
  return undefined;
}

/**
 * Imports a config file and answers the definition it exports. TypeScript is run by Node's own type stripping.
 *
 * @param path absolute, or relative to `directory`
 * @throws HotpathError HP_CONFIG_MISSING, HP_CONFIG_INVALID (names file and line); a HotpathError of the file itself
 * passes through
 */
export async function loadConfigFile(path: string, directory: string): Promise<ApiDefinition> {
  const file = resolve(directory, path);
  if (!(await isReadable(file))) {
    throw new HotpathError("HP_CONFIG_MISSING", `The config file ${file} does not exist or may not be read.`);
  }
  const exported = await importFile(file);
  if (!("default" in exported)) throw invalid(`${file} has no default export.`);
  const definition = definitionOf(exported["default"]);
  if (!definition) throw invalid(`The default export of ${file} was not made by defineApi.`);
  return definition;
}

async function importFile(file: string): Promise<Record<string, unknown>> {
  try {
    return (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  } catch (error) {
    // A file may hold its own copy of the package, whose errors are of another class.
    if (error instanceof Error && error.name === "HotpathError") throw error;
    throw invalid(await describeFailure(file, error), error);
  }
}

async function describeFailure(file: string, error: unknown): Promise<string> {
  if (!(error instanceof Error)) return `${file} threw ${String(error)}.`;
  const place =
    placeOf(error, file) ?? (error.name === "SyntaxError" ? await findSyntaxError(file) : undefined) ?? file;
  const what = error.name === "SyntaxError" ? "cannot be read" : "failed";
  return `${place} ${what}: ${error.message.replace(/\.$/, "")}.`;
}

/** `file:line` of the code at fault: what the stack begins with (syntax), else its frame in the config file. */
function placeOf(error: Error, file: string): string | undefined {
  const stack = error.stack ?? "";
  const head = /^(?:file:\/\/)?([^\n]+?):(\d+)\n/.exec(stack);
  if (head) return `${decodeURI(head[1]!)}:${head[2]}`;
  const frames = stack.matchAll(/^ {4}at (?:.* \()?(file:\/\/[^\n]+?):(\d+):\d+\)?$/gm);
  const frame = [...frames].find(([, url]) => fileURLToPath(url!) === file);
  return frame && `${file}:${frame[2]}`;
}

/** V8 keeps the line of a syntax error in a module to itself, but `node --check` prints it. */
function findSyntaxError(file: string): Promise<string | undefined> {
  return new Promise((answer) => {
    execFile(process.execPath, ["--check", file], { timeout: 10_000 }, (_error, _stdout, stderr) => {
      const match = /^(?:file:\/\/)?(.+):(\d+)\r?\n/.exec(stderr);
      answer(match ? `${match[1]}:${match[2]}` : undefined);
    });
  });
}

async function isReadable(path: string): Promise<boolean> {
  return access(path).then(
    () => true,
    () => false,
  );
}

function invalid(message: string, cause?: unknown): HotpathError {
  return new HotpathError("HP_CONFIG_INVALID", message, { cause });
}
