/**
 * Makes the test for a policy's routes. A route is a path with an optional method before it; `*` stands for one segment, and
 * for any number of them at the end: `/users`, `POST /orders`, `/users/*`. HEAD counts as GET.
 */
export function createRouteTest(routes: readonly string[]): (method: string, path: string) => boolean {
  if (routes.length === 0) return () => true;
  const tests = routes.map(toTest);
  return (method, path) => {
    const asked = method === "HEAD" ? "GET" : method;
    return tests.some((test) => (test.method === undefined || test.method === asked) && test.path.test(path));
  };
}

/** What a route looks like. */
export const ROUTE = /^(?:[A-Z]+ )?\/[\w.~!$&'()*+,;=:@%/-]*$/;

function toTest(route: string): { method: string | undefined; path: RegExp } {
  const [first = "", second] = route.split(" ");
  const path = second ?? first;
  const segments = path.split("/").map((segment, at, all) => {
    if (segment !== "*") return escape(segment);
    return at === all.length - 1 ? ".*" : "[^/]+";
  });
  // `/users/*` means what lies below as well as the list itself.
  const text = segments.join("/").replace(/\/\.\*$/, "(?:/.*)?");
  return { method: second === undefined ? undefined : first, path: new RegExp(`^${text}$`) };
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}
