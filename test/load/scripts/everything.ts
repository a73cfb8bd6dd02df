import http from "k6/http";
import { check, group, sleep } from "k6";
import { Counter, Gauge, Rate, Trend } from "k6/metrics";
import { SharedArray } from "k6/data";
import encoding from "k6/encoding";
import { createHash, hmac } from "k6/crypto";
import exec from "k6/execution";
import { setTimeout } from "k6/timers";
import { Api, login as signIn } from "./api.js";

type User = { readonly id: number; readonly name: string };

const users = new SharedArray("users", () => JSON.parse(open("./users.json")) as User[]);
const seen = new Counter("seen");
const last = new Gauge("last");
const good = new Rate("good");
const took = new Trend("took", true);
let runs = 0;

export const options = {
  scenarios: {
    steady: { executor: "per-vu-iterations", vus: 2, iterations: 3, tags: { kind: "steady" }, env: { WHO: "steady" } },
    other: { executor: "shared-iterations", vus: 2, iterations: 4, exec: "other", startTime: "100ms" },
  },
  thresholds: {
    "http_reqs{kind:steady}": ["count==114"],
    checks: ["rate==1"],
    "seen{from:default}": ["count==6"],
    good: ["rate==1"],
    took: ["p(99)<60000", "min>=0"],
    iterations: ["count==10"],
  },
};

export function setup() {
  const reply = http.get(`${__ENV.BASE}/setup`);
  return { token: reply.json("token") as string };
}

const ask = (path: string) => http.get(`${__ENV.BASE}${path}`, { tags: { name: "asked" } });
const handlers = { one: () => ask("/1"), two: () => ask("/2") };

function retry<Value>(times: number, run: () => Value): Value {
  for (let at = 1; at < times; at++) {
    try {
      return run();
    } catch {}
  }
  return run();
}

export default function (data: { token: string }) {
  runs++;
  const user = users[exec.scenario.iterationInTest % users.length]!;
  const api = new Api(__ENV.BASE!, data.token);
  group("signing in", () => {
    const reply = signIn(api, user.name);
    check(reply, {
      "is signed in": (r) => r.status === 201,
      "is that user": (r) => r.json("user.names.0") === user.name,
    });
    group("and out", function () {
      check(api.out(), { "is signed out": ({ status }) => status === 204 });
    });
  });
  const statuses = [1, 2, 3].map((id) => ask(`/${id}`).status);
  [4, 5].forEach((id) => {
    check(ask(`/${id}`), { "each is there": (r) => r.status === 200 });
  });
  const total = [6, 7].reduce((sum, id) => sum + ask(`/${id}`).json<number>("id"), 0);
  for (const name of Object.keys(handlers) as (keyof typeof handlers)[]) handlers[name]();
  const again = retry(3, () => ask("/8"));
  const both = http.batch([
    ["GET", `${__ENV.BASE}/9`],
    `${__ENV.BASE}/10`,
    { method: "POST", url: `${__ENV.BASE}/echo`, body: { a: "b c" } },
  ]);
  const cookie = http.get(`${__ENV.BASE}/cookie`);
  const moved = http.get(`${__ENV.BASE}/moved`);
  check(null, {
    "callbacks waited": statuses.join() === "200,200,200" && total === 13,
    "what is handed around waited": again.status === 200,
    "a batch is in order": both[0].json("id") === 9 && both[1].json("id") === 10,
    "an object is a form": both[2].json("body") === "a=b+c",
    "a cookie is kept": cookie.cookies.a![0]!.value === "b" && moved.json("cookie") === "a=b",
    "a redirect is followed": moved.url.endsWith("/echo") && moved.status === 200,
    "own variables of a VU": runs === __ITER + 1 && runs === exec.vu.iterationInInstance + 1,
    "names and numbers": exec.scenario.name === "steady" && exec.vu.idInTest === __VU && __ENV.WHO === "steady",
    encodings: encoding.b64decode(encoding.b64encode("käse", "rawurl"), "rawurl", "s") === "käse",
    hashes:
      createHash("sha256").update("a").digest("hex").startsWith("ca978112") &&
      hmac("md5", "k", "v", "hex").length === 32,
  });
  seen.add(1, { from: "default" });
  last.add(__ITER);
  good.add(true);
  took.add(again.timings.duration);
  setTimeout(() => {
    good.add(http.get(`${__ENV.BASE}/later`).status === 200);
  }, 20);
  sleep(0.01);
}

export async function other() {
  const [a, b] = await Promise.all([
    http.asyncRequest("GET", `${__ENV.BASE}/1`),
    http.asyncRequest("GET", `${__ENV.BASE}/2`),
  ]);
  check(http.get(`${__ENV.BASE}/3`), { "asynchronous ones too": (r) => r.status + a.status + b.status === 600 });
  seen.add(1, { from: "other" });
}

export function teardown(data: { token: string }) {
  http.get(`${__ENV.BASE}/teardown?token=${data.token}`);
}

export function handleSummary(data: { metrics: Record<string, { values: Record<string, number> }> }) {
  return { stdout: `seen ${data.metrics["seen"]!.values["count"]}\n`, "summary.json": JSON.stringify(data.metrics) };
}
