import assert from "node:assert/strict";
import { test } from "node:test";
import { runHotpath, startHotpath } from "../cli/run-hotpath.ts";
import { defer } from "../support/defer.ts";
import { type Echo, echo, startOrigin } from "./harness.ts";

test("hotpath serve takes the URL of an API", async (t) => {
  const { url } = await startOrigin(t, echo);
  const flags = [
    "--port",
    "0",
    "--admin-port",
    "0",
    "--base-path",
    "/api",
    "--upstream-headers-set-request",
    "X-Env: test",
  ];
  const command = startHotpath(["serve", `${url}/v1`, ...flags]);
  defer(t, async () => {
    command.child.kill("SIGTERM");
    assert.equal((await command.ended).status, 0);
  });
  const served = await command.said(new RegExp(`(http://\\S+/api) {2}${url}/v1`));
  const { url: path, headers } = (await (await fetch(`${served}/users?a=1`)).json()) as Echo;
  assert.deepEqual([path, headers["x-env"], headers["x-forwarded-prefix"]], ["/v1/users?a=1", "test", "/api"]);
});

test("hotpath serve refuses URLs and options that cannot work, without what is secret in them", async () => {
  for (const argv of [
    ["http://user:hunter2@127.0.0.1:1"],
    ["http://127.0.0.1:1/?key=hunter2"],
    ["http://127.0.0.1:1", "--upstream-addresses", "https://127.0.0.1:2"],
    ["http://127.0.0.1:1", "--upstream-headers-set-request", "Content-Length: 5"],
    ["http://127.0.0.1:1", "--upstream-trusted-proxies", "10.0.0.0/33"],
    ["http://127.0.0.1:1", "--upstream-tls-ca", "/nowhere.pem", "--port", "0", "--admin-port", "0"],
  ]) {
    const { status, out, err } = await runHotpath(["serve", ...argv]);
    assert.equal(status, 2, `${argv.join(" ")}: ${err}`);
    assert.doesNotMatch(out + err, /hunter2/);
  }
});
