import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { type ClientRequest, request as requestPlainly } from "node:http";
import { connect as connectHttp2 } from "node:http2";
import { request as requestSecurely } from "node:https";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "../src/demo/cluster.ts";
import { type Cores, serverPrefix } from "./machine.ts";

/** A program that is measured: how to start it. */
export interface ServerProgram {
  /** Contestants that name the same program share one process. */
  readonly key: string;
  /** What runs it. Default: `node`. */
  readonly command?: string;
  /** Words after the command. */
  readonly words: (port: number) => readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** It speaks TLS, with whatever certificate. */
  readonly isSecure?: boolean;
  /** It speaks HTTP/2 alone, without TLS: it is up once it takes a connection. */
  readonly isHttp2?: boolean;
}

/** A server that runs. */
export interface ServerProcess {
  readonly key: string;
  readonly pid: number;
  readonly port: number;
  /** From its start to its first reply of status 200. */
  readonly startupMs: number;
  readonly stop: () => Promise<void>;
}

const START_TIMEOUT_MS = 30_000;
const STOP_TIMEOUT_MS = 5000;

/** Starts a server and waits until `path`, asked with these header fields, answers 200. */
export async function startServerProcess(
  program: ServerProgram,
  path: string,
  cores: Cores | undefined,
  signal: AbortSignal,
  headers: Readonly<Record<string, string>> = {},
): Promise<ServerProcess> {
  const port = await freePort();
  const command = commandOf(program, program.words(port));
  const words = [...serverPrefix(cores), ...command.words];
  const startedAt = performance.now();
  const child = spawn(words[0]!, words.slice(1), {
    env: { ...process.env, NODE_ENV: "production", PORT: String(port), ...command.environment, ...program.environment },
    stdio: ["ignore", "ignore", "pipe"],
  });
  let complaints = "";
  child.stderr?.on("data", (chunk: Buffer) => (complaints = (complaints + chunk.toString()).slice(-2000)));
  const stop = () => stopChild(child);
  try {
    while ((await statusOf(program, port, path, headers)) !== 200) {
      signal.throwIfAborted();
      if (child.exitCode !== null || child.signalCode !== null) throw new Error(`${program.key} ended: ${complaints}`);
      if (performance.now() - startedAt > START_TIMEOUT_MS) throw new Error(`${program.key} is not up: ${complaints}`);
      await delay(1);
    }
  } catch (error) {
    await stop();
    throw error;
  }
  return { key: program.key, pid: child.pid!, port, startupMs: performance.now() - startedAt, stop };
}

interface Command {
  readonly words: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
}

/** The command line, with the variables and flags of Node that the program's first line asks for when it is run by itself. */
function commandOf({ command }: ServerProgram, words: readonly string[]): Command {
  if (command !== undefined) return { words: [command, ...words], environment: {} };
  const [first = ""] = readFileSync(words[0]!, "utf8").split("\n", 1);
  const [, variables = "", flags = ""] = /^#!\/usr\/bin\/env -S ((?:\w+=\S+ )*)node (.+)$/.exec(first) ?? [];
  const environment = Object.fromEntries(
    variables.split(" ").flatMap((each) => (each === "" ? [] : [each.split("=", 2)])),
  );
  return { words: [process.execPath, ...flags.split(" ").filter((each) => each !== ""), ...words], environment };
}

/** Status of a GET; 0 while nobody answers. */
async function statusOf(
  program: ServerProgram,
  port: number,
  path: string,
  headers: Readonly<Record<string, string>>,
): Promise<number> {
  if (program.isHttp2 === true) return takesHttp2(port);
  const request = requestTo(program, port, path, START_TIMEOUT_MS, headers);
  request.end();
  return new Promise((resolve) => {
    request.once("error", () => resolve(0));
    request.once("timeout", () => request.destroy());
    request.once("response", (response) => {
      response.resume();
      response.once("error", () => resolve(0));
      response.once("end", () => resolve(response.statusCode ?? 0));
    });
  });
}

async function takesHttp2(port: number): Promise<number> {
  return new Promise((resolve) => {
    const session = connectHttp2(`http://127.0.0.1:${port}`);
    session.once("error", () => resolve(0));
    session.once("remoteSettings", () => {
      session.close();
      resolve(200);
    });
  });
}

/** A request over HTTP/1.1 on a connection of its own, still to be ended. */
export function requestTo(
  { isSecure }: ServerProgram,
  port: number,
  path: string,
  timeout: number,
  headers: Readonly<Record<string, string>>,
  method = "GET",
): ClientRequest {
  const options = { host: "127.0.0.1", port, method, path, headers, agent: false, timeout } as const;
  return isSecure === true ? requestSecurely({ ...options, rejectUnauthorized: false }) : requestPlainly(options);
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGTERM");
  const timer = setTimeout(() => child.kill("SIGKILL"), STOP_TIMEOUT_MS);
  await exited;
  clearTimeout(timer);
}
