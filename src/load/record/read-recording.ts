import { HotpathError } from "../../errors.ts";
import { collectKinds, type Recorded, type RecordedStep } from "./recorded.ts";

/** Fields that a client sets by itself, or that belong to one person. */
const LEFT_OUT =
  /^(host|connection|content-length|accept-encoding|cookie|authorization|if-none-match|if-modified-since|sec-.*|upgrade-insecure-requests|:.*|proxy-.*|te|dnt|priority)$/i;
const MAX_STEPS = 500;
const PAUSE_LEAST_MS = 50;
const PAUSE_MOST_MS = 30_000;

/**
 * Reads a recording by what is in it: HAR, OpenAPI (JSON or YAML), a log of hotpath or another in JSON lines, or the combined log format.
 *
 * @throws HotpathError HP_LOAD_FAILED where it is none of them
 */
export async function readRecording(text: string, file: string): Promise<Recorded> {
  const whole = await parseWhole(text, file);
  if (isObject(whole) && isObject(whole["log"]) && Array.isArray(whole["log"]["entries"]))
    return fromHar(whole["log"]["entries"] as Loose[]);
  if (isObject(whole) && isObject(whole["paths"]) && ("openapi" in whole || "swagger" in whole))
    return fromOpenApi(whole);
  const recorded = fromLog(text);
  if (recorded.kinds.length > 0) return recorded;
  throw new HotpathError(
    "HP_LOAD_FAILED",
    `${file} holds no requests: neither HAR, OpenAPI, JSON lines nor the combined log format.`,
  );
}

type Loose = Readonly<Record<string, unknown>>;

async function parseWhole(text: string, file: string): Promise<unknown> {
  try {
    if (/^\s*\{/.test(text)) return JSON.parse(text);
    if (/\.ya?ml$/i.test(file)) return (await import("yaml")).parse(text);
  } catch {
    // JSON lines are no JSON.
  }
  return undefined;
}

/** Methods and paths of an access log, with how often and how fast they came. */
function fromLog(text: string): Recorded {
  const found = collectKinds();
  let first = Infinity;
  let last = -Infinity;
  let count = 0;
  for (const line of text.split("\n")) {
    const entry = line.startsWith("{") ? fromJsonLine(line) : fromCombined(line);
    if (entry === undefined) continue;
    found.add(entry.method, entry.target);
    count++;
    if (Number.isFinite(entry.at)) {
      first = Math.min(first, entry.at);
      last = Math.max(last, entry.at);
    }
  }
  const seconds = (last - first) / 1000;
  return { base: "", rate: seconds >= 1 ? count / seconds : undefined, kinds: found.kinds(), visit: undefined };
}

interface Entry {
  readonly method: string;
  readonly target: string;
  /** Milliseconds since the epoch. */
  readonly at: number;
}

function fromJsonLine(line: string): Entry | undefined {
  let parsed: Loose;
  try {
    parsed = JSON.parse(line) as Loose;
  } catch {
    return undefined;
  }
  const request = isObject(parsed["request"]) ? parsed["request"] : isObject(parsed["req"]) ? parsed["req"] : parsed;
  const method = request["method"];
  const target = [request["url"], request["target"], request["path"], request["uri"]].find(
    (one) => typeof one === "string" && one.startsWith("/"),
  );
  if (typeof method !== "string" || typeof target !== "string") return undefined;
  const time = parsed["time"] ?? parsed["timestamp"] ?? parsed["ts"];
  return {
    method,
    target,
    at: typeof time === "number" ? (time < 1e11 ? time * 1000 : time) : Date.parse(String(time)),
  };
}

/** `host - user [10/Oct/2000:13:55:36 -0700] "GET /path HTTP/1.1" 200 …` */
function fromCombined(line: string): Entry | undefined {
  const match = /\[(\d{2})\/(\w{3})\/(\d{4}):(\d{2}:\d{2}:\d{2}) ([+-]\d{4})\] "([A-Z]+) (\/\S*) HTTP\/[\d.]+"/.exec(
    line,
  );
  if (match === null) return undefined;
  const [, day = "", month = "", year = "", time = "", zone = "", method = "", target = ""] = match;
  return { method, target, at: Date.parse(`${day} ${month} ${year} ${time} ${zone}`) };
}

function fromHar(entries: readonly Loose[]): Recorded {
  const found = collectKinds();
  const steps: RecordedStep[] = [];
  let before = NaN;
  let base = "";
  for (const entry of entries) {
    const request = isObject(entry["request"]) ? entry["request"] : {};
    const url = URL.parse(String(request["url"]));
    if (url === null || !/^https?:$/.test(url.protocol)) continue;
    base ||= url.origin;
    const content = isObject(request["postData"]) ? request["postData"]["text"] : undefined;
    const headers = Array.isArray(request["headers"]) ? (request["headers"] as Loose[]) : [];
    const startedAt = Date.parse(String(entry["startedDateTime"]));
    const pause = startedAt - before;
    before = startedAt + (typeof entry["time"] === "number" ? entry["time"] : 0);
    found.add(String(request["method"]), url.pathname + url.search, content);
    if (steps.length >= MAX_STEPS) continue;
    steps.push({
      method: String(request["method"]),
      url: url.origin === base ? url.pathname + url.search : url.href,
      fields: Object.fromEntries(
        headers
          .map(({ name, value }) => [String(name), String(value)] as const)
          .filter(([name]) => !LEFT_OUT.test(name)),
      ),
      body: typeof content === "string" ? content : undefined,
      pauseMs: pause >= PAUSE_LEAST_MS ? Math.min(pause, PAUSE_MOST_MS) : 0,
    });
  }
  return { base, rate: undefined, kinds: found.kinds(), visit: steps };
}

/** How many keys stand for those of a description, which names none. */
const DESCRIBED_KEYS = 100;

/** Every GET of a description, its parameters by examples, or by numbers of which some are asked for far more often than others. */
function fromOpenApi(document: Loose): Recorded {
  const [server] = Array.isArray(document["servers"]) ? (document["servers"] as Loose[]) : [];
  const url =
    typeof server?.["url"] === "string"
      ? server["url"]
      : typeof document["host"] === "string"
        ? `http://${document["host"]}${typeof document["basePath"] === "string" ? document["basePath"] : ""}`
        : "";
  const parsed = URL.parse(url);
  const prefix = (parsed === null ? (url.startsWith("/") ? url : "") : parsed.pathname).replace(/\/$/, "");
  const kinds = Object.entries(document["paths"] as Loose).flatMap(([path, item]) => {
    if (!isObject(item) || !isObject(item["get"])) return [];
    const shared = [item["parameters"], item["get"]["parameters"]].flatMap((list) =>
      Array.isArray(list) ? (list as Loose[]) : [],
    );
    const parameters = shared.map((one) => resolve(document, one));
    const names = [...path.matchAll(/\{([^}]+)\}/g)].map(([, name]) => name!);
    const required = parameters.filter((one) => one["in"] === "query" && one["required"] === true);
    const query = required
      .map((one) => `${String(one["name"])}=${encodeURIComponent(exampleOf(document, one, 0) ?? "1")}`)
      .join("&");
    let at = 0;
    const template = prefix + path.replaceAll(/\{[^}]+\}/g, () => `{${at++}}`) + (query === "" ? "" : `?${query}`);
    const keys =
      names.length === 0
        ? []
        : Array.from({ length: DESCRIBED_KEYS }, (_, index) => {
            const values = names.map((name) => {
              const parameter = parameters.find((one) => one["in"] === "path" && one["name"] === name);
              return exampleOf(document, parameter, index) ?? String(index + 1);
            });
            // Zipf's law: the nth is asked for 1/n times as often as the first.
            return [values, Math.max(1, Math.round(1000 / (index + 1)))] as const;
          });
    return [{ method: "GET", path: template, count: 1, keys, body: undefined }];
  });
  return { base: parsed?.origin ?? "", rate: undefined, kinds, visit: undefined };
}

function resolve(document: Loose, value: Loose): Loose {
  const reference = value["$ref"];
  if (typeof reference !== "string" || !reference.startsWith("#/")) return value;
  let found: unknown = document;
  for (const part of reference.slice(2).split("/"))
    found = isObject(found) ? found[part.replaceAll("~1", "/").replaceAll("~0", "~")] : undefined;
  return isObject(found) ? found : {};
}

function exampleOf(document: Loose, parameter: Loose | undefined, index: number): string | undefined {
  if (parameter === undefined) return undefined;
  const schema = isObject(parameter["schema"]) ? resolve(document, parameter["schema"]) : parameter;
  const choices = schema["enum"];
  if (Array.isArray(choices) && choices.length > 0) return String(choices[index % choices.length]);
  const examples = isObject(parameter["examples"])
    ? Object.values(parameter["examples"]).map((one) => (isObject(one) ? one["value"] : one))
    : [];
  const given = [parameter["example"], ...examples, schema["example"], schema["default"]].find(
    (one) => one !== undefined,
  );
  return (typeof given !== "string" && typeof given !== "number") || index > 0 ? undefined : String(given);
}

function isObject(value: unknown): value is Loose {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
