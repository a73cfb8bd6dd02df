// What the hand-written servers of `authorized-read` share: a token verified by fast-jwt, which remembers verified ones, and a row
// read in a transaction of its own under the token's role and claims.
import Fastify from "fastify";
import { createVerifier } from "fast-jwt";
import { JSON_TYPE } from "./shop.mjs";

export const READ = "select row_to_json(u)::text from users u where id = $1";
export const BECOME = "select set_config('role', $1, true), set_config('request.jwt.claims', $2, true)";

const verify = createVerifier({ key: process.env.JWT_SECRET, algorithms: ["HS256"], cache: 20_000, cacheTTL: 600_000 });

/** @param database `user(claims, id)` answers JSON text; `close` */
export async function serveAuthorized(database) {
  const app = Fastify({ logger: false });
  app.get("/users/:id", async (request, reply) => {
    let claims;
    try {
      claims = verify(request.headers.authorization?.slice("Bearer ".length));
    } catch {
      reply.code(401);
      return { message: "not authorized" };
    }
    const body = await database.user(claims, request.params.id);
    if (body === undefined) {
      reply.code(404);
      return { message: "not found" };
    }
    reply.header("content-type", JSON_TYPE);
    return body;
  });
  const stop = async () => {
    await app.close();
    await database.close();
  };
  process.once("SIGTERM", () => void stop());
  process.once("SIGINT", () => void stop());
  await app.listen({ host: "127.0.0.1", port: Number(process.env.PORT) });
}
