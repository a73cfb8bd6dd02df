import type { Scenario } from "../context.ts";
import { authorizedRead } from "./authorized-read.ts";
import { cacheHit, cacheHitHttp2, cacheHitLarge } from "./cache-hit.ts";
import { cacheStore } from "./cache-store.ts";
import { commitToPurge } from "./commit-to-purge.ts";
import { embed } from "./embed.ts";
import { generator } from "./generator.ts";
import { latencyTruth } from "./generator-truth.ts";
import { generatorRecording } from "./generator-recording.ts";
import { list } from "./list.ts";
import { memory } from "./memory.ts";
import { mixed, mixedList } from "./mixed.ts";
import { observe } from "./observe.ts";
import { observeRecording } from "./observe-recording.ts";
import { overload } from "./overload.ts";
import { grpc, protobuf } from "./protobuf.ts";
import { proxyMiss } from "./proxy-miss.ts";
import { rateLimit } from "./rate-limit.ts";
import { readByKey } from "./read-by-key.ts";
import { rivalPools } from "./rival-pools.ts";
import { routes } from "./routes.ts";
import { startup } from "./startup.ts";
import { workers } from "./workers.ts";
import { writeBulk, writeInsert, writeUpdate } from "./write.ts";

/** Every scenario; `all` runs those that are part of the results, in this order. */
export const SCENARIOS: readonly Scenario[] = [
  readByKey,
  authorizedRead,
  writeInsert,
  writeUpdate,
  writeBulk,
  mixed,
  mixedList,
  list,
  embed,
  protobuf,
  grpc,
  memory,
  startup,
  cacheHit,
  cacheHitLarge,
  cacheHitHttp2,
  proxyMiss,
  routes,
  cacheStore,
  commitToPurge,
  rateLimit,
  observe,
  observeRecording,
  overload,
  generator,
  latencyTruth,
  generatorRecording,
  workers,
  rivalPools,
];

/** What `all` stands for. */
export const RESULTS: readonly Scenario[] = SCENARIOS.filter((scenario) => scenario !== rivalPools);
