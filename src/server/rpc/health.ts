import type { Callable } from "../../api/procedures.ts";
import { wireFields } from "../../content/protobuf/fields.ts";
import { HotpathError } from "../../errors.ts";
import type { OwnService } from "./own-service.ts";
import type { CallTargets } from "./targets.ts";

/** Whether the sources are ready (`grpc.health.v1.Health`): all of them for the empty name, each service as the sources are. */
export function createHealth(sources: readonly Callable[], targets: CallTargets): OwnService {
  const isServing = (): boolean => sources.every(({ source }) => source.isReady?.() ?? true);
  const isKnown = async (service: string): Promise<boolean> =>
    service === "" || (await targets.all()).some(({ services }) => services.has(service));

  async function* check(messages: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    const service = serviceOf(await onlyOf(messages));
    if (!(await isKnown(service))) throw new HotpathError("HP_NOT_FOUND", `There is no service ${service}.`);
    yield isServing() ? SERVING : NOT_SERVING;
  }

  async function* watch(messages: AsyncIterable<Buffer>, signal: AbortSignal): AsyncGenerator<Buffer> {
    const service = serviceOf(await onlyOf(messages));
    let told: Buffer | undefined;
    while (!signal.aborted) {
      const state = !(await isKnown(service)) ? UNKNOWN : isServing() ? SERVING : NOT_SERVING;
      if (state !== told) yield (told = state);
      await pause(signal);
    }
  }

  return {
    call(method, messages, caller) {
      if (method === "Check") return check(messages);
      return method === "Watch" ? watch(messages, caller.signal) : undefined;
    },
  };
}

/** Read to the end: a reply to half a request would break it off. */
async function onlyOf(messages: AsyncIterable<Buffer>): Promise<Buffer> {
  let only: Buffer | undefined;
  for await (const message of messages) only ??= message;
  return only ?? Buffer.alloc(0);
}

/** Readiness is looked at so often for those who watch it. */
const LOOK_MS = 1000;

async function pause(signal: AbortSignal): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, LOOK_MS);
  timer.unref();
  const left = (): void => resolve();
  signal.addEventListener("abort", left, { once: true });
  await promise;
  clearTimeout(timer);
  signal.removeEventListener("abort", left);
}

function serviceOf(message: Buffer): string {
  let service = "";
  for (const { number, wireType, bytes } of wireFields(message)) {
    if (number === 1 && wireType === 2) service = bytes.toString("utf8");
  }
  return service;
}

/** HealthCheckResponse with its status. */
const SERVING = Buffer.from([0x08, 1]);
const NOT_SERVING = Buffer.from([0x08, 2]);
const UNKNOWN = Buffer.from([0x08, 3]);
