import assert from "node:assert/strict";
import { once } from "node:events";
import { connect } from "node:http2";
import { describe, it } from "node:test";
import { SECRET } from "../auth/tokens.ts";
import type { PostgresOptions } from "../../src/api/postgres-option-types.ts";
import { type Answer, serve, type ServedApi } from "../support/server.ts";
import type { TestScope } from "../support/postgres.ts";
import { NOTES_PER_TENANT, type TenantDatabase, tenantDatabase } from "./tenants.ts";

interface Note {
  readonly id: number;
  readonly tenant: string;
  readonly tags?: readonly { readonly tenant: string }[];
}

const TENANTS = ["red", "green", "blue"];

interface Fixture extends TenantDatabase {
  readonly api: ServedApi;
  readonly of: (tenant: string) => { readonly authorization: string };
}

async function fixture(t: TestScope, pool: PostgresOptions["pool"], sql = ""): Promise<Fixture> {
  const database = await tenantDatabase(t, sql);
  const api = await serve(t, database.url, {
    postgres: { anonRole: database.anon, pool: { minIdle: 1, ...pool } },
    server: { auth: { jwt: { secret: SECRET } } },
  });
  return { ...database, api, of: (tenant) => database.as({ role: database.member, tenant, sub: tenant }) };
}

function notesOf({ text }: Answer): readonly Note[] {
  return JSON.parse(text) as Note[];
}

/** Numbers that look random and are the same in every run. */
function sequence(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
}

describe("tenants of one table", { concurrency: 3 }, () => {
  it("see their own rows alone: the same URL, all at once, over few connections, with failures in between", async (t) => {
    for (const max of [1, 3]) {
      const { api, of, as, auditor, member } = await fixture(t, { max });
      const next = sequence(max);
      const lists = [
        "/notes",
        "/notes?select=id,tenant,tags(tenant)",
        "/notes?order=id.desc&limit=5",
        "/notes?body=like.*1*",
      ];
      const one = async (index: number): Promise<void> => {
        const tenant = TENANTS[next(3)] ?? "";
        const kind = next(10);
        if (kind === 0) {
          const { status } = await api.get("/notes");
          assert.equal(status, 401, `anonymous ${index}`);
        } else if (kind === 1) {
          const { status } = await api.get("/notes?id=eq.nonsense", of(tenant));
          assert.equal(status, 400);
        } else if (kind === 2) {
          const { status, text } = await api.get("/broken", of(tenant));
          assert.deepEqual([status, (JSON.parse(text) as { code: string }).code], [400, "22012"]);
        } else if (kind === 3) {
          const [who] = (await api.json("/who")) as { role: string; tenant: string | null }[];
          assert.deepEqual([who?.tenant, who?.role.startsWith("anon_")], [null, true]);
        } else if (kind === 4) {
          const [who] = (await api.json("/who", of(tenant))) as { role: string; tenant: string; connected: string }[];
          assert.deepEqual(
            [who?.role, who?.tenant, who?.connected.startsWith("authenticator_")],
            [member, tenant, true],
          );
        } else if (kind === 5) {
          const notes = notesOf(await api.get("/notes", as({ role: auditor })));
          assert.equal(notes.length, 3 * NOTES_PER_TENANT);
        } else if (kind === 6) {
          assert.deepEqual(notesOf(await api.get("/notes", as({ role: member }))), []);
        } else {
          const answer = await api.get(lists[next(lists.length)] ?? "", { ...of(tenant), prefer: "count=exact" });
          assert.ok(answer.status < 300, answer.text);
          const notes = notesOf(answer);
          assert.ok(notes.length > 0);
          for (const note of notes) {
            assert.equal(note.tenant, tenant);
            for (const tag of note.tags ?? []) assert.equal(tag.tenant, tenant);
          }
          const total = Number(answer.headers["content-range"]?.split("/")[1]);
          assert.ok(total <= NOTES_PER_TENANT, String(total));
        }
      };
      for (let round = 0; round < 3; round++) {
        await Promise.all(Array.from({ length: 120 }, (_, index) => one(index)));
      }
    }
  });

  it("get nothing by another's path, tag, cursor or count", async (t) => {
    const { api, of } = await fixture(t, { max: 2 });
    const [red, green] = [of("red"), of("green")];
    const own = notesOf(await api.get("/notes?limit=1", red))[0]!;
    assert.equal((await api.get(`/notes/${own.id}`, red)).status, 200);
    assert.equal((await api.get(`/notes/${own.id}`, green)).status, 404);
    assert.deepEqual(notesOf(await api.get(`/notes?id=eq.${own.id}`, green)), []);

    const list = await api.get("/notes", red);
    const { etag = "" } = list.headers;
    const theirs = await api.get("/notes", { ...green, "if-none-match": etag });
    assert.deepEqual([theirs.status, new Set(notesOf(theirs).map(({ tenant }) => tenant))], [200, new Set(["green"])]);
    assert.equal((await api.get("/notes", { ...red, "if-none-match": etag })).status, 304);

    const page = await api.get("/notes?order=id&limit=5", red);
    const after = /<([^>]*)>; rel="next"/.exec(String(page.headers["link"]))?.[1] ?? "";
    const continued = notesOf(await api.get(after, green));
    assert.equal(continued.length, 5);
    assert.ok(continued.every(({ tenant }) => tenant === "green"));
    for (const count of ["exact", "estimated"]) {
      const { headers } = await api.send("HEAD", "/notes", { ...green, prefer: `count=${count}` });
      assert.equal(headers["content-range"], `0-${NOTES_PER_TENANT - 1}/${NOTES_PER_TENANT}`);
    }
  });

  it("see their own rows alone on one HTTP/2 connection", async (t) => {
    const { api, of } = await fixture(t, { max: 2 });
    const session = connect(api.url);
    t.after(() => session.close());
    const ask = async (tenant: string): Promise<void> => {
      const stream = session.request({ ":path": "/notes", ...(tenant === "" ? {} : of(tenant)) });
      let text = "";
      stream.setEncoding("utf8").on("data", (chunk: string) => (text += chunk));
      const [headers] = (await once(stream, "response")) as [{ ":status": number }];
      await once(stream, "end");
      if (tenant === "") assert.equal(headers[":status"], 401);
      else assert.deepEqual(new Set((JSON.parse(text) as Note[]).map((note) => note.tenant)), new Set([tenant]));
    };
    await Promise.all(Array.from({ length: 120 }, (_, index) => ask([...TENANTS, ""][index % 4] ?? "")));
  });

  it("leave no role and no claims behind, whatever ended their request", async (t) => {
    const { api, of, member } = await fixture(
      t,
      { max: 1, minIdle: 1 },
      `create view slow as select pg_sleep(60)::text as never; grant select on slow to MEMBER;
      create view doomed as select pg_terminate_backend(pg_backend_pid()) as gone; grant select on doomed to MEMBER;
      grant pg_signal_backend to MEMBER;
      alter role MEMBER set statement_timeout = '20ms';`,
    );
    const endings: Record<string, readonly number[]> = {
      "/notes": [200],
      "/notes?id=eq.x": [400],
      "/broken": [400],
      "/slow": [500],
      "/doomed": [503, 500],
      "/nothing": [404],
      "/notes?select=nothing": [400],
    };
    for (const [path, statuses] of Object.entries(endings)) {
      const { status, text } = await api.get(path, of("red"));
      assert.ok(statuses.includes(status), `${path} ${status} ${text}`);
      const [after] = (await api.json("/who")) as { role: string; tenant: string | null }[];
      assert.deepEqual([after?.role.startsWith("anon_"), after?.tenant], [true, null], path);
      const [other] = (await api.json("/who", of("blue"))) as { role: string; tenant: string }[];
      assert.deepEqual([other?.role, other?.tenant], [member, "blue"], path);
    }
  });

  it("cannot be taken for others by what a request brings", async (t) => {
    const { api, of, as, anon, member, auditor } = await fixture(t, { max: 1 });
    const attempts: Record<string, string>[] = [
      { ...of("red"), "request.jwt.claims": '{"tenant":"green"}' },
      { ...of("red"), cookie: "request.jwt.claims={}; role=x" },
      { ...of("red"), prefer: "tx=commit, timezone=UTC" },
      as({ role: member, tenant: "red'; set role none; --" }),
      as({ role: member, tenant: "red", "request.jwt.claims": { tenant: "green" } }),
      as({ role: `${member}"; set role ${auditor}; --`, tenant: "red" }),
      as({ role: `${member}', true), set_config('role', '${auditor}`, tenant: "red" }),
    ];
    for (const headers of attempts) {
      const answer = await api.get("/notes", headers);
      const foreign = answer.status === 200 ? notesOf(answer).filter(({ tenant }) => tenant !== "red") : [];
      assert.deepEqual(foreign, [], JSON.stringify(headers));
      assert.ok([200, 401].includes(answer.status), answer.text);
    }
    // `none` is PostgreSQL's word for the connecting user, and a role that may not be taken is none of ours.
    for (const role of ["none", "nobody", "", "postgres", "public", "pg_read_all_data", 1, null, { a: 1 }]) {
      const { status, text } = await api.get("/who", as({ role, tenant: "red" }));
      const { message } = JSON.parse(text) as { message: string };
      assert.ok(status === 401 || status === 403, `${JSON.stringify(role)}: ${status} ${text}`);
      assert.match(message, /^role ".*" does not exist$|^permission denied to set role/, text);
    }
    const [unnamed] = (await api.json("/who", as({ tenant: "red" }))) as { role: string; tenant: string }[];
    assert.deepEqual([unnamed?.role, unnamed?.tenant], [anon, "red"]);
  });
});
