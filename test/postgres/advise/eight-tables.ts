import type { Client } from "pg";

/** How much of each table there is: 1 is what the measurement takes, tests take less. */
export function eightTables(scale: number): string {
  const rows = (count: number): string => `generate_series(1, ${Math.round(count * scale)}) as i`;
  const some = (count: number): string => `1 + (hashint8extended(i, 7) & 2147483647) % ${Math.round(count * scale)}`;
  return `
    create extension if not exists pg_trgm;
    create table customers (id int primary key, email text not null, name text not null, active boolean not null);
    create table orders (id int primary key, customer_id int not null references customers, status text not null, total numeric not null, created_at timestamptz not null);
    create table order_lines (id int primary key, order_id int not null references orders, product_id int not null, quantity int not null);
    create table products (id int primary key, name text not null, sku text not null unique, attributes jsonb not null, price numeric not null);
    create table events (id int primary key, kind text not null, at timestamptz not null, payload text not null);
    create table tickets (id int primary key, assignee int not null, priority int not null, closed_at timestamptz, title text not null);
    create table measurements (id int primary key, sensor int not null, at timestamptz not null, value double precision not null, raw text not null);
    create table audit (id bigint generated always as identity primary key, actor int not null, action text not null, at timestamptz not null default now());
    insert into customers select i, 'User' || i || '@Example.org', md5(i::text), i % 20 <> 0 from ${rows(40_000)};
    insert into orders select i, ${some(40_000)}, (array['paid', 'sent', 'open'])[1 + i % 3], i % 997, timestamptz '2026-01-01' + (hashint8extended(i, 3) & 16777215) * interval '1 second' from ${rows(160_000)};
    insert into order_lines select i, ${some(160_000)}, i % 1000, 1 + i % 5 from ${rows(300_000)};
    insert into products select i, md5(i::text) || ' ' || md5((i * 7)::text), 'S' || i, jsonb_build_object('colour', 'c' || i % 500, 'size', i % 40), i % 100 from ${rows(20_000)};
    insert into events select i, 'k' || (hashint8extended(i, 5) & 1023), timestamptz '2026-01-01' + i * interval '20 seconds', repeat('x', 80) from ${rows(150_000)};
    insert into tickets select i, (hashint8extended(i, 9) & 255)::int, i % 10, case when i % 25 = 0 then null else now() end, repeat('t', 100) from ${rows(120_000)};
    insert into measurements select i, (hashint8extended(i, 11) & 511)::int, timestamptz '2026-01-01' + i * interval '5 seconds', i % 1000, repeat('r', 150) from ${rows(150_000)};
    insert into audit (actor, action) select i % 50, 'login' from ${rows(60_000)};
    create index on orders (created_at);
    analyze;
  `;
}

interface Shape {
  readonly text: string;
  readonly calls: number;
  readonly values: (turn: number) => readonly unknown[];
}

const at = (turn: number): string => new Date(Date.UTC(2026, 0, 2 + (turn % 20))).toISOString();

/** The traffic: seven shapes that lack an index, and others that do not. */
export const SHAPES: readonly Shape[] = [
  {
    text: "select id, name from customers where lower(email) = $1",
    calls: 60,
    values: (turn) => [`user${turn * 31}@example.org`],
  },
  {
    text: "select id, total from orders where customer_id = $1 and status = $2 order by created_at desc limit 10",
    calls: 60,
    values: (turn) => [1 + turn * 37, "paid"],
  },
  {
    text: "select o.id, l.product_id, l.quantity from orders o join order_lines l on l.order_id = o.id where o.id = $1",
    calls: 60,
    values: (turn) => [1 + turn * 41],
  },
  {
    text: "select id, sku from products where name ilike $1",
    calls: 40,
    values: (turn) => [`%${(0xabcde + turn * 7919).toString(16)}%`],
  },
  {
    text: "select id, name from products where attributes @> $1::jsonb",
    calls: 40,
    values: (turn) => [JSON.stringify({ colour: `c${turn}` })],
  },
  {
    text: "select id, payload from events where kind = $1 and at >= $2 and at < $3",
    calls: 60,
    values: (turn) => [`k${turn * 13}`, at(turn), at(turn + 3)],
  },
  {
    text: "select id, title from tickets where closed_at is null and assignee = $1 order by priority desc limit 20",
    calls: 60,
    values: (turn) => [turn],
  },
  // Nothing is missing for these: a key, a unique column, an index that is there, most of a table, a table that is written far more than read.
  { text: "select * from customers where id = $1", calls: 400, values: (turn) => [1 + turn * 17] },
  { text: "select * from products where sku = $1", calls: 400, values: (turn) => [`S${turn + 1}`] },
  {
    text: "select id, total from orders where created_at > $1 order by created_at limit 20",
    calls: 100,
    values: (turn) => [at(turn)],
  },
  { text: "select count(*) from customers where active", calls: 40, values: () => [] },
  { text: "select sensor, avg(value) from measurements group by sensor", calls: 12, values: () => [] },
  { text: "insert into audit (actor, action) values ($1, 'login')", calls: 1000, values: (turn) => [turn % 50] },
  { text: "select count(*) from audit where actor = $1", calls: 1, values: () => [7] },
];

/** Sends the traffic, one request after another. */
export async function replay(client: Client): Promise<void> {
  const most = Math.max(...SHAPES.map(({ calls }) => calls));
  for (let turn = 0; turn < most; turn++) {
    for (const { text, calls, values } of SHAPES) {
      if (turn < calls) await client.query(text, [...values(turn)]);
    }
  }
}
