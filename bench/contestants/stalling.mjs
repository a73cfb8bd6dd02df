// Answers at once, but stands still for a second in every ten, from five seconds after the first request on.
import { createServer } from "node:http";

const STILL_MS = 1000;
const EVERY_MS = 10_000;
const FIRST_MS = 5000;

/** Shorter ones are no standstill, but how an event loop is. */
const LEAST_MS = 20;
const BEAT_MS = 2;

const sleeper = new Int32Array(new SharedArrayBuffer(4));
/**
 * How long it really stood still, planned or not: a busy machine wakes it late, or takes the processor away. Whoever asks in between waits
 * until it moves again, so that what latencies must come to follows from these times alone.
 */
const stalls = [];
let movedAt = performance.now();
const move = () => {
  const now = performance.now();
  if (now - movedAt >= LEAST_MS) stalls.push(now - movedAt);
  movedAt = now;
};
const stall = () => {
  move();
  Atomics.wait(sleeper, 0, 0, STILL_MS);
};
let isStarted = false;
const server = createServer((request, response) => {
  move();
  if (request.url === "/stalls") {
    response.end(JSON.stringify(stalls));
    return;
  }
  if (!isStarted && request.url !== "/ready") {
    isStarted = true;
    stalls.length = 0;
    setInterval(move, BEAT_MS);
    const startedAt = performance.now();
    const plan = (at) =>
      setTimeout(
        () => {
          stall();
          plan(at + EVERY_MS);
        },
        Math.max(0, startedAt + at - performance.now()),
      );
    plan(FIRST_MS);
  }
  response.end("ok");
});
const stop = () => process.exit(0);
process.once("SIGTERM", stop);
process.once("SIGINT", stop);
server.listen(Number(process.env.PORT), "127.0.0.1");
