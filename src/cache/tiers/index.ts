export type { BreakerOptions, BreakerState } from "./breaker.ts";
export { createRemoteStore } from "./remote-store.ts";
export { createTieredStore, type RemoteStats, type TieredStore, type TieredStoreOptions } from "./tiered-store.ts";
