import { connect, type ClientHttp2Session } from "node:http2";
import { queryRows } from "../support/postgres.ts";
import type { Answer } from "../support/server.ts";
import type { Question } from "../faults/load.ts";

/** Sends a request, each on a connection of its own. */
export type Send = (
  method: string,
  path: string,
  headers?: Readonly<Record<string, string>>,
  content?: string,
) => Promise<Answer>;

export const SOAK_SCHEMA = `
create table item (id int primary key, name text not null);
insert into item select i, 'item ' || i from generate_series(1, 500) i;
create table counter (id int primary key, n bigint not null);
insert into counter select i, 0 from generate_series(1, 20) i;
create table entry (token text primary key);
create function twice(n int) returns int language sql immutable as 'select 2 * n';
`;

/** The kinds of requests of a soak, and what must be true when it is over. */
export interface Questions {
  /** One of them, at random. */
  next(): Question;
  /** Some that may be asked again. */
  readonly reads: readonly Question[];
  /** What is wrong with what was written. */
  check(databaseUrl: string, received: ReadonlyMap<string, number>): Promise<readonly string[]>;
}

export function createQuestions(send: Send, url: string, random: () => number): Questions {
  const sent = new Set<string>();
  const acknowledged = new Set<string>();
  const posted = new Set<string>();
  const counters = new Map<number, { tried: number; acknowledged: number }>();
  const one = (most: number): number => 1 + Math.floor(random() * most);
  const get = (path: string, expected: string): Question => ({
    label: path,
    ask: () => send("GET", path),
    judge: exactly(expected),
  });

  const kinds: readonly (() => Question)[] = [
    () => {
      const id = one(500);
      return get(`/item?id=eq.${id}`, `[${itemOf(id)}]`);
    },
    () => {
      const id = one(20);
      return get(`/item/${id}`, itemOf(id));
    },
    () => {
      const from = one(400);
      const rows = [from, from + 1, from + 2].map(itemOf).join(", \n ");
      return get(`/item?id=gte.${from}&order=id&limit=3`, `[${rows}]`);
    },
    () => {
      const n = one(1000);
      return get(`/rpc/twice?n=${n}`, String(2 * n));
    },
    () => {
      const id = one(20);
      const counter = counters.get(id) ?? { tried: 0, acknowledged: 0 };
      counters.set(id, counter);
      const n = (counter.tried += 1);
      return {
        label: "PATCH /counter",
        async ask() {
          const answer = await send("PATCH", `/counter?id=eq.${id}&n=lt.${n}`, JSON_CONTENT, JSON.stringify({ n }));
          if (answer.status === 204) counter.acknowledged = Math.max(counter.acknowledged, n);
          return answer;
        },
        judge: ({ status, text }) => (status === 204 ? undefined : `${status} ${text}`),
      };
    },
    () => {
      const id = one(20);
      return {
        label: `/counter/${id}`,
        ask: () => send("GET", `/counter/${id}`),
        judge({ status, text }) {
          const n = status === 200 ? (JSON.parse(text) as { n: number }).n : -1;
          return n >= 0 && n <= (counters.get(id)?.tried ?? 0) ? undefined : `${status} ${text}`;
        },
      };
    },
    () => {
      const token = `entry ${sent.size}`;
      sent.add(token);
      return {
        label: "POST /entry",
        async ask() {
          const answer = await send("POST", "/entry", JSON_CONTENT, JSON.stringify({ token }));
          if (answer.status === 201) acknowledged.add(token);
          return answer;
        },
        judge: ({ status, text }) => (status === 201 ? undefined : `${status} ${text}`),
      };
    },
    () => {
      const ids = [one(500), one(500), one(500)];
      const requests = ids.map((id) => ({ id, path: `/item/${id}` }));
      return {
        label: "POST /batch",
        ask: () => send("POST", "/batch", JSON_CONTENT, JSON.stringify({ requests })),
        judge: ({ status, text }) => (status === 200 ? judgeBatch(ids, text) : `${status} ${text.slice(0, 200)}`),
      };
    },
    () => {
      const n = one(100_000);
      return get(`/up/plain/${n}`, `plain ${n}`);
    },
    () => {
      const n = one(50);
      return get(`/up/cached/${n}`, `cached ${n} ${"x".repeat(2000)}`);
    },
    () => {
      const token = `post ${posted.size}`;
      posted.add(token);
      return { label: "POST /up/post", ask: () => send("POST", "/up/post", {}, token), judge: exactly("noted") };
    },
    () => {
      const id = one(500);
      return { label: `h2 /item/${id}`, ask: () => overHttp2(url, `/item/${id}`), judge: exactly(itemOf(id)) };
    },
  ];
  return {
    next: () => kinds[Math.floor(random() * kinds.length)]!(),
    reads: kinds.slice(0, READS).map((make) => make()),
    async check(databaseUrl, received) {
      const wrong: string[] = [];
      const tokens = new Set(
        (await queryRows(databaseUrl, "select token from entry")).map(({ token }) => String(token)),
      );
      for (const token of acknowledged) if (!tokens.has(token)) wrong.push(`${token} was acknowledged and is lost`);
      for (const token of tokens) if (!sent.has(token)) wrong.push(`${token} was never sent`);
      for (const { id, n } of await queryRows(databaseUrl, "select id, n from counter")) {
        const counter = counters.get(Number(id)) ?? { tried: 0, acknowledged: 0 };
        const isRight = Number(n) >= counter.acknowledged && Number(n) <= counter.tried;
        if (!isRight) wrong.push(`counter ${String(id)} is ${String(n)}, of ${JSON.stringify(counter)}`);
      }
      for (const [token, times] of received) if (times > 1) wrong.push(`${token} was forwarded ${times} times`);
      return wrong;
    },
  };
}

function exactly(expected: string): (answer: Answer) => string | undefined {
  return ({ status, text }) => (status === 200 && text === expected ? undefined : `${status} ${text.slice(0, 200)}`);
}

function itemOf(id: number): string {
  return JSON.stringify({ id, name: `item ${id}` });
}

/** They come first. */
const READS = 4;
const JSON_CONTENT = { "content-type": "application/json" };

/** Each result is right, or fails by itself. */
function judgeBatch(ids: readonly number[], text: string): string | undefined {
  const { responses } = JSON.parse(text) as { responses: { id: number; status: number; body: unknown }[] };
  const isRight = ids.every((id, at) => {
    const { status, body } = responses[at]!;
    return status >= 500 || JSON.stringify(body) === JSON.stringify({ id, name: `item ${id}` });
  });
  return isRight && responses.length === ids.length ? undefined : text.slice(0, 300);
}

const PATIENCE_MS = 30_000;

async function overHttp2(url: string, path: string): Promise<Answer> {
  const session: ClientHttp2Session = connect(url);
  try {
    return await new Promise((resolve, reject) => {
      session.once("error", reject);
      const stream = session.request({ ":path": path });
      const chunks: Buffer[] = [];
      let status = 0;
      stream.setTimeout(PATIENCE_MS, () => stream.destroy(new Error("no reply")));
      stream.once("error", reject);
      stream.once("response", (fields) => (status = Number(fields[":status"])));
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.once("end", () => {
        const bytes = Buffer.concat(chunks);
        resolve({ status, statusText: "", headers: {}, text: bytes.toString(), bytes });
      });
    });
  } finally {
    session.destroy();
  }
}
