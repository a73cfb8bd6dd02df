// The same by hand: no router, no schemas, no validators, the least that answers it.
import { createServer } from "node:http";
import { toUser } from "./route-reply.mjs";

const server = createServer((request, response) => {
  const [, id] = /^\/users\/(\d+)/.exec(request.url) ?? [];
  const body = JSON.stringify(toUser(Number(id), request.url.endsWith("?verbose=true")));
  response.writeHead(200, ["content-type", "application/json", "content-length", String(Buffer.byteLength(body))]);
  response.end(body);
});
process.once("SIGTERM", () => server.close());
process.once("SIGINT", () => server.close());
server.listen(Number(process.env.PORT), "127.0.0.1");
