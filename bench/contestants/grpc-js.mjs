// gRPC's own server for Node with `pg`: a pool, the statement prepared by name, messages by protobufjs.
import { Server, ServerCredentials } from "@grpc/grpc-js";
import { Pool, types } from "pg";
import { ListRequest, UsersList } from "./shop-proto.mjs";

types.setTypeParser(types.builtins.TIMESTAMPTZ, (text) => {
  const ms = Date.parse(text);
  const seconds = Math.floor(ms / 1000);
  return { seconds, nanos: (ms - seconds * 1000) * 1e6 };
});
const pool = new Pool({
  connectionString: process.env.DATABASE_URL,
  max: Number(process.env.POOL_MAX),
  idleTimeoutMillis: 0,
});
const text = `select id, username, email, full_name, country, active, created_at, updated_at
  from users where id > $1 order by id limit 100`;

const server = new Server();
const list = {
  path: "/hotpath.api.UsersService/List",
  requestStream: false,
  responseStream: false,
  requestDeserialize: (bytes) => ListRequest.decode(bytes),
  requestSerialize: (message) => ListRequest.encode(message).finish(),
  responseDeserialize: (bytes) => UsersList.decode(bytes),
  responseSerialize: (message) => UsersList.encode(message).finish(),
};
server.addService(
  { list },
  {
    async list({ request }, callback) {
      const values = [request.filter.slice("id=gt.".length)];
      try {
        const { rows } = await pool.query({ name: "list", text, values });
        callback(null, { rows });
      } catch (error) {
        callback(error);
      }
    },
  },
);
process.once("SIGTERM", () => process.exit());
process.once("SIGINT", () => process.exit());
server.bindAsync(`127.0.0.1:${process.env.PORT}`, ServerCredentials.createInsecure(), (error) => {
  if (error !== null) throw error;
});
