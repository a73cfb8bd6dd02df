export { type Client, type ClientStats, createClient } from "./client.ts";
export type { ClientEvent, ClientEventType } from "./events.ts";
export type { ClientOptions } from "./options.ts";
export { ApiError } from "./api-error.ts";
export type { Operators, Order, Where } from "./filters.ts";
export {
  type ApiOptions,
  createTables,
  type DatabaseTypes,
  type Key,
  type ListOptions,
  type Readable,
  type ReadOptions,
  type Table,
  type Tables,
  type WriteOptions,
} from "./tables.ts";
export { createRoutes, type DescribedRoute, type RouteClient } from "./routes.ts";
