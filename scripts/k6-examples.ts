// Runs scripts of k6's own, fetched beforehand by whoever asks, against a server of ours that stands for the sites they name:
//
//   git clone --depth 1 https://github.com/grafana/k6 /tmp/k6
//   node scripts/k6-examples.ts [--markdown] /tmp/k6/examples [FOLDER OF MARKDOWN…]
//
// With --markdown, docs/k6-examples.md is written anew.
// A script runs when it is taken as it is and no iteration throws. Of scripts that stand in documentation, parts that are no whole script
// are left out.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { globSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { basename, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { deflateSync, gzipSync } from "node:zlib";

const MAIN = fileURLToPath(new URL("../src/cli/main.ts", import.meta.url));
/** Some wait for minutes between requests; several run at once. */
const TIMEOUT_MS = 240_000;
const AT_ONCE = 4;
const LIST = new URL("../docs/k6-examples.md", import.meta.url);
/** What a script that asks by HTTP alone imports. */
const HTTP_ONLY =
  /^(k6|k6\/(http|metrics|data|encoding|crypto|execution|timers|html)|https:\/\/jslib\.k6\.io\/k6-(utils|summary)\/.*|\.{1,2}\/.*)$/;

interface Found {
  readonly title: string;
  readonly file: string;
  readonly text: string;
}

interface Outcome {
  readonly title: string;
  readonly isHttpOnly: boolean;
  readonly runs: boolean;
  readonly why: string;
}

const [folder, ...documents] = process.argv.slice(2).filter((word) => word !== "--markdown");
if (folder === undefined) {
  process.stderr.write("Usage: node scripts/k6-examples.ts [--markdown] FOLDER [FOLDER OF MARKDOWN…]\n");
  process.exit(2);
}
const scratch = await mkdtemp(join(tmpdir(), "hotpath-k6-"));
const server = createServer(answer).listen(0, "127.0.0.1");
await new Promise((resolve) => server.once("listening", resolve));
const { port } = server.address() as AddressInfo;
try {
  const scripts = [...(await scriptsIn(folder)), ...(await Promise.all(documents.map(scriptsInDocuments))).flat()];
  const outcomes = scripts.map((): Outcome | undefined => undefined);
  let next = 0;
  const runSome = async (): Promise<void> => {
    for (let at = next++; at < scripts.length; at = next++) outcomes[at] = await run(scripts[at]!);
  };
  await Promise.all(Array.from({ length: AT_ONCE }, runSome));
  await report(outcomes.filter((outcome) => outcome !== undefined));
} finally {
  server.close();
  server.closeAllConnections();
  await rm(scratch, { recursive: true, force: true });
}

async function scriptsIn(root: string): Promise<Found[]> {
  const files = globSync("**/*.{js,ts}", { cwd: root }).sort();
  const found = await Promise.all(
    files.map(async (file) => ({
      title: file,
      file: join(root, file),
      text: await readFile(join(root, file), "utf8"),
    })),
  );
  return found.filter(({ text }) => /export default|export function|export \{/.test(text));
}

/** Blocks of code that are whole scripts. */
async function scriptsInDocuments(root: string): Promise<Found[]> {
  const files = (
    statSync(root).isDirectory() ? globSync("**/*.md", { cwd: root }).map((file) => join(root, file)) : [root]
  ).sort();
  const found: Found[] = [];
  for (const file of files) {
    const blocks = [
      ...(await readFile(file, "utf8")).matchAll(/^( *)```(?:javascript|js|typescript)\n([\s\S]*?)^ *```/gm),
    ];
    for (const [at, [, indent = "", block = ""]] of blocks.entries()) {
      const text = block.replaceAll(new RegExp(`^${indent}`, "gm"), "");
      // What is elided is no script; nor is what never ends.
      if (!/export default/.test(text) || !/from ['"]k6/.test(text) || /^\s*(\/\/ )?\.\.\.\s*$/m.test(text)) continue;
      const title = `${relative(root, file)} ${at + 1}`;
      const path = join(scratch, `${basename(file, ".md")}-${at + 1}.js`);
      await writeFile(path, text);
      found.push({ title, file: path, text });
    }
  }
  return found;
}

async function run({ title, file, text }: Found): Promise<Outcome> {
  const imports = [...text.matchAll(/(?:from|require\(|^import)\s*['"]([^'"]+)['"]/gm)].map(([, source]) => source!);
  const isHttpOnly = imports.includes("k6/http") && imports.every((source) => HTTP_ONLY.test(source));
  const hosts = new Set(
    [...text.matchAll(/(?:https?|wss?):\/\/(?:[\w:]+@)?([\w.-]+(?::\d+)?)/g)].map(([, host]) =>
      host!.replace(/:\d+$/, ""),
    ),
  );
  // `https://${tenant}.example.com`
  for (const [, rest] of text.matchAll(/\/\/\$\{[^}]*\}(\.[a-z][\w.-]*)/g)) hosts.add(`*${rest}`);
  const words = ["load", file, "--quiet", "--iterations", "1", "--vus", "1"];
  for (const host of [...hosts, "quickpizza.grafana.com", "test.k6.io"])
    words.push("--host", `${host}=http://127.0.0.1:${port}`);
  // A script that says what its scenarios run keeps them, but not for minutes.
  const hasScenarios = /\bscenarios\b/.test(text) && /\bexec\b/.test(text);
  const child = spawn(process.execPath, [MAIN, ...(hasScenarios ? words.slice(0, 3).concat(words.slice(7)) : words)], {
    stdio: ["ignore", "pipe", "pipe"],
    timeout: TIMEOUT_MS,
    env: {
      ...process.env,
      BASE_URL: `http://127.0.0.1:${port}`,
      MY_HOSTNAME: `127.0.0.1:${port}`,
      USERNAME: "user",
      PASSWORD: "passwd",
    },
    cwd: scratch,
  });
  let said = "";
  for (const stream of [child.stdout, child.stderr]) stream.on("data", (chunk: Buffer) => (said += chunk.toString()));
  const status = await new Promise<number | null>((resolve) => child.once("close", resolve));
  const error = /^(?:error: (?=\w*Error: )|hotpath: )(.*(?:\n {2,}.*)?)/m.exec(said)?.[1];
  const isDone = status === 0 || status === 99 || status === 108;
  const runs = isDone && (error === undefined || error.includes("the threshold"));
  const outcome = {
    title,
    isHttpOnly,
    runs,
    why: runs
      ? ""
      : (error ?? `status ${status}`)
          .replaceAll(/\s+/g, " ")
          .replaceAll(scratch, "")
          .replaceAll(file, basename(file))
          .slice(0, 150),
  };
  process.stderr.write(`${runs ? "runs  " : "FAILS "} ${title} ${outcome.why}\n`);
  return outcome;
}

async function report(outcomes: readonly Outcome[]): Promise<void> {
  const http = outcomes.filter(({ isHttpOnly }) => isHttpOnly);
  const good = http.filter(({ runs }) => runs);
  const others = outcomes.filter(({ isHttpOnly }) => !isHttpOnly);
  const share = ((good.length / Math.max(1, http.length)) * 100).toFixed(1);
  const total = `Of ${http.length} scripts that use HTTP alone, ${good.length} run (${share}%); of ${others.length} others, ${others.filter(({ runs }) => runs).length}.`;
  process.stdout.write(`${total}\n\n${tableOf(outcomes)}\n`);
  if (!process.argv.includes("--markdown")) return;
  const text = [
    "<!-- Written by `node scripts/k6-examples.ts --markdown FOLDER [FOLDER OF MARKDOWN…]`. -->",
    "# k6's own scripts",
    "Scripts of k6's repository (`examples/`) and whole scripts in its documentation, as they were on the day of the run, each run unchanged for one iteration. A server of the test's own stands for the sites that they name, most of which answer no longer; what it answers is in the script that writes this page. A script runs when it is taken as it is and no iteration throws.",
    total,
    "## HTTP alone",
    "They import `k6`, `k6/http`, `k6/metrics`, `k6/data`, `k6/encoding`, `k6/crypto`, `k6/execution`, `k6/timers`, `k6/html`, `k6-utils`, `k6-summary` and files of their own, and nothing else.",
    tableOf(http),
    "## Others",
    tableOf(others),
    "",
  ].join("\n\n");
  await writeFile(LIST, text);
}

function tableOf(outcomes: readonly Outcome[]): string {
  const rows = outcomes.map(
    ({ title, runs, why }) => `| ${title} | ${runs ? "yes" : "no"} | ${why.replaceAll("|", "\\|")} |`,
  );
  return ["| script | runs | why not |", "| --- | --- | --- |", ...rows].join("\n");
}

/** What stands for httpbin, QuickPizza and whatever else a script names. */
function answer(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = [];
  request.on("data", (chunk: Buffer) => chunks.push(chunk));
  request.on("end", () => {
    const url = new URL(`http://here${request.url ?? "/"}`);
    const body = Buffer.concat(chunks).toString();
    const { headers, method = "GET" } = request;
    const send = (status: number, value: unknown, more: Record<string, string | string[]> = {}): void => {
      response
        .writeHead(status, { "content-type": "application/json", ...more })
        .end(method === "HEAD" ? undefined : JSON.stringify(value));
    };
    const cookies = Object.fromEntries(
      (headers.cookie ?? "")
        .split("; ")
        .filter(Boolean)
        .map((pair) => pair.split("=") as [string, string]),
    );
    const form = /urlencoded/.test(headers["content-type"] ?? "") ? formOf(body) : {};
    const json = ((): unknown => {
      try {
        return JSON.parse(body);
      } catch {
        return null;
      }
    })();
    const echo = {
      args: Object.fromEntries(url.searchParams),
      headers,
      url: url.href,
      data: body,
      form,
      json,
      origin: "127.0.0.1",
      method,
    };
    const path = url.pathname;
    const basic = /^\/basic-auth\/(.*)\/(.*)$/.exec(path) ?? /^\/api\/basic-auth\/(.*)\/(.*)$/.exec(path);
    const digest = /^\/digest-auth\/auth\/(.*)\/(.*)$/.exec(path) ?? /^\/api\/digest-auth\/(.*)\/(.*)$/.exec(path);
    if (path === "/cookies/set" || path === "/api/cookies") {
      const set = [...url.searchParams].map(([name, value]) => `${name}=${value}; Path=/`);
      if (path === "/cookies/set") response.writeHead(302, { location: "/cookies", "set-cookie": set }).end();
      else send(200, { cookies: { ...cookies, ...Object.fromEntries(url.searchParams) } }, { "set-cookie": set });
    } else if (path === "/cookies") send(200, { cookies });
    else if (path.endsWith("/graphql"))
      send(200, {
        data: {
          repository: { issues: { edges: [{ node: { id: "1" } }] } },
          addReaction: { subject: { id: "1" }, reaction: { content: "HOORAY" } },
        },
      });
    else if (path.startsWith("/status/")) send(Number(path.slice(8)) || 200, {});
    else if (path.startsWith("/redirect/") && Number(path.slice(10)) > 0)
      response
        .writeHead(302, { location: Number(path.slice(10)) > 1 ? `/redirect/${Number(path.slice(10)) - 1}` : "/get" })
        .end();
    else if (path === "/redirect-to") response.writeHead(302, { location: url.searchParams.get("url") ?? "/" }).end();
    else if (path === "/gzip")
      response
        .writeHead(200, { "content-type": "application/json", "content-encoding": "gzip" })
        .end(gzipSync(JSON.stringify({ ...echo, gzipped: true })));
    else if (path === "/deflate")
      response
        .writeHead(200, { "content-type": "application/json", "content-encoding": "deflate" })
        .end(deflateSync(JSON.stringify({ ...echo, deflated: true })));
    else if (basic) {
      const given = Buffer.from((headers.authorization ?? "").replace("Basic ", ""), "base64").toString();
      send(given === `${basic[1]}:${basic[2]}` ? 200 : 401, { authenticated: true, user: basic[1] });
    } else if (digest) answerDigest(request, digest, send);
    else if (path === "/api/users/token/login" || path.endsWith("/token/login/") || path === "/login")
      send(200, { token: "abcdef0123456789", access: "abcdef0123456789" }, { "set-cookie": "sessionid=1; Path=/" });
    else if (path === "/api/users" && method === "POST")
      send(201, { id: 1, username: "user", ...(json as object | null) });
    else if (path === "/api/pizza")
      send(200, { pizza: { id: 1, name: "A pizza", ingredients: [{ name: "cheese" }], tool: "knife" } });
    else if (
      path.startsWith("/api/ratings") ||
      path.startsWith("/my/crocodiles") ||
      path.startsWith("/public/crocodiles")
    ) {
      const rating = { id: 7, stars: 5, pizza_id: 1, name: "Bert", ...(json as object | null) };
      if (method === "DELETE") response.writeHead(204).end();
      else
        send(
          method === "POST" ? 201 : 200,
          /\/\d+\/?$/.test(path) || method !== "GET" ? rating : { ratings: [rating], 0: rating },
        );
    } else if (path === "/api/doughs") send(200, { doughs: [{ ID: 1, name: "Thin" }] });
    else if (path === "/user/login" && method === "POST")
      response.writeHead(302, { location: `/users/${String(form["name"])}` }).end();
    else if (path.endsWith("/oauth2/v2.0/token")) send(200, { id_token: "abc" });
    else if (path.endsWith("/CombinedSigninAndSignup/confirmed"))
      response.writeHead(302, { location: "/signed-in?code=abc" }).end();
    else if (path.startsWith("/api/json") || url.searchParams.get("format") === "json") send(200, echo);
    else if (
      /^\/(get|post|put|patch|delete|anything|headers|ip|user-agent|response-headers)\b/.test(path) ||
      path.startsWith("/api/")
    )
      send(200, echo, Object.fromEntries(path === "/response-headers" ? url.searchParams : []));
    else
      response
        .writeHead(200, { "content-type": "text/html", "set-cookie": "x-ms-cpim-csrf=abc; Path=/" })
        .end(
          "<html><head><title>A page</title></head><body data-tx='StateProperties=abc'><h1>Welcome</h1>\n<input type='hidden' name=\"form_build_id\" value=\"form-1\">\n<input type='hidden' name=\"form_id\" value=\"a_form\">\n<input type='hidden' name=\"form_token\" value=\"token-1\">\n<form action='/post' method='post'><input name='redir' value='1'><button type='submit' name='go' value='x'>Go</button></form><a href='/get'>a link</a></body></html>",
        );
  });
}

function formOf(body: string): Record<string, string | string[]> {
  const form: Record<string, string | string[]> = {};
  for (const [name, value] of new URLSearchParams(body))
    form[name] = name in form ? [form[name]!, value].flat() : value;
  return form;
}

function answerDigest(
  request: IncomingMessage,
  [, user = "", password = ""]: RegExpExecArray,
  send: (status: number, value: unknown, more?: Record<string, string>) => void,
): void {
  const given = Object.fromEntries(
    [...(request.headers.authorization ?? "").matchAll(/(\w+)=(?:"([^"]*)"|([^\s,]+))/g)].map(
      ([, name, quoted, plain]) => [name, quoted ?? plain],
    ),
  );
  const secret = hash(`${user}:here:${password}`);
  const expected = hash(
    `${secret}:${given["nonce"]}:${given["nc"]}:${given["cnonce"]}:auth:${hash(`${request.method}:${given["uri"]}`)}`,
  );
  if (given["response"] === expected) send(200, { authenticated: true, user });
  else send(401, {}, { "www-authenticate": 'Digest realm="here", nonce="abc", qop="auth", algorithm=MD5, opaque="o"' });
}

function hash(text: string): string {
  return createHash("md5").update(text).digest("hex");
}
