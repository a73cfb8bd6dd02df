import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { runHotpath } from "../cli/run-hotpath.ts";
import { listen, temporaryFolder } from "./support.ts";

test("a script made from an access log asks for kinds and keys as often as the log says", async (t) => {
  const seen = new Map<string, number>();
  const { url } = await listen(t, (request, response) => {
    seen.set(request.url!, (seen.get(request.url!) ?? 0) + 1);
    response.end("{}");
  });
  const folder = await temporaryFolder(t);
  const lines = Array.from({ length: 300 }, (_, at) => {
    const target = at % 3 === 0 ? "/orders?limit=20" : `/users/${at % 5 === 0 ? 1000 + at : 7}`;
    return `10.0.0.1 - - [10/Oct/2026:13:55:${String(Math.floor(at / 10) % 60).padStart(2, "0")} +0000] "GET ${target} HTTP/1.1" 200 12 "-" "-"`;
  });
  await writeFile(join(folder, "access.log"), lines.join("\n"));
  const made = await runHotpath(["load", "--record", "access.log", "--out", "made.js"], { directory: folder });
  assert.equal(made.status, 0, made.err);
  assert.match(made.err, /2 kinds of requests, 10\.3 a second/);
  const ran = await runHotpath(["load", "made.js", "-e", `BASE_URL=${url}`, "-i", "600", "-u", "5"], {
    directory: folder,
  });
  // On a busy machine its own threshold of a second may not hold.
  assert.ok(ran.status === 0 || ran.status === 99, ran.out + ran.err);
  const total = [...seen.values()].reduce((sum, count) => sum + count, 0);
  assert.equal(total, 600);
  const share = (target: string): number => (seen.get(target) ?? 0) / total;
  // A third, and eight of ten of the rest: five standard deviations wide.
  assert.ok(Math.abs(share("/orders?limit=20") - 1 / 3) < 0.1, String(share("/orders?limit=20")));
  assert.ok(Math.abs(share("/users/7") - (2 / 3) * 0.8) < 0.11, String(share("/users/7")));
});

test("HAR keeps the order of a visit, OpenAPI gives each GET with keys of which few are asked for often", async (t) => {
  const seen: string[] = [];
  const { url } = await listen(t, (request, response) => {
    seen.push(`${request.method} ${request.url}`);
    response.end("{}");
  });
  const folder = await temporaryFolder(t);
  await writeFile(
    join(folder, "visit.har"),
    JSON.stringify({
      log: {
        entries: [entry("GET", "/"), entry("POST", "/login", { postData: { text: '{"a":1}' } }), entry("GET", "/cart")],
      },
    }),
  );
  assert.equal(
    (await runHotpath(["load", "--record", "visit.har", "--out", "visit.js"], { directory: folder })).status,
    0,
  );
  const ran = await runHotpath(["load", "visit.js", "-e", `BASE_URL=${url}`, "-i", "1", "-u", "1"], {
    directory: folder,
  });
  assert.equal(ran.status, 0, ran.out + ran.err);
  assert.deepEqual(seen.splice(0), ["GET /", "POST /login", "GET /cart"]);
  await writeFile(
    join(folder, "api.yaml"),
    "openapi: 3.1.0\nservers: [{ url: https://api.example.com/v1 }]\npaths:\n  /users/{id}:\n    get:\n      parameters: [{ name: id, in: path }]\n  /kinds/{kind}:\n    get:\n      parameters: [{ name: kind, in: path, schema: { enum: [a, b] } }]\n",
  );
  assert.equal(
    (await runHotpath(["load", "--record", "api.yaml", "--out", "api.js"], { directory: folder })).status,
    0,
  );
  await runHotpath(["load", "api.js", "-e", `BASE_URL=${url}`, "-i", "400", "-u", "5"], {
    directory: folder,
  });
  const users = seen.filter((one) => one.startsWith("GET /v1/users/"));
  const first = users.filter((one) => one === "GET /v1/users/1").length;
  assert.ok(users.length > 100 && first > users.length / 20, `${first} of ${users.length}`);
  assert.ok(seen.some((one) => one === "GET /v1/kinds/b"));
});

test("Artillery's scripts run, and a test is written for Artillery and read back", async (t) => {
  const seen: string[] = [];
  const { url } = await listen(t, (request, response) => {
    let body = "";
    request.on("data", (chunk: Buffer) => (body += chunk.toString()));
    request.on("end", () => {
      seen.push(`${request.method} ${request.url} ${String(request.headers["x-a"])} ${body}`);
      response.setHeader("content-type", "application/json").end(JSON.stringify({ user: { id: 5 }, items: [1, 2] }));
    });
  });
  const folder = await temporaryFolder(t);
  await writeFile(
    join(folder, "test.yml"),
    `config:
  target: ${url}
  phases: [{ duration: 1, arrivalCount: 3 }]
  variables: { color: [red] }
  defaults: { headers: { X-A: "{{ color }}" } }
  ensure: { maxErrorRate: 1, p99: 60000 }
scenarios:
  - flow:
      - post: { url: /login, json: { name: "{{ color }}-{{ $randomNumber(3, 3) }}" }, capture: [{ json: "$.user.id", as: id }], expect: [{ statusCode: 200 }] }
      - think: 0.01
      - loop: [{ get: "/users/{{ id }}/{{ $loopCount }}" }]
        count: 2
`,
  );
  const ran = await runHotpath(["load", "test.yml"], { directory: folder });
  assert.equal(ran.status, 0, ran.out + ran.err);
  assert.equal(seen.length, 9);
  assert.deepEqual([...new Set(seen)].sort(), [
    "GET /users/5/1 red ",
    "GET /users/5/2 red ",
    'POST /login red {"name":"red-3"}',
  ]);
  seen.length = 0;
  const written = await runHotpath(
    ["load", `${url}/items?a=1`, "--rate", "5", "-d", "1s", "-H", "X-A: b", "--artillery", "out.yml"],
    { directory: folder },
  );
  assert.equal(written.status, 0, written.err);
  assert.equal((await runHotpath(["load", "out.yml"], { directory: folder })).status, 0);
  assert.deepEqual([seen.length, ...new Set(seen)], [5, "GET /items?a=1 b "]);
  await writeFile(
    join(folder, "more.yml"),
    "config: { target: http://a, processor: ./x.js }\nscenarios: [{ engine: ws, flow: [{ send: a }] }]\n",
  );
  const refused = await runHotpath(["load", "more.yml"], { directory: folder });
  assert.equal(refused.status, 1);
  for (const words of ["config.processor", "scenarios[0].engine ws", "scenarios[0].flow[0].send"])
    assert.ok(refused.err.includes(words), refused.err);
});

test("deploy github prints a workflow that compares base and change", async () => {
  const { status, out } = await runHotpath(["deploy", "github", "--script", "load/it's.js", "--run", "npm start"]);
  assert.equal(status, 0);
  const { parse } = await import("yaml");
  const workflow = parse(out) as { jobs: { load: { steps: { run?: string }[] } } };
  assert.ok(
    workflow.jobs.load.steps.some(({ run }) => run?.includes("hotpath load compare ../base.json ../change.json")),
  );
  assert.ok(out.includes(String.raw`'load/it'\''s.js'`));
});

function entry(method: string, path: string, more: object = {}): object {
  return {
    startedDateTime: "2026-10-10T10:00:00.000Z",
    time: 5,
    request: { method, url: `https://shop.example.com${path}`, headers: [{ name: "Cookie", value: "a=b" }], ...more },
  };
}
