/**
 * The text of a query tree, as PostgreSQL prints it: nodes `{NAME :field value …}`, lists `(…)`, words parted by spaces; a backslash stands
 * before what is part of a word. A field may have several values (`[ 1 0 0 0 ]`).
 */
export interface TreeNode {
  readonly name: string;
  readonly fields: ReadonlyMap<string, readonly TreeValue[]>;
}

export type TreeValue = string | TreeNode | TreeList;

/** A list. */
export interface TreeList {
  readonly items: readonly TreeValue[];
}

/** Reads one node; undefined for what is none. */
export function parseTree(text: string): TreeNode | undefined {
  const tokens = text.match(TOKEN) ?? [];
  let at = 0;

  function value(): TreeValue {
    const token = tokens[at++] ?? "";
    if (token === "{") return node();
    if (token !== "(") return token;
    const items: TreeValue[] = [];
    while (at < tokens.length && tokens[at] !== ")") items.push(value());
    at++;
    return { items };
  }

  function node(): TreeNode {
    const name = tokens[at++] ?? "";
    const fields = new Map<string, TreeValue[]>();
    let values: TreeValue[] = [];
    while (at < tokens.length && tokens[at] !== "}") {
      const token = tokens[at] ?? "";
      if (token.startsWith(":")) {
        at++;
        fields.set(token.slice(1), (values = []));
      } else values.push(value());
    }
    at++;
    return { name, fields };
  }

  const first = tokens[0] === "{" ? value() : undefined;
  return isNode(first) ? first : undefined;
}

/** Brackets, and words in which a backslash takes what follows it. */
const TOKEN = /[{}()]|(?:\\[^]|[^\s{}()\\])+/g;

/** Every node below a value, itself included, the outer before the inner. */
export function* nodesOf(value: TreeValue): Generator<TreeNode> {
  if (typeof value === "string") return;
  if (!isNode(value)) {
    for (const item of value.items) yield* nodesOf(item);
    return;
  }
  yield value;
  for (const values of value.fields.values()) for (const each of values) yield* nodesOf(each);
}

export function isNode(value: TreeValue | undefined): value is TreeNode {
  return typeof value === "object" && "fields" in value;
}

/** What a field of a node holds, where that is a node. */
export function childOf(node: TreeNode, field: string): TreeNode | undefined {
  const [value] = node.fields.get(field) ?? [];
  return isNode(value) ? value : undefined;
}

/** The nodes of a list in a field. */
export function childrenOf(node: TreeNode, field: string): readonly TreeNode[] {
  const [value] = node.fields.get(field) ?? [];
  return typeof value === "object" && "items" in value ? value.items.filter(isNode) : [];
}

/** A word in a field; empty where there is none. */
export function wordOf(node: TreeNode, field: string): string {
  const [value] = node.fields.get(field) ?? [];
  return typeof value === "string" ? value : "";
}
