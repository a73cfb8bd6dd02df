import * as fc from "fast-check";
import { formatCursor } from "../../../src/postgres/cursor.ts";

/** Stands in every hostile text, so that its way can be followed. */
export const MARK = "zqx7";

/** What nobody may reach: it has no place in the API, and every right is granted on it. */
export const CANARY = "vault.canary";

/** One request, ready to be sent. */
export interface HostileRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string | undefined;
}

const STEALING = [
  `${MARK}'; delete from ${CANARY}; --`,
  `${MARK}"; drop table ${CANARY}; --`,
  `${MARK}" from ${CANARY}; --`,
  `${MARK}')) union select secret from ${CANARY} --`,
  `(select secret from ${CANARY} limit 1) as ${MARK}`,
  `${MARK}", (select secret from ${CANARY}) as "x`,
  `${MARK}, (select count(*) from ${CANARY})`,
  `${MARK}\\'; truncate ${CANARY}; --`,
  `${MARK}) from ${CANARY} where (1=1`,
  `${MARK}::text from ${CANARY}`,
  `int) from ${CANARY} -- ${MARK}`,
  `${MARK}; commit; begin; delete from ${CANARY}`,
  `$$${MARK}$$ || (select secret from ${CANARY})`,
  `$1); delete from ${CANARY} where ('${MARK}' = $1`,
  `E'${MARK}\\047 || (table ${CANARY})`,
  `${MARK}/**/union/**/table/**/${CANARY}`,
  `${MARK}\n;table ${CANARY}`,
  `U&"${MARK}\\0022" from ${CANARY}`,
  `${MARK}\u2019; table ${CANARY}`,
  `canary.secret.${MARK}`,
  `vault.canary`,
  `"vault"."canary"`,
  `secret from ${CANARY}`,
  `pg_sleep(9)`,
  `${MARK}->>'a' from ${CANARY}`,
  `{${MARK}}'::text[]); table ${CANARY}; --`,
  `{"${MARK}\\"}`,
  `${MARK}%00`,
  `query_to_xml('table ${CANARY}',true,true,'${MARK}')`,
] as const;

const text: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...STEALING) },
  {
    weight: 1,
    arbitrary: fc
      .string({ unit: "binary", maxLength: 16 })
      .filter((value) => !value.includes("\0") && value.isWellFormed())
      .map((value) => `${MARK}${value}`),
  },
  // Pieces that are harmless in one place and not in another.
  {
    weight: 2,
    arbitrary: fc
      .array(
        fc.constantFrom(`"`, `'`, "\\", ";", "--", "(", ")", ",", ".", "::", "->>", "$1", " from ", CANARY, MARK),
        {
          minLength: 1,
          maxLength: 7,
        },
      )
      .map((pieces) => pieces.join("")),
  },
);

/** Where a query carries text and is right with any: inside the dialect's quotes, or as a value. */
const RIGHT_PLACES = [
  'select=id,"?":name',
  'select="?":id,"?":data',
  'select=data->"?"->>"?"',
  'select="?":data->"?"',
  'select="?":name::text',
  'select=id,"?":pet("?":id,name)',
  'select=id,"?":pet("?":id)&"?".order=id.desc&"?".limit=2',
  'select=id,"?":pet!inner("?":owner("?":name))',
  "select=id,pet(count)&name=neq.?",
  'select="?":id.max(),name&order=name',
  'select=...pet("?":name)',
  'data->>"?"=eq.?',
  'data->"?"->>"?"=neq.?',
  "name=eq.?",
  "name=not.eq.?&name=neq.?",
  'name=in.("?","?")',
  "name=like.?*",
  'name=eq(any).{"?","?"}',
  'name=like(all).{"?"}',
  "name=wfts(simple).?",
  "name=isdistinct.?",
  'tags=cs.{"?"}',
  'tags=not.ov.{"?"}',
  'order=data->>"?"',
  'order=data->"?"->>"?".desc.nullslast,id',
  'or=(name.eq."?",and(name.in.("?","?"),data->>"?".is.null))',
  'pet.or=(name.eq."?",name.like."?")&select=id,pet(id)',
  'not.and=(name.not.like."?",data->"?".is.null)',
] as const;

/** Where text is out of place more often than not. */
const WRONG_PLACES = [
  "select=?",
  'select="?"',
  "select=?:id",
  "select=id::?",
  "select=data->?",
  "select=pet!?(id)",
  'select=pet!"?"(id)',
  'select=..."?"(id)',
  "select=id.sum()::?",
  "?=eq.1",
  '"?"=eq.1',
  "data->?->>?=eq.1",
  'pet."?"=eq.1&select=id,pet(id)',
  "id=?",
  "id=?.1",
  "name=in.(?)",
  "name=imatch.?",
  "name=eq(any).{?}",
  "name=fts(?).x",
  "name=fts.?",
  "name=is.?",
  "tags=cs.{?}",
  "data=cs.?",
  "span=sl.?",
  "mood=eq.?",
  "order=?",
  'order="?".desc.nullslast',
  "order=id.?",
  'order=pet("?")&select=id,pet(id)',
  "limit=?",
  "offset=?",
  "or=(?)",
  'or=("?".eq.1,id.eq.1)',
  "not.and=(name.?.1)",
  "columns=?",
  'columns="?",name',
  "on_conflict=?",
  'on_conflict="?"',
  "?",
  "?=?",
] as const;

const encoded = (value: string): string => encodeURIComponent(value.toWellFormed());

/** A part of a query with texts in its places; a text that comes again, as the name of an embed, is the same one. */
const filled = (places: readonly string[]): fc.Arbitrary<string> =>
  fc.tuple(fc.constantFrom(...places), fc.array(text, { minLength: 3, maxLength: 3 })).map(([place, texts]) => {
    let index = 0;
    const isAddressed = place.includes('&"?"');
    const fill = (part: string): string =>
      part.replaceAll(/("?)\?/g, (_match, quote: string) => {
        const value = texts[isAddressed ? 0 : index++ % texts.length] ?? "";
        return quote + (quote === "" ? value : value.replaceAll("\\", "\\\\").replaceAll('"', '\\"'));
      });
    return place
      .split("&")
      .map((one) => {
        const [name = "", ...value] = one.split("=");
        return value.length === 0 ? encoded(fill(name)) : `${encoded(fill(name))}=${encoded(fill(value.join("=")))}`;
      })
      .join("&");
  });

const query: fc.Arbitrary<string> = fc.oneof(
  { weight: 4, arbitrary: filled(RIGHT_PLACES) },
  { weight: 2, arbitrary: fc.tuple(filled(RIGHT_PLACES), filled(RIGHT_PLACES)).map((pairs) => pairs.join("&")) },
  { weight: 2, arbitrary: filled(WRONG_PLACES) },
  { weight: 1, arbitrary: fc.tuple(filled(RIGHT_PLACES), filled(WRONG_PLACES)).map((pairs) => pairs.join("&")) },
);

/** A cursor that is rightly made, and holds what it should not. */
const forged: fc.Arbitrary<string> = fc.tuple(text, text).map(([name, id]) => {
  const scope = JSON.stringify([
    "public",
    "owner",
    ["name", "asc", "last", true, false],
    ["id", "asc", "last", false, false],
  ]);
  return `order=name&limit=1&after=${formatCursor(scope, [name, id]) ?? ""}`;
});

const FIELDS = [
  "prefer",
  "accept",
  "accept-profile",
  "content-profile",
  "range",
  "range-unit",
  "content-type",
  "if-none-match",
  "if-match",
  "idempotency-key",
  "cookie",
  "authorization",
  "consistency-token",
  "x-forwarded-for",
] as const;
const FIELD_PLACES = [
  "?",
  "count=?",
  "timezone=?",
  "handling=strict, timezone=?",
  "return=?",
  "tx=?",
  "max-affected=?",
  'application/vnd.pgrst.plan+json; for="?"; options=?',
  "application/?",
  "?/json",
  "0-?",
  "items=?-9",
  "Bearer ?",
  '"?"',
] as const;

const field: fc.Arbitrary<Record<string, string>> = fc
  .tuple(fc.constantFrom(...FIELDS), fc.constantFrom(...FIELD_PLACES), text)
  .map(([name, place, value]) => ({ [name]: place.replaceAll("?", () => value.replaceAll(/[^\x20-\x7e]/g, "")) }));

const NOTHING: fc.Arbitrary<Record<string, string>> = fc.constant({});
const headers: fc.Arbitrary<Record<string, string>> = fc.oneof(
  { weight: 3, arbitrary: NOTHING },
  { weight: 1, arbitrary: field },
  {
    weight: 1,
    arbitrary: fc
      .constantFrom("count=exact", "count=planned", "return=representation", "resolution=merge-duplicates")
      .map((prefer) => ({ prefer })),
  },
  { weight: 1, arbitrary: fc.constantFrom("text/csv", "application/vnd.pgrst.plan").map((accept) => ({ accept })) },
);

const key: fc.Arbitrary<string> = fc.oneof(text, fc.constantFrom("id", "name", "data", "tags", "a", "b", "v"));
const object: fc.Arbitrary<string> = fc.oneof(
  fc
    .tuple(fc.integer({ min: 100 }), text)
    .map(([id, name]) => JSON.stringify({ id, name, data: { [name]: name }, tags: [name] })),
  fc
    .dictionary(key, fc.oneof(text, fc.integer(), fc.constant(null), fc.array(text, { maxLength: 2 })), { maxKeys: 4 })
    .map((members) => JSON.stringify(members)),
);
const csvField = text.map((value) => (/[",\r\n]/.test(value) ? `"${value.replaceAll('"', '""')}"` : value));
const csv: fc.Arbitrary<string> = fc
  .tuple(
    fc.oneof(
      fc.constant("id,name"),
      fc.array(csvField, { minLength: 1, maxLength: 2 }).map((f) => f.join(",")),
    ),
    csvField,
  )
  .map(([first, value]) => `${first}\n5,${value}\n`);

const content: fc.Arbitrary<{ readonly type: string; readonly body: string }> = fc.oneof(
  object.map((body) => ({ type: "application/json", body })),
  object.map((body) => ({ type: "application/json", body: `[${body},${body}]` })),
  text.map((body) => ({ type: "application/json", body })),
  csv.map((body) => ({ type: "text/csv", body })),
  fc.tuple(key, text).map(([name, value]) => ({
    type: "application/x-www-form-urlencoded",
    body: `${encoded(name)}=${encoded(value)}&name=${encoded(value)}`,
  })),
  text.map((body) => ({ type: "text/plain", body })),
);

const path: fc.Arbitrary<string> = fc.oneof(
  { weight: 8, arbitrary: fc.constant("/owner") },
  { weight: 1, arbitrary: fc.constantFrom("/pet", "/named") },
  { weight: 2, arbitrary: fc.constant("/rpc/owners") },
  {
    weight: 1,
    arbitrary: fc.oneof(
      text.map((value) => `/${encoded(value)}`),
      text.map((value) => `/owner/${encoded(value)}`),
      text.map((value) => `/rpc/${encoded(value)}`),
    ),
  },
);

const reading: fc.Arbitrary<HostileRequest> = fc
  .tuple(
    fc.constantFrom("GET", "GET", "GET", "HEAD"),
    path,
    fc.oneof({ weight: 9, arbitrary: query }, { weight: 1, arbitrary: forged }),
    headers,
  )
  .map(([method, target, asked, fields]) => ({ method, path: `${target}?${asked}`, headers: fields }));

/** Functions and a query that is right for them. */
const CALLS = ["/rpc/echo?a=", "/rpc/echo?b=x&a=", "/rpc/many?v=1&v=", "/rpc/owners?id=", "/rpc/adopt?a="] as const;

const calling: fc.Arbitrary<HostileRequest> = fc.oneof(
  fc
    .tuple(fc.constantFrom(...CALLS), text, headers)
    .map(([target, value, fields]) => ({ method: "GET", path: target + encoded(value), headers: fields })),
  fc
    .tuple(fc.constantFrom("echo", "many", "owners", "adopt", "raw"), content, headers)
    .map(([name, { type, body }, fields]) => ({
      method: "POST",
      path: `/rpc/${name}`,
      headers: { "content-type": type, ...fields },
      body,
    })),
  fc.tuple(text, text, headers).map(([a, b, fields]) => ({
    method: "POST",
    path: "/rpc/echo",
    headers: { "content-type": "application/json", ...fields },
    body: JSON.stringify({ a, b }),
  })),
);

const changing: fc.Arbitrary<HostileRequest> = fc
  .tuple(
    fc.constantFrom("POST", "POST", "PATCH", "PUT", "DELETE"),
    path,
    fc.option(query, { nil: "" }),
    content,
    headers,
  )
  .map(([method, target, asked, { type, body }, fields]) => ({
    method,
    path: `${target}?${asked}`,
    headers: { "content-type": type, ...fields },
    ...(method === "DELETE" ? {} : { body }),
  }));

/** Requests of every kind, with hostile texts wherever one can stand. */
export const hostileRequest: fc.Arbitrary<HostileRequest> = fc.oneof(
  { weight: 5, arbitrary: reading },
  { weight: 2, arbitrary: calling },
  { weight: 3, arbitrary: changing },
);
