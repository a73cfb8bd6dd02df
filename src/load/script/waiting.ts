import type { AnyNode, CallExpression, Expression, Super } from "acorn";
import { type FunctionNode, isFunction, nameOf, type ScopedModule } from "./scopes.ts";

/** Members of k6's modules that wait; all other calls return at once. */
const WAITING: Readonly<Record<string, ReadonlySet<string>>> = {
  k6: new Set(["sleep"]),
  "k6/http": new Set(["get", "post", "put", "patch", "del", "head", "options", "request", "batch"]),
};
/** Methods that wait, whatever they are called on. */
const WAITING_METHODS: ReadonlySet<string> = new Set(["submitForm", "clickLink"]);
/** Functions of k6 that wait exactly when a function given to them does. */
const TAKES_FUNCTIONS: ReadonlySet<string> = new Set(["check", "group"]);
/** Methods of arrays that can be made to wait for what they call. */
export const ITERATING: ReadonlySet<string> = new Set([
  "forEach",
  "map",
  "filter",
  "reduce",
  "reduceRight",
  "some",
  "every",
  "find",
  "findIndex",
  "findLast",
  "flatMap",
]);
/** Methods that cannot. */
const SYNCHRONOUS: ReadonlySet<string> = new Set(["sort", "toSorted", "replace", "replaceAll"]);

/** A place in a script where something is asked that cannot be done. */
export interface Refusal {
  readonly module: ScopedModule;
  readonly at: AnyNode;
  readonly message: string;
}

/** Which functions and calls of a script have to wait. */
export interface Waiting {
  /** Functions that become asynchronous. */
  readonly functions: ReadonlySet<FunctionNode>;
  waits(module: ScopedModule, call: CallExpression): boolean;
  /** The call is one of an array's method whose callback waits. */
  iterates(module: ScopedModule, call: CallExpression): boolean;
  readonly refusals: readonly Refusal[];
}

/** How modules find each other. */
export interface ModuleLinks {
  /** A module of the script by what imports it; undefined: k6's or a package's. */
  resolve(from: ScopedModule, source: string): ScopedModule | undefined;
  /** Where the export of that name is declared. */
  exported(module: ScopedModule, name: string): { readonly module: ScopedModule; readonly node: AnyNode } | undefined;
}

type Value =
  | { readonly kind: "function"; readonly node: FunctionNode }
  | { readonly kind: "k6"; readonly module: string; readonly name: string | undefined }
  | { readonly kind: "module"; readonly module: ScopedModule }
  | { readonly kind: "method"; readonly name: string }
  /** `handlers[name]` */
  | { readonly kind: "element" }
  | { readonly kind: "unknown" }
  | { readonly kind: "other" };

/**
 * Decides by the text alone what has to wait: a function that calls a waiting one waits, and so on until nothing changes. Methods are
 * told apart by name alone, and a function that is handed around makes calls of what is not known wait; waiting for something that does
 * not return a promise is harmless, so in doubt a call waits.
 */
export function findWaiting(modules: readonly ScopedModule[], links: ModuleLinks): Waiting {
  const functions = new Set<FunctionNode>();
  const methods = new Set<string>(WAITING_METHODS);
  let escapes = false;

  const valuesOf = (module: ScopedModule, node: AnyNode, seen: Set<AnyNode> = new Set()): Value[] => {
    if (seen.has(node) || seen.size > 100) return [];
    seen.add(node);
    if (isFunction(node)) return [{ kind: "function", node }];
    switch (node.type) {
      case "Identifier": {
        const binding = module.lookUp(node);
        if (binding === undefined) return [{ kind: "other" }];
        if (binding.import !== undefined) return importedValues(module, binding.import, seen);
        const values = [
          ...binding.values.flatMap((value) => valuesOf(module, value, seen)),
          ...binding.members.flatMap(({ of, key }) => valuesOf(module, of, seen).flatMap((of) => memberOf(of, key))),
        ];
        if (binding.isUnknown) values.push({ kind: "unknown" });
        return values;
      }
      case "MemberExpression": {
        const objects = node.object.type === "Super" ? [] : valuesOf(module, node.object, seen);
        if (node.computed) return [...objects.filter(({ kind }) => kind === "k6"), { kind: "element" }];
        const key = nameOf(node.property);
        return objects.length === 0
          ? [{ kind: "method", name: key }]
          : objects.flatMap((object) => memberOf(object, key));
      }
      case "ConditionalExpression":
        return [...valuesOf(module, node.consequent, seen), ...valuesOf(module, node.alternate, seen)];
      case "LogicalExpression":
        return [...valuesOf(module, node.left, seen), ...valuesOf(module, node.right, seen)];
      case "AssignmentExpression":
        return valuesOf(module, node.right, seen);
      case "SequenceExpression":
        return valuesOf(module, node.expressions.at(-1)!, seen);
      case "ChainExpression":
        return valuesOf(module, node.expression, seen);
      case "CallExpression": {
        const source = requiredOf(node);
        if (source !== undefined) return importedValues(module, { source, name: "*" }, seen);
        return [{ kind: "unknown" }];
      }
      case "AwaitExpression":
      case "YieldExpression":
        return [{ kind: "unknown" }];
      default:
        return [{ kind: "other" }];
    }
  };
  const importedValues = (
    module: ScopedModule,
    { source, name }: { readonly source: string; readonly name: string },
    seen: Set<AnyNode>,
  ): Value[] => {
    const target = links.resolve(module, source);
    if (target === undefined) {
      return [{ kind: "k6", module: source, name: name === "*" || name === "default" ? undefined : name }];
    }
    if (name === "*") return [{ kind: "module", module: target }];
    const found = links.exported(target, name);
    return found === undefined ? [{ kind: "unknown" }] : valuesOf(found.module, found.node, seen);
  };
  const memberOf = (value: Value, key: string): Value[] => {
    if (value.kind === "k6" && value.name === undefined) {
      return [{ kind: "k6", module: value.module, name: key === "default" ? undefined : key }];
    }
    if (value.kind === "module") {
      const found = links.exported(value.module, key);
      return found === undefined ? [] : valuesOf(found.module, found.node);
    }
    // `action.call(this)` calls the action.
    if (key === "call" || key === "apply") return [value, { kind: "method", name: key }];
    return [{ kind: "method", name: key }];
  };
  const isWaiting = (value: Value): boolean => {
    switch (value.kind) {
      case "function":
        return functions.has(value.node);
      case "k6":
        return value.name === undefined
          ? WAITING[value.module] !== undefined
          : WAITING[value.module]?.has(value.name) === true;
      case "method":
        return methods.has(value.name);
      case "element":
        return escapes || methods.size > WAITING_METHODS.size;
      case "unknown":
        return escapes;
      default:
        return false;
    }
  };
  /** An argument that is, or holds, a function that waits. */
  const carriesWaiting = (module: ScopedModule, node: AnyNode): boolean => {
    if (isFunction(node)) return functions.has(node);
    if (node.type === "ObjectExpression") {
      return node.properties.some((property) => property.type === "Property" && carriesWaiting(module, property.value));
    }
    if (node.type === "Identifier" || node.type === "MemberExpression") {
      // A call of `http` itself is no matter; a member of it that waits is.
      return valuesOf(module, node).some(
        (value) => isWaiting(value) && !(value.kind === "k6" && value.name === undefined) && value.kind !== "method",
      );
    }
    return false;
  };
  const iterates = (module: ScopedModule, { callee, arguments: given }: CallExpression): boolean =>
    callee.type === "MemberExpression" &&
    !callee.computed &&
    ITERATING.has(nameOf(callee.property)) &&
    given[0] !== undefined &&
    carriesWaiting(module, given[0]);
  const waits = (module: ScopedModule, call: CallExpression): boolean => {
    const values = valuesOfCallee(module, call.callee);
    if (values.some((value) => value.kind === "k6" && value.module === "k6" && TAKES_FUNCTIONS.has(value.name ?? ""))) {
      return call.arguments.some((argument) => carriesWaiting(module, argument) || isUnknownFunction(module, argument));
    }
    if (call.callee.type === "MemberExpression" && call.callee.computed) {
      // `http[method]()` may be any of them.
      if (
        values.some((value) => value.kind === "k6" && value.name === undefined && WAITING[value.module] !== undefined)
      )
        return true;
    }
    return (
      values.some((value) => isWaiting(value) && !(value.kind === "k6" && value.name === undefined)) ||
      iterates(module, call)
    );
  };
  const valuesOfCallee = (module: ScopedModule, callee: Expression | Super): Value[] =>
    callee.type === "Super" ? [] : valuesOf(module, callee);
  const isUnknownFunction = (module: ScopedModule, node: AnyNode): boolean =>
    node.type === "Identifier" && escapes && valuesOf(module, node).some(({ kind }) => kind === "unknown");

  const mark = (module: ScopedModule, node: FunctionNode): void => {
    functions.add(node);
    const parent = module.parentOf(node);
    if (parent === undefined) return;
    if (
      (parent.type === "Property" || parent.type === "MethodDefinition" || parent.type === "PropertyDefinition") &&
      !parent.computed
    ) {
      methods.add(nameOf(parent.key));
    } else if (
      parent.type === "AssignmentExpression" &&
      parent.left.type === "MemberExpression" &&
      !parent.left.computed
    ) {
      methods.add(nameOf(parent.left.property));
    }
  };

  for (let before = -1; before !== functions.size + methods.size + Number(escapes);) {
    before = functions.size + methods.size + Number(escapes);
    for (const module of modules) {
      for (const node of module.nodes) {
        if (node.type === "CallExpression" && waits(module, node)) {
          const around = module.functionOf(node);
          if (around !== undefined && !around.async && !functions.has(around)) mark(module, around);
        }
        if (!escapes && escapesHere(module, node, carriesWaiting, valuesOf)) escapes = true;
        // `{ login }` makes a method of a function.
        if (
          node.type === "Property" &&
          !node.computed &&
          node.value.type === "Identifier" &&
          carriesWaiting(module, node.value)
        ) {
          methods.add(nameOf(node.key));
        }
      }
    }
  }
  return { functions, waits, iterates, refusals: findRefusals(modules, functions, waits, carriesWaiting) };
}

/** The text of `require("…")`. */
export function requiredOf(node: AnyNode): string | undefined {
  if (node.type !== "CallExpression" || node.callee.type !== "Identifier" || node.callee.name !== "require")
    return undefined;
  const [given] = node.arguments;
  return given?.type === "Literal" && typeof given.value === "string" ? given.value : undefined;
}

type Carries = (module: ScopedModule, node: AnyNode) => boolean;

/** Whether a function that waits is handed to where it is no longer known by its name. */
function escapesHere(
  module: ScopedModule,
  node: AnyNode,
  carries: Carries,
  valuesOf: (module: ScopedModule, node: AnyNode) => Value[],
): boolean {
  switch (node.type) {
    case "CallExpression":
    case "NewExpression": {
      const isKnown =
        node.callee.type !== "Super" &&
        valuesOf(module, node.callee).some((value) => value.kind === "k6" && TAKES_FUNCTIONS.has(value.name ?? ""));
      return !isKnown && node.arguments.some((argument) => carries(module, argument));
    }
    case "ReturnStatement":
      return node.argument ? carries(module, node.argument) : false;
    case "ArrowFunctionExpression":
      return node.expression && carries(module, node.body);
    case "ArrayExpression":
      return node.elements.some((element) => element !== null && carries(module, element));
    case "AssignmentExpression":
      return node.left.type === "MemberExpression" && node.left.computed && carries(module, node.right);
    case "Property":
      return node.computed && carries(module, node.value);
    default:
      return false;
  }
}

function findRefusals(
  modules: readonly ScopedModule[],
  functions: ReadonlySet<FunctionNode>,
  waits: (module: ScopedModule, call: CallExpression) => boolean,
  carries: Carries,
): Refusal[] {
  const refusals: Refusal[] = [];
  for (const module of modules) {
    for (const node of module.nodes) {
      if (isFunction(node) && functions.has(node)) {
        const parent = module.parentOf(node);
        const what = node.generator
          ? "a generator"
          : parent?.type === "MethodDefinition" && parent.kind !== "method"
            ? parent.kind === "constructor"
              ? "a constructor"
              : "a getter or setter"
            : parent?.type === "Property" && parent.kind !== "init"
              ? "a getter or setter"
              : undefined;
        if (what !== undefined)
          refusals.push({ module, at: node, message: `requests and sleep cannot stand in ${what}` });
      }
      if (node.type !== "CallExpression") continue;
      if (waits(module, node) && isInDefault(module, node)) {
        refusals.push({
          module,
          at: node,
          message: "requests and sleep cannot stand in a parameter's default or a class's field",
        });
      }
      const { callee, arguments: given } = node;
      if (
        callee.type === "MemberExpression" &&
        !callee.computed &&
        SYNCHRONOUS.has(nameOf(callee.property)) &&
        given.some((one) => isFunction(one) && carries(module, one))
      ) {
        refusals.push({
          module,
          at: node,
          message: `requests and sleep cannot stand in what ${nameOf(callee.property)}() calls`,
        });
      }
    }
  }
  return refusals;
}

function isInDefault(module: ScopedModule, node: AnyNode): boolean {
  let child = node;
  for (let at = module.parentOf(node); at !== undefined; at = module.parentOf(at)) {
    if (isFunction(at)) return at.params.some((parameter) => parameter === child);
    if (at.type === "PropertyDefinition") return true;
    child = at;
  }
  return false;
}
