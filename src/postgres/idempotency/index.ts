export { createIdempotency, type Idempotency, type IdempotencyGuard, RepeatedReply } from "./idempotency.ts";
