import type {
  AnonymousFunctionDeclaration,
  AnyNode,
  ArrowFunctionExpression,
  FunctionDeclaration,
  FunctionExpression,
  Identifier,
  Pattern,
  Program,
} from "acorn";

/** Anything that can be called. */
export type FunctionNode =
  | FunctionDeclaration
  | AnonymousFunctionDeclaration
  | FunctionExpression
  | ArrowFunctionExpression;

/** What a name stands for, as far as the text tells. */
export interface Binding {
  /** Expressions that it is given, functions and classes that it is declared as. */
  readonly values: AnyNode[];
  /** It is a member of what these come to: `const { get } = http`. */
  readonly members: { readonly of: AnyNode; readonly key: string }[];
  /** Nothing can be said: a parameter, a loop's variable, a part of something. */
  isUnknown: boolean;
  readonly import?: { readonly source: string; readonly name: string };
}

export interface Scope {
  readonly parent: Scope | undefined;
  readonly bindings: Map<string, Binding>;
  /** Where `var` and function declarations go. */
  readonly isFunction: boolean;
}

/** A module's text as a tree, with what stands where. */
export interface ScopedModule {
  readonly program: Program;
  readonly top: Scope;
  parentOf(node: AnyNode): AnyNode | undefined;
  /** The innermost function around a node, itself not counted. */
  functionOf(node: AnyNode): FunctionNode | undefined;
  lookUp(name: Identifier): Binding | undefined;
  /** Nodes of a type, in order; children come before those around them. */
  readonly nodes: readonly AnyNode[];
}

/** Finds the names of a module and where they are declared. */
export function scopeModule(program: Program): ScopedModule {
  const parents = new Map<AnyNode, AnyNode>();
  const scopes = new Map<AnyNode, Scope>();
  const nodes: AnyNode[] = [];
  const top = createScope(undefined, true);

  const visit = (node: AnyNode, parent: AnyNode | undefined, outer: Scope): void => {
    if (parent !== undefined) parents.set(node, parent);
    const scope = opensScope(node) && node !== program ? createScope(outer, isFunction(node)) : outer;
    scopes.set(node, scope);
    declare(node, scope, outer);
    for (const child of childrenOf(node)) visit(child, node, scope);
    nodes.push(node);
  };
  visit(program, undefined, top);

  const find = (scope: Scope | undefined, name: string): Binding | undefined => {
    for (let at = scope; at !== undefined; at = at.parent) {
      const found = at.bindings.get(name);
      if (found !== undefined) return found;
    }
    return undefined;
  };
  // Names are all known now: what is assigned to them later belongs to them as well.
  for (const node of nodes) {
    if (node.type !== "AssignmentExpression") continue;
    if (node.left.type === "Identifier") find(scopes.get(node), node.left.name)?.values.push(node.right);
    else if (node.left.type === "ObjectPattern" || node.left.type === "ArrayPattern") {
      for (const name of namesOf(node.left)) {
        const binding = find(scopes.get(node), name);
        if (binding !== undefined) binding.isUnknown = true;
      }
    }
  }

  return {
    program,
    top,
    nodes,
    parentOf: (node) => parents.get(node),
    functionOf(node) {
      for (let at = parents.get(node); at !== undefined; at = parents.get(at)) if (isFunction(at)) return at;
      return undefined;
    },
    lookUp: (name) => find(scopes.get(name), name.name),
  };
}

export function isFunction(node: AnyNode): node is FunctionNode {
  return (
    node.type === "FunctionDeclaration" || node.type === "FunctionExpression" || node.type === "ArrowFunctionExpression"
  );
}

/** The nodes directly below one, in the order of the text. */
export function childrenOf(node: AnyNode): AnyNode[] {
  const children: AnyNode[] = [];
  for (const [key, value] of Object.entries(node)) {
    if (key === "type" || key === "loc") continue;
    for (const one of Array.isArray(value) ? (value as unknown[]) : [value as unknown]) {
      if (isNode(one)) children.push(one);
    }
  }
  return children.sort((a, b) => a.start - b.start);
}

function isNode(value: unknown): value is AnyNode {
  return typeof value === "object" && value !== null && "type" in value && typeof value.type === "string";
}

function createScope(parent: Scope | undefined, isFunctionScope: boolean): Scope {
  return { parent, bindings: new Map(), isFunction: isFunctionScope };
}

function opensScope(node: AnyNode): boolean {
  switch (node.type) {
    case "BlockStatement":
    case "ForStatement":
    case "ForInStatement":
    case "ForOfStatement":
    case "SwitchStatement":
    case "CatchClause":
    case "ClassDeclaration":
    case "ClassExpression":
      return true;
    default:
      return isFunction(node);
  }
}

/** Declares what a node brings: into its own scope, or the one around it. */
function declare(node: AnyNode, own: Scope, outer: Scope): void {
  switch (node.type) {
    case "ImportDeclaration":
      for (const specifier of node.specifiers) {
        const name =
          specifier.type === "ImportNamespaceSpecifier"
            ? "*"
            : specifier.type === "ImportDefaultSpecifier"
              ? "default"
              : nameOf(specifier.imported);
        own.bindings.set(specifier.local.name, {
          ...emptyBinding(),
          import: { source: String(node.source.value), name },
        });
      }
      break;
    case "VariableDeclaration": {
      const scope = node.kind === "var" ? functionScope(own) : own;
      for (const declarator of node.declarations) bind(scope, declarator.id, declarator.init ?? undefined);
      break;
    }
    case "FunctionDeclaration":
      if (node.id) bindingIn(outer, node.id.name).values.push(node);
      bindParameters(node, own);
      break;
    case "FunctionExpression":
      if (node.id) bindingIn(own, node.id.name).values.push(node);
      bindParameters(node, own);
      break;
    case "ArrowFunctionExpression":
      bindParameters(node, own);
      break;
    case "ClassDeclaration":
      if (node.id) bindingIn(outer, node.id.name).values.push(node);
      break;
    case "ClassExpression":
      if (node.id) bindingIn(own, node.id.name).values.push(node);
      break;
    case "CatchClause":
      if (node.param) markUnknown(own, node.param);
      break;
    default:
  }
}

function bindParameters(node: FunctionNode, scope: Scope): void {
  for (const parameter of node.params) markUnknown(scope, parameter);
}

function bind(scope: Scope, target: Pattern, init: AnyNode | undefined): void {
  if (target.type === "Identifier") {
    const binding = bindingIn(scope, target.name);
    if (init !== undefined) binding.values.push(init);
    // Given its values elsewhere, or by the loop it stands in.
    return;
  }
  if (target.type === "ObjectPattern" && init !== undefined) {
    for (const property of target.properties) {
      if (property.type === "Property" && !property.computed && property.value.type === "Identifier") {
        bindingIn(scope, property.value.name).members.push({ of: init, key: nameOf(property.key) });
      } else markUnknown(scope, property.type === "Property" ? property.value : property.argument);
    }
    return;
  }
  markUnknown(scope, target);
}

function markUnknown(scope: Scope, pattern: Pattern): void {
  for (const name of namesOf(pattern)) bindingIn(scope, name).isUnknown = true;
}

function bindingIn(scope: Scope, name: string): Binding {
  let binding = scope.bindings.get(name);
  if (binding === undefined) scope.bindings.set(name, (binding = emptyBinding()));
  return binding;
}

function emptyBinding(): Binding {
  return { values: [], members: [], isUnknown: false };
}

function functionScope(scope: Scope): Scope {
  let at = scope;
  while (!at.isFunction && at.parent !== undefined) at = at.parent;
  return at;
}

/** All names that a pattern declares. */
export function namesOf(pattern: Pattern): string[] {
  switch (pattern.type) {
    case "Identifier":
      return [pattern.name];
    case "ObjectPattern":
      return pattern.properties.flatMap((property) =>
        namesOf(property.type === "Property" ? property.value : property.argument),
      );
    case "ArrayPattern":
      return pattern.elements.flatMap((element) => (element ? namesOf(element) : []));
    case "RestElement":
      return namesOf(pattern.argument);
    case "AssignmentPattern":
      return namesOf(pattern.left);
    default:
      return [];
  }
}

/** A key as text, where it is one. */
export function nameOf(key: AnyNode): string {
  return key.type === "Identifier" || key.type === "PrivateIdentifier"
    ? key.name
    : key.type === "Literal"
      ? String(key.value)
      : "";
}
