import { seededRandom } from "../support/seeded-random.ts";
import { COLUMNS, FUNCTIONS, OPERATORS, FUZZ_TOKEN, RELATIONS, VALUES } from "./world.ts";

/** One request as it goes over the wire. */
export interface FuzzRequest {
  readonly method: string;
  readonly bytes: Buffer;
  /** It has an end that the server must see, so that there is exactly one reply. Otherwise anything may come, and the connection ends. */
  readonly isFramed: boolean;
}

/** Request number `number` of a seed: always the same. */
export function generateRequest(seed: number, number: number): FuzzRequest {
  const dice = createDice(seededRandom(Math.imul(seed, 0x9e3779b1) ^ Math.imul(number + 1, 0x85ebca6b)));
  const method = dice.pick(METHODS);
  const path = dice.chance(0.1) ? mangle(dice, pathOf(dice)) : pathOf(dice);
  const query = queryOf(dice, path);
  const target = toTarget(query === "" ? path : `${path}?${query}`);
  const hasBody = method !== "GET" && method !== "HEAD" ? dice.chance(0.9) : dice.chance(0.03);
  const { type, content } = hasBody ? bodyOf(dice, path) : { type: undefined, content: undefined };
  const fields = fieldsOf(dice);
  if (type !== undefined) fields.push(["Content-Type", type]);
  const framing = content === undefined ? undefined : frame(dice, content);
  if (framing !== undefined) fields.push(framing.field);
  const head = [`${method} ${target} HTTP/1.1`, "Host: fuzz", ...fields.map(([name, value]) => `${name}: ${value}`)];
  const bytes = Buffer.concat([Buffer.from(`${head.join("\r\n")}\r\n\r\n`, "latin1"), framing?.content ?? EMPTY]);
  if (dice.chance(0.03)) return { method, bytes: damage(dice, bytes), isFramed: false };
  return { method, bytes, isFramed: true };
}

const EMPTY = Buffer.alloc(0);
const METHODS = ["GET", "GET", "GET", "GET", "GET", "HEAD", "POST", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"];

interface Dice {
  chance(share: number): boolean;
  /** From 0 to below `limit`. */
  number(limit: number): number;
  pick<T>(list: readonly T[]): T;
  times<T>(most: number, make: () => T): T[];
}

function createDice(random: () => number): Dice {
  const number = (limit: number): number => Math.floor(random() * limit);
  return {
    chance: (share) => random() < share,
    number,
    pick: (list) => list[number(list.length)]!,
    times: (most, make) => Array.from({ length: number(most + 1) }, make),
  };
}

function pathOf(dice: Dice): string {
  switch (dice.number(14)) {
    case 0:
      return "/";
    case 1:
      return `/${dice.pick(RELATIONS)}/${dice.pick(VALUES)}`;
    case 2:
      return `/pair/${dice.pick(VALUES)},${dice.pick(VALUES)}`;
    case 3:
    case 4:
      return `/rpc/${dice.pick(FUNCTIONS)}`;
    case 5:
      return "/batch";
    case 6:
      return `/up/${dice.pick(["echo", "cached", "stream", "a/../b", "%2e%2e/x", "//x", ";a=b", "\\", "a%2fb"])}`;
    case 7:
      return `/${dice.times(4, () => dice.pick([".", "..", "%2e%2e", "", "a", "%00", "%ff", "~", ";", "pet"])).join("/")}`;
    default:
      return `/${dice.pick(RELATIONS)}`;
  }
}

function queryOf(dice: Dice, path: string): string {
  if (path === "/" || dice.chance(0.15)) return "";
  if (path.startsWith("/up/")) return dice.chance(0.3) ? `fields=${selection(dice)}` : `q=${dice.pick(VALUES)}`;
  const query = dice.times(4, () => parameter(dice, path)).join("&");
  return dice.chance(0.2) ? mangle(dice, query) : query;
}

function parameter(dice: Dice, path: string): string {
  if (path.startsWith("/rpc/") && dice.chance(0.5)) return `${dice.pick(ARGUMENTS)}=${dice.pick(VALUES)}`;
  switch (dice.number(10)) {
    case 0:
    case 1:
      return `select=${selection(dice)}`;
    case 2:
      return `order=${dice.times(3, () => `${column(dice)}${dice.pick(["", ".asc", ".desc", ".nullsfirst", ".desc.nullslast", ".x"])}`).join(",")}`;
    case 3:
      return `${dice.pick(["limit", "offset", "pet.limit", "limit", "after", "columns", "on_conflict"])}=${dice.pick(VALUES)}`;
    case 4:
      return `${dice.pick(["or", "and", "not.or", "pet.or", "owner.and"])}=${logic(dice, 3)}`;
    default:
      return `${dice.chance(0.1) ? `${dice.pick(["pet", "owner"])}.` : ""}${column(dice)}=${dice.pick(OPERATORS)}.${dice.pick(VALUES)}`;
  }
}

const ARGUMENTS = ["a", "b", "name", "owner", "numbers", "select", "__proto__", "constructor"];

function column(dice: Dice): string {
  const name = dice.pick(COLUMNS);
  return dice.chance(0.15)
    ? `${name}${dice.pick(["->a", "->>a", "->0", "->b->>1", '->"x y"', "::text", "::int", "->"])}`
    : name;
}

function selection(dice: Dice, depth = 3): string {
  return dice
    .times(4, () => {
      if (depth > 0 && dice.chance(0.25)) {
        const relation = dice.pick([
          "pet",
          "owner",
          "x:pet",
          "pet!inner",
          "owner!left",
          "...owner",
          "pet!pet_owner_id_fkey",
        ]);
        return `${relation}(${selection(dice, depth - 1)})`;
      }
      const alias = dice.chance(0.1) ? `${dice.pick(["x", '"a b"', "__proto__", "é"])}:` : "";
      const call = dice.chance(0.1) ? dice.pick([".count()", ".sum()", ".max()::text", ".avg", "()"]) : "";
      return `${alias}${column(dice)}${call}`;
    })
    .join(",");
}

function logic(dice: Dice, depth: number): string {
  const terms = dice.times(3, () =>
    depth > 0 && dice.chance(0.3)
      ? `${dice.pick(["and", "or", "not.and", "not.or", ""])}${logic(dice, depth - 1)}`
      : `${column(dice)}.${dice.pick(OPERATORS)}.${dice.pick(VALUES)}`,
  );
  return `(${terms.join(",")})`;
}

const FIELDS: readonly (readonly [string, readonly string[]])[] = [
  [
    "Accept",
    [
      "*/*",
      "application/json",
      "text/csv",
      "application/vnd.pgrst.object+json",
      "application/geo+json",
      "application/openapi+json",
      "x",
      "text/*;q=0, a/b;q=2",
      ",,,",
      "application/vnd.pgrst.plan+json; options=analyze",
    ],
  ],
  [
    "Prefer",
    [
      "count=exact",
      "count=estimated",
      "return=representation",
      "return=minimal, tx=rollback",
      "resolution=merge-duplicates",
      "missing=default",
      "handling=strict, x",
      "timezone=Mars/Base",
      "max-affected=1, handling=strict",
      "consistency=primary",
      "params=single-object",
      "=,;=;",
    ],
  ],
  [
    "Range",
    ["0-9", "5-", "-5", "10-1", "bytes=0-4", "bytes=-1", "bytes=5-1,7-", "items=0-1", "99999999999999999999-", "x"],
  ],
  ["Range-Unit", ["items", "bytes", "x"]],
  ["If-None-Match", ["*", '"a"', 'W/"a", "b"', '"', "x,", `"${"a".repeat(500)}"`]],
  ["If-Match", ["*", '"a"', 'W/"x"', ""]],
  [
    "If-Modified-Since",
    ["Sun, 06 Nov 1994 08:49:37 GMT", "Sunday, 06-Nov-94 08:49:37 GMT", "x", "-1", "Thu, 99 Xxx 9999 99:99:99 GMT"],
  ],
  ["If-Range", ['"a"', "x"]],
  ["Accept-Encoding", ["gzip", "br;q=0.1, zstd", "identity;q=0, *;q=0", "*", "gzip;q=x", ",,", "gzip;q=1.2345"]],
  ["Accept-Profile", ["public", "nowhere", "__proto__"]],
  ["Content-Profile", ["public", "nowhere"]],
  [
    "Authorization",
    [
      "Bearer x",
      `Bearer ${FUZZ_TOKEN}`,
      `Bearer ${FUZZ_TOKEN}`,
      "Bearer a.b.c",
      "Bearer eyJhbGciOiJub25lIn0.e30.",
      "Basic eDp5",
      "Bearer",
      "bearer  ",
      "x",
    ],
  ],
  ["X-API-Key", ["x", ""]],
  ["Cookie", ["a=b; c", ";;;=", "x".repeat(1000)]],
  ["Cache-Control", ["no-cache", "max-age=0", "only-if-cached", "max-stale=99999999999", "min-fresh=x, =", "no-store"]],
  ["Consistency-Token", ["x", "1/0/0", "0".repeat(100), "v1.ff"]],
  ["Idempotency-Key", ['"a"', "x", `"${"k".repeat(300)}"`, '""']],
  ["Request-Timeout", ["1", "0", "x", "1.5", "-1", "999999999"]],
  ["Origin", ["https://a.example", "null", "x", "https://evil.example"]],
  ["Access-Control-Request-Method", ["GET", "x", ""]],
  ["Access-Control-Request-Headers", ["x-a, x-b", ",", "x".repeat(500)]],
  ["X-Forwarded-For", ["1.2.3.4", "x", "::1, 2", '"']],
  ["Forwarded", ['for="[::1]"', "for=x;;;", "="]],
  ["Content-Encoding", ["gzip", "br", "identity", "gzip, gzip", "x"]],
  ["Content-Language", ["de", ",", "x-y-z"]],
  ["TE", ["trailers", "gzip", "trailers;q=0"]],
  ["Via", ["1.1 x", "1.1 hotpath, 1.1 hotpath", ","]],
  ["Traceparent", ["00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "x"]],
  ["__proto__", ["x"]],
  ["constructor", ["y"]],
  ["X-HTTP-Method-Override", ["DELETE"]],
  ["X-Original-URL", ["/admin"]],
];

function fieldsOf(dice: Dice): [string, string][] {
  return dice.times(4, (): [string, string] => {
    const [name, values] = dice.pick(FIELDS);
    const value = dice.pick(values);
    return [name, dice.chance(0.15) ? mangle(dice, value).replaceAll(/[^\t\x20-\x7e\x80-\xff]/g, "?") : value];
  });
}

function bodyOf(dice: Dice, path: string): { type: string | undefined; content: Buffer } {
  const text = path === "/batch" ? batch(dice) : dice.chance(0.7) ? json(dice, 4) : dice.pick(OTHER_BODIES);
  const content = Buffer.from(dice.chance(0.15) ? mangle(dice, text) : text);
  if (content.length > 0 && dice.chance(0.05)) content[dice.number(content.length)] = dice.number(256);
  return { type: dice.pick(TYPES), content };
}

const TYPES = [
  "application/json",
  "application/json",
  "application/json; charset=utf-8",
  "text/csv",
  "application/x-www-form-urlencoded",
  "application/x-ndjson",
  "application/octet-stream",
  "text/plain",
  "application/vnd.pgrst.array+json",
  "multipart/form-data; boundary=x",
  "x",
  undefined,
];

const OTHER_BODIES = [
  "",
  "[]",
  "{}",
  "null",
  "name,owner_id\na,1\nb,2\n",
  'name\n"unclosed',
  "a,b\n1\n1,2,3\n",
  "name=x&owner_id=1&name=y",
  "a=%zz&&=",
  '{"name":"a"}\n{"name":"b"}\n',
  "[".repeat(3000),
  `${'{"a":'.repeat(2000)}1${"}".repeat(2000)}`,
  `[${"[".repeat(1000)}${"]".repeat(1000)}]`,
  '{"__proto__":{"polluted":true},"name":"x"}',
  '{"constructor":{"prototype":{"polluted":true}}}',
  '{"name":"\\ud800"}',
  '{"name":"\\u0000"}',
  '{"id":1e999999}',
  `{"id":${"9".repeat(400)}}`,
  '{"id":1,"id":2}',
  "\ufeff{}",
];

function json(dice: Dice, depth: number): string {
  switch (dice.number(depth > 0 ? 8 : 5)) {
    case 0:
      return dice.pick(["1", "-0", "1.5e3", "1E+400", "9007199254740993", "0.1000"]);
    case 1:
      return dice.pick(["true", "false", "null"]);
    case 2:
    case 3:
      return JSON.stringify(dice.pick(VALUES));
    case 4:
      return dice.pick(['"\\u0000"', '"\\ud83d"', '"\\n"', "tru", "{", '"']);
    case 5:
      return `[${dice.times(4, () => json(dice, depth - 1)).join(",")}]`;
    default:
      return `{${dice.times(4, () => `${JSON.stringify(dice.pick(COLUMNS))}:${json(dice, depth - 1)}`).join(",")}}`;
  }
}

function batch(dice: Dice): string {
  const entries = dice.times(5, () => {
    const path = pathOf(dice);
    return {
      ...(dice.chance(0.5) ? { id: dice.pick([1, "a", null, {}]) } : {}),
      method: dice.pick([...METHODS, "x", 7]),
      path: dice.chance(0.8) ? encodeURI(`${path}?${queryOf(dice, path)}`.replaceAll(/[\ud800-\udfff]/g, "")) : path,
      headers: dice.chance(0.3) ? Object.fromEntries(fieldsOf(dice)) : undefined,
      body: dice.chance(0.3) ? dice.pick<unknown>(["x", { name: "a" }, [1], null, { __proto__: 1 }]) : undefined,
    };
  });
  return JSON.stringify(dice.chance(0.5) ? { requests: entries } : entries);
}

function frame(dice: Dice, content: Buffer): { field: [string, string]; content: Buffer } {
  if (dice.chance(0.8)) return { field: ["Content-Length", String(content.length)], content };
  const pieces: Buffer[] = [];
  for (let rest = content; rest.length > 0;) {
    const length = 1 + dice.number(rest.length);
    pieces.push(Buffer.from(`${length.toString(16)}\r\n`), rest.subarray(0, length), CRLF);
    rest = rest.subarray(length);
  }
  pieces.push(Buffer.from("0\r\n\r\n"));
  return { field: ["Transfer-Encoding", "chunked"], content: Buffer.concat(pieces) };
}

const CRLF = Buffer.from("\r\n");

/** Small changes of a text: pieces lost, doubled, swapped for others. */
function mangle(dice: Dice, text: string): string {
  let mangled = text;
  for (let turn = 0; turn <= dice.number(3); turn++) {
    const at = dice.number(mangled.length + 1);
    const end = Math.min(mangled.length, at + 1 + dice.number(4));
    switch (dice.number(4)) {
      case 0:
        mangled = mangled.slice(0, at) + mangled.slice(end);
        break;
      case 1:
        mangled = mangled.slice(0, end) + mangled.slice(at);
        break;
      case 2:
        mangled = mangled.slice(0, at) + dice.pick(PIECES) + mangled.slice(at);
        break;
      default:
        mangled = mangled.slice(0, at) + String.fromCharCode(0x20 + dice.number(0xe0)) + mangled.slice(end);
    }
  }
  return mangled;
}

const PIECES = [
  "(",
  ")",
  ",",
  ".",
  ":",
  "::",
  "->",
  "->>",
  "!",
  '"',
  "*",
  "&",
  "=",
  "%",
  "%0",
  "\\",
  "[",
  "]",
  "{",
  "}",
  ";",
  "$",
  " ",
  "\u0000",
  "é",
  "..",
  "/",
];

/** As a careless client would send it: what would end the line or the target is escaped, the rest goes as it is. */
function toTarget(text: string): string {
  return Buffer.from(text)
    .toString("latin1")
    .replaceAll(/[^!"\x24-~]/g, (letter) => `%${letter.charCodeAt(0).toString(16).padStart(2, "0")}`)
    .slice(0, 8000);
}

/** Changes of the bytes of a whole message, its framing included. */
function damage(dice: Dice, bytes: Buffer): Buffer {
  const damaged = Buffer.from(bytes);
  const headLength = Math.max(1, damaged.indexOf("\r\n\r\n"));
  for (let turn = 0; turn <= dice.number(4); turn++) damaged[dice.number(headLength)] = dice.number(256);
  return dice.chance(0.3) ? damaged.subarray(0, dice.number(damaged.length)) : damaged;
}
