import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { PUBLIC_OPTIONS, type Option } from "../../src/api/option-table.ts";
import { isNullable, toSetting } from "../../src/api/option-value.ts";
import {
  type OptionOrigins,
  resolvePostgresSettings,
  resolveServerSettings,
  resolveUpstreamSettings,
} from "../../src/api/options.ts";
import { HotpathError } from "../../src/errors.ts";
import { samplesOf, wrongTexts } from "./option-samples.ts";

const RESOLVE: Readonly<Record<Option["scope"], (origins: OptionOrigins<object>) => unknown>> = {
  server: resolveServerSettings,
  postgres: (origins) => resolvePostgresSettings("postgres://localhost/shop", origins),
  upstream: (origins) => resolveUpstreamSettings("http://localhost:4000", origins),
};

/** What else must be said for any value of an option to be valid: put below everything a test gives. */
const PARTNERS: Readonly<Record<string, object>> = {
  "http.maxUrlBytes": { http: { maxHeaderBytes: "1MiB" } },
  "cache.softTimeout": { cache: { hardTimeout: "1m" } },
  "http.headersTimeout": { http: { requestTimeout: "1h" } },
  "consistency.checkInterval": { consistency: { maxLag: "1h" } },
  "pool.minIdle": { pool: { max: 10_000 } },
  "health.maxEjection": { health: { ejection: 1 } },
  "pool.maxLifetimeJitter": { pool: { maxLifetime: "7d" } },
};

for (const option of PUBLIC_OPTIONS) {
  describe(`option ${option.path}`, () => {
    const [first, second] = samplesOf(option);
    const initial = toSetting(option, option.default, "default", false);

    test("has its default where nothing is given", () => {
      assert.deepEqual(resolve(option, {}), initial);
    });

    test("is read from each origin", () => {
      for (const { text, value, setting } of [first, second]) {
        assert.deepEqual(resolve(option, { flags: flagOf(option, text) }), setting);
        assert.deepEqual(resolve(option, { environment: { [option.env]: text } }), setting);
        assert.deepEqual(resolve(option, { config: nest(option.path, value) }), setting);
        assert.deepEqual(resolve(option, { argument: nest(option.path, value) }), setting);
      }
    });

    test("is taken from a flag before an argument before the environment before the config file", () => {
      const layers: OptionOrigins<object>[] = [
        { flags: flagOf(option, first.text) },
        { argument: nest(option.path, first.value) },
        { environment: { [option.env]: first.text } },
      ];
      const below: OptionOrigins<object>[] = [
        { argument: nest(option.path, second.value) },
        { environment: { [option.env]: second.text } },
        { config: nest(option.path, second.value) },
      ];
      for (const [index, layer] of layers.entries()) {
        const lower = Object.assign({}, ...below.slice(index)) as OptionOrigins<object>;
        assert.deepEqual(resolve(option, { ...lower, ...layer }), first.setting);
      }
    });

    test("counts as not given when undefined or empty", () => {
      const config = nest(option.path, first.value);
      const origins = { argument: nest(option.path, undefined), environment: { [option.env]: "" }, config };
      assert.deepEqual(resolve(option, origins), first.setting);
      assert.deepEqual(resolve(option, { config: nest(option.path, undefined) }), initial);
    });

    test("may be none exactly where the table says so", () => {
      if (!isNullable(option)) {
        assert.throws(() => resolve(option, { config: nest(option.path, null) }), isInvalid(option.path));
        return;
      }
      assert.equal(resolve(option, { config: nest(option.path, null) }), null);
      assert.equal(resolve(option, { environment: { [option.env]: "none" } }), null);
      assert.equal(resolve(option, { flags: flagOf(option, "none") }), null);
    });

    test("refuses what it does not allow, naming the origin", () => {
      for (const wrong of wrongTexts(option)) {
        assert.throws(() => resolve(option, { environment: { [option.env]: wrong } }), isInvalid(option.env));
        assert.throws(() => resolve(option, { flags: new Map([[option.flag, wrong]]) }), isInvalid(`--${option.flag}`));
      }
      for (const wrong of [Symbol("x"), () => 1, { a: 1 }, Number.NaN, -1, 1e300, [1], ["a", "a"], "\0"]) {
        assert.throws(() => resolve(option, { config: nest(option.path, wrong) }), isInvalid(option.path));
      }
    });
  });
}

/** The option's setting. Partners that it needs to be valid come from the lowest origin. */
function resolve(option: Option, origins: OptionOrigins<object>): unknown {
  const config = merge(PARTNERS[option.path] ?? {}, origins.config ?? {});
  const given = { ...origins, config: merge(tlsPartner(option, origins), config) };
  let value: unknown = RESOLVE[option.scope](given);
  for (const name of option.settingsPath) value = (value as Record<string, unknown>)[name];
  return value;
}

/** A certificate goes with a key, and none with none. */
function tlsPartner({ path }: Option, { flags, ...others }: OptionOrigins<object>): object {
  const isGiven = /first|second/.test(JSON.stringify([[...(flags?.values() ?? [])], others]));
  if (!isGiven) return {};
  return path === "server.tls.cert"
    ? { server: { tls: { key: "key" } } }
    : path === "server.tls.key"
      ? { server: { tls: { cert: "certificate" } } }
      : {};
}

function merge(left: object, right: object): object {
  const merged: Record<string, unknown> = { ...left };
  for (const [name, value] of Object.entries(right)) {
    const other = merged[name];
    merged[name] = isTree(other) && isTree(value) ? merge(other, value) : value;
  }
  return merged;
}

function isTree(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function flagOf(option: Option, text: string): ReadonlyMap<string, string | boolean> {
  return new Map([[option.flag, option.type === "boolean" ? text === "true" : text]]);
}

function nest(path: string, value: unknown): object {
  return path.split(".").reduceRight<unknown>((inner, name) => ({ [name]: inner }), value) as object;
}

function isInvalid(origin: string): (error: unknown) => boolean {
  return (error) =>
    error instanceof HotpathError && error.code === "HP_OPTION_INVALID" && error.message.includes(origin);
}
