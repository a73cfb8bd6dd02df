import { HotpathError } from "../errors.ts";
import { endOfSegment } from "./path.ts";
import type { Route } from "./route.ts";

/** Finds what a route was put in the table with. */
export interface RouteTable<Found> {
  find(method: string, path: string): TableEntry<Found> | undefined;
  /** Methods that a path has routes for. */
  methodsOf(path: string): readonly string[];
}

export interface TableEntry<Found> {
  readonly route: Route;
  readonly found: Found;
  /** Segments that it begins with and that stand for themselves: what has more of them is closer to the path. */
  readonly literals: number;
}

interface Node<Found> {
  readonly literals: Map<string, Node<Found>>;
  parameter: Node<Found> | undefined;
  /** By method. */
  readonly ends: Map<string, TableEntry<Found>>;
  readonly rests: Map<string, TableEntry<Found>>;
}

/**
 * Puts routes into a tree by their segments. A literal is closer than a parameter, which is closer than a rest; of two routes that could
 * answer, the first segment in which they differ decides.
 *
 * @throws HotpathError HP_ROUTE_CONFLICT for two routes of one method that match the same paths
 */
export function createRouteTable<Found>(routes: readonly Route[], toFound: (route: Route) => Found): RouteTable<Found> {
  const root = createNode<Found>();
  for (const route of routes) add(root, route, toFound(route));
  return {
    find: (method, path) => find(root, method === "HEAD" ? "GET" : method, path, beginOf(path)),
    methodsOf: (path) => METHODS.filter((method) => find(root, method, path, beginOf(path)) !== undefined),
  };
}

const METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"];

function createNode<Found>(): Node<Found> {
  return { literals: new Map(), parameter: undefined, ends: new Map(), rests: new Map() };
}

function add<Found>(root: Node<Found>, route: Route, found: Found): void {
  let node = root;
  let ends = root.ends;
  for (const segment of route.segments) {
    if (segment.kind === "rest") {
      ends = node.rests;
      break;
    }
    if (segment.kind === "literal") {
      let next = node.literals.get(segment.text);
      if (next === undefined) node.literals.set(segment.text, (next = createNode()));
      node = next;
    } else {
      node = node.parameter ??= createNode();
    }
    ends = node.ends;
  }
  const before = ends.get(route.method);
  if (before !== undefined) {
    const paths = before.route.path === route.path ? route.path : `${before.route.path} and ${route.path}`;
    throw new HotpathError("HP_ROUTE_CONFLICT", `Two routes answer ${route.method} of the same paths: ${paths}.`);
  }
  ends.set(route.method, { route, found, literals: leadingLiterals(route) });
}

function leadingLiterals({ segments }: Route): number {
  const other = segments.findIndex(({ kind }) => kind !== "literal");
  return other === -1 ? segments.length : other;
}

/** The root has no segments. */
function beginOf(path: string): number {
  return path === "/" ? 2 : 1;
}

/** @param start of the segment that the node's children stand for; beyond the path's end where there is none. */
function find<Found>(node: Node<Found>, method: string, path: string, start: number): TableEntry<Found> | undefined {
  if (start > path.length) return node.ends.get(method);
  const end = endOfSegment(path, start);
  const literal = node.literals.size === 0 ? undefined : node.literals.get(path.slice(start, end));
  const closest = literal && find(literal, method, path, end + 1);
  if (closest !== undefined) return closest;
  // An empty segment is no value.
  const parameter = start === end ? undefined : node.parameter;
  return (parameter && find(parameter, method, path, end + 1)) ?? node.rests.get(method);
}
