import assert from "node:assert/strict";
import { describe, test } from "node:test";
import * as fc from "fast-check";
import { OPTIONS, PUBLIC_OPTIONS } from "../../src/api/option-table.ts";
import { toSetting } from "../../src/api/option-value.ts";
import {
  resolvePostgresSettings,
  resolveServerSettings,
  type PostgresOptions,
  type ServerOptions,
} from "../../src/api/options.ts";
import type { HotpathError } from "../../src/errors.ts";

const URL_WITH_PASSWORD = "postgres://user:hunter2@localhost:5432/shop";

describe("names", () => {
  test("an unknown option of the config is refused with the nearest known one", () => {
    const cases: [object, RegExp][] = [
      [{ server: { prot: 1 } }, /server\.prot is not known\. Did you mean server\.port\?/],
      [{ port: 1 }, /Option port is not known\. Did you mean server\.port\?/],
      [{ http: { maxBodySize: 1 } }, /Did you mean http\.maxBodyBytes\?/],
      [{ compresion: {} }, /Option compresion is not known/],
      [{ server: { zzzzzzzz: 1 } }, /server\.zzzzzzzz is not known\.$/],
      [JSON.parse('{"__proto__":{"port":1}}') as object, /__proto__ is not known/],
    ];
    for (const [config, message] of cases) {
      assert.throws(() => resolveServerSettings({ config }), { code: "HP_OPTION_UNKNOWN", message });
      assert.throws(() => resolveServerSettings({ argument: config }), { code: "HP_OPTION_UNKNOWN", message });
    }
  });

  test("an unknown variable is refused with the nearest known one, a foreign one left alone", () => {
    assert.throws(() => resolveServerSettings({ environment: { HOTPATH_POOL_MAXX: "1" } }), {
      code: "HP_OPTION_UNKNOWN",
      message: /HOTPATH_POOL_MAXX is not known\. Did you mean HOTPATH_POOL_MAX\?/,
    });
    const environment = { PORT: "x", HOTPATHX: "x", HOTPATH_DEBUG: "1", HOTPATH_CONFIG: "x" };
    assert.doesNotThrow(() => resolveServerSettings({ environment }));
  });

  test("options that no flag sets cannot be set by variables", () => {
    for (const option of OPTIONS.filter(({ internal }) => internal)) {
      assert.throws(() => resolveServerSettings({ environment: { [option.env]: "x" } }), { code: "HP_OPTION_UNKNOWN" });
    }
  });

  test("variables that Kubernetes injects for a service named hotpath are left alone", () => {
    const environment = {
      HOTPATH_PORT: "tcp://10.0.0.7:80",
      HOTPATH_SERVICE_HOST: "10.0.0.7",
      HOTPATH_SERVICE_PORT: "80",
      HOTPATH_SERVICE_PORT_HTTP: "80",
      HOTPATH_PORT_80_TCP: "tcp://10.0.0.7:80",
      HOTPATH_PORT_80_TCP_ADDR: "10.0.0.7",
      HOTPATH_PORT_80_TCP_PORT: "80",
      HOTPATH_PORT_80_TCP_PROTO: "tcp",
      HOTPATH_DEMO_PORT: "tcp://10.0.0.8:80",
    };
    assert.equal(resolveServerSettings({ environment }).server.port, 3000);
  });

  test("no two options share a flag, a variable or a place", () => {
    for (const key of ["flag", "env"] as const) {
      assert.equal(new Set(PUBLIC_OPTIONS.map((option) => option[key])).size, PUBLIC_OPTIONS.length);
    }
    assert.equal(new Set(OPTIONS.map(({ scope, path }) => `${scope}:${path}`)).size, OPTIONS.length);
  });

  test("a group of options that is no object is refused", () => {
    for (const server of [null, 1, "x", []]) {
      assert.throws(() => resolveServerSettings({ config: { server } as never }), {
        code: "HP_OPTION_INVALID",
        message: /server/,
      });
    }
  });
});

describe("settings", () => {
  test("are frozen to the last leaf, and nothing that was passed in is changed", () => {
    const config: ServerOptions = { admin: { allowedHosts: ["a"] }, server: { port: 1 } };
    const before = structuredClone(config);
    const settings = resolveServerSettings({ config, environment: Object.freeze({ HOTPATH_PORT: "2" }) });
    assertFrozen(settings);
    assertFrozen(resolvePostgresSettings(URL_WITH_PASSWORD));
    assert.deepEqual(config, before);
    assert.ok(!Object.isFrozen(config.admin?.allowedHosts));
  });

  test("that do not fit together are refused", () => {
    const server: [ServerOptions, RegExp][] = [
      [{ server: { tls: { cert: "a.pem" } } }, /belong together/],
      [{ server: { tls: { dev: true, cert: "a", key: "b" } } }, /--dev-tls/],
      [{ server: { port: 3001 } }, /--port, --admin-port.*3001/],
    ];
    for (const [config, message] of server) {
      assert.throws(() => resolveServerSettings({ config }), { code: "HP_OPTION_INVALID", message });
    }
    const config: PostgresOptions = { schemas: ["public", "pg_catalog"] };
    const resolveIt = () => resolvePostgresSettings(URL_WITH_PASSWORD, { config });
    assert.throws(resolveIt, { code: "HP_OPTION_INVALID", message: /pg_catalog/ });
  });

  test("give way where another option was lowered alone", () => {
    const { pool } = resolvePostgresSettings(URL_WITH_PASSWORD, { config: { pool: { max: 1, maxLifetime: "10s" } } });
    assert.deepEqual([pool.minIdle, pool.maxLifetimeJitterMs], [1, 5000]);
    const { http } = resolveServerSettings({ config: { http: { maxHeaderBytes: "4KiB", requestTimeout: "1s" } } });
    assert.deepEqual([http.maxUrlBytes, http.headersTimeoutMs], [4096, 1000]);
  });

  test("one admin port may equal the API's when the admin listener is off", () => {
    assert.doesNotThrow(() => resolveServerSettings({ config: { server: { port: 3001 }, admin: { enabled: false } } }));
  });
});

describe("database URLs", () => {
  test("of PostgreSQL are accepted in the forms libpq takes", () => {
    for (const url of [
      URL_WITH_PASSWORD,
      "postgresql:///shop",
      "postgresql://",
      "postgres://user@/shop?host=/run/pg",
    ]) {
      assert.equal(resolvePostgresSettings(url).url, url);
    }
  });

  test("of anything else are refused without showing the password", () => {
    const wrong = ["http://u:hunter2@h", "mysql://u:hunter2@h/d", "u:hunter2@h", "", "postgres://u:hun#ter2@h/d", 5];
    for (const url of wrong) {
      assert.throws(
        () => resolvePostgresSettings(url as string),
        (error: HotpathError) => error.code === "HP_OPTION_INVALID" && !/hun#?ter2/.test(error.message + error.todo),
      );
    }
  });
});

describe("values", () => {
  const row = { path: "x", default: 0, description: "" };

  test("durations and sizes mean what their unit says", () => {
    const units = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 };
    const sizes = { "": 1, B: 1, kB: 1000, MB: 1e6, GB: 1e9, KiB: 1024, MiB: 1_048_576, GiB: 1_073_741_824 };
    fc.assert(
      fc.property(fc.nat(100_000), fc.constantFrom(...Object.entries(units)), (amount, [unit, factor]) => {
        assert.equal(toSetting({ ...row, type: "duration" }, `${amount}${unit}`, "x", true), amount * factor);
      }),
    );
    fc.assert(
      fc.property(fc.nat(100_000), fc.constantFrom(...Object.entries(sizes)), (amount, [unit, factor]) => {
        assert.equal(toSetting({ ...row, type: "bytes" }, `${amount}${unit}`, "x", true), amount * factor);
      }),
    );
  });

  test("any text gives a setting of the option's type or HP_OPTION_INVALID", () => {
    fc.assert(
      fc.property(fc.constantFrom(...OPTIONS), fc.string(), (option, text) => {
        try {
          const setting = toSetting(option, text, "x", true);
          assert.ok(
            setting === null || Array.isArray(setting) || ["string", "number", "boolean"].includes(typeof setting),
          );
        } catch (error) {
          assert.equal((error as HotpathError).code, "HP_OPTION_INVALID");
        }
      }),
      { numRuns: 2000 },
    );
  });

  test("a secret is not repeated in the message", () => {
    const secret = OPTIONS.find((option) => option.secret)!;
    assert.throws(
      () => toSetting(secret, "hunter2\0", "jwt-secret", false),
      (error: HotpathError) => !error.message.includes("hunter2"),
    );
  });
});

function assertFrozen(tree: object): void {
  assert.ok(Object.isFrozen(tree));
  for (const value of Object.values(tree))
    if (typeof value === "object" && value !== null) assertFrozen(value as object);
}
