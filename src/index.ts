export { type Api, type ApiOptions, defineApi, postgres, upstream } from "./server/define-api.ts";
export type { RunningServer } from "./server/start.ts";
export type { ByteSize, Duration, ServerOptions, UpstreamOptions } from "./api/option-types.ts";
export type { PostgresOptions } from "./api/postgres-option-types.ts";
export type {
  Admission,
  Counter,
  Histogram,
  LabelledValue,
  Log,
  MetricDeclaration,
  MetricsRegistry,
  Source,
  SourceContext,
  SourceReply,
} from "./api/source.ts";
export type { SourceRequest } from "./api/source-request.ts";
export type { Claims, Identity } from "./auth/identity.ts";
export type { CredentialsRefused } from "./auth/refusal.ts";
export type { Issue, DeclaredError } from "./routes/failure.ts";
export { gather, gatherSettled, type GatherOptions, type Task } from "./routes/gather.ts";
export type { Page, PageOptions } from "./routes/page.ts";
export { content, type ContentReply, reply, type ReplyOptions, type ValueReply } from "./routes/reply.ts";
export { del, get, patch, post, put, type Route, type RouteCache, type RouteOptions } from "./routes/route.ts";
export type { Remember, RouteContext } from "./routes/context.ts";
export type { RouteSpan, RunSpan } from "./routes/span.ts";
export type { Row, Sql, SqlQuery, SqlStream, StreamingSql, WritingSql } from "./routes/sql.ts";
export type { StandardSchema } from "./routes/standard-schema.ts";
export { events, ndjson, type ServerEvent } from "./routes/stream.ts";
export { SqlError } from "./api/database.ts";
export type { HttpReply, HttpRequest, ReplyHeaders } from "./http/message.ts";
export { type ErrorCode, ERRORS, HotpathError } from "./errors.ts";
