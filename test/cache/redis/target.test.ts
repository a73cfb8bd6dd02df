import assert from "node:assert/strict";
import test from "node:test";
import { SERVER_OPTIONS } from "../../../src/api/server-options.ts";
import { parseRedisUrl } from "../../../src/cache/redis/index.ts";
import { HotpathError } from "../../../src/errors.ts";

const option = SERVER_OPTIONS.find(({ path }) => path === "cache.redis");
const isAllowed = (text: string): boolean =>
  (option as { pattern: { expression: RegExp } }).pattern.expression.test(text);

test("URLs name one server, a cluster or sentinels", () => {
  const cases = {
    "redis://localhost": { kind: "single", url: "redis://localhost" },
    "rediss://me:pass@cache.example:6380/2": { kind: "single", url: "rediss://me:pass@cache.example:6380/2" },
    "redis+cluster://a:1,b:2": { kind: "cluster", urls: ["redis://a:1", "redis://b:2"] },
    "rediss+cluster://me:p%40ss@a:1,b:2": {
      kind: "cluster",
      urls: ["rediss://me:p%40ss@a:1", "rediss://me:p%40ss@b:2"],
    },
    "redis+sentinel://a:1,b:2/main": { kind: "sentinel", master: "main", urls: ["redis://a:1", "redis://b:2"] },
    "redis+sentinel://me:p%40ss@a:1/main/3": {
      kind: "sentinel",
      master: "main",
      urls: ["redis://a:1"],
      username: "me",
      password: "p@ss",
      database: 3,
    },
  };
  for (const [text, target] of Object.entries(cases)) {
    assert.deepEqual(parseRedisUrl(text), target, text);
    assert.ok(isAllowed(text), text);
  }
});

test("what is no URL of Redis is refused without its password", () => {
  const wrong = [
    "",
    "localhost",
    "http://localhost",
    "redis://",
    "redis+cluster://:secret@",
    "redis+sentinel://a:1",
    "redis+sentinel://a:1/main/x",
  ];
  for (const text of wrong) {
    assert.throws(
      () => parseRedisUrl(text),
      (error) =>
        error instanceof HotpathError && error.code === "HP_OPTION_INVALID" && !error.message.includes("secret"),
      text,
    );
  }
});
