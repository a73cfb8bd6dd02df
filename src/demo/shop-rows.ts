import { escapeLiteral } from "pg";
import * as words from "./shop-words.ts";

/** How many rows of each kind a scale means. */
export interface ShopSize {
  readonly users: number;
  readonly products: number;
  readonly orders: number;
  readonly reviews: number;
}

/** One kind of rows, made a range of numbers at a time. */
export interface RowStep {
  /** What the progress display calls it. */
  readonly name: string;
  /** Numbers go from 1 to this. */
  readonly count: number;
  /** The statement that inserts the rows of numbers `from` to `to`. */
  readonly insert: (from: number, to: number) => string;
}

/** Scale 1: 10,000 users, 1,000 products, 100,000 orders of two and a half items on average. */
export function shopSize(scale: number): ShopSize {
  const times = (count: number): number => Math.max(10, Math.round(count * scale));
  return { users: times(10_000), products: times(1000), orders: times(100_000), reviews: times(20_000) };
}

/** Everything a shop of this size consists of, in order. */
export function shopRows(size: ShopSize): readonly RowStep[] {
  return [
    { name: "users", count: size.users, insert: (from, to) => usersSql(size, from, to) },
    { name: "profiles", count: size.users, insert: profilesSql },
    { name: "categories", count: 1, insert: categoriesSql },
    { name: "products", count: size.products, insert: (from, to) => productsSql(size, from, to) },
    { name: "orders", count: size.orders, insert: (from, to) => ordersSql(size, from, to) },
    { name: "reviews", count: size.reviews, insert: (from, to) => reviewsSql(size, from, to) },
  ];
}

const LEAVES = words.CATEGORIES.flatMap((category) => category.leaves);
const TWO_YEARS = 63_158_400;
const THREE_YEARS = 94_608_000;

function usersSql(size: ShopSize, from: number, to: number): string {
  return `
insert into users (id, username, email, full_name, country, active, created_at, updated_at)
select i, username, username || '@' || hotpath_demo.pick(${list(words.MAIL_DOMAINS)}, i, 3), first || ' ' || last,
       hotpath_demo.pick(${list(words.COUNTRIES)}, i, 4), hotpath_demo.random(i, 5) < 0.96, at,
       at + make_interval(secs => round(${TWO_YEARS} * power(hotpath_demo.random(i, 6), 2)))
from generate_series(${from}, ${to}) as i
cross join lateral (
  select hotpath_demo.pick(${list(words.FIRST_NAMES)}, i, 1) as first,
         hotpath_demo.pick(${list(words.LAST_NAMES)}, i, 2) as last,
         ${moment("2021-01-01", THREE_YEARS, size.users, 7)} as at
) as person
cross join lateral (
  select lower(translate(first || '.' || last, 'ÁáãéëíñóöøüúčKıS''', 'AaaeeinooouucKiS')) || i as username
) as name`;
}

/** Nine users in ten have a profile. */
function profilesSql(from: number, to: number): string {
  return `
insert into profiles (user_id, bio, birthday, newsletter, preferences)
select i,
       case when hotpath_demo.random(i, 10) < 0.8 then 'Likes ' || hotpath_demo.pick(${list(words.HOBBIES)}, i, 11)
         || ' and ' || hotpath_demo.pick(${list(words.HOBBIES)}, i, 12) || '.' end,
       case when hotpath_demo.random(i, 13) < 0.7
         then date '1945-01-01' + floor(hotpath_demo.random(i, 14) * 21900)::integer end,
       hotpath_demo.random(i, 15) < 0.35,
       jsonb_build_object(
         'theme', hotpath_demo.pick('{light,light,dark,system}', i, 16),
         'language', hotpath_demo.pick('{en,en,en,de,fr,es,pt,ja}', i, 17),
         'itemsPerPage', (hotpath_demo.pick('{20,20,50,100}', i, 18))::integer)
from generate_series(${from}, ${to}) as i
where hotpath_demo.random(i, 19) < 0.9`;
}

function categoriesSql(): string {
  const rows: string[] = [];
  const add = (name: string, parent: number | null): number => {
    const slug = name.toLowerCase().replaceAll(" ", "-");
    rows.push(`(${rows.length + 1}, ${parent ?? "null"}, ${escapeLiteral(name)}, ${escapeLiteral(slug)})`);
    return rows.length;
  };
  const parents = words.CATEGORIES.map(({ name }) => add(name, null));
  words.CATEGORIES.forEach(({ leaves }, index) => {
    for (const leaf of leaves) add(leaf.name, parents[index] ?? null);
  });
  return `insert into categories (id, parent_id, name, slug) values ${rows.join(", ")}`;
}

function productsSql(size: ShopSize, from: number, to: number): string {
  const nouns = LEAVES.flatMap((leaf, index) => leaf.nouns.map((noun) => ({ noun, leaf: index })));
  // Leaves are numbered behind the departments.
  const numbers = nouns.map(({ leaf }) => words.CATEGORIES.length + leaf + 1);
  return `
insert into products (id, category_id, sku, name, price, status, stock, tags, attributes, created_at, updated_at)
select i, (array[${numbers.join(",")}])[kind], 'HP-' || lpad(i::text, 6, '0'),
       hotpath_demo.pick(${list(words.ADJECTIVES)}, i, 21) || ' ' || material || ' '
         || (${list(nouns.map(({ noun }) => noun))})[kind],
       floor(5 + 600 * power(hotpath_demo.random(i, 22), 3))::numeric - 0.01,
       (case when hotpath_demo.random(i, 23) < 0.90 then 'active'
             when hotpath_demo.random(i, 23) < 0.97 then 'discontinued' else 'draft' end)::product_status,
       floor(hotpath_demo.random(i, 24) * 500)::integer,
       array(select distinct hotpath_demo.pick(${list(words.TAGS)}, i * 8 + n, 25)
             from generate_series(1, 1 + floor(hotpath_demo.random(i, 26) * 4)::integer) as n order by 1),
       jsonb_build_object(
         'colour', hotpath_demo.pick(${list(words.COLOURS)}, i, 27), 'material', lower(material),
         'weightGrams', 50 + floor(hotpath_demo.random(i, 28) * 5000)::integer,
         'dimensions', jsonb_build_object('width', 2 + floor(hotpath_demo.random(i, 29) * 80)::integer,
                                          'height', 2 + floor(hotpath_demo.random(i, 30) * 80)::integer)),
       at, at + make_interval(secs => round(${TWO_YEARS} * hotpath_demo.random(i, 31)))
from generate_series(${from}, ${to}) as i
cross join lateral (
  select 1 + floor(hotpath_demo.random(i, 32) * ${nouns.length})::integer as kind,
         hotpath_demo.pick(${list(words.MATERIALS)}, i, 33) as material,
         ${moment("2021-01-01", THREE_YEARS, size.products, 34)} as at
) as product`;
}

/** Orders and their items in one statement, since an order's total is the sum over its items. */
function ordersSql(size: ShopSize, from: number, to: number): string {
  return `
with items as (
  insert into order_items (order_id, line_no, product_id, quantity, unit_price)
  select i, line, p.id, 1 + floor(4 * power(hotpath_demo.random(i * 16 + line, 42), 3))::integer,
         round(p.price * (array[1, 1, 1, 0.95, 0.9])[1 + floor(hotpath_demo.random(i, 43) * 5)::integer], 2)
  from generate_series(${from}, ${to}) as i
  cross join lateral generate_series(1, case
    when hotpath_demo.random(i, 40) < 0.28 then 1 when hotpath_demo.random(i, 40) < 0.56 then 2
    when hotpath_demo.random(i, 40) < 0.78 then 3 when hotpath_demo.random(i, 40) < 0.90 then 4
    when hotpath_demo.random(i, 40) < 0.96 then 5 else 6 end) as line
  join products as p on p.id = hotpath_demo.skewed(i * 16 + line, 41, ${size.products})
  order by i, line
  returning order_id, quantity * unit_price as amount
), totals as (
  select order_id, sum(amount) as total from items group by order_id
)
insert into orders (id, user_id, status, total, note, created_at, updated_at)
select i, hotpath_demo.skewed(i, 44, ${size.users}),
       (case when i > ${size.orders} * 0.996 then 'pending' when i > ${size.orders} * 0.99 then 'paid'
             when i > ${size.orders} * 0.97 then 'shipped' when hotpath_demo.random(i, 45) < 0.88 then 'delivered'
             when hotpath_demo.random(i, 45) < 0.96 then 'cancelled' else 'refunded' end)::order_status,
       total,
       case when hotpath_demo.random(i, 46) < 0.05
         then hotpath_demo.pick('{"Please ring twice","Leave at the door","A present: no invoice","Call before"}', i, 47) end,
       at, at + make_interval(secs => round(864000 * hotpath_demo.random(i, 48)))
from totals
cross join lateral (select order_id as i) as number
cross join lateral (select ${moment("2024-01-01", TWO_YEARS, size.orders, 49)} as at) as placed
order by i`;
}

/** Of two reviews of one product by one user, the first is kept. */
function reviewsSql(size: ShopSize, from: number, to: number): string {
  const titles = words.REVIEW_TITLES.map((group, index) => `when ${index + 1} then ${list(group)}`).join(" ");
  return `
insert into reviews (id, product_id, user_id, rating, title, body, created_at)
select i, product_id, user_id, rating,
       hotpath_demo.pick(case rating ${titles} end, i, 53),
       case when hotpath_demo.random(i, 54) < 0.8
         then hotpath_demo.pick(${list(words.REVIEW_SENTENCES)}, i, 55) || ' '
           || hotpath_demo.pick(${list(words.REVIEW_SENTENCES)}, i, 56) end,
       ${moment("2024-01-01", TWO_YEARS, size.reviews, 57)}
from (
  select i, hotpath_demo.skewed(i, 50, ${size.products}) as product_id,
         hotpath_demo.skewed(i, 51, ${size.users}) as user_id,
         (hotpath_demo.pick('{1,2,3,3,4,4,4,4,5,5,5,5,5}', i, 52))::smallint as rating
  from generate_series(${from}, ${to}) as i
) as review
order by i
on conflict (product_id, user_id) do nothing`;
}

/** A point in time for row `i` of `count`: rows follow each other through the span, a little out of order. */
function moment(start: string, spanSeconds: number, count: number, stream: number): string {
  const fraction = `least((i - 1 + 3 * hotpath_demo.random(i, ${stream})) / ${count}, 1)`;
  return `timestamptz '${start} 00:00:00+00' + make_interval(secs => round((${spanSeconds} * ${fraction})::numeric, 3)::float8)`;
}

function list(values: readonly string[]): string {
  return `array[${values.map((value) => escapeLiteral(value)).join(",")}]`;
}
