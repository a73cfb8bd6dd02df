import assert from "node:assert/strict";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { describe, it, type TestContext } from "node:test";
import { resolveServerSettings } from "../../src/api/options.ts";
import { type Authenticator, openAuthenticator, type Verdict } from "../../src/auth/authenticator.ts";
import { createPublishedKeys, type PublishedKeys } from "../../src/auth/published-keys.ts";
import { CredentialsRefused } from "../../src/auth/refusal.ts";
import { createIssuer, type Issuer, sign } from "./tokens.ts";

/** An identity provider that publishes whatever it is told to. */
interface Provider {
  readonly url: string;
  requests: number;
  answer: RequestListener;
  publish(...issuers: readonly Issuer[]): void;
}

async function provider(t: TestContext): Promise<Provider> {
  const server = createServer((request, response) => {
    self.requests++;
    self.answer(request, response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const self: Provider = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`,
    requests: 0,
    answer: (_request, response) => response.writeHead(404).end(),
    publish(...issuers) {
      const text = JSON.stringify({ keys: issuers.map(({ jwk }) => jwk) });
      self.answer = (_request, response) => response.setHeader("content-type", "application/json").end(text);
    },
  };
  return self;
}

interface Logged {
  readonly level: string;
  readonly message: string;
}

function recordingLog() {
  const lines: Logged[] = [];
  const at = (level: string) => (_details: object, message: string) => void lines.push({ level, message });
  return { lines, log: { debug: at("debug"), info: at("info"), warn: at("warn"), error: at("error") } };
}

async function authenticate(authenticator: Authenticator, token: string): Promise<Verdict> {
  return authenticator.authenticate({ authorization: `Bearer ${token}` });
}

function codeOf(verdict: Verdict): string {
  return verdict instanceof CredentialsRefused ? verdict.code : verdict.kind;
}

describe("published keys", () => {
  it("verify tokens, also those signed with a key that is published later", async (t) => {
    const [one, two] = await Promise.all([createIssuer("ES256", "one"), createIssuer("RS256", "two")]);
    const idp = await provider(t);
    idp.publish(one);
    const { log } = recordingLog();
    const options = { auth: { jwt: { keysUrl: idp.url } } };
    const authenticator = (await openAuthenticator(resolveServerSettings({ argument: options }).auth, log))!;
    assert.equal(idp.requests, 1);
    assert.equal(codeOf(await authenticate(authenticator, await sign(one, {}))), "token");
    // A moment ago there was no other key, and who makes up key ids must not make us ask again and again.
    idp.publish(one, two);
    const token = await sign(two, {});
    for (let index = 0; index < 5; index++)
      assert.equal(codeOf(await authenticate(authenticator, token)), "HP_JWT_INVALID");
    assert.equal(idp.requests, 1);
  });

  it("are fetched again for an unknown key, once a while; those that are gone verify nothing any more", async (t) => {
    const [one, two, three] = await Promise.all([
      createIssuer("ES256", "one"),
      createIssuer("ES256", "two"),
      createIssuer("ES256", "three"),
    ]);
    const idp = await provider(t);
    const { log } = recordingLog();
    let nowMs = 0;
    let changes = 0;
    const keys = createPublishedKeys({
      url: idp.url,
      maxAgeMs: 600_000,
      log,
      clock: () => nowMs,
      changed: () => changes++,
    });
    const ids = (): unknown => keys.keys?.map(({ id }) => id);
    idp.publish(one);
    await keys.renew();
    assert.deepEqual([ids(), changes, idp.requests], [["one"], 1, 1]);
    idp.publish(two, three);
    await keys.renew();
    assert.deepEqual([ids(), idp.requests], [["one"], 1], "asked again within ten seconds");
    nowMs += 10_000;
    await Promise.all([keys.renew(), keys.renew(), keys.renew()]);
    assert.deepEqual([ids(), changes, idp.requests], [["two", "three"], 2, 2]);
    nowMs += 10_000;
    await keys.renew();
    assert.deepEqual([changes, idp.requests], [2, 3], "an equal set is no change");
  });

  it("stay in use when they cannot be fetched, whatever the reason", async (t) => {
    const [one, secret] = await Promise.all([createIssuer("ES256", "one"), createIssuer("HS256", "secret")]);
    const idp = await provider(t);
    const { log, lines } = recordingLog();
    let nowMs = 0;
    const keys = createPublishedKeys({
      url: idp.url,
      maxAgeMs: 1000,
      log,
      clock: () => nowMs,
      changed: () => undefined,
    });
    const answers: RequestListener[] = [
      (_request, response) => response.writeHead(500).end("trouble"),
      (_request, response) => response.end("<html>"),
      (_request, response) => response.end('{"keys":[]}'),
      (_request, response) => response.end('{"keys":[{"kty":"EC"},{"kty":"unknown"},7]}'),
      // Whoever publishes a secret has none.
      (_request, response) => response.end(JSON.stringify({ keys: [secret.jwk] })),
      (_request, response) => response.writeHead(302, { location: `${idp.url}2` }).end(),
      (_request, response) => response.end("x".repeat(600_000)),
      (request) => request.socket.destroy(),
    ];
    const renewals = async (): Promise<void> => {
      for (const answer of answers) {
        idp.answer = answer;
        nowMs += 10_000;
        await keys.renew();
      }
    };
    await renewals();
    assert.equal(keys.keys, undefined);
    idp.publish(one);
    nowMs += 10_000;
    await keys.renew();
    const { keys: fetched } = keys;
    await renewals();
    assert.equal(keys.keys, fetched);
    assert.equal(lines.filter(({ level }) => level === "warn").length, 2 * answers.length);
    assert.ok(lines.at(-1)?.message.includes("the last one stays in use"));
  });

  it("are fetched behind everybody's back when they have come of age", async (t) => {
    const one = await createIssuer("ES256", "one");
    const idp = await provider(t);
    idp.publish(one);
    let nowMs = 0;
    const keys: PublishedKeys = createPublishedKeys({
      url: idp.url,
      maxAgeMs: 60_000,
      log: recordingLog().log,
      clock: () => nowMs,
      changed: () => undefined,
    });
    keys.freshen();
    assert.equal(idp.requests, 0, "nothing is fetched before it is wanted");
    await keys.renew();
    nowMs += 59_999;
    keys.freshen();
    nowMs += 1;
    keys.freshen();
    await keys.renew();
    assert.equal(idp.requests, 2);
  });

  it("that never came make tokens neither valid nor invalid; those of a secret are verified all the same", async (t) => {
    const [one, own] = await Promise.all([createIssuer("ES256", "one"), createIssuer("HS256")]);
    const idp = await provider(t);
    const jwt = { keysUrl: idp.url, secret: JSON.stringify(own.jwk) };
    const authenticator = (await openAuthenticator(
      resolveServerSettings({ argument: { auth: { jwt } } }).auth,
      recordingLog().log,
    ))!;
    const verdict = await authenticate(authenticator, await sign(one, {}));
    assert.ok(verdict instanceof CredentialsRefused);
    assert.deepEqual(
      [verdict.code, verdict.status, verdict.headers],
      ["HP_JWT_UNVERIFIABLE", 503, { "retry-after": "10" }],
    );
    assert.equal(codeOf(await authenticate(authenticator, await sign(own, {}))), "token");
    assert.equal(idp.requests, 1);
  });
});
