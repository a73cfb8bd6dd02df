import { HotpathError } from "../../errors.ts";

type Loose = Readonly<Record<string, unknown>>;

const METHODS = new Set(["get", "post", "put", "patch", "delete", "head", "options"]);
const MAX_VUS = 5000;

/**
 * Turns Artillery's YAML into a k6 script.
 *
 * @throws HotpathError HP_LOAD_UNSUPPORTED, with all that it names, where the file uses what has no counterpart here
 */
export async function readArtillery(text: string, file: string): Promise<string> {
  const { parse } = await import("yaml");
  const document = parse(text) as unknown;
  if (!isObject(document) || !isObject(document["config"]))
    throw new HotpathError("HP_LOAD_SCRIPT", `${file} is no script of Artillery: it has no config.`);
  const { config } = document as { config: Loose };
  const problems: string[] = [];
  const scenarios = listOf(document["scenarios"]);
  for (const name of ["engines", "processor", "plugins", "tls.client", "socketio", "ws"]) {
    if (config[name] !== undefined && !(name === "plugins" && isHarmless(config[name])))
      problems.push(`config.${name} is not supported`);
  }
  if (scenarios.length === 0) problems.push("there are no scenarios");
  const defaults =
    isObject(config["http"]) && isObject(config["http"]["defaults"])
      ? config["http"]["defaults"]
      : isObject(config["defaults"])
        ? config["defaults"]
        : {};
  const flows = scenarios.map((scenario, at) => {
    if (scenario["engine"] !== undefined && scenario["engine"] !== "http")
      problems.push(`scenarios[${at}].engine ${textOf(scenario["engine"], "")} is not supported`);
    return {
      weight: numberOf(scenario["weight"], 1),
      name: textOf(scenario["name"], `scenario ${at + 1}`),
      lines: stepsOf(listOf(scenario["flow"]), `scenarios[${at}].flow`, "  ", problems),
    };
  });
  const phases = listOf(config["phases"]);
  const { stages, startRate } = stagesOf(phases);
  if (problems.length > 0) {
    throw new HotpathError("HP_LOAD_UNSUPPORTED", `hotpath load cannot run ${file}:\n  ${problems.join("\n  ")}`);
  }
  const payloads = listOf(config["payload"]).map((payload) => ({
    path: String(payload["path"]),
    fields: listOfTexts(payload["fields"]),
    skips: payload["skipHeader"] === true,
    inOrder: payload["order"] === "sequence",
    delimiter: textOf(payload["delimiter"], ","),
  }));
  const isInsecure = isObject(config["tls"]) && config["tls"]["rejectUnauthorized"] === false;
  const timeout =
    isObject(config["http"]) && typeof config["http"]["timeout"] === "number"
      ? `${config["http"]["timeout"]}s`
      : undefined;
  const most =
    Math.max(1, ...phases.map((phase) => numberOf(phase["maxVusers"], 0))) > 1
      ? Math.max(...phases.map((phase) => numberOf(phase["maxVusers"], 0)))
      : MAX_VUS;
  return `// Made from Artillery's ${file}.
import http from "k6/http";
import { check, sleep } from "k6";
import exec from "k6/execution";

const BASE = __ENV.BASE_URL || ${JSON.stringify(textOf(config["target"], "http://127.0.0.1:3000").replace(/\/$/, ""))};
const variables = ${JSON.stringify(isObject(config["variables"]) ? config["variables"] : {})};
const headers = ${JSON.stringify(isObject(defaults["headers"]) ? defaults["headers"] : {})};
const payloads = ${JSON.stringify(payloads)}.map((payload) => ({ ...payload, rows: open(payload.path).split(/\\r?\\n/).slice(payload.skips ? 1 : 0).filter((line) => line !== "").map((line) => line.split(payload.delimiter)) }));

export const options = {
  noVUConnectionReuse: true,
  insecureSkipTLSVerify: ${isInsecure},
  scenarios: {
    artillery: {
      executor: "ramping-arrival-rate",
      startRate: ${startRate},
      timeUnit: "1s",
      stages: ${JSON.stringify(stages)},
      preAllocatedVUs: ${Math.min(most, Math.max(10, Math.ceil(Math.max(startRate, ...stages.map(({ target }) => target)))))},
      maxVUs: ${most},
    },
  },
  thresholds: ${JSON.stringify(thresholdsOf(config["ensure"]))},
};

const flows = [
${flows.map(({ weight, name, lines }) => `  { weight: ${weight}, name: ${JSON.stringify(name)}, run: (vars) => {\n${lines.map((line) => `  ${line}`).join("\n")}\n  } },`).join("\n")}
];

export default function () {
  let wanted = Math.random() * flows.reduce((sum, { weight }) => sum + weight, 0);
  const flow = flows.find(({ weight }) => (wanted -= weight) < 0) || flows[0];
  const vars = {};
  for (const [name, value] of Object.entries(variables)) vars[name] = Array.isArray(value) ? value[Math.floor(Math.random() * value.length)] : value;
  for (const { rows, fields, inOrder } of payloads) {
    const row = rows[inOrder ? exec.scenario.iterationInTest % rows.length : Math.floor(Math.random() * rows.length)];
    fields.forEach((field, at) => (vars[field] = row[at]));
  }
  flow.run(vars);
}

function send(method, vars, given) {
  const { json, body, form, qs, capture, expect } = given;
  let url = fill(given.url, vars);
  if (!/^https?:/.test(url)) url = BASE + url;
  if (qs) url += (url.includes("?") ? "&" : "?") + Object.entries(fill(qs, vars)).map(([name, value]) => encodeURIComponent(name) + "=" + encodeURIComponent(value)).join("&");
  const content = json !== undefined ? JSON.stringify(fill(json, vars)) : form !== undefined ? fill(form, vars) : body !== undefined ? fill(body, vars) : null;
  const reply = http.request(method, url, content, {
    headers: { ...(json !== undefined ? { "Content-Type": "application/json" } : {}), ...fill(headers, vars), ...fill(given.headers || {}, vars) },
    tags: { name: given.name || method + " " + given.url },${timeout === undefined ? "" : `\n    timeout: ${JSON.stringify(timeout)},`}
  });
  for (const { json: path, header, as } of [capture || []].flat()) {
    if (path !== undefined) vars[as] = reply.json(path.replace(/^\\$\\.?/, "").replace(/\\[(\\d+)\\]/g, ".$1"));
    else if (header !== undefined) vars[as] = reply.headers[Object.keys(reply.headers).find((name) => name.toLowerCase() === header.toLowerCase())];
  }
  for (const expectation of [expect || []].flat()) {
    if (expectation.statusCode !== undefined) check(reply, { ["status is " + expectation.statusCode]: (r) => [expectation.statusCode].flat().map(Number).includes(r.status) });
    if (expectation.contentType !== undefined) check(reply, { ["content type is " + expectation.contentType]: (r) => String(r.headers["Content-Type"]).includes(expectation.contentType) });
    if (expectation.hasProperty !== undefined) check(reply, { ["has " + expectation.hasProperty]: (r) => r.json(expectation.hasProperty) !== undefined });
  }
  return reply;
}

function fill(value, vars) {
  if (Array.isArray(value)) return value.map((one) => fill(one, vars));
  if (value !== null && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, fill(one, vars)]));
  if (typeof value !== "string") return value;
  const whole = /^\\{\\{([^{}]+)\\}\\}$/.exec(value);
  if (whole) return evaluate(whole[1].trim(), vars);
  return value.replace(/\\{\\{([^{}]+)\\}\\}/g, (_match, name) => String(evaluate(name.trim(), vars)));
}

function evaluate(name, vars) {
  const call = /^\\$random(Number|String)\\(([^)]*)\\)$/.exec(name);
  if (call) {
    const numbers = call[2].split(",").map(Number);
    if (call[1] === "Number") return Math.floor(Math.random() * (numbers[1] - numbers[0] + 1)) + numbers[0];
    return Array.from({ length: numbers[0] || 10 }, () => Math.floor(Math.random() * 36).toString(36)).join("");
  }
  if (name === "$uuid") return crypto.randomUUID();
  if (name === "$timestamp") return Date.now();
  const variable = /^\\$(?:processEnvironment|env)\\.(\\w+)$/.exec(name);
  if (variable) return __ENV[variable[1]];
  return name.split(".").reduce((found, part) => (found === undefined || found === null ? undefined : found[part]), vars);
}
`;
}

/** Statements for the steps of a flow. */
function stepsOf(steps: readonly Loose[], place: string, indent: string, problems: string[]): string[] {
  return steps.flatMap((step, at) => {
    const here = `${place}[${at}]`;
    const method = Object.keys(step).find((name) => METHODS.has(name));
    if (method !== undefined) {
      const given: Loose = isObject(step[method]) ? step[method] : { url: step[method] };
      for (const name of ["beforeRequest", "afterResponse", "formData", "match", "ifTrue", "cookie", "auth"]) {
        if (given[name] !== undefined) problems.push(`${here}.${method}.${name} is not supported`);
      }
      return [`${indent}send(${JSON.stringify(method.toUpperCase())}, vars, ${JSON.stringify(given)});`];
    }
    if (step["think"] !== undefined) return [`${indent}sleep(Number(fill(${JSON.stringify(step["think"])}, vars)));`];
    if (step["log"] !== undefined) return [`${indent}console.log(fill(${JSON.stringify(step["log"])}, vars));`];
    if (Array.isArray(step["loop"])) {
      const inner = stepsOf(listOf(step["loop"]), `${here}.loop`, `${indent}  `, problems);
      const over = step["over"];
      if (over !== undefined) {
        const list = typeof over === "string" ? `vars[${JSON.stringify(over)}]` : JSON.stringify(over);
        return [
          `${indent}for (const $loopElement of ${list}) {`,
          `${indent}  vars["$loopElement"] = $loopElement;`,
          ...inner,
          `${indent}}`,
        ];
      }
      return [
        `${indent}for (let count = 1; count <= ${numberOf(step["count"], 1)}; count++) {`,
        `${indent}  vars["$loopCount"] = count;`,
        ...inner,
        `${indent}}`,
      ];
    }
    problems.push(`${here}.${Object.keys(step)[0] ?? "?"} is not supported`);
    return [];
  });
}

interface Stage {
  readonly duration: string;
  readonly target: number;
}

/** Phases follow each other at once: a rate that jumps is a stage without length. */
function stagesOf(phases: readonly Loose[]): { readonly stages: readonly Stage[]; readonly startRate: number } {
  const stages: Stage[] = [];
  let startRate: number | undefined;
  for (const phase of phases) {
    const seconds = secondsOf(phase["duration"] ?? phase["pause"] ?? 1);
    const rate =
      phase["pause"] !== undefined
        ? 0
        : phase["arrivalCount"] !== undefined
          ? numberOf(phase["arrivalCount"], 0) / seconds
          : numberOf(phase["arrivalRate"], 0);
    if (startRate === undefined) startRate = rate;
    else stages.push({ duration: "0s", target: rate });
    stages.push({
      duration: `${seconds}s`,
      target: phase["rampTo"] === undefined ? rate : numberOf(phase["rampTo"], rate),
    });
  }
  return { stages: stages.length > 0 ? stages : [{ duration: "10s", target: 1 }], startRate: startRate ?? 1 };
}

/** `ensure`, in all its forms. */
function thresholdsOf(value: unknown): Record<string, string[]> {
  if (!isObject(value)) return {};
  const thresholds: Record<string, string[]> = {};
  const add = (metric: string, condition: string): void => void (thresholds[metric] ??= []).push(condition);
  const latency = (name: string, limit: unknown): void => {
    const statistic = /(?:^|\.)(p50|median|p75|p90|p95|p99|p999|max|min)$/.exec(name)?.[1];
    if (statistic === undefined) return;
    const known: Readonly<Record<string, string>> = { median: "med", p999: "p(99.9)", max: "max", min: "min" };
    add("http_req_duration", `${known[statistic] ?? `p(${statistic.slice(1)})`}<${numberOf(limit, 0)}`);
  };
  for (const [name, limit] of Object.entries(value)) {
    if (name === "maxErrorRate") add("http_req_failed", `rate<=${numberOf(limit, 0) / 100}`);
    else if (name === "thresholds")
      for (const one of listOf(limit)) for (const [metric, most] of Object.entries(one)) latency(metric, most);
    else latency(name, limit);
  }
  return thresholds;
}

function secondsOf(value: unknown): number {
  if (typeof value === "number") return value;
  const match = /^(\d+(?:\.\d+)?)\s*(ms|s|sec|m|min|h)?/.exec(textOf(value, ""));
  return match === null
    ? 1
    : Number(match[1]) * ({ ms: 0.001, s: 1, sec: 1, m: 60, min: 60, h: 3600 }[match[2] ?? "s"] ?? 1);
}

/** Plugins that change nothing about what is asked. */
function isHarmless(plugins: unknown): boolean {
  return (
    isObject(plugins) &&
    Object.keys(plugins).every((name) =>
      ["expect", "ensure", "metrics-by-endpoint", "apdex", "publish-metrics"].includes(name),
    )
  );
}

function listOf(value: unknown): Loose[] {
  return (Array.isArray(value) ? (value as unknown[]) : value === undefined || value === null ? [] : [value]).filter(
    isObject,
  );
}

function listOfTexts(value: unknown): string[] {
  return Array.isArray(value) ? value.map(String) : [];
}

function numberOf(value: unknown, otherwise: number): number {
  const number = Number(value);
  return value === undefined || value === null || !Number.isFinite(number) ? otherwise : number;
}

function textOf(value: unknown, otherwise: string): string {
  return typeof value === "string" || typeof value === "number" ? String(value) : otherwise;
}

function isObject(value: unknown): value is Loose {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
