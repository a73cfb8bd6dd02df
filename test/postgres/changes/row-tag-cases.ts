/** Tables of all kinds. */
export const SCHEMA = `create collation folding (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
  create table users (id int primary key, name text unique, active boolean);
  create table orders (id bigint primary key, user_id int references users on delete cascade, code uuid, day date, total numeric);
  create index on orders (user_id);
  create index on orders (code);
  create index on orders (day);
  create index on orders (total);
  alter table orders replica identity full;
  create table notes (id int primary key, user_id int references users, body text);
  create index on notes (user_id);
  create table parts (order_id int, line int, sku varchar(20), primary key (order_id, line));
  create unique index parts_sku on parts (order_id, line, sku);
  alter table parts replica identity full;
  create table tags (id int primary key, label text);
  create table order_tags (order_id bigint references orders on delete cascade, tag_id int references tags, primary key (order_id, tag_id));
  create table events (id int, at date, kind int, primary key (id, at)) partition by range (at);
  create table events_1 partition of events for values from ('2024-01-01') to ('2025-01-01');
  create table events_2 partition of events for values from ('2025-01-01') to ('2026-01-01');
  create table animals (id int primary key, kind text);
  create table cats (lives int, primary key (id)) inherits (animals);
  create table folded (id int primary key, name text collate folding);
  create index on folded (name);
  create table apart (id int primary key, n int);
  create view paid as select o.id, o.user_id, u.name from orders o join users u on u.id = o.user_id where o.total > 10;
  create view rich as select p.name, count(*) as orders from paid p group by p.name;

  insert into users select n, 'user ' || n, n % 2 = 0 from generate_series(1, 9) n;
  insert into orders select n, 1 + n % 9, md5(n::text)::uuid, date '2024-01-01' + n, n * 1.50 from generate_series(1, 40) n;
  insert into notes select n, 1 + n % 9, 'note' from generate_series(1, 40) n;
  insert into parts select 1 + n / 3, n % 3, 'sku ' || n % 5 from generate_series(0, 60) n;
  insert into tags values (1, 'red'), (2, 'blue'), (3, 'green');
  insert into order_tags select n, 1 + n % 3 from generate_series(1, 20) n;
  insert into events select n, date '2024-06-01' + n * 20, n % 3 from generate_series(1, 20) n;
  insert into animals select n, 'dog' from generate_series(1, 5) n;
  insert into cats select n, 'cat', 9 from generate_series(11, 15) n;
  insert into folded values (1, 'One'), (2, 'Two');
  insert into apart values (1, 1)`;

/** What a change does to a reply that is stored: it must go, must stay, or may go since the log does not tell enough. */
export type Fate = "goes" | "stays" | "may go";

/** A reply, a change, and what becomes of the reply; they follow one another. */
export const CASES: readonly (readonly [path: string, sql: string, fate: Fate])[] = [
  // Rows by key.
  ["/users?id=eq.3", "update users set name = 'x3' where id = 3", "goes"],
  ["/users?id=eq.3", "update users set name = 'x4' where id = 4", "stays"],
  ["/users/5", "update users set active = not active where id = 5", "goes"],
  ["/users/5", "update users set active = not active where id = 6", "stays"],
  ["/users?id=eq.103", "insert into users values (103, 'new')", "goes"],
  ["/users?id=eq.3", "insert into users values (104, 'newer')", "stays"],
  ["/users?id=eq.104", "delete from users where id = 104", "goes"],
  ["/users?id=in.(1,2,103)", "delete from users where id = 103", "goes"],
  ["/users?id=in.(1,2)", "update users set name = 'y3' where id = 3", "stays"],
  ["/users?id=eq.7&active=is.false", "update users set active = true where id = 7", "goes"],
  ["/users?and=(id.eq.7,active.is.true)", "update users set active = false where id = 8", "stays"],
  ["/users?or=(id.eq.7,id.eq.8)", "update users set active = true where id = 9", "goes"],
  ["/users?id=not.eq.7", "update users set active = false where id = 9", "goes"],
  ["/users?id=gt.7", "update users set active = true where id = 1", "goes"],
  // A value is the same however it is written.
  ["/users?id=eq.%2B003", "update users set name = 'z3' where id = 3", "goes"],
  ["/users?id=eq.003", "update users set name = 'z4' where id = 4", "stays"],
  ["/users?name=eq.z3", "update users set name = 'w3' where id = 3", "goes"],
  ["/orders?code=eq.C4CA4238-A0B9-2382-0DCC-509A6F75849B", "update orders set total = 1 where id = 1", "goes"],
  ["/orders?code=eq.C4CA4238-A0B9-2382-0DCC-509A6F75849B", "update orders set total = 1 where id = 2", "stays"],
  ["/orders?code=eq.%7Bc4ca4238a0b923820dcc509a6f75849b%7D", "update orders set total = 2 where id = 1", "goes"],
  ["/orders?day=eq.2024-01-11", "update orders set total = 3 where id = 10", "goes"],
  ["/orders?day=eq.2024-01-11", "update orders set total = 3 where id = 11", "stays"],
  ["/orders?day=eq.Jan 11, 2024", "update orders set total = 4 where id = 10", "goes"],
  // Equal numbers are printed in several ways, so their lists go with every change.
  ["/orders?total=eq.30.0", "update orders set day = day where id = 20", "goes"],
  // A collation may take different texts for equal.
  ["/folded?name=eq.ONE", "update folded set name = 'oNe' where id = 1", "goes"],
  // Lists by a foreign key; the old row is in the log as a whole.
  ["/orders?user_id=eq.4", "update orders set total = 5 where id = 3", "goes"],
  ["/orders?user_id=eq.4", "update orders set total = 5 where id = 4", "stays"],
  ["/orders?user_id=eq.4&order=total.desc&limit=2", "insert into orders values (50, 4)", "goes"],
  ["/orders?user_id=eq.4&order=total.desc&limit=2", "insert into orders values (51, 5)", "stays"],
  ["/orders?user_id=eq.4", "update orders set user_id = 5 where id = 50", "goes"],
  ["/orders?user_id=eq.6", "update orders set user_id = 6 where id = 50", "goes"],
  ["/orders?user_id=eq.4", "update orders set user_id = 7 where id = 50", "stays"],
  ["/orders?user_id=eq.7", "update orders set user_id = null where id = 50", "goes"],
  ["/orders?user_id=eq.7", "delete from orders where id in (50, 51)", "stays"],
  ["/orders?user_id=eq.4&select=id", "update orders set id = 60 where id = 39", "goes"],
  ["/orders?select=total.sum()&user_id=eq.4", "update orders set total = 6 where id = 12", "goes"],
  ["/orders?select=total.sum()&user_id=eq.4", "update orders set total = 6 where id = 13", "stays"],
  // Only the key of the old row is in the log: what else it was is open.
  ["/notes?id=eq.3", "update notes set body = 'x' where id = 4", "stays"],
  ["/notes?id=eq.3", "delete from notes where id = 4", "stays"],
  ["/notes?user_id=eq.4", "insert into notes values (50, 5, 'x')", "stays"],
  ["/notes?user_id=eq.4", "insert into notes values (51, 4, 'x')", "goes"],
  ["/notes?user_id=eq.4", "update notes set user_id = 5 where id = 51", "goes"],
  ["/notes?user_id=eq.4", "update notes set body = 'y' where id = 50", "may go"],
  ["/notes?user_id=eq.5", "delete from notes where id = 50", "goes"],
  // Keys of several columns.
  ["/parts?order_id=eq.2&line=eq.1", "update parts set sku = 'new' where order_id = 2 and line = 1", "goes"],
  ["/parts/2,1", "update parts set sku = 'newer' where order_id = 2 and line = 1", "goes"],
  ["/parts/2,1", "update parts set sku = 'newer' where order_id = 3 and line = 1", "stays"],
  ["/parts?sku=eq.sku 1", "update parts set sku = 'sku 1' where order_id = 9 and line = 0", "goes"],
  // Embedded rows: to many by the parent's key, to one by every row.
  ["/users?id=eq.2&select=name,orders(id)", "update orders set total = 7 where user_id = 2", "goes"],
  ["/users?id=eq.2&select=name,orders(id)", "update orders set total = 7 where user_id = 3", "stays"],
  ["/users?id=eq.2&select=name,orders(id)", "update users set active = true where id = 3", "stays"],
  ["/users?id=eq.2&select=name,orders(id)", "update users set active = true where id = 2", "goes"],
  ["/users?id=eq.2&select=name,orders(id,tags(label))", "update tags set label = 'pink' where id = 1", "goes"],
  ["/users?id=eq.2&select=name,orders(id,tags(label))", "update apart set n = 2", "stays"],
  ["/orders?id=eq.5&select=id,tags(label)", "insert into order_tags values (5, 1) on conflict do nothing", "goes"],
  ["/orders?id=eq.5&select=id,tags(label)", "delete from order_tags where order_id = 6", "stays"],
  ["/orders?id=eq.5&select=id,users(name)", "update users set name = 'q6' where id = 6", "goes"],
  [
    "/users?select=name,orders!inner(id)&orders.day=eq.2024-01-11",
    "update orders set day = '2024-01-11' where id = 9",
    "goes",
  ],
  ["/orders?select=id,users()&order=users(name)&limit=3", "update users set name = 'aaa' where id = 9", "goes"],
  // Foreign keys that cascade, and many changes in one transaction.
  ["/orders?user_id=eq.9", "delete from notes where user_id = 9; delete from users where id = 9", "goes"],
  [
    "/order_tags?order_id=eq.7",
    "begin; update order_tags set tag_id = 3 where order_id = 7; update apart set n = 3; commit",
    "goes",
  ],
  ["/order_tags?order_id=eq.7", "begin; update order_tags set tag_id = 1 where order_id = 7; rollback", "stays"],
  // Partitions are one table, also when a row moves.
  ["/events?id=eq.3&at=eq.2024-07-31", "update events set kind = 5 where id = 3", "goes"],
  ["/events?id=eq.3&at=eq.2024-07-31", "update events set kind = 5 where id = 4", "stays"],
  ["/events?id=eq.4", "update events set at = '2025-03-03' where id = 4", "goes"],
  ["/events?at=eq.2025-03-04", "update events_2 set at = '2025-03-04' where id = 4", "goes"],
  ["/events?kind=eq.2", "truncate events_1", "goes"],
  // A table shows the rows of those that inherit from it.
  ["/animals?id=eq.12", "update cats set lives = 8 where id = 12", "goes"],
  ["/animals?id=eq.12", "update cats set lives = 8 where id = 13", "stays"],
  ["/cats?id=eq.3", "update animals set kind = 'wolf' where id = 3", "stays"],
  // Views, by all the tables below them.
  ["/paid?user_id=eq.2", "update orders set total = 99 where id = 30", "goes"],
  ["/rich", "update users set name = 'r1' where id = 1", "goes"],
  ["/rich", "update apart set n = 4", "stays"],
  // Counts.
  ["/notes?user_id=eq.1&select=count()", "insert into notes values (70, 1, 'x')", "goes"],
  ["/notes?user_id=eq.1&select=count()", "insert into notes values (71, 2, 'x')", "stays"],
  // TRUNCATE takes everything from the table, keys as well.
  ["/apart?id=eq.1", "truncate apart", "goes"],
  ["/users?id=eq.1", "truncate apart", "stays"],
];
