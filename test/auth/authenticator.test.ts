import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import type { IncomingHttpHeaders } from "node:http";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { ServerOptions } from "../../src/api/option-types.ts";
import { resolveServerSettings } from "../../src/api/options.ts";
import { makeApiKey } from "../../src/auth/api-key.ts";
import { type Authenticator, openAuthenticator } from "../../src/auth/authenticator.ts";
import { CredentialsRefused } from "../../src/auth/refusal.ts";
import { testFolder } from "../support/postgres.ts";
import { SECRET, signText } from "./tokens.ts";

const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

async function open(auth: NonNullable<ServerOptions["auth"]>): Promise<Authenticator> {
  const authenticator = await openAuthenticator(resolveServerSettings({ argument: { auth } }).auth, SILENT);
  assert.ok(authenticator !== undefined);
  return authenticator;
}

async function judge(authenticator: Authenticator, headers: IncomingHttpHeaders): Promise<string> {
  const verdict = await authenticator.authenticate(headers);
  if (verdict instanceof CredentialsRefused) return verdict.code;
  return verdict.kind === "anonymous" ? "anonymous" : `${verdict.kind} ${verdict.subject} ${verdict.role}`;
}

describe("credentials", () => {
  it("are a token or an API key; other schemes say nothing", async () => {
    const { key, hash } = makeApiKey();
    const both = await open({ jwt: { secret: SECRET }, apiKeys: { keys: [`reports:reader:${hash}`] } });
    const token = signText(SECRET, '{"role":"author","sub":"ann"}');
    const cases: [IncomingHttpHeaders, string][] = [
      [{}, "anonymous"],
      [{ authorization: `Bearer ${token}` }, "token ann author"],
      [{ authorization: `bEARER \t ${token}` }, "token ann author"],
      [{ authorization: "Bearer" }, "HP_JWT_INVALID"],
      [{ authorization: "Bearer " }, "HP_JWT_INVALID"],
      [{ authorization: `Bearer ${key}` }, "HP_JWT_INVALID"],
      [{ authorization: `ApiKey ${key}` }, "key reports reader"],
      [{ authorization: `apikey   ${key}` }, "key reports reader"],
      [{ authorization: `ApiKey ${key}x` }, "HP_API_KEY_INVALID"],
      [{ authorization: "ApiKey" }, "HP_API_KEY_INVALID"],
      [{ "x-api-key": key }, "key reports reader"],
      [{ "x-api-key": hash }, "HP_API_KEY_INVALID"],
      [{ "x-api-key": "" }, "HP_API_KEY_INVALID"],
      [{ authorization: "Basic YTpi" }, "anonymous"],
      [{ authorization: "" }, "anonymous"],
      [{ authorization: token }, "anonymous"],
      [{ authorization: "Basic YTpi", "x-api-key": key }, "key reports reader"],
      [{ authorization: `Bearer ${token}`, "x-api-key": key }, "HP_CREDENTIALS_AMBIGUOUS"],
      [{ authorization: `ApiKey ${key}`, "x-api-key": key }, "HP_CREDENTIALS_AMBIGUOUS"],
      [{ "x-api-key": [key, key] }, "HP_CREDENTIALS_AMBIGUOUS"],
    ];
    for (const [headers, expected] of cases)
      assert.equal(await judge(both, headers), expected, JSON.stringify(headers));
    assert.equal(both.missing().headers["www-authenticate"], "Bearer, ApiKey");
  });

  it("of a kind that is not configured are refused, or not seen", async () => {
    const { key, hash } = makeApiKey();
    const keys = await open({ apiKeys: { keys: [`a::${hash}`], header: "X-Key" } });
    assert.equal(await judge(keys, { authorization: `Bearer ${signText(SECRET, "{}")}` }), "HP_JWT_UNSUPPORTED");
    assert.equal(await judge(keys, { "x-api-key": key }), "anonymous");
    assert.equal(await judge(keys, { "x-key": key }), "key a null");
    const tokens = await open({ jwt: { secret: SECRET } });
    assert.equal(await judge(tokens, { authorization: `ApiKey ${key}`, "x-api-key": key }), "anonymous");
    assert.equal(await openAuthenticator(resolveServerSettings().auth, SILENT), undefined);
  });

  it("of a file bring claims and an end, and are read again", async (t) => {
    const file = join(await testFolder(t), "keys.json");
    const [lasting, ended, later] = [makeApiKey(), makeApiKey(), makeApiKey()];
    const entry = {
      name: "a",
      hash: lasting.hash,
      role: "reader",
      claims: { tenant: 7, role: "overruled", api_key: "too" },
    };
    await writeFile(file, JSON.stringify([entry, { name: "b", hash: ended.hash, until: "2020-01-01T00:00:00Z" }]));
    const authenticator = await open({ apiKeys: { file } });
    const identity = await authenticator.authenticate({ "x-api-key": lasting.key });
    assert.ok(!(identity instanceof CredentialsRefused));
    assert.equal(identity.claimsText, '{"tenant":7,"role":"reader","api_key":"a"}');
    assert.equal(await judge(authenticator, { "x-api-key": ended.key }), "HP_API_KEY_INVALID");
    const { generation } = authenticator;
    await writeFile(file, JSON.stringify([{ name: "c", hash: later.hash }]));
    await authenticator.reload();
    assert.notEqual(authenticator.generation, generation);
    assert.equal(await judge(authenticator, { "x-api-key": lasting.key }), "HP_API_KEY_INVALID");
    assert.equal(await judge(authenticator, { "x-api-key": later.key }), "key c null");
    await writeFile(file, "broken");
    await assert.rejects(authenticator.reload(), { code: "HP_OPTION_INVALID" });
    assert.equal(await judge(authenticator, { "x-api-key": later.key }), "key c null", "the old keys stay in force");
  });

  it("of a file must be written as they are to be, and no message shows a hash", async (t) => {
    const file = join(await testFolder(t), "keys.json");
    const { hash } = makeApiKey();
    const wrong: unknown[] = [
      {},
      [1],
      [{}],
      [{ name: "a" }],
      [{ name: "", hash }],
      [{ name: "a", hash: hash.slice(1) }],
      [{ name: "a", hash: hash.toUpperCase() }],
      [{ name: "a", hash, role: 1 }],
      [{ name: "a", hash, role: "" }],
      [{ name: "a", hash, claims: [] }],
      [{ name: "a", hash, until: "soon" }],
      [{ name: "a", hash, until: 1 }],
      [{ name: "a", hash, key: "x" }],
    ];
    for (const content of wrong) {
      await writeFile(file, JSON.stringify(content));
      await assert.rejects(open({ apiKeys: { file } }), (error: Error & { code: string }) => {
        assert.equal(error.code, "HP_OPTION_INVALID");
        assert.ok(!error.message.includes(hash.slice(1, 20)));
        return true;
      });
    }
    await assert.rejects(open({ apiKeys: { file: `${file}.missing` } }), { code: "HP_OPTION_INVALID" });
  });

  it("verified with a file's key are verified with the next one's after a reload", async (t) => {
    const file = join(await testFolder(t), "secret");
    await writeFile(file, `${SECRET}\n`);
    const authenticator = await open({ jwt: { keysFile: file } });
    const other = SECRET.replace("safe", "safer");
    const headers = { authorization: `Bearer ${signText(SECRET, '{"sub":"x"}')}` };
    const next = { authorization: `Bearer ${signText(other, '{"sub":"y"}')}` };
    assert.equal(await judge(authenticator, headers), "token x null");
    assert.equal(await judge(authenticator, next), "HP_JWT_INVALID");
    await writeFile(file, other);
    await authenticator.reload();
    assert.equal(await judge(authenticator, headers), "HP_JWT_INVALID", "it was remembered beyond its key");
    assert.equal(await judge(authenticator, next), "token y null");
    await writeFile(file, "short");
    await assert.rejects(authenticator.reload(), { code: "HP_OPTION_INVALID" });
    assert.equal(await judge(authenticator, next), "token y null");
  });
});
