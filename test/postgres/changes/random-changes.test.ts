// Writers change random rows by SQL of their own while readers ask through the cache. Once the writers have stopped and the cache has heard of
// all they did, it answers what the database has.
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { testDatabase } from "../../support/postgres.ts";
import { cacheOutcome, type Following, openWriter, serveFollowing, serveTracked, type Writer } from "./following.ts";

const PEOPLE = 60;
const TEAMS = 8;
const ROUNDS = 5;
const WRITES_PER_ROUND = 100;

const SCHEMA = `
  create table teams (id int primary key, name text);
  create table people (id int primary key, team_id int references teams on delete set null, name text, score numeric, uid uuid, version int not null default 0);
  create index on people (team_id);
  create index on people (name);
  create unique index people_identity on people (id, version);
  create table logs (id int, day date, team_id int, note text, primary key (id, day)) partition by range (day);
  create table logs_1 partition of logs for values from ('2024-01-01') to ('2024-01-11');
  create table logs_2 partition of logs for values from ('2024-01-11') to ('2024-02-01');
  create index on logs (team_id);
  create table members (team_id int references teams on delete cascade, person_id int, primary key (team_id, person_id));
  create table base (id int primary key, n int);
  create table heir (primary key (id)) inherits (base);
  create view sizes as select t.id, t.name, count(p.id) as size from teams t left join people p on p.team_id = t.id group by t.id;
  insert into teams select n, 'team ' || n from generate_series(1, ${TEAMS}) n;
  insert into people select n, 1 + n % ${TEAMS}, 'name ' || n % 9, n / 4.0, md5(n::text)::uuid from generate_series(1, ${PEOPLE}) n;
  insert into logs select n, date '2024-01-01' + n % 20, 1 + n % ${TEAMS}, 'note' from generate_series(1, 60) n;
  insert into members select 1 + n % ${TEAMS}, n from generate_series(1, ${PEOPLE}) n;
  insert into base select n, n from generate_series(1, 20) n;
  insert into heir select n, n from generate_series(21, 40) n`;

const IDENTITIES = ["default", "full", "using index people_identity"];

/** Numbers below a bound, from a seed (Mulberry32). */
function createDice(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

function randomWrite(dice: (below: number) => number): string {
  const person = 1 + dice(PEOPLE + 5);
  const team = 1 + dice(TEAMS);
  const writes = [
    () => `update people set version = version + 1 where id = ${person}`,
    () => `update people set team_id = ${team}, version = version + 1 where id = ${person}`,
    () => `update people set name = 'name ${dice(9)}', score = ${dice(40)} / 4.0 where id = ${person}`,
    () => `update people set score = score + 1 where team_id = ${team}`,
    () =>
      `insert into people values (${person}, ${team}, 'name ${dice(9)}', 1, md5('${person}')::uuid) on conflict (id) do update set team_id = excluded.team_id`,
    () => `delete from people where id = ${person}`,
    () => `update people set id = id + 1000 where id = ${person}; update people set id = id - 1000 where id > 1000`,
    () => `update teams set name = 'team ${dice(99)}' where id = ${team}`,
    () => `delete from teams where id = ${TEAMS}`,
    () => `insert into teams values (${TEAMS}, 'again') on conflict do nothing`,
    () => `update logs set day = date '2024-01-01' + ${dice(20)} where id = ${1 + dice(60)}`,
    () => `update logs set team_id = ${team} where id = ${1 + dice(60)}`,
    () => `delete from logs where id = ${1 + dice(60)}`,
    () =>
      `insert into logs values (${1 + dice(60)}, date '2024-01-01' + ${dice(20)}, ${team}, 'new') on conflict do nothing`,
    () => `insert into members values (${team}, ${person}) on conflict do nothing`,
    () => `delete from members where team_id = ${team} and person_id % 7 = ${dice(7)}`,
    () => `update base set n = n + 1 where id = ${1 + dice(40)}`,
    () => `update heir set n = n + 1 where id % 5 = ${dice(5)}`,
    () =>
      `begin; update people set score = 0 where id = ${person}; update base set n = 0 where id = ${1 + dice(20)}; rollback`,
    () =>
      `begin; update people set score = 9 where id = ${person}; update logs set note = 'both' where team_id = ${team}; commit`,
    () =>
      `begin; savepoint one; update people set score = 8 where id = ${person}; rollback to one; update teams set name = 'kept' where id = ${team}; commit`,
    () => (dice(4) === 0 ? "truncate logs_1" : "update logs set note = note || '.' where day < '2024-01-05'"),
  ];
  return writes[dice(writes.length)]?.() ?? "";
}

function randomPath(dice: (below: number) => number): string {
  const person = 1 + dice(PEOPLE);
  const team = 1 + dice(TEAMS);
  const paths = [
    () => `/people?id=eq.${person}`,
    () => `/people?id=eq.${person}&select=id,version`,
    () => `/people/${person}`,
    () => `/people?id=in.(${person},${1 + dice(PEOPLE)})&order=id`,
    () => `/people?team_id=eq.${team}&order=id`,
    () => `/people?team_id=eq.${team}&order=score.desc,id&limit=3`,
    () => `/people?team_id=eq.${team}&order=id&limit=2&offset=2`,
    () => `/people?team_id=in.(${team},${1 + dice(TEAMS)})&select=id,team_id&order=id`,
    () => `/people?name=eq.name%20${dice(9)}&order=id`,
    () => `/people?score=gt.${dice(12)}&order=id`,
    () => `/people?score=eq.${dice(12)}.0&order=id`,
    () => `/people?team_id=is.null&order=id`,
    () => `/people?or=(id.eq.${person},team_id.eq.${team})&order=id`,
    () => `/people?team_id=eq.${team}&select=score.sum(),count()`,
    () => `/people?id=eq.${person}&select=id,teams(name)`,
    () => `/teams?id=eq.${team}&select=name,people(id,name)&people.order=id`,
    () => `/teams?id=eq.${team}&select=name,people(id)&people.order=score,id&people.limit=2`,
    () => `/teams?id=eq.${team}&select=name,members(person_id)&members.order=person_id`,
    () => `/teams?select=id,people!inner(id)&people.name=eq.name%20${dice(9)}&order=id&people.order=id`,
    () => `/logs?id=eq.${1 + dice(60)}&order=day`,
    () => `/logs?day=eq.2024-01-${String(1 + dice(20)).padStart(2, "0")}&order=id`,
    () => `/logs?team_id=eq.${team}&order=id,day`,
    () => `/base?id=eq.${1 + dice(40)}`,
    () => `/heir?id=eq.${21 + dice(20)}`,
    () => `/base?n=gt.10&order=id`,
    () => `/sizes?id=eq.${team}`,
    () => `/sizes?order=id`,
  ];
  return paths[dice(paths.length)]?.() ?? "/people";
}

for (const [means, serveBy] of [
  ["the log", serveFollowing],
  ["triggers", serveTracked],
] as const) {
  test(`random changes under random reads leave nothing out of date behind, by ${means}`, (t) =>
    readAndWrite(t, serveBy));
}

async function readAndWrite(t: TestContext, serveBy: typeof serveFollowing): Promise<void> {
  const seed = Math.floor(Math.random() * 2 ** 31);
  t.diagnostic(`seed ${seed}`);
  const dice = createDice(seed);
  const url = await testDatabase(t, { sql: SCHEMA });
  const api = await serveBy(t, url, { postgres: { aggregates: true } });
  const writers = [openWriter(t, url), openWriter(t, url), openWriter(t, url)];
  const paths = [...new Set(Array.from({ length: 250 }, () => randomPath(dice)))];
  let hits = 0;
  for (let round = 0; round < ROUNDS; round++) {
    await writers[0]?.run(`alter table people replica identity ${IDENTITIES[dice(IDENTITIES.length)]}`);
    const stopped = new AbortController();
    const readers = Array.from({ length: 4 }, (_, index) =>
      read(api, paths, createDice(seed + round * 10 + index), stopped.signal),
    );
    await Promise.all(writers.map((writer, index) => write(writer, createDice(seed ^ (round * 100 + index)))));
    stopped.abort();
    hits += (await Promise.all(readers)).reduce((sum, own) => sum + own, 0);
    await api.settle();
    for (const path of paths) {
      const cached = await api.get(path);
      const fresh = await api.get(path, { "cache-control": "no-cache" });
      assert.equal(
        cached.text,
        fresh.text,
        `${path} in round ${round}, seed ${seed} (${String(cached.headers["cache-status"])})`,
      );
      assert.equal(cached.status, fresh.status);
    }
  }
  assert.ok(hits > 0, "nothing came from the cache");
}

async function write(writer: Writer, dice: (below: number) => number): Promise<void> {
  for (let count = 0; count < WRITES_PER_ROUND; count++) {
    // Deadlocks and keys that collide are part of the game.
    await writer.run(randomWrite(dice)).catch(() => writer.run("rollback"));
  }
}

/** Reads until told to stop; answers how many replies came from the cache. */
async function read(
  api: Following,
  paths: readonly string[],
  dice: (below: number) => number,
  signal: AbortSignal,
): Promise<number> {
  let hits = 0;
  while (!signal.aborted) {
    const answer = await api.get(paths[dice(paths.length)] ?? "/people");
    if (cacheOutcome(answer) === "hit") hits++;
  }
  return hits;
}
