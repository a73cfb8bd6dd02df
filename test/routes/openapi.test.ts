import assert from "node:assert/strict";
import { test } from "node:test";
import { Validator } from "@seriousme/openapi-schema-validator";
import { Ajv2020 } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { type } from "arktype";
import * as v from "valibot";
import { z } from "zod";
import { get, post, type StandardSchema } from "../../src/index.ts";
import { SECRET } from "../auth/tokens.ts";
import { serveSources } from "../support/server.ts";

const Tree = z.object({
  name: z.string(),
  get children() {
    return z.array(Tree);
  },
});

type LibrarySchemas = readonly [library: string, params: StandardSchema, named: StandardSchema];

function librarySchemas(schemas: readonly LibrarySchemas[]): readonly LibrarySchemas[] {
  return schemas;
}

const routes = [
  get("/users/:id/files/*path", {
    summary: "A file <b>of</b> a user",
    description: "All of it.",
    groups: ["files"],
    params: z.object({ id: z.coerce.number().int(), path: z.string() }),
    query: z.object({ version: z.string().optional(), size: z.enum(["s", "l"]) }),
    reply: z.object({ id: z.number(), size: z.enum(["s", "l"]) }),
    fields: true,
    auth: "require",
    examples: { params: { id: 7 }, query: { size: "s" }, reply: { id: 7, size: "s" } },
    handle: ({ params, query }) => ({ id: params.id, size: query.size }),
  }),
  post("/trees", {
    body: Tree,
    status: 201,
    errors: {
      too_deep: { status: 409, message: "Too deep.", details: z.object({ most: z.number() }) },
      too_wide: { status: 409 },
    },
    reply: Tree,
    auth: "none",
    handle: ({ body }) => body,
  }),
  ...librarySchemas([
    ["zod", z.object({ id: z.coerce.number().int() }), z.object({ name: z.string().min(2), at: z.date().optional() })],
    ["arktype", type({ id: "string.integer.parse" }), type({ name: "string >= 2", "at?": "Date" })],
    [
      "valibot",
      v.object({ id: v.pipe(v.string(), v.toNumber(), v.integer()) }),
      v.object({ name: v.pipe(v.string(), v.minLength(2)), at: v.optional(v.date()) }),
    ],
  ]).map(([library, params, named]) =>
    post(`/libraries/${library}/:id`, {
      params,
      body: named,
      reply: named,
      errors: { taken: { status: 409, details: named } },
      handle: ({ body }) => body,
    }),
  ),
  get("/plain/:name", { handle: ({ params }) => params }),
];

test("the admin listener describes routes in OpenAPI 3.1, and shows them", async (t) => {
  const api = await serveSources(t, undefined, { routes, auth: { jwt: { secret: SECRET } } });
  const document = (await (await fetch(`${api.adminUrl}/openapi.json`)).json()) as object;
  const { valid, errors } = await new Validator().validate(document as never);
  assert.ok(valid, JSON.stringify(errors));
  const { paths } = document as { paths: Record<string, Record<string, Record<string, never>>> };
  assert.deepEqual(Object.keys(paths), [
    "/users/{id}/files/{path}",
    "/trees",
    ...["zod", "arktype", "valibot"].map((library) => `/libraries/${library}/{id}`),
    "/plain/{name}",
  ]);
  const file = paths["/users/{id}/files/{path}"]?.["get"] as Record<string, unknown>;
  assert.deepEqual(
    (file["parameters"] as { name: string; in: string; required?: boolean }[]).map((p) => [p.name, p.in, p.required]),
    [
      ["id", "path", true],
      ["path", "path", true],
      ["version", "query", false],
      ["size", "query", true],
      ["fields", "query", undefined],
    ],
  );
  assert.deepEqual(Object.keys(file["responses"] as object), ["200", "400", "401"]);
  const ajv = addFormats.default(new Ajv2020({ strict: false }));
  ajv.addSchema(document, "api");
  const tree = { name: "a", children: [{ name: "b", children: [] }] };
  const answer = await api.send("POST", "/trees", { "content-type": "application/json" }, JSON.stringify(tree));
  const at = "api#/paths/~1trees/post/responses/201/content/application~1json/schema";
  assert.equal(ajv.validate({ $ref: at }, JSON.parse(answer.text)), true, ajv.errorsText());
  assert.equal(ajv.validate({ $ref: at }, { name: "a", children: [{ name: 7 }] }), false);
  for (const library of ["zod", "arktype", "valibot"]) {
    const post = `api#/paths/~1libraries~1${library}~1{id}/post`;
    const json = "content/application~1json/schema";
    const problem = "responses/409/content/application~1problem+json/schema";
    const failure = { type: "about:blank", title: "Conflict", status: 409, code: "taken" };
    for (const [at, good, bad] of [
      [`requestBody/${json}`, { name: "Ada" }, { name: "A" }],
      [`responses/200/${json}`, { name: "Ada" }, { name: 7 }],
      [problem, { ...failure, name: "Ada" }, failure],
    ] as const) {
      const $ref = encodeURI(`${post}/${at}`);
      assert.equal(ajv.validate({ $ref }, good), true, `${library} ${at}: ${ajv.errorsText()}`);
      assert.equal(ajv.validate({ $ref }, bad), false, `${library} ${at}`);
    }
    const operation = paths[`/libraries/${library}/{id}`]?.["post"] as object as {
      readonly parameters: readonly { readonly name: string; readonly schema: { readonly type?: string } }[];
    };
    const { parameters } = operation;
    assert.deepEqual(
      parameters.map(({ name, schema }) => [name, schema.type]),
      [["id", library === "zod" ? "integer" : "string"]],
      library,
    );
  }
  const page = await fetch(`${api.adminUrl}/reference`);
  assert.match(String(page.headers.get("content-security-policy")), /default-src 'none'/);
  const html = await page.text();
  assert.match(html, /A file &#60;b&#62;of&#60;\/b&#62; a user/);
  assert.doesNotMatch(html, /<script/);
});

test("without routes there is nothing to show", async (t) => {
  const source = { name: "one", resolve: () => ({ status: 200, headers: {}, body: "" }) };
  const api = await serveSources(t, { "/": source });
  assert.equal((await fetch(`${api.adminUrl}/reference`)).status, 404);
});
