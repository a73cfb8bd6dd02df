import { readFile } from "node:fs/promises";
import { createRequire, isBuiltin, stripTypeScriptTypes } from "node:module";
import { dirname, extname, isAbsolute, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type AnyNode, type Program, parse } from "acorn";
import { HotpathError } from "../../errors.ts";
import type { LoadedModule } from "../messages.ts";
import { K6_MODULES, jslibModule } from "./k6-names.ts";
import { rewrite } from "./rewrite.ts";
import { type ScopedModule, nameOf, scopeModule } from "./scopes.ts";
import { findWaiting, requiredOf } from "./waiting.ts";

/** A script and all modules of its own, ready to run in workers. */
export interface LoadedScript {
  readonly entry: string;
  readonly modules: readonly LoadedModule[];
}

interface Parsed {
  readonly name: string;
  readonly source: string;
  readonly scoped: ScopedModule;
  readonly links: Record<string, string>;
  readonly packages: { name: string; place: string }[];
}

/** So that a script that imports itself by ever new addresses ends. */
const MAX_MODULES = 500;
const MAX_BYTES = 20 * 1024 * 1024;
const FETCH_TIMEOUT_MS = 15_000;

/**
 * Reads a script with everything it imports, and transforms it.
 *
 * @param made the text of the script, where it was made of something else
 * @throws HotpathError HP_LOAD_SCRIPT where it cannot be read or parsed; HP_LOAD_UNSUPPORTED, with all places, where it asks for what
 * does not exist here
 */
export async function loadScript(
  file: string,
  made?: { readonly name: string; readonly text: string },
): Promise<LoadedScript> {
  const parsed = new Map<string, Parsed>();
  const problems: string[] = [];
  const entry = made?.name ?? resolve(file);
  const queue = [entry];
  for (let name = queue.pop(); name !== undefined; name = queue.pop()) {
    if (parsed.has(name)) continue;
    if (parsed.size >= MAX_MODULES) throw broken(`The script imports more than ${MAX_MODULES} modules.`);
    const module = parseModule(name, name === made?.name ? made.text : await readSource(name));
    parsed.set(name, module);
    for (const { source, node, names } of importsOf(module.scoped)) {
      const target = resolveImport(source, name);
      const place = placeOf(module, node);
      if (target.kind === "missing") problems.push(`${place}: ${target.message}`);
      else if (target.kind === "k6") {
        module.links[source] = target.name;
        for (const wanted of names) {
          if (!K6_MODULES[target.name]!.includes(wanted)) {
            problems.push(`${place}: ${source} has no ${JSON.stringify(wanted)} here`);
          }
        }
      } else if (target.kind === "package") {
        module.links[source] = source;
        module.packages.push({ name: source, place });
      } else {
        module.links[source] = target.name;
        queue.push(target.name);
      }
    }
  }
  const modules = [...parsed.values()];
  for (const module of modules) problems.push(...unknownCalls(module));
  const byScoped = new Map(modules.map((module) => [module.scoped, module]));
  const waiting = findWaiting(
    modules.map(({ scoped }) => scoped),
    {
      resolve: (from, source) => parsed.get(byScoped.get(from)?.links[source] ?? "")?.scoped,
      exported: (module, name) =>
        findExport(module, name, (from, source) => parsed.get(byScoped.get(from)?.links[source] ?? "")?.scoped),
    },
  );
  for (const { module, at, message } of waiting.refusals) {
    problems.push(`${placeOf(byScoped.get(module)!, at)}: ${message}`);
  }
  if (problems.length > 0) {
    throw new HotpathError(
      "HP_LOAD_UNSUPPORTED",
      `hotpath load cannot run this script:\n  ${[...new Set(problems)].join("\n  ")}`,
    );
  }
  return {
    entry,
    modules: modules.map(({ name, source, scoped, links, packages }) => ({
      name,
      ...rewrite(scoped, source, name, waiting),
      links,
      packages,
    })),
  };
}

type Target =
  | { readonly kind: "script"; readonly name: string }
  | { readonly kind: "k6"; readonly name: string }
  | { readonly kind: "package" }
  | { readonly kind: "missing"; readonly message: string };

function resolveImport(source: string, from: string): Target {
  const builtIn = jslibModule(source) ?? (source in K6_MODULES ? source : undefined);
  if (builtIn !== undefined) return { kind: "k6", name: builtIn };
  if (source === "k6" || source.startsWith("k6/")) return { kind: "missing", message: `${source} is not supported` };
  if (/^https?:\/\//.test(source)) return { kind: "script", name: source };
  if (isRemote(from) && /^\.?\.?\//.test(source)) return { kind: "script", name: new URL(source, from).href };
  if (source.startsWith("file://")) return { kind: "script", name: fileURLToPath(source) };
  if (/^\.\.?\//.test(source) || isAbsolute(source)) return { kind: "script", name: resolve(dirname(from), source) };
  if (isBuiltin(source) || isRemote(from)) return { kind: "package" };
  try {
    createRequire(from).resolve(source);
    return { kind: "package" };
  } catch (error) {
    // Packages for `import` alone are found by that.
    if ((error as NodeJS.ErrnoException).code === "ERR_PACKAGE_PATH_NOT_EXPORTED") return { kind: "package" };
    return { kind: "missing", message: `there is no package ${JSON.stringify(source)} here: npm install it` };
  }
}

function isRemote(name: string): boolean {
  return /^https?:\/\//.test(name);
}

async function readSource(name: string): Promise<string> {
  try {
    if (!isRemote(name)) return await readFile(name, "utf8");
    const reply = await fetch(name, { signal: AbortSignal.timeout(FETCH_TIMEOUT_MS) });
    if (!reply.ok) throw new Error(`the server answered ${reply.status}`);
    const text = await reply.text();
    if (text.length > MAX_BYTES) throw new Error("it is too large");
    return text;
  } catch (error) {
    throw broken(`${name} cannot be read: ${error instanceof Error ? error.message : String(error)}`);
  }
}

function parseModule(name: string, text: string): Parsed {
  const isTyped = /^\.[mc]?tsx?$/.test(extname(name));
  const source = (isTyped ? stripTypes(name, text) : text).replace(/^#!.*/, "");
  const { program, source: parsed } = isTyped ? parseTyped(name, source) : { program: parseText(name, source), source };
  return { name, source: parsed, scoped: scopeModule(program), links: {}, packages: [] };
}

/** Types become blanks: every character stays where it is. */
function stripTypes(name: string, text: string): string {
  const emitWarning = process.emitWarning.bind(process);
  // Node says that this may change; whoever runs a load test can do nothing about that.
  process.emitWarning = () => undefined;
  try {
    try {
      return stripTypeScriptTypes(text, { mode: "strip" });
    } catch (error) {
      // Enumerations and the like are more than types; columns are then those of what was made of them.
      if ((error as NodeJS.ErrnoException).code !== "ERR_UNSUPPORTED_TYPESCRIPT_SYNTAX") throw error;
      return stripTypeScriptTypes(text, { mode: "transform" });
    }
  } catch (error) {
    throw broken(`${name}: ${error instanceof Error ? error.message : String(error)}`);
  } finally {
    process.emitWarning = emitWarning;
  }
}

/** Types may be exported by name, like values: nothing else tells them apart once they are blanks. */
function parseTyped(name: string, text: string): { program: Program; source: string } {
  let source = text;
  for (let attempt = 0; ; attempt++) {
    try {
      return { program: parse(source, { ...PARSING, sourceType: "module", allowAwaitOutsideFunction: true }), source };
    } catch (error) {
      const missing = /^Export '([^']+)' is not defined/.exec(error instanceof Error ? error.message : "")?.[1];
      const { pos } = error as { pos?: number };
      if (missing === undefined || pos === undefined || attempt > 1000)
        return { program: parseText(name, source), source };
      const comma = /^\s*,/.exec(source.slice(pos + missing.length))?.[0].length ?? 0;
      const length = missing.length + comma;
      source = source.slice(0, pos) + " ".repeat(length) + source.slice(pos + length);
    }
  }
}

const PARSING = { ecmaVersion: "latest", allowReturnOutsideFunction: true, allowHashBang: true } as const;

function parseText(name: string, source: string): Program {
  try {
    return parse(source, { ...PARSING, sourceType: "module", allowAwaitOutsideFunction: true });
  } catch (error) {
    // A script of `require` may use what modules forbid.
    try {
      return parse(source, { ...PARSING, sourceType: "script" });
    } catch {
      const { loc } = error as { loc?: { line: number; column: number } };
      const message = error instanceof Error ? error.message.replace(/ \(\d+:\d+\)$/, "") : String(error);
      const { line = 1, column = 0 } = loc ?? {};
      throw broken(`${name}:${line}:${column + 1}: ${message}${excerpt(source, line, column)}`);
    }
  }
}

/** Calls of what a module of k6 does not have: `http.foo()`. */
function unknownCalls(module: Parsed): string[] {
  return module.scoped.nodes.flatMap((node) => {
    if (node.type !== "CallExpression" && node.type !== "NewExpression") return [];
    const { callee } = node;
    if (callee.type !== "MemberExpression" || callee.computed || callee.object.type !== "Identifier") return [];
    const from = module.scoped.lookUp(callee.object)?.import;
    if (from === undefined || (from.name !== "default" && from.name !== "*")) return [];
    const known = K6_MODULES[module.links[from.source] ?? ""];
    const name = nameOf(callee.property);
    if (known === undefined || known.includes(name) || name in Object.prototype) return [];
    return [`${placeOf(module, callee.property)}: ${from.source} has no ${JSON.stringify(name)} here`];
  });
}

/** The line with a mark below the place, where it is one that fits. */
function excerpt(source: string, line: number, column: number): string {
  const text = source.split("\n")[line - 1]?.replaceAll("\t", " ").trimEnd();
  if (text === undefined || text.length > 160) return "";
  const margin = `    ${line} | `;
  return `\n${margin}${text}\n${" ".repeat(margin.length + column)}^`;
}

interface Import {
  readonly source: string;
  readonly node: AnyNode;
  readonly names: readonly string[];
}

function importsOf({ nodes }: ScopedModule): Import[] {
  return nodes.flatMap((node): Import[] => {
    if (node.type === "ImportDeclaration") {
      const names = node.specifiers.flatMap((one) => (one.type === "ImportSpecifier" ? [nameOf(one.imported)] : []));
      return [{ source: String(node.source.value), node, names }];
    }
    if (node.type === "ExportAllDeclaration") return [{ source: String(node.source.value), node, names: [] }];
    if (node.type === "ExportNamedDeclaration" && node.source) {
      return [{ source: String(node.source.value), node, names: node.specifiers.map((one) => nameOf(one.local)) }];
    }
    const source = requiredOf(node);
    return source === undefined ? [] : [{ source, node, names: [] }];
  });
}

/** Where what a module exports is declared, through any number of `export … from`. */
function findExport(
  module: ScopedModule,
  name: string,
  follow: (from: ScopedModule, source: string) => ScopedModule | undefined,
  depth = 0,
): { module: ScopedModule; node: AnyNode } | undefined {
  if (depth > 20) return undefined;
  for (const node of module.program.body) {
    if (node.type === "ExportDefaultDeclaration" && name === "default") return { module, node: node.declaration };
    if (node.type === "ExportAllDeclaration" && !node.exported) {
      const next = follow(module, String(node.source.value));
      const found = next && findExport(next, name, follow, depth + 1);
      if (found) return found;
    }
    if (node.type !== "ExportNamedDeclaration") continue;
    const { declaration } = node;
    if (declaration?.type === "FunctionDeclaration" || declaration?.type === "ClassDeclaration") {
      if (declaration.id.name === name) return { module, node: declaration };
    } else if (declaration) {
      for (const { id } of declaration.declarations)
        if (id.type === "Identifier" && id.name === name) return { module, node: id };
    }
    const specifier = node.specifiers.find((one) => nameOf(one.exported) === name);
    if (specifier === undefined) continue;
    if (!node.source) return { module, node: specifier.local };
    const next = follow(module, String(node.source.value));
    return next && findExport(next, nameOf(specifier.local), follow, depth + 1);
  }
  return undefined;
}

function placeOf({ name, source }: Parsed, { start }: AnyNode): string {
  const before = source.slice(0, start).split("\n");
  return `${name}:${before.length}:${(before.at(-1)?.length ?? 0) + 1}`;
}

function broken(message: string): HotpathError {
  return new HotpathError("HP_LOAD_SCRIPT", message);
}
