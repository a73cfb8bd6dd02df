import type { SourceRequest } from "../api/source-request.ts";
import { HotpathError } from "../errors.ts";

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
    if (prefix === "" && basePath === "") return target;
    if (climbsOut(target.slice(basePath.length))) {
      throw new HotpathError("HP_BAD_REQUEST", "The path leads out of what is served here.");
    }
    if (prefix === "" && !stripBasePath) return target;
    const below = stripBasePath ? target.slice(basePath.length) : target;
    return below.startsWith("/") ? prefix + below : `${prefix === "" ? "/" : prefix}${below}`;
  };
}

/**
 * Whether a path, as anybody might read it, has more `..` than segments to leave: upstreams resolve those, some decoded ones too, and
 * would then be asked for what lies beside their path or our mount point. Empty segments do not count: some servers drop them.
 */
function climbsOut(target: string): boolean {
  if (!CLIMBS.test(target)) return false;
  const end = target.indexOf("?");
  let depth = 0;
  for (const segment of (end === -1 ? target : target.slice(0, end)).split(SEPARATOR)) {
    const name = segment.split(";", 1)[0]!.replaceAll(/%2e/gi, ".");
    if (name === "..") depth -= 1;
    else if (name !== "" && name !== ".") depth += 1;
    if (depth < 0) return true;
  }
  return false;
}

const CLIMBS = /(?:\.|%2e){2}/i;
const SEPARATOR = /[/\\]|%2f|%5c/i;

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
