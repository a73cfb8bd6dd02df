// What `npm run check:load` runs: `hotpath load` sends requests for as long as it takes, and its memory must not grow.
//
//   npm run check:load -- --requests 50000000
import { type ChildProcess, fork, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { createServer } from "node:net";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const MAIN = fileURLToPath(new URL("../../dist/cli/main.js", import.meta.url));
const LOOK_MS = 2000;
/** Of the time, until compiled code and buffers are as they stay. */
const WARM = 0.2;
/** What resident memory may vary by after that: when garbage is collected is up to Node. */
const MAX_GROWTH_BYTES = 24e6;

if (process.argv[2] === "serve") serve();
else await check();

/** A server that answers with as little as it can: it is not what is looked at. */
function serve(): void {
  const reply = 'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 11\r\n\r\n{"is":"ok"}';
  const server = createServer((socket) => {
    socket.setNoDelay(true);
    socket.on("error", () => socket.destroy());
    socket.on("data", () => void socket.write(reply));
  }).listen(0, "127.0.0.1", () => process.send?.((server.address() as AddressInfo).port));
  process.on("disconnect", () => process.exit(0));
}

async function check(): Promise<void> {
  const { values } = parseArgs({
    options: { requests: { type: "string", default: "5000000" }, connections: { type: "string", default: "64" } },
  });
  const server = fork(fileURLToPath(import.meta.url), ["serve"]);
  const [port] = (await once(server, "message")) as [number];
  const words = ["load", `http://127.0.0.1:${port}/`, "--requests", values.requests, "-d", "4h"];
  const load = spawn(process.execPath, [MAIN, ...words, "--connections", values.connections, "--workers", "1", "-q"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  let summary = "";
  load.stdout.on("data", (chunk: Buffer) => (summary += chunk.toString()));
  const seen: number[] = [];
  const timer = setInterval(() => seen.push(memoryOf(load)), LOOK_MS);
  const [status] = (await once(load, "exit")) as [number | null];
  clearInterval(timer);
  server.disconnect();
  const warm = seen.slice(Math.floor(seen.length * WARM)).filter((bytes) => bytes > 0);
  const [first = 0, last = 0] = [warm[0], warm.at(-1)];
  const count = Number(/http_reqs\.*: (\d+)/.exec(summary)?.[1] ?? 0);
  const failed = /http_req_failed\.*: (\S+)/.exec(summary)?.[1] ?? "";
  process.stdout.write(
    `${count} requests, ${failed} failed; all processes together: ${megabytes(first)} once warm, ${megabytes(last)} at the end, ` +
      `${megabytes(Math.min(...warm))} to ${megabytes(Math.max(...warm))} between\n`,
  );
  process.exitCode = status === 0 && count > 0 && last - first < MAX_GROWTH_BYTES ? 0 : 1;
}

/** Resident memory of a process and those it has started. */
function memoryOf({ pid }: ChildProcess): number {
  try {
    const children = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ").filter(Boolean);
    return [String(pid), ...children].reduce((sum, one) => {
      const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${one}/status`, "utf8"))?.[1];
      return sum + Number(kilobytes ?? 0) * 1024;
    }, 0);
  } catch {
    // It has just ended.
    return 0;
  }
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`;
}
