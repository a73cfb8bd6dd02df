import { messageName, TakenNames } from "../content/protobuf/names.ts";
import type { Route } from "./route.ts";

/** Routes of which some schema says what goes in or comes out: those that messages can be made for. */
export function describedRoutes(routes: readonly Route[]): readonly Route[] {
  return routes.filter(({ options: { params, query, body, reply } }) =>
    [params, query, body, reply].some((schema) => schema !== undefined),
  );
}

/**
 * What routes are called where they are procedures: `GET /users/:id/orders` is `GetUsersByIdOrders`. Of two that would be called the same, that
 * whose path comes first is, whatever the order of their declaration.
 */
export function routeNames(routes: readonly Route[]): ReadonlyMap<Route, string> {
  let names = known.get(routes);
  if (names === undefined) {
    const taken = new TakenNames();
    const sorted = describedRoutes(routes).toSorted((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1));
    names = new Map(sorted.map((route) => [route, taken.take(nameOf(route)).replaceAll("_", "")]));
    known.set(routes, names);
  }
  return names;
}

const known = new WeakMap<readonly Route[], ReadonlyMap<Route, string>>();

function keyOf({ path, method }: Route): string {
  return `${path} ${method}`;
}

function nameOf({ method, segments }: Route): string {
  const words = segments.map((segment) => (segment.kind === "literal" ? segment.text : `by_${segment.name}`));
  return messageName([method.toLowerCase(), ...words].join("_"));
}
