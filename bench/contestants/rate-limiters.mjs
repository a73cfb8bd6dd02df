// Limiters of others, each as a function that counts one request of a key: 100 a minute, as in their documentation.
import { createRequire } from "node:module";
import { Redis } from "ioredis";
import { RateLimiterMemory, RateLimiterRedis } from "rate-limiter-flexible";

const require = createRequire(import.meta.url);
const LocalStore = require("@fastify/rate-limit/store/LocalStore.js");
const RedisStore = require("@fastify/rate-limit/store/RedisStore.js");

/** @param {{ quota: number, windowMs: number, keys: number }} shape */
export function createMemoryRivals({ quota, windowMs, keys }) {
  const flexible = new RateLimiterMemory({ points: quota, duration: windowMs / 1000 });
  const fastify = new LocalStore(false, false, keys * 2);
  return [
    { name: "rate-limiter-flexible", take: (key) => flexible.consume(key).then(isAllowed, isRefused) },
    {
      name: "@fastify/rate-limit (its store)",
      take: (key) => {
        let allowed = false;
        fastify.incr(key, (_error, { current }) => (allowed = current <= quota), windowMs, quota);
        return allowed;
      },
    },
  ];
}

/** @param {{ quota: number, windowMs: number, url: string }} shape */
export function createRedisRivals({ quota, windowMs, url }) {
  const client = new Redis(url, { enableAutoPipelining: true });
  const flexible = new RateLimiterRedis({
    storeClient: client,
    points: quota,
    duration: windowMs / 1000,
    inMemoryBlockOnConsumed: quota,
  });
  const fastify = new RedisStore(false, false, client);
  return {
    rivals: [
      { name: "rate-limiter-flexible, ioredis", take: (key) => flexible.consume(key).then(isAllowed, isRefused) },
      {
        name: "@fastify/rate-limit (its store), ioredis",
        take: (key) =>
          new Promise((resolve, reject) => {
            const told = (error, result) => (error ? reject(error) : resolve(result.current <= quota));
            fastify.incr(key, told, windowMs, quota);
          }),
      },
    ],
    close: () => client.disconnect(),
  };
}

function isAllowed() {
  return true;
}

function isRefused(reason) {
  if (reason instanceof Error) throw reason;
  return false;
}
