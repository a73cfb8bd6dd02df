import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { defer, type TestScope } from "./defer.ts";

const FLAGS =
  "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking --disable-component-update --disable-sync --hide-scrollbars --remote-debugging-port=0";
const TIMEOUT_MS = 60_000;

/** A page in a real Chromium, driven by its own protocol. */
export interface BrowserPage {
  open(url: string): Promise<void>;
  /** Runs an expression in the page and answers what it comes to, promises awaited. */
  evaluate(expression: string): Promise<unknown>;
  /** Resolves with what the expression comes to as soon as that is true-like. */
  until(expression: string): Promise<unknown>;
  press(key: string): Promise<void>;
  resize(width: number, height: number): Promise<void>;
  scheme(scheme: "light" | "dark"): Promise<void>;
  /** Of the whole page, as PNG. */
  screenshot(): Promise<Buffer>;
  /** Of what is to be seen of it without scrolling. */
  viewport(): Promise<Buffer>;
  /** What went wrong in the page so far, refused requests included. */
  readonly errors: readonly string[];
}

/** Starts a browser that ends with the test. */
export async function startBrowser(t: TestScope, chromium: string): Promise<BrowserPage> {
  const profile = await mkdtemp(join(await realpath(tmpdir()), "hotpath-chromium-"));
  defer(t, async () => rm(profile, { recursive: true, force: true, maxRetries: 5 }));
  const browser = spawn(chromium, [...FLAGS.split(" "), `--user-data-dir=${profile}`, "about:blank"], {
    stdio: ["ignore", "ignore", "pipe"],
  });
  defer(t, async () => {
    if (browser.exitCode === null && browser.kill("SIGKILL")) await once(browser, "exit");
  });
  const port = await new Promise<string>((resolve, reject) => {
    let said = "";
    browser.stderr.on("data", (chunk: Buffer) => {
      said += chunk.toString();
      const match = /DevTools listening on ws:\/\/127\.0\.0\.1:(\d+)\//.exec(said);
      if (match?.[1] !== undefined) resolve(match[1]);
    });
    browser.once("exit", () => reject(new Error(`the browser ended: ${said}`)));
  });
  const targets = (await (await fetch(`http://127.0.0.1:${port}/json`)).json()) as {
    type: string;
    webSocketDebuggerUrl: string;
  }[];
  const target = targets.find(({ type }) => type === "page");
  if (target === undefined) throw new Error("the browser shows no page");
  return drive(new WebSocket(target.webSocketDebuggerUrl));
}

interface Message {
  readonly id?: number;
  readonly method?: string;
  readonly params?: Record<string, unknown>;
  readonly result?: Record<string, unknown>;
  readonly error?: { readonly message: string };
}

async function drive(socket: WebSocket): Promise<BrowserPage> {
  const waiting = new Map<number, (message: Message) => void>();
  const errors: string[] = [];
  let last = 0;
  await once(socket, "open");
  socket.addEventListener("message", ({ data }) => {
    const message = JSON.parse(String(data)) as Message;
    if (message.id !== undefined) waiting.get(message.id)?.(message);
    if (message.method === "Runtime.exceptionThrown" || message.method === "Log.entryAdded") {
      errors.push(JSON.stringify(message.params));
    }
  });
  const call = async (method: string, params: object = {}): Promise<Record<string, unknown>> => {
    const id = ++last;
    const answered = new Promise<Message>((resolve) => waiting.set(id, resolve));
    socket.send(JSON.stringify({ id, method, params }));
    const { result = {}, error } = await answered.finally(() => waiting.delete(id));
    if (error !== undefined) throw new Error(`${method}: ${error.message}`);
    return result;
  };
  const evaluate = async (expression: string): Promise<unknown> => {
    const { result, exceptionDetails } = (await call("Runtime.evaluate", {
      expression,
      awaitPromise: true,
      returnByValue: true,
    })) as { result: { value?: unknown }; exceptionDetails?: unknown };
    if (exceptionDetails !== undefined) throw new Error(`${expression}: ${JSON.stringify(exceptionDetails)}`);
    return result.value;
  };
  const capture = async (captureBeyondViewport: boolean): Promise<Buffer> => {
    const { data } = await call("Page.captureScreenshot", { format: "png", captureBeyondViewport });
    return Buffer.from(String(data), "base64");
  };
  await call("Page.enable");
  await call("Runtime.enable");
  await call("Log.enable");
  return {
    errors,
    evaluate,
    async open(url) {
      await call("Page.navigate", { url });
    },
    async until(expression) {
      // Looks again with every change of the page.
      return evaluate(`new Promise((resolve, reject) => {
        const look = () => { try { const found = (${expression}); if (found) { done(); resolve(found); } } catch {} };
        const observer = new MutationObserver(look);
        const timer = setTimeout(() => { done(); reject(new Error(${JSON.stringify(`not in time: ${expression}`)})); }, ${TIMEOUT_MS});
        const again = setInterval(look, 250);
        const done = () => { observer.disconnect(); clearTimeout(timer); clearInterval(again); };
        observer.observe(document, { subtree: true, childList: true, characterData: true, attributes: true });
        look();
      })`);
    },
    async press(key) {
      await call("Input.dispatchKeyEvent", { type: "keyDown", key, text: key.length === 1 ? key : undefined });
      await call("Input.dispatchKeyEvent", { type: "keyUp", key });
    },
    async resize(width, height) {
      const mobile = width < 500;
      await call("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile });
    },
    async scheme(scheme) {
      await call("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
    },
    screenshot: async () => capture(true),
    viewport: async () => capture(false),
  };
}
