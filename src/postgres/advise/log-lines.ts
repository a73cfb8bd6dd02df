/**
 * The target of a GET in a line of a log: JSON with `method` and one of `url`, `path` (with `query`, where that stands apart), `request` or
 * `request_uri`; the common and the combined log format of nginx and Apache; or `GET /path` or `/path` alone. Undefined: no GET, or
 * something else.
 */
export function targetOf(line: string): string | undefined {
  const text = line.trim();
  if (text.startsWith("{")) return targetOfJson(text);
  const quoted = /"([A-Z]+) (\S+)(?: HTTP\/[\d.]+)?"/.exec(text);
  if (quoted !== null) return quoted[1] === "GET" ? pathOf(quoted[2]) : undefined;
  const bare = /^(?:([A-Z]+) +)?(\/\S*|https?:\/\/\S+)/.exec(text);
  return bare === null || (bare[1] ?? "GET") !== "GET" ? undefined : pathOf(bare[2]);
}

function targetOfJson(text: string): string | undefined {
  let entry: Readonly<Record<string, unknown>>;
  try {
    entry = JSON.parse(text) as Readonly<Record<string, unknown>>;
  } catch {
    return undefined;
  }
  const inner = entry["req"];
  const {
    method,
    url,
    path,
    query,
    request,
    request_uri: uri,
  } = (typeof inner === "object" && inner !== null ? inner : entry) as Readonly<Record<string, unknown>>;
  if (typeof request === "string") return targetOf(`"${request}"`);
  if (typeof method === "string" && method !== "GET") return undefined;
  const target = [url, uri, path].find((each) => typeof each === "string");
  if (typeof target !== "string") return undefined;
  const search =
    typeof query === "string" && query !== "" && !target.includes("?") ? `?${query.replace(/^\?/, "")}` : "";
  return pathOf(target + search);
}

function pathOf(target: string | undefined): string | undefined {
  if (target === undefined || target.startsWith("/")) return target;
  try {
    const { pathname, search } = new URL(target);
    return pathname + search;
  } catch {
    return undefined;
  }
}
