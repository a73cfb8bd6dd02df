export { needOf } from "./need.ts";
export type { Need } from "./need.ts";
export { covers, formatLsn, parseLsn } from "./position.ts";
export type { Position } from "./position.ts";
export { COMMITTED } from "./probe.ts";
export { clusterOf } from "./token.ts";
export { createReplicaRouter } from "./replica-router.ts";
export type { ReadOrigin, Router } from "./router.ts";
export { createSoleRouter } from "./sole-router.ts";
