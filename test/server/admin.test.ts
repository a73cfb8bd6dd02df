import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { resolveServerSettings, type ServerOptions, type ServerSettings } from "../../src/api/options.ts";
import { createMetrics } from "../../src/observe/metrics.ts";
import { createAdmin, type AdminSettings, type Readiness } from "../../src/server/admin.ts";
import { collect, curl, exchange, type LogLine } from "./listener/harness.ts";

async function start(t: TestContext, readiness: () => Readiness, settings: Partial<AdminSettings> = {}) {
  const metrics = createMetrics();
  metrics.counter({ name: "things_total", help: "Things." }).with().add(3);
  const lines: LogLine[] = [];
  const listen = { host: "127.0.0.1", port: 0 };
  const admin = createAdmin({ listen, ...settings }, { readiness, metrics }, collect(lines));
  const { url, port, address } = await admin.listen();
  t.after(() => admin.close({ graceMs: 0 }));
  return { url, port, address, lines };
}

const ready = (): Readiness => ({ ready: true, checks: { postgres: "ok" } });

test("it tells that the process lives, whether it is ready, and its metrics", async (t) => {
  let readiness = ready();
  const { url, address, lines } = await start(t, () => readiness);
  assert.equal(address, "127.0.0.1");
  assert.deepEqual(lines, []);
  assert.match(await curl(`${url}/live`), /^HTTP\/1.1 200 /);
  assert.match(await curl(`${url}/ready`), /^HTTP\/1.1 200 [^]*"postgres":"ok"/);
  readiness = { ready: false, checks: { postgres: "no connection" } };
  assert.match(await curl(`${url}/ready`), /^HTTP\/1.1 503 [^]*"ready":false[^]*no connection/);
  assert.match(await curl(`${url}/live`), /^HTTP\/1.1 200 /);
  assert.match(await curl(`${url}/metrics`), /content-type: text\/plain; version=0.0.4[^]*\nthings_total 3\n/);
  const open = await curl(
    "-H",
    "accept: application/openmetrics-text;version=1.0.0,text/plain;q=0.5",
    `${url}/metrics`,
  );
  assert.match(
    open,
    /content-type: application\/openmetrics-text[^]*# TYPE things counter\nthings_total 3\n[^]*# EOF\n$/,
  );
  assert.match(await curl(`${url}/`), /text\/html[^]*content-security-policy[^]*\/metrics/);
  assert.match(await curl("-I", `${url}/metrics`), /^HTTP\/1.1 200 [^]*\r\n\r\n$/);
});

test("it answers nothing else", async (t) => {
  const { url } = await start(t, ready);
  assert.match(await curl(`${url}/users`), /^HTTP\/1.1 404 /);
  assert.match(await curl("-X", "POST", `${url}/live`), /^HTTP\/1.1 405 [^]*allow: GET, HEAD/);
});

test("a page cannot read it through a name of its own", async (t) => {
  const { port } = await start(t, ready, { allowedHosts: ["ops.internal"] });
  const ask = (host: string): Promise<string> =>
    exchange(port, `GET /metrics HTTP/1.1\r\nhost: ${host}\r\nconnection: close\r\n\r\n`);
  for (const host of ["evil.example", "127.0.0.1.evil.example", "localhost.evil.example:3001", "[::1].evil"]) {
    assert.match(await ask(host), /^HTTP\/1.1 4(21|00) /, host);
  }
  for (const host of ["localhost", "LOCALHOST:3001", "127.0.0.1:1", "10.1.2.3", "[::1]:3001", "ops.internal"]) {
    assert.match(await ask(host), /^HTTP\/1.1 200 /, host);
  }
});

test("opening it to the network is said in the log", async (t) => {
  const { lines } = await start(t, ready, { listen: { host: "0.0.0.0", port: 0 } });
  assert.match(lines[0]?.message ?? "", /open to the network/);
});

test("with a token, probes are told whether, and whoever shows it everything", async (t) => {
  const token = "0123456789abcdef";
  let readiness = ready();
  const { url } = await start(t, () => readiness, { token });
  const shown = ["-H", `Authorization: Bearer ${token}`];
  for (const path of ["/metrics", "/", "/purge", "/nowhere"]) {
    for (const fields of [
      [],
      ["-H", "Authorization: Bearer 0123456789abcdee"],
      ["-H", `Authorization: Basic ${token}`],
      ["-u", `${token}:0123456789abcdee`],
    ]) {
      assert.match(
        await curl(...fields, `${url}${path}`),
        /^HTTP\/1.1 401 [^]*www-authenticate: Bearer[^]*HP_ADMIN_TOKEN/,
      );
    }
  }
  assert.match(await curl("-X", "POST", `${url}/purge?all`), /^HTTP\/1.1 401 /);
  assert.match(await curl(...shown, `${url}/metrics`), /^HTTP\/1.1 200 [^]*things_total 3/);
  assert.match(await curl(...shown, `${url}/ready`), /"postgres":"ok"/);
  // As a browser shows it, so that people can look at the dashboard.
  assert.match(await curl("-u", `anyone:${token}`, `${url}/metrics`), /^HTTP\/1.1 200 /);
  assert.match(await curl(`${url}/ready`), /^HTTP\/1.1 200 [^]*\{"ready":true\}$/);
  readiness = { ready: false, checks: { postgres: "no connection" } };
  assert.match(await curl(`${url}/ready`), /^HTTP\/1.1 503 [^]*\{"ready":false\}$/);
  assert.match(await curl(`${url}/live`), /^HTTP\/1.1 200 /);
});

test("without one the network is not let in", () => {
  for (const host of ["0.0.0.0", "::", "10.0.0.1", "example.org", "127.0.0.1.example.org"]) {
    assert.throws(() => settings({ host }), { code: "HP_ADMIN_OPEN" }, host);
    assert.equal(settings({ host, token: "0123456789abcdef" }).admin.host, host);
    assert.equal(settings({ host, enabled: false }).admin.enabled, false);
  }
  for (const host of ["127.0.0.1", "127.1.2.3", "::1", "localhost"]) assert.equal(settings({ host }).admin.token, null);
  assert.throws(() => settings({ token: "short" }), { code: "HP_OPTION_INVALID" });
  assert.throws(
    () => settings({ token: "with a space in between" }),
    ({ message }: Error) => !message.includes("with a space"),
  );
});

function settings(admin: NonNullable<ServerOptions["admin"]>): ServerSettings {
  return resolveServerSettings({ config: { admin } });
}
