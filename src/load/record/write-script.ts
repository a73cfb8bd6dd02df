import type { Recorded, RecordedKind } from "./recorded.ts";

/** Where nothing tells how fast requests came. */
const DEFAULT_RATE = 50;

/** A k6 script that asks as was recorded: kinds of requests and their keys as often as they came, or one visit in its order. */
export function writeScript(recorded: Recorded, source: string): string {
  const rate = Math.max(1, Math.round(recorded.rate ?? DEFAULT_RATE));
  const base = recorded.base === "" ? "http://127.0.0.1:3000" : recorded.base;
  return recorded.visit === undefined ? writeKinds(recorded, source, base, rate) : writeVisit(recorded, source, base);
}

function writeKinds({ kinds, rate: seen }: Recorded, source: string, base: string, rate: number): string {
  return `// Made from ${source}: ${kinds.length} kinds of requests, each as often as it was recorded${seen === undefined ? "" : `, ${rate} a second in all`}.
import http from "k6/http";
import { check } from "k6";

const BASE = __ENV.BASE_URL || ${JSON.stringify(base)};

export const options = {
  scenarios: {
    recorded: {
      executor: "constant-arrival-rate",
      rate: Number(__ENV.RATE || ${rate}),
      timeUnit: "1s",
      duration: __ENV.DURATION || "1m",
      preAllocatedVUs: ${Math.max(10, Math.min(500, rate))},
      maxVUs: ${Math.max(100, Math.min(5000, rate * 10))},
    },
  },
  thresholds: {
    http_req_failed: ["rate<0.01"],
    http_req_response_time: ["p(99)<1000"],
  },
};

// Each kind with how often it came; its keys, most often first, with how often each did.
const kinds = [
${kinds.map(writeKind).join("\n")}
];

const pickKind = picker(kinds, (kind) => kind.count);
for (const kind of kinds) if (kind.keys.length > 0) kind.pick = picker(kind.keys, (key) => key[1]);

export default function () {
  const kind = pickKind();
  let path = kind.path;
  if (kind.pick) kind.pick()[0].forEach((value, at) => (path = path.split("{" + at + "}").join(value)));
  const body = kind.body === undefined ? null : typeof kind.body === "string" ? kind.body : JSON.stringify(kind.body);
  const reply = http.request(kind.method, BASE + path, body, {
    tags: { name: kind.method + " " + kind.path },
    headers: body === null ? {} : { "Content-Type": "application/json" },
  });
  check(reply, { "is answered": (r) => r.status > 0 && r.status < 500 });
}

// Answers one of a list, each as often as its weight says.
function picker(list, weight) {
  const sums = [];
  let total = 0;
  for (const one of list) sums.push((total += weight(one)));
  return () => {
    const wanted = Math.random() * total;
    let low = 0;
    let high = sums.length - 1;
    while (low < high) {
      const middle = (low + high) >> 1;
      if (sums[middle] > wanted) high = middle;
      else low = middle + 1;
    }
    return list[low];
  };
}
`;
}

function writeKind({ method, path, count, keys, body }: RecordedKind): string {
  const parts = [
    `method: ${JSON.stringify(method)}`,
    `path: ${JSON.stringify(path)}`,
    `count: ${count}`,
    `keys: ${JSON.stringify(keys)}`,
  ];
  if (body !== undefined) parts.push(`body: ${JSON.stringify(body)}`);
  return `  { ${parts.join(", ")} },`;
}

function writeVisit({ visit = [] }: Recorded, source: string, base: string): string {
  const steps = visit.flatMap(({ method, url, fields, body, pauseMs }) => {
    const target = url.startsWith("/") ? `BASE + ${JSON.stringify(url)}` : JSON.stringify(url);
    const params = Object.keys(fields).length === 0 ? "" : `, { headers: ${JSON.stringify(fields)} }`;
    const call = `  check(http.request(${JSON.stringify(method)}, ${target}, ${body === undefined ? "null" : JSON.stringify(body)}${params}), { "is answered": (r) => r.status > 0 && r.status < 500 });`;
    return pauseMs > 0 ? [`  sleep(${(pauseMs / 1000).toFixed(2)});`, call] : [call];
  });
  return `// Made from ${source}: one visit of ${visit.length} requests, with its pauses. Cookies and credentials were left out.
import http from "k6/http";
import { check, sleep } from "k6";

const BASE = __ENV.BASE_URL || ${JSON.stringify(base)};

export const options = {
  vus: Number(__ENV.VUS || 10),
  duration: __ENV.DURATION || "1m",
  thresholds: { http_req_failed: ["rate<0.01"], http_req_duration: ["p(95)<500"] },
};

export default function () {
${steps.join("\n")}
  sleep(1);
}
`;
}
