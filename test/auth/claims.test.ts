import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { judgeClaims } from "../../src/auth/claims.ts";
import { CredentialsRefused } from "../../src/auth/refusal.ts";
import { compileRolePath } from "../../src/auth/role-path.ts";

const NOW = 1_700_000_000;

function judge(claims: object, rules: { audience?: string[]; issuer?: string } = {}, nowMs = NOW * 1000): unknown {
  const { audience = [], issuer = null } = rules;
  const verdict = judgeClaims({ ...claims }, { clockSkewMs: 30_000, audience, issuer }, nowMs);
  return verdict instanceof CredentialsRefused ? verdict.message : verdict;
}

describe("a token's claims", () => {
  it("say from when to when it counts, within what clocks may differ", () => {
    assert.deepEqual(judge({}), { fromMs: 0, untilMs: Infinity });
    assert.deepEqual(judge({ exp: null, nbf: null, iat: null, aud: null }), { fromMs: 0, untilMs: Infinity });
    for (const exp of [NOW - 30, NOW, NOW + 5])
      assert.deepEqual(judge({ exp }), { fromMs: 0, untilMs: (exp + 31) * 1000 });
    for (const exp of [NOW - 31, 0, -1, NOW - 31.5]) assert.equal(judge({ exp }), "JWT expired");
    assert.equal(judge({ exp: NOW }, {}, (NOW + 30) * 1000 + 999) === "JWT expired", false);
    assert.equal(judge({ exp: NOW }, {}, (NOW + 31) * 1000), "JWT expired");
    assert.deepEqual(judge({ nbf: NOW + 30, iat: NOW - 100 }), { fromMs: NOW * 1000, untilMs: Infinity });
    assert.equal(judge({ nbf: NOW + 31 }), "JWT not yet valid");
    assert.deepEqual(judge({ iat: NOW + 30 }), { fromMs: NOW * 1000, untilMs: Infinity });
    assert.equal(judge({ iat: NOW + 31 }), "JWT issued at future");
    assert.equal(judge({ exp: 1e300, nbf: -1e300, iat: 0.5 }) instanceof Object, true);
  });

  it("must be of the right type; of several flaws the first is told", () => {
    for (const name of ["exp", "nbf", "iat"]) {
      for (const value of ["1", true, {}, [1], ""]) {
        assert.equal(judge({ [name]: value }), `The JWT '${name}' claim must be a number`);
      }
    }
    for (const aud of [1, {}, [1], ["a", null], true]) {
      assert.equal(judge({ aud }), "The JWT 'aud' claim must be a string or an array of strings");
    }
    assert.equal(judge({ exp: 1, nbf: "x", iat: "x", aud: 1 }), "JWT expired");
    assert.equal(judge({ nbf: "x", iat: "x", aud: 1 }), "The JWT 'nbf' claim must be a number");
    assert.equal(judge({ iat: NOW * 2, aud: 1 }), "JWT issued at future");
  });

  it("name an audience that is ours, or none", () => {
    const rules = { audience: ["one", "two"] };
    for (const aud of ["one", ["x", "two"], [], null, undefined]) assert.equal(typeof judge({ aud }, rules), "object");
    for (const aud of ["", "x", ["x"], "one,two"]) assert.equal(judge({ aud }, rules), "JWT not in audience");
  });

  it("name the issuer that is demanded", () => {
    const rules = { issuer: "https://id.example" };
    assert.equal(typeof judge({ iss: "https://id.example" }, rules), "object");
    for (const iss of ["https://id.example/", "", null, undefined, ["https://id.example"]]) {
      assert.equal(judge({ iss }, rules), "JWT not of the issuer");
    }
  });
});

describe("the role's place", () => {
  const claims = {
    role: "plain",
    postgrest: { roles: ["other", "author"], count: 5, none: null },
    "https://www.example.com/role": { key: "author" },
    "it's": { 'a"b': "quoted" },
    apps: [
      { name: "one", roles: ["x"] },
      { name: "two", roles: ["y", "z"] },
    ],
    mixed: [1, null, "text", { a: 1 }],
  };
  const find = (path: string): string | null => compileRolePath(path)(claims);

  it("is found by PostgREST's JSPath", () => {
    const cases: Record<string, string | null> = {
      ".role": "plain",
      ".postgrest.roles[1]": "author",
      ".postgrest.roles[2]": null,
      '."https://www.example.com/role".key': "author",
      '.postgrest.roles[?(@ == "author")]': "author",
      '.postgrest.roles[?(@ != "other")]': "author",
      '.postgrest.roles[?(@ ^== "aut")]': "author",
      '.postgrest.roles[?(@ ==^ "hor")]': "author",
      '.postgrest.roles[?(@ *== "utho")]': "author",
      '.postgrest.roles[?(@=="nobody")]': null,
      '.mixed[?(@ != "x")]': "text",
      ".postgrest.count": "5",
      ".postgrest.none": "null",
      ".postgrest": JSON.stringify(claims.postgrest),
      ".role.length": null,
      ".nothing.there": null,
      ".postgrest[0]": null,
      ".toString": null,
    };
    for (const [path, role] of Object.entries(cases)) assert.equal(find(path), role, path);
  });

  it("is found by a JSON path", () => {
    const cases: Record<string, string | null> = {
      "$.role": "plain",
      "$['role']": "plain",
      "$.postgrest.roles[1]": "author",
      "$.postgrest.roles[-1]": "author",
      "$.postgrest.roles[-3]": null,
      "$.postgrest.roles[1:]": "author",
      "$.postgrest.roles[:1]": "other",
      "$.postgrest.roles[::-1]": "author",
      "$.postgrest.roles[0:2:0]": null,
      "$.postgrest.roles[5:9]": null,
      "$['https://www.example.com/role'].key": "author",
      '$["https://www.example.com/role"]["key"]': "author",
      "$['it\\'s'][\"a\\\"b\"]": "quoted",
      "$.postgrest.roles[?(@ == 'author')]": "author",
      "$.postgrest.roles[?@ != 'other']": "author",
      "$.postgrest.roles[?search(@, '^au')]": "author",
      "$.postgrest.roles[?match(@, 'au')]": null,
      "$.postgrest.roles[?match(@, 'au.*')]": "author",
      "$.apps[?@.name == 'two'].roles[1]": "z",
      "$.apps[*].roles[1]": "z",
      "$.apps.*.name": "one",
      "$.mixed[?@ == 'x']": null,
    };
    for (const [path, role] of Object.entries(cases)) assert.equal(find(path), role, path);
  });

  it("must be understood, or nothing starts", () => {
    for (const path of [
      "",
      "role",
      ".",
      "..role",
      ".role.",
      ".a[",
      ".a[x]",
      '.a[?(@ == "x")].b',
      ".a[?(@ == x)]",
      ".a b",
      "$role",
      "$..role",
      "$.a[",
      "$.a['b]",
      "$[?@ > 1]",
      "$.a[0,1]",
      "$.a[?@.b]",
      "$.a[?search(@, '(')]",
    ]) {
      assert.throws(() => compileRolePath(path), Error, path);
    }
  });
});
