import { readFileSync } from "node:fs";
import { SourceMap } from "node:module";
import { dirname, isAbsolute, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { constants, Script } from "node:vm";
import type { LoadedModule } from "../messages.ts";
import { iterate } from "./iterate.ts";
import { createCore } from "./k6/core.ts";
import { createCrypto } from "./k6/crypto.ts";
import { createData } from "./k6/data.ts";
import { createEncoding, toArrayBuffer } from "./k6/encoding.ts";
import { createExecution } from "./k6/execution.ts";
import { createHtml } from "./k6/html.ts";
import { createHttp } from "./k6/http.ts";
import { createMetricsModule } from "./k6/metrics.ts";
import { createSummaryLibrary } from "./k6/summary-library.ts";
import { createTimers } from "./k6/timers.ts";
import { createUtilities } from "./k6/utilities.ts";
import type { Vu } from "./vu.ts";

type Names = Record<string, unknown>;
type ModuleFunction = (...given: unknown[]) => Promise<void>;

/** A script as a process has it: compiled once, run once a VU. */
export interface ScriptProgram {
  readonly entry: string;
  readonly modules: ReadonlyMap<string, { readonly run: ModuleFunction; readonly module: LoadedModule }>;
  /** Packages by their names and the module that imports them. */
  readonly packages: ReadonlyMap<string, Names>;
  /** An error with the lines of the user's own text. */
  describe(error: unknown): string;
}

/** Compiles modules, and loads the packages that they import. */
export async function compileScript(entry: string, loaded: readonly LoadedModule[]): Promise<ScriptProgram> {
  const modules = new Map<string, { run: ModuleFunction; module: LoadedModule }>();
  const packages = new Map<string, Names>();
  const maps = new Map(loaded.map(({ name, map }) => [name, new SourceMap(JSON.parse(map) as never)]));
  for (const module of loaded) {
    const { name, code } = module;
    const script = new Script(code, {
      filename: name,
      importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    });
    modules.set(name, { run: script.runInThisContext() as ModuleFunction, module });
    for (const { name: wanted, place } of module.packages) {
      packages.set(`${wanted} ${name}`, await importPackage(wanted, name, place));
    }
  }
  return { entry, modules, packages, describe: (error) => describeError(error, maps) };
}

/** Runs the text of a script for a VU, and answers what it exports. */
export async function instantiate(program: ScriptProgram, vu: Vu): Promise<Names> {
  const builtIn = createBuiltIns(vu);
  const loaded = new Map<string, { exports: Names; ready: Promise<void> }>();
  const timers = builtIn("k6/timers");
  const evaluate = async (name: string): Promise<Names> => {
    const known = loaded.get(name);
    // In a circle, a module is seen as far as it has come.
    if (known !== undefined) return known.exports;
    const { run, module } = program.modules.get(name)!;
    const exports: Names = {};
    const { promise: ready, resolve: isReady } = Promise.withResolvers<void>();
    loaded.set(name, { exports, ready });
    for (const target of Object.values(module.links)) if (program.modules.has(target)) await evaluate(target);
    const common = { exports: {} as unknown };
    const first = common.exports;
    const find = (source: string): Names => {
      const target = module.links[source] ?? source;
      const script = loaded.get(target);
      if (script !== undefined) return script.exports;
      const found = program.packages.get(`${source} ${name}`);
      if (found !== undefined) return found;
      return builtIn(target);
    };
    const own = {
      onIteration: (listen: (vu: number, iteration: number) => void) => {
        vu.iterationListeners.push(listen);
        listen(vu.id, vu.iteration);
      },
      export(getters: Readonly<Record<string, () => unknown>>) {
        for (const [key, get] of Object.entries(getters))
          Object.defineProperty(exports, key, { get, enumerable: true, configurable: true });
      },
      import: find,
      all: (source: string) => {
        const from = find(source);
        return Object.fromEntries(
          Object.keys(from)
            .filter((key) => key !== "default")
            .map((key) => [key, () => from[key]]),
        );
      },
      get(source: string, key: string): unknown {
        const from = find(source);
        if (key in from) return from[key];
        // A CommonJS package has but one export for `import`.
        const { default: whole } = from as { default?: unknown };
        return key === "default" ? from : (whole as Names | undefined)?.[key];
      },
      iterate,
    };
    const require = (source: string): unknown => {
      const found = find(source);
      return "__common" in found ? found["__common"] : found;
    };
    await run(
      own,
      common.exports,
      common,
      require,
      (path: string, mode?: string) => open(vu, name, path, mode),
      createConsole(vu),
      vu.env,
      timers["setTimeout"],
      timers["clearTimeout"],
      timers["setInterval"],
      timers["clearInterval"],
    );
    if (common.exports !== first || Object.keys(first as Names).length > 0) {
      const whole = common.exports as Names;
      for (const key of Object.keys(whole)) if (!(key in exports)) exports[key] = whole[key];
      if (!("default" in exports)) exports["default"] = whole;
      Object.defineProperty(exports, "__common", { value: whole, enumerable: false });
    }
    isReady();
    return exports;
  };
  const exports = await evaluate(program.entry);
  vu.isInit = false;
  return exports;
}

/** k6's modules for one VU, made when they are first asked for. */
function createBuiltIns(vu: Vu): (name: string) => Names {
  const made = new Map<string, Names>();
  const makers: Readonly<Record<string, () => Names>> = {
    k6: () => createCore(vu),
    "k6/http": () => createHttp(vu),
    "k6/html": () => createHtml(),
    "k6/metrics": () => createMetricsModule(vu),
    "k6/data": () => createData(vu),
    "k6/encoding": () => createEncoding(),
    "k6/crypto": () => createCrypto(),
    "k6/execution": () => createExecution(vu),
    "k6/timers": () => createTimers(vu),
    "k6/experimental/timers": () => find("k6/timers"),
    "k6/experimental/webcrypto": () => ({ crypto: globalThis.crypto, default: { crypto: globalThis.crypto } }),
    "k6/experimental/streams": () => {
      const streams = { ReadableStream, WritableStream, CountQueuingStrategy, ByteLengthQueuingStrategy };
      return { ...streams, default: streams };
    },
    "hotpath:k6-utils": () => createUtilities(vu),
    "hotpath:k6-summary": () => createSummaryLibrary(),
  };
  const find = (name: string): Names => {
    let found = made.get(name);
    if (found === undefined) {
      const maker = makers[name];
      if (maker === undefined) throw new Error(`there is no module ${JSON.stringify(name)}`);
      made.set(name, (found = maker()));
    }
    return found;
  };
  return find;
}

/** `open()`: a file beside the module, read once for all VUs. */
function open(vu: Vu, from: string, path: string, mode = ""): string | ArrayBuffer {
  if (!vu.isInit) throw new Error("open() stands at the top of a script, outside of functions that run");
  const plain = path.startsWith("file://") ? fileURLToPath(path) : path;
  const file = isAbsolute(plain) ? plain : resolve(dirname(from), plain);
  let bytes = vu.process.files.get(file);
  if (bytes === undefined) {
    bytes = readFileSync(file);
    vu.process.files.set(file, bytes);
  }
  return mode.includes("b") ? toArrayBuffer(bytes) : bytes.toString("utf8");
}

function createConsole(vu: Vu): Readonly<Record<string, (...given: unknown[]) => void>> {
  const write =
    (level: string) =>
    (...given: unknown[]): void =>
      vu.process.tell({ kind: "log", level, text: given.map(toText).join(" ") });
  return {
    log: write("info"),
    info: write("info"),
    debug: write("debug"),
    warn: write("warning"),
    error: write("error"),
  };
}

function toText(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  if (value instanceof Error) return `${value.name}: ${value.message}`;
  try {
    return JSON.stringify(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}

/** By the rules of `import`, seen from the module that asks. */
async function importPackage(name: string, from: string, place: string): Promise<Names> {
  const load = new Script("(name) => import(name)", {
    filename: from,
    importModuleDynamically: constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
  }).runInThisContext() as (name: string) => Promise<Names>;
  try {
    return await load(name);
  } catch (error) {
    throw new Error(
      `${place}: the package ${JSON.stringify(name)} cannot be loaded: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}

/** Message and stack, as far as that lies in the script, by its own lines. */
function describeError(error: unknown, maps: ReadonlyMap<string, SourceMap>): string {
  if (!(error instanceof Error)) return toText(error);
  const lines = (error.stack ?? "").split("\n").flatMap((line) => {
    const match = /^\s+at (?:(.*?) \()?(.*?):(\d+):(\d+)\)?$/.exec(line);
    const map = match === null ? undefined : maps.get(match[2]!.replace(/^file:\/\//, ""));
    if (match === null || map === undefined) return [];
    const found = map.findEntry(Number(match[3]) - 1, Number(match[4]) - 1);
    const place =
      "originalLine" in found
        ? `${match[2]}:${found.originalLine + 1}:${found.originalColumn + 1}`
        : `${match[2]}:${match[3]}`;
    return [
      `    at ${match[1] === undefined ? place : `${match[1].replace("async ", "").replace("__default", "default")} (${place})`}`,
    ];
  });
  return [`${error.name}: ${error.message}`, ...lines].join("\n");
}
