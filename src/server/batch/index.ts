export { withBatches } from "./batch.ts";
