import type { Source } from "../../api/source.ts";
import { errorReply, notLoaded } from "../../postgres/error-reply.ts";

/** Stands in for the database until it has been asked for its settings: who may do what is not known before. */
export function createWaitingSource(): Source {
  return {
    name: "postgres",
    isCacheable: false,
    isReady: () => false,
    resolve: () => errorReply(notLoaded(), "verbose"),
  };
}
