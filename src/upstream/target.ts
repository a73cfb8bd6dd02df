import type { SourceRequest } from "../api/source.ts";

/**
 * Says what path and query a request is forwarded with: those received, byte for byte, below the upstream's own path and
 * with or without the mount point.
 *
 * @param url the upstream's
 */
export function createTarget(url: string, stripBasePath: boolean): (request: SourceRequest) => string {
  const { pathname } = new URL(url);
  const prefix = pathname.endsWith("/") ? pathname.slice(0, -1) : pathname;
  return ({ target, basePath }) => {
    if (prefix === "" && (basePath === "" || !stripBasePath)) return target;
    const below = stripBasePath ? target.slice(basePath.length) : target;
    return below.startsWith("/") ? prefix + below : `${prefix === "" ? "/" : prefix}${below}`;
  };
}

/**
 * Takes a parameter out of a target.
 *
 * @returns its value, decoded (`undefined`: not there; the first, when given twice), and the target without it
 */
export function takeParameter(target: string, name: string): { value: string | undefined; rest: string } {
  const at = target.indexOf("?");
  if (at === -1 || !target.includes(name, at)) return { value: undefined, rest: target };
  let value: string | undefined;
  const kept = target
    .slice(at + 1)
    .split("&")
    .filter((pair) => {
      if (pair !== name && !pair.startsWith(`${name}=`)) return true;
      value ??= decode(pair.slice(name.length + 1));
      return false;
    });
  if (value === undefined) return { value, rest: target };
  return { value, rest: kept.length === 0 ? target.slice(0, at) : `${target.slice(0, at)}?${kept.join("&")}` };
}

/** As forms encode it. What is no encoding stays as it is: the reader of the value says what is wrong. */
function decode(text: string): string {
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    return text;
  }
}
