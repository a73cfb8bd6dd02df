import assert from "node:assert/strict";
import { test } from "node:test";
import { closedPort } from "../upstream/harness.ts";
import { exchange } from "../server/listener/harness.ts";
import { startHotpath } from "./run-hotpath.ts";

test("at the most talkative, with everything failing, no secret is printed or answered", async (t) => {
  const port = await closedPort();
  const urls = [`postgres://me:s3cret-database@127.0.0.1:${port}/db`, `http://127.0.0.1:${port}`];
  for (const url of urls) {
    const command = startHotpath(["serve", url, "--port", "0", "--admin-port", "0"], {
      environment: {
        HOTPATH_LOG_LEVEL: "debug",
        HOTPATH_LOG_REQUESTS: "all",
        HOTPATH_DEBUG: "1",
        HOTPATH_JWT_SECRET: "s3cret-key-that-is-long-enough-for-all",
        HOTPATH_CACHE_REDIS: `redis://user:s3cret-redis@127.0.0.1:${port}`,
        HOTPATH_LIMIT_REDIS: `redis://:s3cret-limits@127.0.0.1:${port}`,
        HOTPATH_UPSTREAM_AUTH: "verify",
        HOTPATH_LIMIT: "burst=1000/1m/ip",
      },
    });
    t.after(() => command.child.kill("SIGKILL"));
    const listening = Number(await command.said(/http:\/\/(?:localhost|127\.0\.0\.1):(\d+)/));
    const fields = [
      "Authorization: Bearer s3cret.token.text",
      "Authorization: Basic czNjcmV0LWJhc2ljOng=",
      "X-API-Key: s3cret-api-key",
      "Cookie: session=s3cret-cookie",
      "Proxy-Authorization: Basic czNjcmV0",
      "Consistency-Token: s3cret-token",
    ];
    let replies = "";
    for (const field of fields) {
      for (const target of [
        "/users?access_token=s3cret-query&password=eq.s3cret-filter",
        "/rpc/login?token=s3cret-argument",
      ]) {
        const content = '{"password":"s3cret-content"}';
        const head = `Host: a\r\n${field}\r\nContent-Type: application/json\r\nContent-Length: ${content.length}\r\nConnection: close`;
        replies += await exchange(listening, `POST ${target} HTTP/1.1\r\n${head}\r\n\r\n${content}`);
        // Broken off, malformed.
        replies += await exchange(listening, `GET ${target} HTTP/1.1\r\nHost: a\r\n${field}\r\nbroken line\r\n\r\n`);
      }
    }
    command.child.kill("SIGTERM");
    const { out, err } = await command.ended;
    assert.match(err, /"msg"/, "it did log");
    assert.doesNotMatch(`${out}${err}${replies}`, /s3cret|czNjcmV0/);
  }
});
