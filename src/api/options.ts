export type {
  ContentEncoding,
  LogLevel,
  OpenApiMode,
  PoolSettings,
  PostgresSettings,
  RequestLog,
  ServerSettings,
  TransactionEnd,
} from "./settings.ts";
