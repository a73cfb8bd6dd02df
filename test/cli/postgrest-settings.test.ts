import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { resolvePostgresSettings, resolveServerSettings } from "../../src/api/options.ts";
import type { PostgresSettings, ServerSettings } from "../../src/api/settings.ts";
import { toConnectionUrl } from "../../src/cli/connection-string.ts";
import { parsePostgrestFile } from "../../src/cli/postgrest/file.ts";
import { readPostgrestSettings } from "../../src/cli/postgrest/settings.ts";
import type { HotpathError } from "../../src/errors.ts";

describe("PostgREST's settings", () => {
  test("where none is given mean what PostgREST does by default", () => {
    const { server, postgres, warnings } = read({});
    assert.deepEqual(warnings, []);
    assert.deepEqual([server.server.host, server.server.port, server.admin.enabled], ["0.0.0.0", 3000, false]);
    assert.deepEqual(server.cors.allowedOrigins, ["*"]);
    assert.equal(server.http.defaultCacheControl, null);
    assert.deepEqual(
      [postgres.url, postgres.schemas, postgres.extraSearchPath],
      ["postgresql://", ["public"], ["public"]],
    );
    assert.deepEqual([postgres.anonRole, postgres.allowAnonymous, postgres.reloadChannel], [null, false, "pgrst"]);
    assert.deepEqual([postgres.rowPaths, postgres.cursors, postgres.updatedAtColumn], [false, false, null]);
    assert.equal(postgres.queryCache.enabled, false);
    assert.equal(postgres.pool.statementTimeoutMs, null);
  });

  test("become our options", () => {
    const { server, postgres, warnings } = read({
      "db-uri": "host=/run/pg dbname=shop",
      "db-schemas": 'v1, v2,SPECIAL "@/\\#~_-',
      "db-extra-search-path": "",
      "db-anon-role": "web_anon",
      "db-max-rows": "2",
      "db-tx-end": "rollback",
      "db-aggregates-enabled": "True",
      "db-plan-enabled": "1",
      "db-pre-request": "auth.switch_role",
      "db-root-spec": "root",
      "db-pool": "7",
      "db-pool-acquisition-timeout": "3",
      "db-pool-max-lifetime": "60",
      "db-pool-max-idletime": "5",
      "db-prepared-statements": "false",
      "db-channel": "other",
      "db-config": "false",
      "server-host": "*6",
      "server-port": "0",
      "admin-server-port": "4001",
      "server-cors-allowed-origins": "http://example.com, http://example2.com",
      "server-timing-enabled": "true",
      "server-trace-header": "X-Request-Id",
      "log-level": "warn",
    });
    assert.deepEqual(warnings, []);
    assert.equal(postgres.url, "postgresql:///shop?host=%2Frun%2Fpg");
    assert.deepEqual(postgres.schemas, ["v1", "v2", 'SPECIAL "@/\\#~_-']);
    assert.deepEqual(postgres.extraSearchPath, []);
    assert.deepEqual([postgres.anonRole, postgres.allowAnonymous, postgres.maxRows], ["web_anon", true, 2]);
    assert.deepEqual([postgres.txEnd, postgres.aggregates, postgres.planEnabled], ["rollback", true, true]);
    assert.deepEqual([postgres.preRequest, postgres.rootFunction], ["auth.switch_role", "root"]);
    const { max, acquireTimeoutMs, maxLifetimeMs, idleTimeoutMs, preparedStatements } = postgres.pool;
    assert.deepEqual(
      [max, acquireTimeoutMs, maxLifetimeMs, idleTimeoutMs, preparedStatements],
      [7, 3000, 60_000, 5000, false],
    );
    assert.equal(postgres.reloadChannel, "other");
    assert.deepEqual([server.server.host, server.server.port], ["::", 0]);
    assert.deepEqual([server.admin.enabled, server.admin.host, server.admin.port], [true, "::", 4001]);
    assert.deepEqual(server.cors.allowedOrigins, ["http://example.com", "http://example2.com"]);
    assert.deepEqual([server.http.serverTiming, server.http.traceHeader], [true, "X-Request-Id"]);
    assert.deepEqual([server.log.level, server.log.requests], ["info", "errors"]);
  });

  test("that have no effect are left, each with one warning", () => {
    const { postgres, warnings } = read({
      "db-pool-automatic-recovery": "false",
      "db-shemas": "v1",
      "db-plan-enabled": "maybe",
      "db-max-rows": "true",
      "app.settings.key": "x, y",
      "app.settings.no-name": "x",
    });
    assert.deepEqual([postgres.planEnabled, postgres.maxRows, postgres.appSettings], [false, null, ["key=x, y"]]);
    assert.deepEqual(warnings, [
      "db-max-rows is no whole number and has no effect; the default applies (none).",
      "db-plan-enabled is no boolean and has no effect; the default applies (false).",
      "db-pool-automatic-recovery has no counterpart in hotpath, which always connects again.",
      "db-shemas is not a setting that hotpath knows; it has no effect. Did you mean db-schemas?",
      "app.settings.no-name is no name that PostgreSQL allows a setting; it has no effect.",
    ]);
  });

  test("of the listeners, the log and errors become our options", () => {
    const { server, postgres, warnings } = read({
      "server-unix-socket": "/run/api.sock",
      "admin-server-unix-socket": "/run/admin.sock",
      "admin-server-unix-socket-mode": "600",
      "server-reuseport": "true",
      "client-error-verbosity": "minimal",
      "log-level": "warn",
      "log-query": "true",
      "openapi-mode": "disabled",
      "url-use-legacy-target-names": "false",
    });
    assert.deepEqual(warnings, []);
    assert.equal(postgres.legacyTargetNames, false);
    assert.deepEqual([server.server.socket, server.server.socketMode], ["/run/api.sock", "660"]);
    assert.deepEqual(
      [server.admin.enabled, server.admin.socket, server.admin.socketMode],
      [true, "/run/admin.sock", "600"],
    );
    assert.equal(server.server.reusePort, true);
    assert.deepEqual(
      [postgres.errorVerbosity, postgres.logQueries, postgres.openapi.mode],
      ["minimal", "errors", "disabled"],
    );
  });

  test("of tokens are taken over", () => {
    const { server, warnings } = read({
      "jwt-secret": "reallyreallyreallyreallyverysafe",
      "jwt-secret-is-base64": "false",
      "jwt-aud": "me, and you",
      "role-claim-key": '.app."role"',
      "jwt-cache-max-entries": "0",
    });
    const { secret, secretIsBase64, audience, roleClaim, maxCached } = server.auth.jwt;
    assert.deepEqual([secret, secretIsBase64], ["reallyreallyreallyreallyverysafe", false]);
    assert.deepEqual([audience, roleClaim, maxCached], [["me, and you"], '.app."role"', 0]);
    assert.deepEqual(warnings, []);
  });

  test("that change nothing are taken in silence", () => {
    const silent = { "db-pool-automatic-recovery": "true", "log-query": "false", "db-hoisted-tx-settings": "" };
    assert.deepEqual(read({ ...silent, "client-error-verbosity": "verbose", "server-port": "" }).warnings, []);
  });

  test("are read by their older names too, the newer first", () => {
    const { postgres } = read({ "db-schema": "old", "max-rows": "5", "db-max-rows": "6" });
    assert.deepEqual([postgres.schemas, postgres.maxRows], [["old"], 6]);
  });

  test("switch the channel off", () => {
    assert.equal(read({ "db-channel-enabled": "false", "db-channel": "x" }).postgres.reloadChannel, null);
  });

  test("with a wrong value are refused by the name the user wrote", () => {
    const wrong: [string, string][] = [
      ["server-port", "70000"],
      ["db-pool", "0"],
      ["db-tx-end", "never"],
      ["log-level", "loud"],
      ["db-pool-max-lifetime", "-1"],
      ["server-cors-allowed-origins", "example.com"],
      ["jwt-secret", "hunter2"],
    ];
    for (const [name, value] of wrong) {
      assert.throws(
        () => read({ [name]: value }),
        (error: HotpathError) =>
          error.code === "HP_OPTION_INVALID" && error.message.startsWith(name) && !error.message.includes("hunter2"),
        name,
      );
    }
  });
});

describe("PostgREST's configuration file", () => {
  test("is read with its quotes, comments, variables and escapes", () => {
    const text = [
      "# comment",
      "",
      'db-uri = "postgres://u:p@h/d" # trailing',
      'db-schemas="a, \\"b\\""',
      "server-port = 3000",
      "  db-plan-enabled = true",
      'jwt-secret = "$(SECRET)$$1"',
      'app.settings.x = "#no comment"',
    ].join("\r\n");
    assert.deepEqual(Object.fromEntries(parsePostgrestFile(text, "f", { SECRET: "s" })), {
      "db-uri": "postgres://u:p@h/d",
      "db-schemas": 'a, "b"',
      "server-port": "3000",
      "db-plan-enabled": "true",
      "jwt-secret": "s$1",
      "app.settings.x": "#no comment",
    });
  });

  test("with a wrong line is refused by file and line, without its text", () => {
    for (const line of ["jwt-secret = hunter2 x", 'jwt-secret = "hunter2', "hunter2", "= 1"]) {
      assert.throws(
        () => parsePostgrestFile(`a = 1\n${line}`, "x.conf", {}),
        (error: HotpathError) => error.message.startsWith("x.conf:2 ") && !error.message.includes("hunter2"),
      );
    }
  });
});

describe("connection strings", () => {
  test("in keywords become URLs that say the same", () => {
    const cases: [string, string][] = [
      ["postgres://u:p@h/d", "postgres://u:p@h/d"],
      [
        "host=localhost port=5433 user=auth password=secret dbname=postgres",
        "postgresql://auth:secret@localhost:5433/postgres",
      ],
      [" dbname = 'my shop'  password='it\\'s @#:/' user=u host=h ", "postgresql://u:it's%20%40%23%3A%2F@h/my%20shop"],
      ["host=/run/pg port=1 dbname=d", "postgresql:///d?host=%2Frun%2Fpg&port=1"],
      ["host=name hostaddr=::1 dbname=d sslmode=require", "postgresql://[::1]/d?sslmode=require"],
    ];
    for (const [text, url] of cases) assert.equal(toConnectionUrl(text, "db-uri"), url);
  });

  test("that are neither are refused without being shown", () => {
    for (const text of ["host=h password='hunter2", "password=hunter2 =x", "a=b c hunter2=d"]) {
      assert.throws(
        () => toConnectionUrl(text, "PGRST_DB_URI"),
        (error: HotpathError) =>
          error.message.startsWith("PGRST_DB_URI is neither") && !error.message.includes("hunter2"),
      );
    }
  });
});

function read(values: Record<string, string>): {
  server: ServerSettings;
  postgres: PostgresSettings;
  warnings: readonly string[];
} {
  const given = new Map(Object.entries(values).map(([origin, value]) => [origin, { value, origin }]));
  const { uri, server, postgres, warnings } = readPostgrestSettings(given);
  return {
    server: resolveServerSettings({ argument: server }),
    postgres: resolvePostgresSettings(uri, { argument: postgres }),
    warnings,
  };
}
