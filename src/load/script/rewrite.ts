import type { AnyNode, CallExpression, ExportNamedDeclaration, ImportDeclaration } from "acorn";
import { MagicString } from "magic-string";
import { isFunction, nameOf, namesOf, type FunctionNode, type ScopedModule } from "./scopes.ts";
import type { Waiting } from "./waiting.ts";

/** A module as it runs, with where its parts come from. */
export interface Rewritten {
  readonly code: string;
  /** A source map, version 3. */
  readonly map: string;
}

/** What a module is called with. `__hp` stands for what is not the user's. */
export const MODULE_PARAMETERS = [
  "__hp",
  "exports",
  "module",
  "require",
  "open",
  "console",
  "__ENV",
  "setTimeout",
  "clearTimeout",
  "setInterval",
  "clearInterval",
] as const;

/**
 * Makes an asynchronous function of a module: what waits is awaited, imports are asked for, exports told. No line is added or taken
 * away, so that lines are the user's own even where no map is read.
 */
export function rewrite(module: ScopedModule, source: string, file: string, waiting: Waiting): Rewritten {
  const text = new MagicString(source, { filename: file });
  const imports: string[] = [];
  const exports: string[] = [];
  let isModule = false;
  for (const node of module.program.body) {
    switch (node.type) {
      case "ImportDeclaration":
        isModule = true;
        imports.push(...importLines(node));
        blank(text, source, node);
        break;
      case "ExportNamedDeclaration":
        isModule = true;
        exportNamed(node, text, source, exports);
        break;
      case "ExportDefaultDeclaration": {
        isModule = true;
        const { declaration } = node;
        const isNamed =
          (declaration.type === "FunctionDeclaration" || declaration.type === "ClassDeclaration") && declaration.id;
        if (isNamed) {
          exports.push(`default: () => ${isNamed.name}`);
          text.remove(node.start, declaration.start);
        } else {
          exports.push("default: () => __default");
          // A function is there before the text that declares it.
          const isHoisted = declaration.type === "FunctionDeclaration";
          const keyword = isHoisted && declaration.async ? "async function" : "function";
          text.overwrite(node.start, declaration.start, isHoisted ? `${keyword} __default` : "var __default = ");
          if (isHoisted) text.remove(declaration.start, afterKeyword(source, declaration));
          else text.appendLeft(node.end, ";");
        }
        break;
      }
      case "ExportAllDeclaration":
        isModule = true;
        exports.push(
          node.exported
            ? `${JSON.stringify(nameOf(node.exported))}: () => __hp.import(${JSON.stringify(node.source.value)})`
            : `...__hp.all(${JSON.stringify(node.source.value)})`,
        );
        blank(text, source, node);
        break;
      default:
    }
  }
  for (const node of module.nodes) {
    if (isFunction(node) && waiting.functions.has(node)) makeAsync(module, node, text);
    if (node.type === "CallExpression" && waiting.waits(module, node)) awaitCall(module, node, text, source, waiting);
  }
  const prologue = [
    isModule ? '"use strict"; ' : "",
    "let __VU = 0, __ITER = 0; __hp.onIteration((vu, iteration) => { __VU = vu; __ITER = iteration; }); ",
    exports.length > 0 ? `__hp.export({ ${exports.join(", ")} }); ` : "",
    ...imports.map((line) => `${line} `),
  ].join("");
  // A function in a function: a script may call its own things like those that it is given.
  text.prepend(`(function (${MODULE_PARAMETERS.join(", ")}) { return (async function () { ${prologue}`);
  text.append("\n})(); })");
  return { code: text.toString(), map: text.generateMap({ source: file, hires: "boundary" }).toString() };
}

function importLines(node: ImportDeclaration): string[] {
  const source = JSON.stringify(node.source.value);
  if (node.specifiers.length === 0) return [`__hp.import(${source});`];
  return node.specifiers.map((specifier) => {
    if (specifier.type === "ImportNamespaceSpecifier") return `const ${specifier.local.name} = __hp.import(${source});`;
    const name = specifier.type === "ImportDefaultSpecifier" ? "default" : nameOf(specifier.imported);
    return `const ${specifier.local.name} = __hp.get(${source}, ${JSON.stringify(name)});`;
  });
}

function exportNamed(node: ExportNamedDeclaration, text: MagicString, source: string, exports: string[]): void {
  const { declaration } = node;
  if (declaration) {
    const names =
      declaration.type === "VariableDeclaration"
        ? declaration.declarations.flatMap(({ id }) => namesOf(id))
        : [declaration.id.name];
    exports.push(...names.map((name) => `${name}: () => ${name}`));
    text.remove(node.start, declaration.start);
    return;
  }
  for (const specifier of node.specifiers) {
    const exported = JSON.stringify(nameOf(specifier.exported));
    const local = nameOf(specifier.local);
    exports.push(
      node.source
        ? `${exported}: () => __hp.get(${JSON.stringify(node.source.value)}, ${JSON.stringify(local)})`
        : `${exported}: () => ${local}`,
    );
  }
  blank(text, source, node);
}

/** Takes a statement away and leaves its line breaks. */
function blank(text: MagicString, source: string, node: AnyNode): void {
  text.overwrite(node.start, node.end, `;${source.slice(node.start, node.end).replaceAll(/[^\n]/g, "")}`);
}

/** Where the name of an anonymous `function` would stand. */
function afterKeyword(source: string, node: AnyNode): number {
  const match = /^(?:async\s+)?function/.exec(source.slice(node.start, node.end));
  return node.start + (match?.[0].length ?? 0);
}

function makeAsync(module: ScopedModule, node: FunctionNode, text: MagicString): void {
  const parent = module.parentOf(node);
  const isMethod =
    (parent?.type === "Property" && (parent.method || parent.kind !== "init")) || parent?.type === "MethodDefinition";
  if (isMethod) {
    const isComputed = parent.type === "Property" || parent.type === "MethodDefinition" ? parent.computed : false;
    text.prependRight(isComputed ? text.original.lastIndexOf("[", parent.key.start) : parent.key.start, "async ");
  } else if (parent?.type === "ExportDefaultDeclaration" && node.type === "FunctionDeclaration")
    text.prependLeft(parent.start, "async ");
  else text.prependRight(node.start, "async ");
}

function awaitCall(
  module: ScopedModule,
  node: CallExpression,
  text: MagicString,
  source: string,
  waiting: Waiting,
): void {
  const parent = module.parentOf(node);
  const outer = parent?.type === "ChainExpression" ? parent : node;
  const around = module.parentOf(outer);
  if (waiting.iterates(module, node) && node.callee.type === "MemberExpression") {
    const { object, property, optional } = node.callee;
    text.prependRight(object.start, `${before(module, node, source)}(await __hp.iterate(`);
    const open = source.indexOf("(", property.end);
    text.overwrite(
      object.end,
      open + 1,
      `, ${JSON.stringify(nameOf(property))}, ${String(optional || node.optional)}, `,
    );
    text.appendLeft(node.end, ")");
    return;
  }
  if (around?.type === "AwaitExpression") return;
  if (around?.type === "ExpressionStatement") {
    text.prependRight(outer.start, "await ");
    return;
  }
  text.prependRight(outer.start, `${before(module, outer, source)}(await `);
  text.appendLeft(outer.end, ")");
}

/** A bracket at the start of a statement would continue the one before, where that has no semicolon. */
function before(module: ScopedModule, node: AnyNode, source: string): string {
  for (let at = module.parentOf(node); at !== undefined && at.start === node.start; at = module.parentOf(at)) {
    if (at.type !== "ExpressionStatement") continue;
    const list = module.parentOf(at);
    const isInList =
      list?.type === "Program" ||
      list?.type === "BlockStatement" ||
      list?.type === "StaticBlock" ||
      list?.type === "SwitchCase";
    return isInList && !/[;{}:]\s*$/.test(source.slice(0, node.start)) ? ";" : "";
  }
  return "";
}
