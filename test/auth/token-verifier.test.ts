import assert from "node:assert/strict";
import { generateKeyPairSync } from "node:crypto";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { exportJWK, exportSPKI, importJWK, jwtVerify } from "jose";
import { resolveServerSettings } from "../../src/api/options.ts";
import { openKeyRing } from "../../src/auth/key-ring.ts";
import { CredentialsRefused } from "../../src/auth/refusal.ts";
import { createTokenVerifier, type TokenVerifier } from "../../src/auth/token-verifier.ts";
import type { Identity } from "../../src/auth/identity.ts";
import { createIssuer, encode, inSeconds, type Issuer, SECRET, sign, signText } from "./tokens.ts";

type JwtOptions = NonNullable<NonNullable<Parameters<typeof resolveServerSettings>[0]>["argument"]>["auth"] extends
  | (infer Auth)
  | undefined
  ? NonNullable<Auth> extends { jwt?: infer Jwt }
    ? Jwt
    : never
  : never;

const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

async function verifier(jwt: JwtOptions): Promise<TokenVerifier> {
  const settings = resolveServerSettings({ argument: { auth: { jwt } } }).auth.jwt;
  return createTokenVerifier(settings, await openKeyRing(settings, SILENT, () => undefined));
}

async function setOf(...issuers: readonly Issuer[]): Promise<TokenVerifier> {
  return verifier({ secret: JSON.stringify({ keys: issuers.map(({ jwk }) => jwk) }) });
}

async function accept(tokens: TokenVerifier, token: string): Promise<Identity> {
  const verdict = await tokens.verify(token, Date.now());
  assert.ok(
    !(verdict instanceof CredentialsRefused),
    `refused: ${verdict instanceof CredentialsRefused ? verdict.message : ""}`,
  );
  return verdict;
}

async function refuse(tokens: TokenVerifier, token: string): Promise<string> {
  const verdict = await tokens.verify(token, Date.now());
  assert.ok(verdict instanceof CredentialsRefused, "accepted");
  return verdict.details === null ? verdict.message : `${verdict.message}: ${verdict.details}`;
}

const NO_KEY = "No suitable key or wrong key type: No suitable key was found to decode the JWT";
const NO_MATCH = "No suitable key or wrong key type: None of the keys was able to decode the JWT";
const ALGORITHMS = [
  "HS256",
  "HS384",
  "HS512",
  "RS256",
  "RS384",
  "RS512",
  "PS256",
  "PS384",
  "PS512",
  "ES256",
  "ES384",
  "ES512",
  "EdDSA",
  "Ed25519",
];

describe("tokens", () => {
  it("of every algorithm are accepted from who holds the key, and from nobody else", async () => {
    const issuers = await Promise.all(ALGORITHMS.map((algorithm) => createIssuer(algorithm)));
    const all = await setOf(...issuers);
    for (const issuer of issuers) {
      const { algorithm } = issuer;
      const token = await sign(issuer, { role: "reader", sub: algorithm });
      const identity = await accept(all, token);
      assert.deepEqual([identity.role, identity.subject, identity.kind], ["reader", algorithm, "token"]);
      assert.deepEqual(await accept(await setOf(issuer), token), identity);
      const others = issuers.filter((other) => other.algorithm !== algorithm);
      assert.equal(await refuse(await setOf(...others), token), others.some(fits(algorithm)) ? NO_MATCH : NO_KEY);
      assert.equal(await refuse(await setOf(await createIssuer(algorithm)), token), NO_MATCH);
    }
  });

  it("cannot choose how a key is used", async () => {
    const rsa = generateKeyPairSync("rsa", { modulusLength: 2048 });
    const pem = await exportSPKI(rsa.publicKey);
    const jwk = await exportJWK(rsa.publicKey);
    // Whoever reads the public key might sign with it as if it were a secret.
    for (const secret of [pem, pem.trim(), JSON.stringify(jwk), jwk.n ?? ""]) {
      const forged = signText(secret, '{"role":"admin"}');
      assert.equal(await refuse(await verifier({ secret: pem }), forged), NO_KEY);
      assert.equal(await refuse(await verifier({ secret: JSON.stringify(jwk) }), forged), NO_KEY);
    }
    const restricted = await verifier({ secret: JSON.stringify({ ...jwk, alg: "RS256" }) });
    await accept(restricted, await sign({ algorithm: "RS256", privateKey: rsa.privateKey, jwk }, {}));
    for (const algorithm of ["RS512", "PS256"]) {
      assert.equal(await refuse(restricted, await sign({ algorithm, privateKey: rsa.privateKey, jwk }, {})), NO_KEY);
    }
    // A text is a key of HS256 alone, as in PostgREST.
    const text = await verifier({ secret: SECRET });
    const wrong = { algorithm: "HS512", privateKey: Buffer.from(SECRET), jwk: { kty: "oct" } };
    assert.equal(await refuse(text, await sign(wrong, {})), NO_KEY);
  });

  it("without a signature, with extensions or of another form are refused", async () => {
    const tokens = await verifier({ secret: SECRET });
    const unsupported = "Wrong or unsupported encoding algorithm";
    const failed = "JWT cryptographic operation failed";
    const none = `${encode('{"alg":"none"}')}.${encode('{"role":"admin"}')}.`;
    assert.equal(await refuse(tokens, none), `${unsupported}: JWT is unsecured but expected 'alg' was not 'none'`);
    for (const alg of [
      "None",
      "NONE",
      "nOnE",
      "",
      "hs256",
      "HS257",
      "RSA-OAEP",
      null,
      1,
      ["HS256"],
      { alg: "HS256" },
      "__proto__",
      "toString",
    ]) {
      assert.equal(await refuse(tokens, signText(SECRET, "{}", { alg })), failed, JSON.stringify(alg));
    }
    const critical = signText(SECRET, "{}", { alg: "HS256", crit: ["exp"], b64: false });
    assert.match(await refuse(tokens, critical), new RegExp(`^${unsupported}: .*extensions`));
    const good = signText(SECRET, "{}");
    const [head = "", payload = "", signature = ""] = good.split(".");
    await accept(tokens, good);
    assert.equal(await refuse(tokens, ""), "Empty JWT is sent in Authorization header");
    assert.equal(await refuse(tokens, `${head}.${payload}`), "Expected 3 parts in JWT; got 2");
    assert.equal(await refuse(tokens, `${good}.${signature}.${signature}`), "Expected 3 parts in JWT; got 5");
    for (const broken of [
      `${head}.${payload}.`,
      `${head}.${payload}.${signature.slice(0, -4)}`,
      `${head}.e30e.${signature}`,
    ]) {
      assert.equal(await refuse(tokens, broken), NO_MATCH);
    }
    for (const broken of [
      `${good}=`,
      ` ${good}`,
      `${good}\n`,
      `${head}.${payload}.${signature.slice(1)}+`,
      `.${payload}.${signature}`,
      `e30.${payload}.${signature}`,
      `W10.${payload}.${signature}`,
      `bnVsbA.${payload}.${signature}`,
    ]) {
      assert.equal(await refuse(tokens, broken), failed, JSON.stringify(broken));
    }
  });

  it("with claims that are none are refused", async () => {
    const tokens = await verifier({ secret: SECRET });
    for (const payload of ["", "{", "[]", "null", '"text"', "1", "{}{}", "\u{FEFF}{}"]) {
      assert.equal(await refuse(tokens, signText(SECRET, payload)), "Parsing claims failed", payload);
    }
  });

  it("name the key that is to verify them, or try all", async () => {
    const [one, two, unnamed] = await Promise.all([
      createIssuer("ES256", "one"),
      createIssuer("ES256", "two"),
      createIssuer("ES256"),
    ]);
    const tokens = await setOf(one, two, unnamed);
    for (const issuer of [one, two, unnamed]) await accept(tokens, await sign(issuer, {}));
    await accept(tokens, await sign({ ...one, jwk: {} }, {}));
    assert.equal(await refuse(tokens, await sign(one, {}, { kid: "two" })), NO_MATCH);
    assert.equal(await refuse(tokens, await sign(unnamed, {}, { kid: "three" })), NO_KEY);
    const text = await verifier({ secret: SECRET });
    assert.equal(await refuse(text, signText(SECRET, "{}", { alg: "HS256", kid: "one" })), NO_KEY);
  });

  it("are read with a secret in base64, in either alphabet", async () => {
    const bytes = Buffer.from("fbff".repeat(16), "hex");
    const token = await sign({ algorithm: "HS256", privateKey: bytes, jwk: {} }, { role: "a" });
    for (const secret of [bytes.toString("base64"), bytes.toString("base64url"), `${bytes.toString("base64url")}..`]) {
      await accept(await verifier({ secret, secretIsBase64: true }), token);
    }
    await assert.rejects(verifier({ secret: "no base64!", secretIsBase64: true }), { code: "HP_OPTION_INVALID" });
  });

  it("are not verified with keys that are weak or not meant for it, and the refusal shows no key", async () => {
    const weak = await exportJWK(generateKeyPairSync("rsa", { modulusLength: 1024 }).publicKey);
    const { jwk } = await createIssuer("RS256");
    const privatePem = generateKeyPairSync("ed25519").privateKey.export({ type: "pkcs8", format: "pem" }).toString();
    const short = { kty: "oct", k: Buffer.alloc(31, 7).toString("base64url") };
    const k256 = await exportJWK(generateKeyPairSync("ec", { namedCurve: "secp256k1" }).publicKey);
    const encryption = { ...jwk, use: "enc" };
    const wrapping = { ...jwk, key_ops: ["wrapKey"] };
    const mismatched = { ...jwk, alg: "ES256" };
    const secrets = [
      "short",
      privatePem,
      "-----BEGIN nothing",
      '{"keys":[]}',
      ...[weak, short, k256, encryption, wrapping, mismatched, { kty: "RSA", n: "!" }].map((key) =>
        JSON.stringify(key),
      ),
    ];
    for (const secret of secrets) {
      await assert.rejects(verifier({ secret }), (error: Error & { code: string }) => {
        assert.equal(error.code, "HP_OPTION_INVALID");
        assert.ok(!error.message.includes(secret.slice(0, 12)), error.message);
        return true;
      });
    }
  });

  it("are remembered, and refused the moment they end", async () => {
    const tokens = await verifier({ secret: SECRET, clockSkew: 0 });
    const exp = inSeconds(100);
    const token = signText(SECRET, JSON.stringify({ role: "a", exp }));
    const identity = await accept(tokens, token);
    assert.equal(identity.validUntilMs, (exp + 1) * 1000);
    assert.equal(tokens.verify(token, identity.validUntilMs - 1), identity);
    const late = tokens.verify(token, identity.validUntilMs);
    assert.ok(late instanceof CredentialsRefused);
    assert.equal(late.message, "JWT expired");
    assert.equal(tokens.remembered, 1);
    tokens.forget();
    assert.equal(tokens.remembered, 0);
  });

  it("are remembered up to a number, those in use the longest", async () => {
    const tokens = await verifier({ secret: SECRET, maxCached: 3 });
    const [first = "", ...others] = [1, 2, 3, 4, 5, 6].map((id) => signText(SECRET, `{"id":${id}}`));
    const identity = await accept(tokens, first);
    for (const token of others) {
      await accept(tokens, token);
      assert.equal(tokens.verify(first, Date.now()), identity, "it was forgotten although it is in use");
    }
    assert.equal(tokens.remembered, 3);
    const none = await verifier({ secret: SECRET, maxCached: 0 });
    await accept(none, first);
    assert.equal(none.remembered, 0);
  });

  it("verified at the same time are verified once and get the same identity", async () => {
    const issuer = await createIssuer("ES256");
    const tokens = await setOf(issuer);
    const token = await sign(issuer, { role: "a" });
    const all = await Promise.all(Array.from({ length: 20 }, () => accept(tokens, token)));
    assert.equal(new Set(all).size, 1);
  });

  it("have an identity of their own unless role and claims are the same", async () => {
    const tokens = await verifier({ secret: SECRET });
    const key = async (payload: string): Promise<string> => (await accept(tokens, signText(SECRET, payload))).key;
    const base = await key('{"role":"a","sub":"1"}');
    assert.equal(await key('{ "role": "a",\n"sub": "1" }'), base);
    assert.equal(await key('{"role":"b","role":"a","sub":"1"}'), base);
    for (const other of [
      '{"role":"b","sub":"1"}',
      '{"role":"a","sub":"2"}',
      '{"role":"a","sub":1}',
      '{"role":"a"}',
      '{"sub":"1"}',
      '{"role":"a","sub":"1","x":null}',
    ]) {
      assert.notEqual(await key(other), base, other);
    }
    assert.notEqual(await key('{"id":12345678901234567890}'), await key('{"id":12345678901234567891}'));
    assert.match(base, /^[\w-]{43}$/);
  });

  it("keep every digit of their claims, and no claim twice", async () => {
    const tokens = await verifier({ secret: SECRET, roleClaim: ".app.role" });
    const payload =
      '{"id":12345678901234567890,"x":1.000000000000000000001,"id2":1,"id2":2,"role":"forged","app":{"role":"real"},"__proto__":{"role":"x"}}';
    const { claimsText, role } = await accept(tokens, signText(SECRET, payload));
    assert.equal(role, "real");
    assert.equal(
      claimsText,
      '{"id":12345678901234567890,"x":1.000000000000000000001,"id2":2,"role":"real","app":{"role":"real"},"__proto__":{"role":"x"}}',
    );
  });

  it("that we accept, another library accepts as well, whatever was done to them", async () => {
    const issuers = await Promise.all(
      ["HS256", "RS256", "PS256", "ES256", "EdDSA"].map((name) => createIssuer(name, name)),
    );
    const tokens = await setOf(...issuers);
    const rival = ({ alg, kid }: { alg: string; kid?: string }) =>
      importJWK(issuers.find(({ jwk }) => jwk.kid === kid)?.jwk ?? {}, alg);
    const signed = await Promise.all(issuers.map((issuer) => sign(issuer, { role: "a", exp: inSeconds(1000) })));
    const mutation = fc.record({
      token: fc.nat({ max: signed.length - 1 }),
      other: fc.nat({ max: signed.length - 1 }),
      at: fc.nat({ max: 2000 }),
      character: fc.constantFrom("A", "Q", "g", "w", "-", "_", ".", "0", "1", "z", "="),
      kind: fc.constantFrom("replace", "insert", "delete", "swap-head", "swap-payload", "swap-signature"),
    });
    await fc.assert(
      fc.asyncProperty(mutation, async ({ token, other, at, character, kind }) => {
        const text = signed[token] ?? "";
        const place = at % text.length;
        const parts = text.split(".");
        const theirs = (signed[other] ?? "").split(".");
        const part = ["swap-head", "swap-payload", "swap-signature"].indexOf(kind);
        const mutated =
          part >= 0
            ? parts.map((own, index) => (index === part ? (theirs[index] ?? "") : own)).join(".")
            : text.slice(0, place) +
              (kind === "delete" ? "" : character) +
              text.slice(place + (kind === "insert" ? 0 : 1));
        const verdict = await tokens.verify(mutated, Date.now());
        if (verdict instanceof CredentialsRefused) return;
        const { payload } = await jwtVerify(mutated, rival);
        assert.deepEqual({ ...verdict.claims }, payload);
      }),
      { numRuns: 2000 },
    );
  });
});

/** Whether an issuer's key can be used with an algorithm. */
function fits(algorithm: string): (issuer: Issuer) => boolean {
  return (issuer) => familyOf(issuer.algorithm) === familyOf(algorithm);
}

function familyOf(algorithm: string): string {
  if (algorithm.startsWith("Ed")) return "Ed";
  if (/^[RP]S/.test(algorithm)) return "RSA";
  return algorithm.startsWith("HS") ? "HS" : algorithm;
}
