/**
 * Picks from JSON by the paths that k6 takes from GJSON: names and indexes parted by dots, `#` for the length of an array or each of its
 * elements, `\.` for a dot in a name, and `#(name=="x")` for the first element (`#(…)#`: all) that fits.
 */
export function pickJson(value: unknown, path: string): unknown {
  let found: unknown = value;
  const parts = split(path);
  for (const [at, part] of parts.entries()) {
    if (found === null || found === undefined) return undefined;
    if (part === "#" && Array.isArray(found)) {
      const rest = parts.slice(at + 1);
      if (rest.length === 0) return found.length;
      return found.map((element: unknown) => pickJson(element, rest.join("."))).filter((one) => one !== undefined);
    }
    const query = /^#\((.*)\)(#?)$/.exec(part);
    if (query !== null && Array.isArray(found)) {
      const fits = found.filter((element: unknown) => holds(element, query[1] ?? ""));
      if (query[2] === "#") {
        const rest = parts.slice(at + 1).join(".");
        return rest === "" ? fits : fits.map((element: unknown) => pickJson(element, rest));
      }
      [found] = fits as unknown[];
      continue;
    }
    if (typeof found !== "object") return undefined;
    found = (found as Readonly<Record<string, unknown>>)[part];
  }
  return found;
}

function split(path: string): string[] {
  const parts: string[] = [];
  let part = "";
  let depth = 0;
  for (let at = 0; at < path.length; at++) {
    const letter = path[at]!;
    if (letter === "\\" && at + 1 < path.length) part += path[++at];
    else if (letter === "." && depth === 0) {
      parts.push(part);
      part = "";
    } else {
      if (letter === "(") depth++;
      if (letter === ")") depth--;
      part += letter;
    }
  }
  return [...parts, part];
}

function holds(element: unknown, query: string): boolean {
  const match = /^\s*(.*?)\s*(==|!=|<=|>=|<|>)\s*(.*?)\s*$/.exec(query);
  if (match === null) return pickJson(element, query) !== undefined;
  const [, path = "", operator, given = ""] = match;
  const left = path === "" ? element : pickJson(element, path);
  const right: unknown = /^".*"$/.test(given)
    ? given.slice(1, -1)
    : given === "true"
      ? true
      : given === "false"
        ? false
        : given === "null"
          ? null
          : Number(given);
  switch (operator) {
    case "==":
      return left === right;
    case "!=":
      return left !== right;
    case "<":
      return (left as number) < (right as number);
    case "<=":
      return (left as number) <= (right as number);
    case ">":
      return (left as number) > (right as number);
    default:
      return (left as number) >= (right as number);
  }
}
