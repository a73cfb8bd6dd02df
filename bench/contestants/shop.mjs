// What the hand-written servers ask of the shop: one statement per route, as rows and as JSON text built by PostgreSQL.

const READ_COLUMNS = "id, username, email, full_name, country, active, created_at, updated_at";
const LIST_COLUMNS = "id, status, total, note, created_at";
const NEWEST_ORDERS = `select ${LIST_COLUMNS} from orders where user_id = $1 order by created_at desc, id limit 20`;

export const READ_ROWS = `select ${READ_COLUMNS} from users where id = $1`;
export const READ_TEXT = `select row_to_json(u)::text from users u where id = $1`;

export const LIST_ROWS = NEWEST_ORDERS;
export const LIST_TEXT = `select coalesce(json_agg(o), '[]')::text from (${NEWEST_ORDERS}) o`;

export const EMBED_TEXT = `
select row_to_json(reply)::text
from (
  select u.*,
    (select row_to_json(p) from profiles p where p.user_id = u.id) as profiles,
    coalesce((
      select json_agg(newest)
      from (
        select o.id, o.status, o.total, o.created_at,
          coalesce((
            select json_agg(item)
            from (
              select line_no, product_id, quantity, unit_price
              from order_items
              where order_id = o.id
              order by line_no
            ) item
          ), '[]') as order_items
        from orders o
        where o.user_id = u.id
        order by o.created_at desc, o.id
        limit 10
      ) newest
    ), '[]') as orders
  from users u
  where u.id = $1
) reply`;

/** A row of Chinook, for the start-up scenario. */
export const ALBUM_TEXT = `select row_to_json(a)::text from album a where album_id = $1`;

const text = { type: "string" };
const integer = { type: "integer" };
const nullableText = { type: ["string", "null"] };

/** Response schemas: Fastify compiles serializers from them, the tuning its documentation recommends. */
export const USER_SCHEMA = {
  type: "object",
  properties: {
    id: integer,
    username: text,
    email: text,
    full_name: text,
    country: text,
    active: { type: "boolean" },
    created_at: text,
    updated_at: text,
  },
};
export const ORDERS_SCHEMA = {
  type: "array",
  items: {
    type: "object",
    properties: { id: integer, status: text, total: { type: "number" }, note: nullableText, created_at: text },
  },
};

/** `2025-03-01 10:20:30+00` as PostgreSQL's JSON has it. Cheaper than a Date and back; the bench's databases run in UTC. */
export function isoTimestamp(value) {
  return `${value.slice(0, 10)}T${value.slice(11)}:00`;
}

export const JSON_TYPE = "application/json; charset=utf-8";
