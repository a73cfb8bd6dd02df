import assert from "node:assert/strict";
import { describe, it } from "node:test";
import type { PostgresOptions } from "../../src/api/postgres-option-types.ts";
import { resolvePostgresSettings } from "../../src/api/options.ts";
import type { SourceRequest } from "../../src/api/source-request.ts";
import { createOpenTransaction } from "../../src/postgres/transaction.ts";
import { SECRET } from "../auth/tokens.ts";
import { runSql, type TestScope } from "../support/postgres.ts";
import { serve, type ServedApi } from "../support/server.ts";
import { type TenantDatabase, tenantDatabase } from "./tenants.ts";

async function fixture(
  t: TestScope,
  sql: string,
  options: PostgresOptions = {},
): Promise<TenantDatabase & { readonly api: ServedApi }> {
  const database = await tenantDatabase(t, sql);
  const api = await serve(t, database.url, {
    postgres: { anonRole: database.anon, ...options },
    server: { auth: { jwt: { secret: SECRET } } },
  });
  return { ...database, api };
}

function codeOf(text: string): string {
  return (JSON.parse(text) as { code: string }).code;
}

describe("roles", { concurrency: 3 }, () => {
  it("bring the settings that they were given, those for the database before those for all", async (t) => {
    const { api, as, member, auditor, superUrl, url } = await fixture(
      t,
      `create view settings as select current_setting('work_mem') as work_mem, current_setting('statement_timeout') as timeout,
        current_setting('transaction_isolation') as isolation, current_setting('log_min_messages') as log;
      grant select on settings to ANON, MEMBER, AUDITOR;
      alter role MEMBER set work_mem = '7MB';
      alter role MEMBER set statement_timeout = '3s';
      alter role MEMBER set log_min_messages = 'error';
      alter role MEMBER set role = 'AUDITOR';
      alter role AUDITOR set default_transaction_isolation = 'serializable';
      alter role AUDITOR set work_mem = '8MB';
      do $$ begin execute format('alter role AUDITOR in database %I set work_mem = %L', current_database(), '9MB'); end $$;`,
    );
    const settings = async (headers = {}): Promise<Record<string, string>> => {
      const [row] = (await api.json("/settings", headers)) as Record<string, string>[];
      return row ?? {};
    };
    const anonymous = await settings();
    assert.equal(anonymous["isolation"], "read committed");
    const own = await settings(as({ role: member }));
    assert.deepEqual([own["work_mem"], own["timeout"], own["isolation"]], ["7MB", "3s", "read committed"]);
    assert.equal(own["log"], anonymous["log"], "a setting that the connecting user may not change");
    const audited = await settings(as({ role: auditor }));
    assert.deepEqual([audited["work_mem"], audited["isolation"]], ["9MB", "serializable"]);
    assert.deepEqual(await settings(), anonymous, "they stayed on the connection");
    assert.equal(((await api.json("/who", as({ role: member }))) as { role: string }[])[0]?.role, member);

    await runSql(
      superUrl,
      `alter role ${member} set work_mem = '6MB'; grant set on parameter log_min_messages to ${new URL(url).username}`,
    );
    await api.server.reload();
    const changed = await settings(as({ role: member }));
    assert.deepEqual([changed["work_mem"], changed["log"]], ["6MB", "error"]);
    assert.deepEqual(await settings(), anonymous);
  });

  it("may have less time than others, or more", async (t) => {
    const { api, as, member } = await fixture(
      t,
      `create view slow as select pg_sleep(60)::text as slept; grant select on slow to MEMBER;
      alter role MEMBER set statement_timeout = '10ms';`,
    );
    const { status, text } = await api.get("/slow", as({ role: member }));
    assert.deepEqual([status, codeOf(text)], [500, "57014"]);

    // Who has more time than the pool gives must tell it, or the connection is taken for dead.
    const settings = resolvePostgresSettings("postgres://localhost/x", {
      argument: { pool: { statementTimeout: "30s" } },
    });
    const limits = ["10s", "30000", "31s", "2min", "0", "off"].map((value) => {
      const role = { settings: [["statement_timeout", value] as const], isolation: undefined };
      const open = createOpenTransaction({ ...settings, anonRole: "a" }, () => ({
        roleSettings: new Map([["a", role]]),
        hasRowSecurity: false,
      }));
      const request = { method: "GET", subpath: "/", headers: {} } as unknown as SourceRequest;
      return open(request, { schema: "public", timezone: null }).limit.timeoutMs;
    });
    assert.deepEqual(limits, [undefined, undefined, 36_000, 125_000, 2_147_483_647, undefined]);
  });

  it("see the request in settings, and what the operator sets for all", async (t) => {
    const { api, as, member } = await fixture(
      t,
      `create view seen as select current_setting('request.method') as method, current_setting('request.path') as path,
        current_setting('request.headers')::json ->> 'x-custom' as header, current_setting('request.headers')::json ->> 'cookie' as cookie,
        current_setting('request.cookies')::json as cookies, current_setting('request.jwt.claims')::json as claims,
        current_setting('app.settings.plan') as plan, current_setting('app.settings.deep.key') as key;
      grant select on seen to ANON, MEMBER;`,
      { appSettings: ["plan=basic = 1", "deep.key=ü'"] },
    );
    const headers = { ...as({ role: member, id: 1, note: "ü'\"" }), "x-custom": "a'b", cookie: "a=1; b=2=3;c" };
    const [seen] = (await api.json("/seen?select=*", headers)) as Record<string, unknown>[];
    assert.deepEqual(seen, {
      method: "GET",
      path: "/seen",
      header: "a'b",
      cookie: null,
      cookies: { a: "1", b: "2=3", c: "" },
      claims: { role: member, id: 1, note: "ü'\"" },
      plan: "basic = 1",
      key: "ü'",
    });
  });

  it("are looked at by the pre-request function, which may refuse, switch, and set fields of the reply", async (t) => {
    const { api, as, member, auditor } = await fixture(
      t,
      `create function check_request() returns void language plpgsql as $$
        declare claims json := current_setting('request.jwt.claims')::json;
        begin
          if claims ->> 'sub' = 'banned' then raise exception 'No, you are banned' using hint = 'Stop'; end if;
          if claims ->> 'sub' = 'teapot' then
            raise sqlstate 'PGRST' using message = '{"code":"T1","message":"tea"}', detail = '{"status":418,"headers":{"X-Tea":"green"}}';
          end if;
          if claims ->> 'sub' = 'auditor' then execute format('set local role %I', 'AUDITOR'); end if;
          perform set_config('response.headers', json_build_array(json_build_object('X-Who', current_user))::text, true);
        end $$;`,
      { preRequest: "check_request" },
    );
    const ok = await api.get("/who", as({ role: member, sub: "ann" }));
    assert.deepEqual([ok.status, ok.headers["x-who"]], [200, member]);
    const row = await api.get("/notes/1", as({ role: auditor }));
    assert.deepEqual([row.status, row.headers["x-who"]], [200, auditor]);
    const none = await api.get("/notes?id=eq.100000", as({ role: auditor }));
    assert.deepEqual([none.status, none.text, none.headers["x-who"]], [200, "[]", auditor]);
    const banned = await api.get("/who", as({ role: member, sub: "banned" }));
    assert.deepEqual([banned.status, codeOf(banned.text)], [400, "P0001"]);
    const teapot = await api.get("/who", as({ role: member, sub: "teapot" }));
    assert.deepEqual([teapot.status, teapot.headers["x-tea"], codeOf(teapot.text)], [418, "green", "T1"]);
    const [switched] = (await api.json("/who", as({ role: member, sub: "auditor" }))) as { role: string }[];
    assert.equal(switched?.role, auditor);
    assert.equal((await api.get("/who")).headers["x-who"]?.toString().startsWith("anon_"), true);
  });

  it("have statements prepared apart where rows are secured, since PostgreSQL plans them anew for each", async (t) => {
    const { api, as, member, auditor } = await fixture(
      t,
      `create view prepared as select count(*) as plans, sum(generic_plans + custom_plans) as uses from pg_prepared_statements
        where statement like '%"notes"%' group by statement;
      grant select on prepared to MEMBER;`,
      { pool: { max: 1, maxBatch: 1 } },
    );
    const [first, second] = [as({ role: member, tenant: "red" }), as({ role: auditor })];
    for (let round = 0; round < 3; round++) {
      assert.equal((await api.get("/notes", first)).status, 200);
      assert.equal((await api.get("/notes", second)).status, 200);
    }
    assert.deepEqual(await api.json("/prepared", first), [{ plans: 2, uses: 6 }]);
  });

  it("that are missing leave the anonymous out, and never make anybody the connecting user", async (t) => {
    const { url, as, member } = await tenantDatabase(t);
    const closed = await serve(t, url, { server: { auth: { jwt: { secret: SECRET } } } });
    for (const headers of [{}, as({ tenant: "red" })]) {
      for (const path of ["/who", "/nothing", "/"]) {
        const { status, text, headers: fields } = await closed.get(path, headers);
        assert.deepEqual([status, codeOf(text), fields["www-authenticate"]], [401, "PGRST302", "Bearer"]);
      }
    }
    assert.equal((await closed.get("/who", as({ role: member }))).status, 200);
    const tokenless = await serve(t, url, { postgres: { anonRole: member } });
    const unverified = await tokenless.get("/who", as({ role: member }));
    assert.deepEqual([unverified.status, codeOf(unverified.text)], [500, "PGRST300"]);
    assert.equal((await tokenless.get("/who")).status, 200);
  });

  it("lack a privilege: 401 for the anonymous, whom credentials would help, 403 for others", async (t) => {
    const { api, as, anon, member } = await fixture(t, "create table closed (id int)");
    const statuses = async (headers = {}): Promise<unknown[]> => {
      const { status, text, headers: fields } = await api.get("/closed", headers);
      return [status, codeOf(text), fields["www-authenticate"]];
    };
    assert.deepEqual(await statuses(), [401, "42501", "Bearer"]);
    assert.deepEqual(await statuses(as({ role: anon })), [401, "42501", "Bearer"]);
    assert.deepEqual(await statuses(as({})), [401, "42501", "Bearer"]);
    assert.deepEqual(await statuses(as({ role: member })), [403, "42501", undefined]);
  });
});
