import type { HttpReply, HttpRequest } from "../../http/message.ts";
import type { Trace } from "./span.ts";

/** A trace that is over, and what came of its request. */
export interface EndedTrace {
  readonly trace: Trace;
  readonly method: string;
  /** Without its query, which may hold what people typed. */
  readonly path: string;
  readonly scheme: string;
  readonly authority: string;
  readonly httpVersion: string;
  /** The pattern. */
  readonly route: string;
  readonly status: number;
  /** Its reply is a page of more, or a limit was asked for. */
  readonly isPaged: boolean;
  /** What was asked and answered. To be looked at, not kept. */
  readonly request: HttpRequest;
  readonly reply: EndedReply;
}

/** What is looked at of a reply. */
export type EndedReply = Pick<HttpReply, "status"> & Partial<Pick<HttpReply, "body" | "headers">>;
