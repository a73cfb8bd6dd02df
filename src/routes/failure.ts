import { HotpathError } from "../errors.ts";
import type { HttpReply } from "../http/message.ts";
import { STATUS_CODES } from "../http/node-http.ts";
import { toProblem } from "../http/problem.ts";
import type { SchemaIssue, StandardSchema } from "./standard-schema.ts";

/** One of the errors that a route says it may answer. */
export interface DeclaredError {
  /** 400 to 599. */
  readonly status: number;
  /** What happened, where `fail` does not say more. */
  readonly message?: string | undefined;
  /** What it tells beside that: members of the reply. */
  readonly details?: StandardSchema | undefined;
}

/** A declared error on its way to the client: what `fail` throws. */
export class RouteFailure extends Error {
  override readonly name = "RouteFailure";
  readonly code: string;
  readonly status: number;
  readonly details: Readonly<Record<string, unknown>>;

  constructor(code: string, { status, message }: DeclaredError, details: unknown) {
    super(message ?? STATUS_CODES[status] ?? "Error");
    this.code = code;
    this.status = status;
    this.details = typeof details === "object" && details !== null ? { ...details } : {};
  }
}

/** What is wrong with what a client sent. */
export class InputInvalid extends HotpathError {
  readonly issues: readonly Issue[];

  constructor(part: string, issues: readonly SchemaIssue[]) {
    super("HP_INPUT_INVALID", `The ${part} of the request ${part === "parameters" ? "are" : "is"} not as it must be.`);
    this.issues = issues.slice(0, MOST_ISSUES).map((issue) => toIssue(part, issue));
  }
}

/** One thing that is wrong. */
export interface Issue {
  /** `body.items.0.quantity` */
  readonly at: string;
  readonly message: string;
}

/** Problem details (RFC 9457) of an error that a route answers; undefined for one that nobody expected. */
export function toFailureReply(error: unknown): HttpReply | undefined {
  if (error instanceof InputInvalid) return problemReply(error.status, { ...toProblem(error), issues: error.issues });
  if (!(error instanceof RouteFailure)) return undefined;
  const { status, message, code, details } = error;
  return problemReply(status, {
    ...details,
    type: "about:blank",
    title: STATUS_CODES[status] ?? "Error",
    status,
    detail: message,
    code,
  });
}

function problemReply(status: number, problem: object): HttpReply {
  return {
    status,
    headers: { "content-type": "application/problem+json", "cache-control": "no-store" },
    body: JSON.stringify(problem),
    validate: false,
  };
}

function toIssue(part: string, { message, path = [] }: SchemaIssue): Issue {
  const keys = path.map((step) => String(typeof step === "object" ? step.key : step));
  return { at: [part, ...keys].join("."), message };
}

/** A body may be wrong in as many places as it has. */
const MOST_ISSUES = 32;
