import type { Option } from "../../src/api/option-table.ts";

/** One value of an option: as text, as a program would write it, and as the settings hold it. */
export interface Sample {
  readonly text: string;
  readonly value: unknown;
  readonly setting: unknown;
}

/** Two values that differ from each other; the first differs from the default, too. */
export function samplesOf(option: Option): [Sample, Sample] {
  switch (option.type) {
    case "boolean": {
      const flipped = !(option.default as boolean);
      return [toSample(flipped), toSample(!flipped)];
    }
    case "integer":
      return [toSample((option.min as number) + 3), toSample((option.min as number) + 4)];
    case "bytes":
      return [
        { text: "5KiB", value: 5120, setting: 5120 },
        { text: "7000", value: "7kB", setting: 7000 },
      ];
    case "duration":
      return [
        { text: "8s", value: "8s", setting: 8000 },
        { text: "0.15m", value: 9000, setting: 9000 },
      ];
    case "choice":
      return [toText(option.choices!.at(-1)!), toText(option.choices!.at(-2)!)];
    case "list": {
      const entries = option.choices ?? LIST_ENTRIES[option.path] ?? ["one", "two words"];
      return [
        { text: entries[1]!, value: [entries[1]], setting: [entries[1]] },
        {
          text: entries.slice(0, 2).toReversed().join(" , "),
          value: entries.slice(0, 2).toReversed(),
          setting: entries.slice(0, 2).toReversed(),
        },
      ];
    }
    default:
      return (TEXTS[option.path]?.map(toText) as [Sample, Sample] | undefined) ?? [toText("first"), toText("second")];
  }
}

/** Values of options that do not take any text. */
const TEXTS: Readonly<Record<string, readonly [string, string]>> = {
  "cache.redis": ["rediss://me:secret@cache.example:6380/1", "redis+cluster://a:1,b:2"],
  "batch.path": ["/batch", "/api/all"],
  "limit.redis": ["rediss://me:secret@cache.example:6380/1", "redis+cluster://a:1,b:2"],
  "server.socketMode": ["660", "777"],
  "server.workers": ["auto", "2"],
  "admin.host": ["127.0.0.2", "localhost"],
  "admin.token": ["0123456789abcdef", "another-token-of-the-admin"],
  "admin.socketMode": ["600", "666"],
  "auth.jwt.keysUrl": ["https://id.example/keys", "http://localhost:1/keys?v=1"],
  "changes.url": ["postgres://one/db", "postgresql://two/db"],
  "openapi.proxyUri": ["https://api.example/v1", "http://localhost:8080"],
};

/** Entries of lists that do not take any text. */
const LIST_ENTRIES: Readonly<Record<string, readonly string[]>> = {
  "limit.policies": ["burst=100/1m/ip", "daily=10000/1d/claim:tenant/fixed-window"],
  "limit.trustedProxies": ["10.0.0.0/8", "::1"],
  "overload.priorities": ["high=POST /orders", "low=/reports/*", "high=claim:plan=pro"],
  "overload.trustedCallers": ["10.0.0.0/8", "::1"],
  "cache.purgeFrom": ["127.0.0.1", "fd00::/8"],
  "cors.allowedOrigins": ["https://a.example", "*"],
  replicas: ["postgres://replica-1/shop", "postgres://replica-2/shop"],
  "auth.apiKeys.keys": [`one:reader:${"0".repeat(64)}`, `two::${"1".repeat(64)}`],
  appSettings: ["one=1", "two.b=two words"],
  "cache.memcached": ["one", "[::1]:11211"],
  hoistedSettings: ["work_mem", "plan_filter.limit"],
  "queryCache.tables": ["orders=off", "rates=30s"],
  addresses: ["http://127.0.0.1:4001", "http://127.0.0.1:4002"],
  trustedProxies: ["10.0.0.0/8", "::1"],
  "headers.setRequest": ["x-one: 1", "x-two: 2"],
  "headers.removeRequest": ["x-one", "x-two"],
  "headers.setReply": ["x-one: 1", "x-two: 2"],
  "headers.removeReply": ["x-one", "x-two"],
};

function toSample(value: number | boolean): Sample {
  return { text: String(value), value, setting: value };
}

/** Texts that the option must refuse. */
export function wrongTexts(option: Option): string[] {
  switch (option.type) {
    case "boolean":
      return ["yes", "TRUE ", "2"];
    case "integer":
      return ["abc", "1.5", "1e3", "0x10", " 1", "99999999999", ...beside(option)];
    case "bytes":
      return ["abc", "1XB", "-1", "1KiB2", "99999GiB"];
    case "duration":
      return ["abc", "10", "1w", "-1s", "999999d", "s"];
    case "choice":
      return ["other", option.choices![0]!.toUpperCase()];
    case "list":
      return ["a,,b", "a,a", ","];
    default:
      return ["\0"];
  }
}

/** The integers just outside the range. */
function beside({ min, max }: Option): string[] {
  return [String((min as number) - 1), String((max as number) + 1)];
}

function toText(text: string): Sample {
  return { text, value: text, setting: text };
}
