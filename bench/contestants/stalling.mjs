// Answers at once, but stands still for a second in every ten, from five seconds after the first request on.
import { createServer } from "node:http";

const STILL_MS = 1000;
const EVERY_MS = 10_000;
const FIRST_MS = 5000;

const sleeper = new Int32Array(new SharedArrayBuffer(4));
/** How long it really stood still: a busy machine makes more of it. */
const stalls = [];
const stall = () => {
  const from = performance.now();
  Atomics.wait(sleeper, 0, 0, STILL_MS);
  stalls.push(performance.now() - from);
};
let isStarted = false;
const server = createServer((request, response) => {
  if (request.url === "/stalls") {
    response.end(JSON.stringify(stalls));
    return;
  }
  if (!isStarted && request.url !== "/ready") {
    isStarted = true;
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
