import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { z } from "zod";
import { get, post } from "../../src/index.ts";
import { decode, encode, parseProto } from "../support/proto.ts";
import { serveSources } from "../support/server.ts";

const ITEM = z.object({
  id: z.number().int(),
  price: z.number(),
  name: z.string(),
  isNew: z.boolean(),
  tags: z.array(z.string()),
  sizes: z.array(z.number().int()),
  owner: z.object({ name: z.string(), note: z.string().nullable() }),
  parts: z.array(z.object({ no: z.number().int() })),
  other: z.union([z.string(), z.number()]),
  grid: z.array(z.array(z.number())),
});

const ANN = {
  id: 2 ** 40,
  price: 9.5,
  name: "Ä",
  isNew: false,
  tags: ["a", "b"],
  sizes: [1, -2],
  owner: { name: "Ann", note: null },
  parts: [{ no: 1 }, { no: 2 }],
  other: 5,
  grid: [[1], [2, 3]],
};

const routes = [
  get("/item", { reply: ITEM, cache: { maxAge: "1h" }, handle: () => ANN }),
  get("/numbers", { reply: z.array(z.number()), handle: () => [1, 2.5] }),
  get("/plain", { handle: () => ({ a: 1 }) }),
  post("/echo", { body: ITEM, reply: ITEM, handle: ({ body }) => body }),
];

const PROTOBUF = { accept: "application/x-protobuf" };

test("routes with schemas answer and take Protobuf", async (t) => {
  const api = await serveSources(t, undefined, { routes });
  const described = await api.get("/routes.proto");
  assert.equal(described.status, 200, described.text);
  const root = parseProto(described.text);

  const statusOf = async (bytes: Uint8Array) =>
    (await api.send("POST", "/echo", { "content-type": "application/protobuf" }, bytes)).status;

  await t.test("what is answered is the message, and the cache keeps both forms apart", async () => {
    for (let round = 0; round < 2; round++) {
      const { headers, bytes } = await api.get("/item", PROTOBUF);
      assert.equal(headers["content-type"], 'application/x-protobuf; messageType="hotpath.routes.GetItemReply"');
      assert.match(String(headers.vary), /Accept/);
      assert.deepEqual(decode(root, "hotpath.routes.GetItemReply", bytes), {
        ...ANN,
        id: String(ANN.id),
        sizes: ["1", "-2"],
        owner: { name: "Ann" },
        parts: [{ no: "1" }, { no: "2" }],
        other: "5",
        grid: "[[1],[2,3]]",
      });
      assert.deepEqual(await api.json("/item"), ANN);
    }
    const numbers = await api.get("/numbers", PROTOBUF);
    assert.deepEqual(decode(root, "hotpath.routes.GetNumbersReply", numbers.bytes), { value: [1, 2.5] });
    assert.deepEqual(await api.json("/plain", PROTOBUF), { a: 1 });
    const both = await api.get("/item", { accept: "application/json, application/x-protobuf;q=0.5" });
    assert.equal(both.headers["content-type"], "application/json");
  });

  await t.test("values go by messages and back unchanged", async () => {
    const values = fc.record({
      id: fc.integer({ min: -(2 ** 50), max: 2 ** 50 }),
      price: fc.double({ noNaN: true, noDefaultInfinity: true }).map((price) => price + 0),
      name: fc.string({ unit: "grapheme" }),
      isNew: fc.boolean(),
      tags: fc.array(fc.string()),
      sizes: fc.array(fc.integer()),
      owner: fc.record({ name: fc.string(), note: fc.option(fc.string()) }),
      parts: fc.array(fc.record({ no: fc.nat() })),
      other: fc.oneof(fc.string(), fc.nat()),
      grid: fc.array(fc.array(fc.nat())),
    });
    await fc.assert(
      fc.asyncProperty(values, async (value) => {
        const asJson = await api.send("POST", "/echo", PROTOBUF, JSON.stringify(value));
        assert.equal(asJson.status, 200, asJson.text);
        const back = await api.send("POST", "/echo", { "content-type": "application/x-protobuf" }, asJson.bytes);
        assert.deepEqual([back.status, JSON.parse(back.text)], [200, JSON.parse(JSON.stringify(value))]);
      }),
      { numRuns: 50 },
    );
  });

  await t.test("what is no such message is refused", async () => {
    const valid = encode(root, "hotpath.routes.PostEchoBody", { name: "some name" });
    assert.equal(await statusOf(valid.subarray(0, valid.length - 2)), 400);
    assert.equal(await statusOf(Buffer.from([0x08, 1])), 400);
  });
});
