import { randomBytes } from "node:crypto";
import { SECRET, signText } from "../auth/tokens.ts";
import { runSql, testDatabase, type TestScope } from "../support/postgres.ts";

/** A database whose rows belong to tenants, and roles of its own to read them with. */
export interface TenantDatabase {
  /** URL of the role that may become the others and can do nothing itself. */
  readonly url: string;
  readonly superUrl: string;
  readonly anon: string;
  readonly member: string;
  readonly auditor: string;
  /** `Authorization` of a member of a tenant, or of another role. */
  readonly as: (claims: object) => { readonly authorization: string };
}

export const NOTES_PER_TENANT = 40;

/** Tenants' notes under row security, and views that tell who asks, fail, and take their time. */
export async function tenantDatabase(t: TestScope, sql = ""): Promise<TenantDatabase> {
  const id = randomBytes(4).toString("hex");
  const authenticator = `authenticator_${id}`;
  const [anon, member, auditor] = [`anon_${id}`, `member_${id}`, `auditor_${id}`];
  const superUrl = await testDatabase(t);
  await runSql(
    superUrl,
    `create role ${authenticator} login noinherit password 'secret';
    create role ${anon}; create role ${member}; create role ${auditor};
    grant ${anon}, ${member}, ${auditor} to ${authenticator};
    create table notes (id int primary key, tenant text not null, body text not null, updated_at timestamptz default '2020-01-01');
    insert into notes select n, t, t || ' ' || n from generate_series(1, ${NOTES_PER_TENANT * 3}) n,
      lateral (select (array['red', 'green', 'blue'])[n % 3 + 1]) as tenant (t);
    create table tags (note int references notes, tag text, tenant text);
    insert into tags select id, 'about ' || tenant, tenant from notes;
    alter table notes enable row level security;
    alter table tags enable row level security;
    create policy members on notes to ${member}
      using (tenant = current_setting('request.jwt.claims', true)::json ->> 'tenant');
    create policy auditors on notes to ${auditor} using (true);
    create policy members on tags to ${member}
      using (tenant = current_setting('request.jwt.claims', true)::json ->> 'tenant');
    create view who as select current_user::text as role, session_user::text as connected,
      current_setting('request.jwt.claims', true)::json ->> 'tenant' as tenant,
      current_setting('request.method', true) as method, current_setting('request.path', true) as path;
    create view broken with (security_invoker = true) as select id / (id - id) as never from notes;
    grant select on notes, tags, broken to ${member}, ${auditor};
    grant select on who to ${member}, ${auditor}, ${anon};
    ${sql}`
      .replaceAll("ANON", anon)
      .replaceAll("MEMBER", member)
      .replaceAll("AUDITOR", auditor)
      .replaceAll("AUTHENTICATOR", authenticator),
  );
  const url = new URL(superUrl);
  url.username = authenticator;
  url.password = "secret";
  return { url: url.href, superUrl, anon, member, auditor, as: bearer };
}

function bearer(claims: object): { authorization: string } {
  return { authorization: `Bearer ${signText(SECRET, JSON.stringify(claims))}` };
}
