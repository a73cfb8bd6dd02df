import { LEAST_LOGGED } from "../api/request-log.ts";
import type { RequestLog } from "../api/settings.ts";
import type { Log } from "../api/source.ts";
import type { SourceRequest } from "../api/source-request.ts";
import type { Command } from "./pool/index.ts";

/** Tells the log which statements a request ran: their texts, in which values are numbered, and never the values. */
export interface QueryLog {
  note(request: SourceRequest, commands: readonly Command[]): void;
  /** The request is answered, with this status. */
  answered(request: SourceRequest, status: number): void;
}

/** @param which requests' statements are told */
export function createQueryLog(which: RequestLog, log: () => Log | undefined): QueryLog {
  const least = LEAST_LOGGED[which];
  const noted = new WeakMap<SourceRequest, string[]>();
  return {
    note(request, commands) {
      const queries = commands.map(({ statement }) => statement.text);
      const before = noted.get(request);
      if (before === undefined) noted.set(request, queries);
      else before.push(...queries);
    },
    answered(request, status) {
      const queries = noted.get(request);
      if (queries === undefined || status < least) return;
      const { method, path } = request;
      log()?.info({ method, path, status, queries }, "queries");
    },
  };
}
