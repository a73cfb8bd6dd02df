export { type Client, type ClientStats, createClient } from "./client.ts";
export type { ClientEvent, ClientEventType } from "./events.ts";
export type { ClientOptions } from "./options.ts";
