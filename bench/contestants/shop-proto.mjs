// The part of the shop's messages that the gRPC servers of this folder, and whoever reads their replies, need.
import protobuf from "protobufjs";

const TEXT = `syntax = "proto3"; package hotpath.api;
message Timestamp { int64 seconds = 1; int32 nanos = 2; }
message Users {
  optional int32 id = 1; optional string username = 2; optional string email = 3; optional string full_name = 4;
  optional string country = 5; optional bool active = 6; Timestamp created_at = 7; Timestamp updated_at = 8;
}
message UsersList { repeated Users rows = 1; optional string next = 2; }
message ListRequest { optional string filter = 1; optional string order = 2; optional int32 limit = 3; }`;

const root = protobuf.parse(TEXT, { keepCase: true }).root;
export const UsersList = root.lookupType("hotpath.api.UsersList");
export const ListRequest = root.lookupType("hotpath.api.ListRequest");

/** A list's rows as JSON has them. */
export function plainUsers(bytes) {
  const { rows } = UsersList.toObject(UsersList.decode(bytes), { longs: Number, arrays: true });
  return rows.map((row) => ({ ...row, created_at: isoText(row.created_at), updated_at: isoText(row.updated_at) }));
}

/** As PostgreSQL writes it in JSON, in UTC. */
function isoText({ seconds, nanos = 0 }) {
  const micros = Math.round(nanos / 1000);
  const fraction = micros === 0 ? "" : `.${String(micros).padStart(6, "0").replace(/0+$/, "")}`;
  return `${new Date(seconds * 1000).toISOString().slice(0, 19)}${fraction}+00:00`;
}
