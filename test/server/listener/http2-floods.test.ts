// HTTP/2 used as a weapon, frame by frame: the server lives on, in bounded memory, and others are served meanwhile.
import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { get } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { connect, type Socket } from "node:net";
import { after, test } from "node:test";
import { fileURLToPath } from "node:url";
import { defer, type TestScope } from "../../support/defer.ts";
import {
  FLAGS,
  frame,
  indexed,
  literals,
  PREFACE,
  REFERENCE,
  requestFields,
  settings,
  uint32,
} from "../../support/http2-frames.ts";

/** One way to misuse a connection. */
interface Attack {
  readonly name: string;
  /** The settings it opens with. */
  readonly settings?: readonly (readonly [number, number])[];
  /** Bytes to send, without end. */
  readonly frames: () => Generator<Buffer>;
  /** It takes nothing of what comes back. */
  readonly isDeaf?: boolean;
  /** The server must end the connection by itself, not wait for more. */
  readonly isEnded?: boolean;
}

const END = FLAGS.endStream | FLAGS.endHeaders;
const GET = requestFields("GET", "/");

/** Requests, each followed by what `then` makes for its stream. */
function* requests(then: (stream: number) => Buffer, path = "/", flags: number = END): Generator<Buffer> {
  const fields = requestFields(flags === END ? "GET" : "POST", path);
  for (let stream = 1; stream < 0x7fffffff; stream += 2) {
    yield Buffer.concat([frame("headers", flags, stream, fields), then(stream)]);
  }
}

function* forever(bytes: Buffer, first: Buffer = NOTHING): Generator<Buffer> {
  yield first;
  for (;;) yield bytes;
}

const NOTHING = Buffer.alloc(0);
const OPEN = frame("headers", FLAGS.none, 1, GET);
const POST = frame("headers", FLAGS.endHeaders, 1, requestFields("POST", "/content"));

const ATTACKS: readonly Attack[] = [
  { name: "rapid reset", frames: () => requests((stream) => frame("reset", 0, stream, uint32(8))), isEnded: true },
  {
    name: "resets that the server is made to send (zero window update)",
    frames: () => requests((stream) => frame("windowUpdate", 0, stream, uint32(0)), "/content", FLAGS.endHeaders),
    isEnded: true,
  },
  {
    name: "resets that the server is made to send (half-closed stream)",
    frames: () => requests((stream) => frame("data", 0, stream, Buffer.from("x"))),
    isEnded: true,
  },
  {
    name: "CONTINUATION without end",
    frames: () => forever(frame("continuation", 0, 1, literals([["x-long", "a".repeat(16_000)]])), OPEN),
    isEnded: true,
  },
  { name: "empty CONTINUATION without end", frames: () => forever(frame("continuation", 0, 1), OPEN), isEnded: true },
  {
    name: "a table entry repeated a thousand times in each request",
    frames: function* () {
      yield frame("headers", END, 1, Buffer.concat([GET, indexed("x-long", "a".repeat(4000))]));
      const bomb = Buffer.concat([GET, Buffer.concat(Array.from({ length: 10_000 }, () => REFERENCE))]);
      for (let stream = 3; ; stream += 2) yield frame("headers", END, stream, bomb);
    },
  },
  {
    name: "more fields than are allowed",
    frames: () => {
      const fields = literals(Array.from({ length: 1000 }, (_, at) => [`x-${at}`, "v"] as const));
      return requests((stream) => frame("headers", END, stream + 100_000, Buffer.concat([GET, fields])));
    },
  },
  { name: "SETTINGS without end", frames: () => forever(settings([[3, 100]])) },
  { name: "SETTINGS without end, unread", frames: () => forever(settings([[3, 100]])), isDeaf: true, isEnded: true },
  {
    name: "SETTINGS of a thousand values",
    frames: () => forever(settings(Array.from({ length: 1000 }, () => [3, 1] as const))),
  },
  { name: "PING without end", frames: () => forever(frame("ping", 0, 0, Buffer.alloc(8))) },
  {
    name: "PING without end, unread",
    frames: () => forever(frame("ping", 0, 0, Buffer.alloc(8))),
    isDeaf: true,
    isEnded: true,
  },
  {
    name: "PRIORITY of ever new streams",
    frames: function* () {
      for (let stream = 1; ; stream = (stream + 2) & 0x7fffffff) {
        yield frame("priority", 0, stream, Buffer.concat([uint32(0), Buffer.from([16])]));
      }
    },
  },
  { name: "empty DATA without end", frames: () => forever(frame("data", 0, 1), POST) },
  {
    name: "padding without content",
    frames: () => forever(frame("data", 0x8, 1, Buffer.alloc(256, 0).fill(255, 0, 1)), POST),
  },
  { name: "WINDOW_UPDATE by one byte", frames: () => forever(frame("windowUpdate", 0, 0, uint32(1))) },
  { name: "frames of a kind that nobody knows", frames: () => forever(frame("unknown", 0, 0, Buffer.alloc(1000))) },
  { name: "GOAWAY without end", frames: () => forever(frame("goaway", 0, 0, Buffer.alloc(8))) },
  {
    name: "more streams than are allowed",
    frames: () => requests(() => NOTHING, "/content", FLAGS.endHeaders),
  },
  {
    name: "large replies and no window to send them in",
    settings: [[4, 0]],
    frames: () => requests(() => NOTHING, "/large"),
    isEnded: true,
  },
  { name: "large replies, unread", frames: () => requests(() => NOTHING, "/large"), isDeaf: true, isEnded: true },
  {
    name: "large replies taken byte by byte",
    settings: [[4, 1]],
    frames: () => requests((stream) => frame("windowUpdate", 0, stream, uint32(1)), "/large"),
  },
];

const ATTACKERS = 4;
/** Enough to fill any buffer that is not bounded. */
const FLOOD_BYTES = 6 * 1024 * 1024;
const FLOOD_MS = 500;
/** What four connections may hold: hundreds of streams, and replies of a megabyte that are one buffer. */
const MAX_HELD_BYTES = 16 * 1024 * 1024;
const PATIENCE_MS = 20_000;

const target = await startTarget({ after });

for (const attack of ATTACKS) {
  test(`HTTP/2: ${attack.name}`, async (t) => {
    await honest(target.port, 3);
    const first = await target.measure();
    const over = new AbortController();
    const served = serveOthers(target.port, over.signal);
    const outcomes = await Promise.all(Array.from({ length: ATTACKERS }, () => strike(target.port, attack)));
    const during = await target.measure();
    over.abort();
    const { answered } = await served;
    t.diagnostic(
      `${outcomes.map(({ sentBytes, isEnded }) => `${sentBytes >> 10} KiB${isEnded ? ", ended" : ""}`).join("; ")}; ${answered} others; held ${(during.bytes - first.bytes) >> 10} KiB`,
    );
    assert.ok(answered > 0);
    assert.ok(during.bytes - first.bytes < MAX_HELD_BYTES, `${during.bytes - first.bytes} bytes are held`);
    if (attack.isEnded === true)
      assert.ok(
        outcomes.every(({ isEnded }) => isEnded),
        "the server ends such connections",
      );
    await honest(target.port, 3);
    await emptied(target);
  });
}

/** Sends what an attack makes until the server ends the connection, or all of it was sent. */
async function strike(port: number, attack: Attack): Promise<{ sentBytes: number; isEnded: boolean }> {
  const socket = connect({ port, host: "127.0.0.1", noDelay: true });
  let isEnded = false;
  socket.on("error", () => {}).on("close", () => (isEnded = true));
  if (attack.isDeaf === true) socket.pause();
  else socket.resume();
  socket.on("end", () => (isEnded = true));
  socket.write(Buffer.concat([PREFACE, settings(attack.settings)]));
  let sentBytes = 0;
  const until = performance.now() + FLOOD_MS;
  const frames = attack.frames();
  while (!socket.destroyed && !socket.readableEnded && sentBytes < FLOOD_BYTES && performance.now() < until) {
    const pieces: Buffer[] = [];
    for (let count = 0; count < 100; count++) pieces.push(frames.next().value as Buffer);
    const bytes = Buffer.concat(pieces);
    sentBytes += bytes.length;
    if (!socket.write(bytes))
      await Promise.race([happened(socket, "drain"), happened(socket, "close"), patience(FLOOD_MS)]);
    await new Promise((resolve) => setImmediate(resolve));
  }
  // Deaf ears do not hear the end either: a write tells.
  if (attack.isEnded === true && !isEnded) {
    const probe = setInterval(() => socket.write(frame("ping", 0, 0, Buffer.alloc(8))), 50);
    await Promise.race([happened(socket, "close"), happened(socket, "end"), patience(PATIENCE_MS)]);
    clearInterval(probe);
  }
  socket.destroy();
  return { sentBytes, isEnded };
}

/** Without minding errors, which `once` of node:events does. */
async function happened(socket: Socket, event: string): Promise<void> {
  if (socket.destroyed) return;
  await new Promise<void>((resolve) => socket.once(event, () => resolve()));
}

async function patience(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms).unref());
}

/** Asks over HTTP/1.1 and HTTP/2 in turn, as long as it is told to; each must be answered. */
async function serveOthers(port: number, over: AbortSignal): Promise<{ answered: number }> {
  let answered = 0;
  while (!over.aborted) {
    await honest(port, 1);
    answered += 2;
    await patience(10);
  }
  return { answered };
}

async function honest(port: number, times: number): Promise<void> {
  for (let time = 0; time < times; time++) {
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const [response] = (await once(get({ port, host: "127.0.0.1", agent: false, signal }), "response")) as [
      { statusCode: number; resume(): void },
    ];
    response.resume();
    assert.equal(response.statusCode, 200);
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    session.on("error", () => {});
    const [fields] = (await once(session.request({ ":path": "/" }), "response", { signal })) as [{ ":status": number }];
    assert.equal(fields[":status"], 200);
    session.destroy();
  }
}

interface Target {
  readonly port: number;
  measure(): Promise<{ bytes: number; connections: number }>;
}

async function startTarget(t: TestScope): Promise<Target> {
  const child = fork(fileURLToPath(new URL("flood-target.ts", import.meta.url)), { execArgv: ["--expose-gc"] });
  const ended = once(child, "exit");
  defer(t, async () => {
    assert.equal(child.exitCode, null, "the server is still there");
    child.disconnect();
    await ended;
  });
  const [{ port }] = (await once(child, "message")) as [{ port: number }];
  return {
    port,
    async measure() {
      const answer = once(child, "message");
      child.send("memory");
      const [measured] = (await answer) as [{ bytes: number; connections: number }];
      return measured;
    },
  };
}

/** No connection is left. */
async function emptied(target: Target): Promise<void> {
  const until = performance.now() + PATIENCE_MS;
  while ((await target.measure()).connections > 0) {
    assert.ok(performance.now() < until, "connections are left behind");
    await patience(50);
  }
}
