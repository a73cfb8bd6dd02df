import assert from "node:assert/strict";
import { once } from "node:events";
import { Readable } from "node:stream";
import { describe, it } from "node:test";
import { createBench, reply, settle, stream, textOf } from "./harness.ts";

const MINUTE = { "cache-control": "max-age=60" };

describe("one fetch for all", () => {
  it("who ask at the same time, who get it when it is whole", async () => {
    const bench = createBench();
    const body = stream();
    bench.answer = () => reply(body, MINUTE);
    const waiting = Array.from({ length: 1000 }, () => bench.get("/a"));
    await settle();
    body.write("half ");
    await settle();
    body.end("whole");
    const got = await Promise.all(waiting);
    assert.equal(bench.asked.length, 1);
    assert.ok(got.every(({ text }) => text === "half whole"));
    assert.equal(got[999]?.headers["cache-status"], "hotpath; fwd=uri-miss; collapsed");
    assert.equal(bench.engine.stats().collapsed, 999);
  });

  it("is not broken off by the client who began it", async () => {
    const bench = createBench();
    const gate = Promise.withResolvers<void>();
    bench.answer = async ({ signal }) => {
      await Promise.race([gate.promise, once(signal, "abort").then(() => Promise.reject(new Error("aborted")))]);
      return reply("one", MINUTE);
    };
    const client = new AbortController();
    const first = bench.get("/a", {}, { signal: client.signal });
    const second = bench.get("/a");
    await settle();
    client.abort();
    await settle();
    gate.resolve();
    assert.equal((await second).text, "one");
    await first;
    assert.equal(bench.asked.length, 1);
  });

  it("ends with its client when nobody else wants it", async () => {
    const bench = createBench();
    bench.answer = async ({ signal }) => {
      await once(signal, "abort");
      throw new Error("aborted");
    };
    const client = new AbortController();
    const first = bench.get("/a", {}, { signal: client.signal });
    await settle();
    client.abort();
    await assert.rejects(first, /aborted/);
  });

  it("lets the others go on their own when the reply may not be shared, and later ones do not wait at all", async () => {
    const bench = createBench();
    const gates: (() => void)[] = [];
    bench.answer = async () => {
      await new Promise<void>((resolve) => gates.push(resolve));
      return reply("mine", { "cache-control": "private" });
    };
    const all = Promise.all([bench.get("/a"), bench.get("/a"), bench.get("/a")]);
    await settle();
    assert.equal(gates.length, 1);
    gates[0]?.();
    await settle();
    assert.equal(gates.length, 3);
    gates[1]?.();
    gates[2]?.();
    await all;
    const later = Promise.all([bench.get("/a"), bench.get("/a")]);
    await settle();
    assert.equal(gates.length, 5);
    gates[3]?.();
    gates[4]?.();
    await later;
  });

  it("is for no one who asks with other selecting fields", async () => {
    const bench = createBench();
    const gate = Promise.withResolvers<void>();
    bench.answer = async ({ headers }) => {
      await gate.promise;
      return reply(`in ${headers["accept-language"]}`, { ...MINUTE, vary: "Accept-Language" });
    };
    const english = bench.get("/a", { "accept-language": "en" });
    const german = bench.get("/a", { "accept-language": "de" });
    const both = bench.get("/a", { "accept-language": "EN" });
    await settle();
    gate.resolve();
    assert.deepEqual(
      (await Promise.all([english, german, both])).map(({ text }) => text),
      ["in en", "in de", "in en"],
    );
  });

  it("is not waited for without end", async () => {
    const bench = createBench({ collapseWaitMs: 10 });
    const never = Promise.withResolvers<void>();
    bench.answer = async () => {
      if (bench.asked.length === 1) await never.promise;
      return reply("one", MINUTE);
    };
    const first = bench.get("/a");
    assert.equal((await bench.get("/a")).text, "one");
    never.resolve();
    await first;
  });

  it("is none for requests with Authorization", async () => {
    const bench = createBench();
    const gate = Promise.withResolvers<void>();
    bench.answer = async ({ headers }) => {
      await gate.promise;
      return reply(String(headers.authorization), MINUTE);
    };
    const all = ["ann", "bob", "cid"].map((authorization) => bench.get("/a", { authorization }));
    await settle();
    assert.equal(bench.asked.length, 3);
    gate.resolve();
    assert.deepEqual(
      (await Promise.all(all)).map(({ text }) => text),
      ["ann", "bob", "cid"],
    );
  });
});

describe("streamed content", () => {
  it("reaches the client as it comes", async () => {
    const bench = createBench();
    const body = stream();
    bench.answer = () => reply(body, MINUTE);
    const got = (await bench.ask("/a")).body;
    assert.ok(got instanceof Readable);
    body.write("first");
    const [chunk] = (await once(got, "data")) as [Buffer];
    assert.equal(chunk.toString(), "first");
    body.end();
    await once(got, "end");
  });

  it("that is too long is passed on and not stored, with the client's own pace", async () => {
    const bench = createBench({ maxEntryBytes: 100_000 });
    const body = Readable.from(
      (function* () {
        for (let count = 0; count < 100; count++) yield Buffer.alloc(10_000, count);
      })(),
    );
    bench.answer = () => reply(body, MINUTE);
    const got = (await bench.ask("/a")).body;
    assert.ok(got instanceof Readable);
    await settle();
    assert.ok(got.readableLength < 250_000, `holds ${got.readableLength} bytes for a client that takes none`);
    let bytes = 0;
    for await (const chunk of got as AsyncIterable<Buffer>) bytes += chunk.byteLength;
    assert.equal(bytes, 1_000_000);
    bench.answer = () => reply("short", MINUTE);
    assert.equal((await bench.get("/a")).text, "short");
  });

  it("does not exceed the room for all that is being gathered", async () => {
    const bench = createBench({ maxGatheringBytes: 10 });
    const bodies = [stream(), stream()];
    let count = 0;
    bench.answer = () => reply(bodies[count++] ?? "later", MINUTE);
    const got = await Promise.all([bench.ask("/a"), bench.ask("/b")]);
    bodies[0]?.write("12345678");
    bodies[1]?.write("12345678");
    await settle();
    for (const body of bodies) body.end();
    for (const { body } of got) assert.equal(await textOf(body), "12345678");
    assert.equal(bench.engine.stats().stored, 1);
    assert.equal((await bench.get("/b")).text, "later", "the second found no room");
    assert.equal(bench.engine.stats().stored, 2, "and the room is free again");
  });

  for (const [name, length, breakOff] of [
    ["breaks off", undefined, true],
    ["breaks off short of its announced length", "100", true],
    ["ends short of its announced length", "100", false],
    ["goes on beyond its announced length", "3", false],
  ] as const) {
    it(`that ${name} is not stored, breaks off for the client, and sends the waiting on their way`, async () => {
      const bench = createBench();
      const body = stream();
      bench.answer = () => reply(body, length === undefined ? MINUTE : { ...MINUTE, "content-length": length });
      const first = assert.rejects(bench.get("/a"));
      const second = bench.get("/a");
      await settle();
      bench.answer = () => reply("sound", MINUTE);
      body.write("broken");
      await settle();
      if (breakOff) body.destroy(new Error("reset"));
      else body.end();
      await first;
      assert.equal((await second).text, "sound");
      assert.equal((await bench.get("/a")).text, "sound");
      assert.equal(bench.asked.length, 2);
    });
  }

  it("is stored although its client leaves midway", async () => {
    const bench = createBench();
    const body = stream();
    bench.answer = () => reply(body, MINUTE);
    const { body: got } = await bench.ask("/a");
    assert.ok(got instanceof Readable);
    body.write("all ");
    got.destroy();
    await settle();
    body.end("of it");
    await settle();
    assert.equal((await bench.get("/a")).text, "all of it");
    assert.equal(bench.asked.length, 1);
  });

  it("is let go of when its client has left and it does not end in time", async () => {
    const bench = createBench({ unattendedMs: 10 });
    const body = stream();
    bench.answer = () => reply(body, MINUTE);
    const { body: got } = await bench.ask("/a");
    assert.ok(got instanceof Readable);
    got.destroy();
    await once(body, "close");
    bench.answer = () => reply("new", MINUTE);
    assert.equal((await bench.get("/a")).text, "new");
  });
});

describe("ranges", () => {
  it("are cut from the stored whole", async () => {
    const bench = createBench();
    bench.answer = () => reply("0123456789", { ...MINUTE, etag: '"1"' });
    await bench.get("/a");
    for (const [range, status, text, contentRange] of [
      ["bytes=2-4", 206, "234", "bytes 2-4/10"],
      ["bytes=7-", 206, "789", "bytes 7-9/10"],
      ["bytes=-2", 206, "89", "bytes 8-9/10"],
      ["bytes=10-", 416, "", "bytes */10"],
      ["bytes=0-1,5-6", 200, "0123456789", undefined],
      ["bytes=x", 200, "0123456789", undefined],
    ] as const) {
      const got = await bench.get("/a", { range });
      assert.deepEqual([got.status, got.text, got.headers["content-range"]], [status, text, contentRange], range);
    }
    assert.equal((await bench.get("/a", { range: "bytes=2-4", "if-range": '"1"' })).status, 206);
    assert.equal((await bench.get("/a", { range: "bytes=2-4", "if-range": '"0"' })).status, 200);
    assert.equal(bench.asked.length, 1);
    await bench.get("/a", { range: "rows=0-1" });
    assert.equal(bench.asked.length, 2, "other units are the source's business");
  });

  it("that a source answers are stored, and joined to the whole where one strong tag proves that they belong together", async () => {
    for (const [etag, isWhole] of [
      ['"1"', true],
      ['W/"1"', false],
      [undefined, false],
    ] as const) {
      const fields = etag === undefined ? MINUTE : { ...MINUTE, etag };
      const bench = createBench();
      bench.answer = ({ headers }) => {
        const match = /bytes=(\d)-(\d)/.exec(headers.range ?? "");
        if (match === null) return reply("0123456789", fields);
        const [first, last] = [Number(match[1]), Number(match[2])];
        return reply(
          "0123456789".slice(first, last + 1),
          { ...fields, "content-range": `bytes ${first}-${last}/10` },
          206,
        );
      };
      const get = async (range: string) => (await bench.get("/a", { range })).text;
      assert.equal(await get("bytes=0-5"), "012345");
      assert.equal(await get("bytes=2-3"), "23");
      assert.equal(bench.asked.length, 1);
      assert.equal(await get("bytes=4-9"), "456789");
      assert.equal(bench.asked.length, 2);
      assert.equal((await bench.get("/a")).text, "0123456789");
      assert.equal(bench.asked.length, isWhole ? 2 : 3);
    }
  });

  it("never make a part, or a refusal, pass for the whole", async () => {
    const bench = createBench();
    bench.answer = () => reply("nothing there", MINUTE, 416);
    await bench.get("/a", { range: "bytes=100-" });
    bench.answer = () => reply("01", { ...MINUTE, "content-range": "bytes 0-4/10" }, 206);
    await bench.get("/a", { range: "bytes=0-4" });
    bench.answer = () => reply("0123456789", MINUTE);
    assert.equal((await bench.get("/a", { range: "bytes=0-1" })).status, 200, "a part that lied about its length");
    assert.equal((await bench.get("/a")).text, "0123456789");
  });
});
