export { type Api, type ApiOptions, defineApi, postgres, upstream } from "./server/define-api.ts";
export type { RunningServer } from "./server/start.ts";
export type { ByteSize, Duration, PostgresOptions, ServerOptions, UpstreamOptions } from "./api/option-types.ts";
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
  SourceRequest,
} from "./api/source.ts";
export type { Claims, Identity } from "./auth/identity.ts";
export type { CredentialsRefused } from "./auth/refusal.ts";
export type { HttpReply, HttpRequest, ReplyHeaders } from "./http/message.ts";
export { type ErrorCode, ERRORS, HotpathError } from "./errors.ts";
