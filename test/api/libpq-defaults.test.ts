import assert from "node:assert/strict";
import { userInfo } from "node:os";
import { test } from "node:test";
import { withLibpqDefaults } from "../../src/api/libpq-defaults.ts";

test("a URL that says everything stays as it is", () => {
  for (const url of ["postgres://u:p@h:1/d", "postgresql:///d?host=/run/pg&user=u", "postgres://u@/d"]) {
    assert.equal(withLibpqDefaults(url, { PGHOST: "x", PGUSER: "y" }), url);
  }
});

test("what a URL leaves out comes from the environment", () => {
  const environment = { PGHOST: "/run/pg", PGUSER: "a b" };
  assert.equal(withLibpqDefaults("postgresql:///d", environment), "postgresql:///d?host=%2Frun%2Fpg&user=a%20b");
  assert.equal(
    withLibpqDefaults("postgresql://?ssl=1", environment),
    "postgresql://?ssl=1&host=%2Frun%2Fpg&user=a%20b",
  );
  assert.equal(withLibpqDefaults("postgres://h/d", environment), "postgres://h/d?user=a%20b");
});

test("without an environment it is this machine and this user", () => {
  const url = new URL(withLibpqDefaults("postgresql:///d?port=1", {}));
  assert.deepEqual([url.searchParams.get("host"), url.searchParams.get("user")], ["localhost", userInfo().username]);
});
