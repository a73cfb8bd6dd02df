import assert from "node:assert/strict";
import { once } from "node:events";
import { PassThrough, Readable } from "node:stream";
import { buffer } from "node:stream/consumers";
import { describe, it } from "node:test";
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from "node:zlib";
import * as fc from "fast-check";
import type { HttpReply, HttpRequest } from "../../src/http/message.ts";
import { createRepresent, REPRESENT_DEFAULTS } from "../../src/server/represent.ts";
import { BROWSER, get, json, now, represent, ROWS } from "./represent-fixture.ts";

const MODIFIED = "Sun, 06 Nov 1994 08:49:37 GMT";
const MODIFIED_MS = Date.UTC(1994, 10, 6, 8, 49, 37);

it("makes of a reply that is given to many what it makes of one", () => {
  const fields = { "content-type": "application/json", age: "3" };
  const shared: HttpReply = {
    status: 200,
    headers: fields,
    body: Buffer.from(ROWS),
    isShared: true,
    isRecurring: true,
  };
  const tag = String(now(get(), { ...shared, isShared: false, isRecurring: false }).headers["etag"]);
  const asked = fc.record({
    method: fc.constantFrom("GET", "GET", "GET", "HEAD", "POST"),
    coding: fc.constantFrom(undefined, "gzip", "br", BROWSER, "identity", "gzip, identity;q=0", "nonsense"),
    condition: fc.constantFrom(undefined, undefined, tag, '"other"', "*"),
  });
  const one = createRepresent(REPRESENT_DEFAULTS);
  fc.assert(
    fc.property(fc.array(asked, { minLength: 5, maxLength: 20 }), (requests) => {
      for (const { method, coding, condition } of requests) {
        const request = get(
          {
            ...(coding === undefined ? {} : { "accept-encoding": coding }),
            ...(condition === undefined ? {} : { "if-none-match": condition }),
          },
          method,
        );
        const expected = now(request, { ...shared, isShared: false, isRecurring: false });
        const { rendering: _, isShared: __, ...reply } = one(request, shared) as HttpReply;
        assert.deepEqual(reply, expected);
      }
    }),
  );
  assert.deepEqual(fields, { "content-type": "application/json", age: "3" });
});

describe("validators", () => {
  it("are a strong tag of the content and the time it was modified", () => {
    const reply = now(get(), json('{"a":1}', { modifiedMs: MODIFIED_MS + 500 }));
    assert.equal(reply.status, 200);
    assert.match(String(reply.headers["etag"]), /^"[\w-]{22}"$/);
    assert.equal(reply.headers["last-modified"], MODIFIED);
    assert.equal(reply.headers["cache-control"], "no-cache");
    assert.equal(reply.headers["content-length"], "7");
    assert.equal(reply.body, '{"a":1}');
  });

  it("differ where content, type, range or links differ, and only there", () => {
    const variants = [
      json("[]"),
      json("[1]"),
      json("[]", {}, { "content-type": "text/csv" }),
      json("[]", {}, { "content-range": "0-0/1" }),
      json("[]", {}, { "content-range": "0-0/2" }),
      json("[]", {}, { link: '</b>; rel="next"' }),
    ];
    assert.equal(new Set(variants.map((one) => tagOf(one))).size, variants.length);
    assert.equal(tagOf(json("[]")), tagOf(json("[]", {}, { "x-request-id": "7" })));
    assert.equal(tagOf(json("[]")), tagOf({ ...json(""), body: Buffer.from("[]") }));
  });

  it("are not set where they would be wrong, or unwanted", () => {
    assertNoValidators(get({}, "POST"), json("[]", { modifiedMs: 0 }));
    assertNoValidators(get(), json("[]", { status: 404, modifiedMs: 0 }));
    assertNoValidators(get(), json("[]", { validate: false, modifiedMs: 0 }));
    assertNoValidators(get({ range: "0-1" }), json("[]", { status: 206, modifiedMs: 0 }));
    assertNoValidators(get(), { status: 200, headers: {}, body: Readable.from(["x"]) });
  });

  it("come with a row dialect's 206 when the URL alone chose the rows", () => {
    const first = now(get(), page("0-0/10"));
    assert.match(String(first.headers["etag"]), /^"/);
    assert.notEqual(first.headers["etag"], now(get(), page("0-0/11")).headers["etag"]);
    assert.equal(now(get({ "if-none-match": String(first.headers["etag"]) }), page("0-0/10")).status, 304);
  });

  it("leave a source's own tag as it is, but for the coding", () => {
    assert.equal(now(get(), tagged('"v1"')).headers["etag"], '"v1"');
    assert.equal(now(get({ "accept-encoding": "br" }), tagged('"v1"')).headers["etag"], '"v1-br"');
    assert.equal(now(get({ "accept-encoding": "br" }), tagged('W/"v1"')).headers["etag"], 'W/"v1"');
  });

  it("never claim a modification in the future", () => {
    const sent = now(get(), json("[]", { modifiedMs: Date.now() + 1e9 }));
    assert.ok(Date.parse(String(sent.headers["last-modified"])) <= Date.now());
    assert.equal(now(get(), json("[]", { modifiedMs: Number.NaN })).headers["last-modified"], undefined);
  });
});

describe("conditional requests", () => {
  it("are answered 304 with the fields of RFC 9110 section 15.4.5 and no others", () => {
    const reply = json(ROWS, { modifiedMs: MODIFIED_MS }, { "content-location": "/rows", "content-range": "0-199/*" });
    const full = now(get({ "accept-encoding": BROWSER }), reply);
    const etag = String(full.headers["etag"]);
    const sent = now(get({ "accept-encoding": BROWSER, "if-none-match": `"x", W/${etag}` }), reply);
    assert.deepEqual(sent, {
      status: 304,
      headers: { "content-location": "/rows", "cache-control": "no-cache", etag, vary: "Accept-Encoding" },
      body: undefined,
    });
  });

  it("are held against the encoding that would be sent", () => {
    const tags = ["", "gzip", "br", "zstd"].map((encoding) => {
      const headers = { "accept-encoding": encoding };
      const etag = String(now(get(headers), json(ROWS)).headers["etag"]);
      assert.equal(etag.endsWith(encoding === "" ? '"' : `-${encoding}"`), true);
      assert.equal(now(get({ ...headers, "if-none-match": etag }), json(ROWS)).status, 304);
      return etag;
    });
    assert.equal(new Set(tags).size, 4);
    assert.equal(now(get({ "accept-encoding": "br", "if-none-match": tags[1] ?? "" }), json(ROWS)).status, 200);
  });

  it("need no compression, and so no waiting, for a 304 of large content", () => {
    const body = ROWS.repeat(50);
    const source = json(body, {}, { etag: '"v1"' });
    const sent = represent(get({ "accept-encoding": "zstd", "if-none-match": '"v1-zstd"' }), source);
    assert.ok(!(sent instanceof Promise) && sent.status === 304);
  });

  it("by date, and 412 where the client's premise is gone", () => {
    const reply = json("[]", { modifiedMs: MODIFIED_MS });
    assert.equal(now(get({ "if-modified-since": MODIFIED }), reply).status, 304);
    assert.equal(now(get({ "if-modified-since": "Sun, 06 Nov 1994 08:49:36 GMT" }), reply).status, 200);
    assert.equal(now(get({ "if-modified-since": MODIFIED, "if-none-match": '"x"' }), reply).status, 200);
    assert.equal(now(get({ "if-match": "*" }), reply).status, 200);
    for (const method of ["GET", "HEAD"]) {
      const failed = now(get({ "if-match": '"x"' }, method), reply);
      assert.equal(failed.status, 412);
      assert.equal(failed.headers["content-type"], "application/problem+json");
      assert.equal(failed.body === undefined, method === "HEAD");
      if (typeof failed.body === "string") {
        assert.equal(JSON.parse(failed.body).code, "HP_PRECONDITION_FAILED");
        assert.equal(failed.headers["content-length"], String(failed.body.length));
      }
    }
    assert.equal(now(get({ "if-unmodified-since": "Sun, 06 Nov 1994 08:49:36 GMT" }), reply).status, 412);
  });

  it("are ignored where the reply would not be a success, and where the source forbids validation", () => {
    assert.equal(now(get({ "if-match": '"x"' }), json("[]", { status: 404 })).status, 404);
    assert.equal(now(get({ "if-none-match": "*" }), json("[]", { validate: false })).status, 200);
    assert.equal(now(get({ "if-match": '"x"' }, "PATCH"), json("[]")).status, 200);
  });

  it("let go of a stream that nobody will read", async () => {
    const body = new PassThrough();
    const sent = now(get({ "if-none-match": '"v1"' }), { status: 200, headers: { etag: '"v1"' }, body });
    assert.equal(sent.status, 304);
    await once(body, "close");
  });
});

describe("content coding", () => {
  it("starts at the set length, counted in bytes", () => {
    assert.equal(coded({}, json("x".repeat(1023))).headers["content-encoding"], undefined);
    assert.equal(coded({}, json("x".repeat(1024))).headers["content-encoding"], "zstd");
    assert.equal(coded({}, json("é".repeat(512))).headers["content-encoding"], "zstd");
    assert.equal(coded({ "accept-encoding": "gzip, identity;q=0" }, json("x")).headers["content-encoding"], "gzip");
  });

  it("is announced in Vary on every compressible reply, whichever variant is sent", () => {
    assert.equal(coded({}, json("[]")).headers["vary"], "Accept-Encoding");
    assert.equal(coded({ "accept-encoding": "" }, json(ROWS)).headers["vary"], "Accept-Encoding");
    assert.equal(coded({}, json(ROWS, {}, { vary: "Accept" })).headers["vary"], "Accept, Accept-Encoding");
    assert.equal(coded({}, json(ROWS, {}, { "content-type": "image/png" })).headers["vary"], undefined);
  });

  it("leaves alone what must not be touched", () => {
    const untouched: [string, HttpReply][] = [
      ["another type", json(ROWS, {}, { "content-type": "image/png" })],
      ["no type", { status: 200, headers: {}, body: ROWS }],
      ["coded already", json(ROWS, {}, { "content-encoding": "deflate" })],
      ["no-transform", json(ROWS, {}, { "cache-control": "public, No-Transform" })],
      ["a byte range", json(ROWS, { status: 206 }, { "content-range": "bytes 0-99/10000" })],
    ];
    for (const [name, reply] of untouched) {
      const sent = coded({}, reply);
      assert.equal(sent.body, ROWS, name);
      assert.equal(sent.headers["content-encoding"], reply.headers["content-encoding"], name);
    }
  });

  it("drops what the source said of its own bytes", () => {
    const sent = coded({}, json(ROWS, {}, { "content-length": "7", "content-digest": "x", "accept-ranges": "bytes" }));
    assert.notEqual(sent.headers["content-length"], "7");
    assert.equal(sent.headers["content-digest"], undefined);
    assert.equal(sent.headers["accept-ranges"], undefined);
  });

  it("applies to errors and to other methods too", () => {
    assert.equal(coded({}, json(ROWS, { status: 400 })).headers["content-encoding"], "zstd");
    assert.equal(coded({}, json(ROWS, { status: 201 }), "POST").headers["content-encoding"], "zstd");
  });

  it("compresses streams, unless a declared length says that they are short", async () => {
    const stream = coded({}, { ...json(""), body: Readable.from([ROWS]) });
    assert.equal(stream.headers["content-encoding"], "zstd");
    assert.equal(stream.headers["content-length"], undefined);
    assert.ok(stream.body instanceof Readable);
    assert.equal(zstdDecompressSync(await buffer(stream.body)).toString(), ROWS);
    const short = coded({}, { ...json("", {}, { "content-length": "2" }), body: Readable.from(["[]"]) });
    assert.equal(short.headers["content-encoding"], undefined);
    assert.equal(short.headers["content-length"], "2");
  });

  it("can be switched off", () => {
    const plain = createRepresent({ ...REPRESENT_DEFAULTS, encodings: [], defaultCacheControl: "" });
    const sent = plain(get({ "accept-encoding": BROWSER }), json(ROWS));
    assert.ok(!(sent instanceof Promise));
    assert.equal(sent.body, ROWS);
    assert.equal(sent.headers["vary"], undefined);
    assert.equal(sent.headers["cache-control"], undefined);
  });
});

describe("the reply", () => {
  it("to HEAD has the fields of GET and no body", async () => {
    for (const encoding of ["", "gzip", "br", "zstd"]) {
      for (const body of ["[]", ROWS, ROWS.repeat(10), ROWS.repeat(200)]) {
        const reply = json(body, { modifiedMs: MODIFIED_MS });
        const toGet = await represent(get({ "accept-encoding": encoding }), reply);
        const toHead = await represent(get({ "accept-encoding": encoding }, "HEAD"), reply);
        assert.equal(toHead.body, undefined);
        const { "content-length": length, ...fields } = toGet.headers;
        const { "content-length": headLength, ...headFields } = toHead.headers;
        assert.deepEqual(headFields, fields);
        assert.ok(headLength === undefined || headLength === length);
      }
    }
    const unknown = now(get({ "accept-encoding": "br" }, "HEAD"), { ...json(""), body: undefined });
    assert.equal(unknown.headers["content-length"], undefined);
    assert.equal(unknown.headers["content-encoding"], undefined);
    const declared = { ...json("", {}, { etag: '"v"', "content-length": "5000" }), body: undefined };
    assert.equal(now(get({ "accept-encoding": "br" }, "HEAD"), declared).headers["etag"], '"v-br"');
    assert.equal(now(get({}, "HEAD"), declared).headers["content-length"], "5000");
  });

  it("has no content where the status has none", () => {
    const empty = now(get({}, "DELETE"), { status: 204, headers: { "content-length": "0" }, body: "stray" });
    assert.deepEqual(empty, { status: 204, headers: {}, body: undefined });
    assert.equal(now(get(), { status: 200, headers: {}, body: undefined }).headers["content-length"], "0");
  });

  it("keeps a source's Cache-Control, and adds none to errors", () => {
    const cached = json("[]", {}, { "cache-control": "max-age=60" });
    assert.equal(now(get(), cached).headers["cache-control"], "max-age=60");
    assert.equal(now(get(), json("[]", {}, { expires: MODIFIED })).headers["cache-control"], undefined);
    assert.equal(now(get(), json("[]", { status: 404 })).headers["cache-control"], undefined);
    assert.equal(now(get({}, "POST"), json("[]")).headers["cache-control"], undefined);
  });

  it("leaves the source's own object unchanged", () => {
    const headers = Object.freeze({ "content-type": "application/json" });
    const reply: HttpReply = Object.freeze({ status: 200, headers, body: ROWS, modifiedMs: 0 });
    assert.equal(now(get({ "accept-encoding": BROWSER }), reply).headers["content-encoding"], "zstd");
    assert.deepEqual(reply, {
      status: 200,
      headers: { "content-type": "application/json" },
      body: ROWS,
      modifiedMs: 0,
    });
  });

  it("comes without a promise while content is small", () => {
    assert.ok(!(represent(get({ "accept-encoding": BROWSER }), json(ROWS)) instanceof Promise));
    assert.ok(!(represent(get({}), json(ROWS.repeat(20))) instanceof Promise));
    assert.ok(represent(get({ "accept-encoding": BROWSER }), json(ROWS.repeat(20))) instanceof Promise);
  });

  it("of 100,000 rows in 20 MB is right, with one tag whether it came as text or bytes", async () => {
    const row = "é".repeat(50) + "😀".repeat(25);
    const body = JSON.stringify(Array.from({ length: 100_000 }, (_, id) => ({ id, row })));
    const sent = await represent(get({ "accept-encoding": "zstd" }), json(body));
    assert.equal(sent.headers["content-encoding"], "zstd");
    assert.ok(sent.body instanceof Uint8Array);
    assert.equal(zstdDecompressSync(sent.body).toString(), body);
    const bytes = Buffer.from(body);
    assert.ok(bytes.length > 20_000_000);
    const plain = await represent(get(), { ...json(""), body: bytes });
    assert.equal(plain.headers["content-length"], String(bytes.length));
    assert.equal(sent.headers["etag"], `${String(plain.headers["etag"]).slice(0, -1)}-zstd"`);
  });

  it("of large text is its UTF-8, wherever slices of it end", async () => {
    for (const start of ["", "x"]) {
      const body = start + "😀".repeat(600_000) + "\uD800";
      const sent = await represent(get(), json(body));
      assert.ok(sent.body instanceof Uint8Array && Buffer.from(body).equals(sent.body));
    }
  });

  it("never breaks its promises, whatever was asked and answered", async () => {
    const decoders = { gzip: gunzipSync, br: brotliDecompressSync, zstd: zstdDecompressSync };
    const request = fc.record({
      method: fc.constantFrom("GET", "HEAD", "POST"),
      encoding: fc.constantFrom(undefined, "", BROWSER, "br;q=0.5, gzip", "identity;q=0, gzip", "*;q=0", "zstd"),
      condition: fc.constantFrom({}, { "if-none-match": '"x"' }, { "if-none-match": "*" }, { "if-match": '"x"' }),
    });
    const content = fc.oneof(fc.string(), fc.constantFrom("é😀".repeat(300), ROWS, ROWS.repeat(10)));
    const answer = fc.record({
      status: fc.constantFrom(200, 201, 204, 206, 304, 404, 500),
      type: fc.constantFrom("application/json", "image/png"),
      body: fc.oneof(
        content,
        content.map((text) => Buffer.from(text)),
        fc.constant(undefined),
      ),
    });
    await fc.assert(
      fc.asyncProperty(request, answer, async ({ method, encoding, condition }, { status, type, body }) => {
        const accept = encoding === undefined ? {} : { "accept-encoding": encoding };
        const headers = { "content-type": type };
        const sent = await represent(get({ ...accept, ...condition }, method), { status, headers, body });
        if (method === "HEAD" || sent.status === 204 || sent.status === 304) {
          assert.equal(sent.body, undefined);
          return;
        }
        assert.ok(!(sent.body instanceof Readable));
        const bytes = Buffer.from(sent.body ?? "");
        assert.equal(sent.headers["content-length"], String(bytes.length));
        if (sent.status === 412) return;
        const coding = sent.headers["content-encoding"] as keyof typeof decoders | undefined;
        if (coding !== undefined) assert.ok(encoding?.includes(coding));
        const plain = coding === undefined ? bytes : decoders[coding](bytes);
        assert.deepEqual(plain, Buffer.from(body ?? ""));
      }),
    );
  });
});

function tagOf(reply: HttpReply): unknown {
  return now(get(), reply).headers["etag"];
}

function page(range: string): HttpReply {
  return json("[1]", { status: 206 }, { "content-range": range });
}

function tagged(etag: string): HttpReply {
  return json(ROWS, {}, { etag });
}

/** What a browser gets. */
function coded(headers: Record<string, string>, reply: HttpReply, method = "GET"): HttpReply {
  return now(get({ "accept-encoding": BROWSER, ...headers }, method), reply);
}

function assertNoValidators(request: HttpRequest, reply: HttpReply): void {
  const sent = now(request, reply);
  assert.equal(sent.headers["etag"], undefined);
  assert.equal(sent.headers["last-modified"], undefined);
}
