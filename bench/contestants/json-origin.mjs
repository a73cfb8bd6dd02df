// What caches are filled from: JSON of a given length, told apart by its id, fresh for an hour.
import { createServer } from "node:http";

const about = "hot path ".repeat(Number(process.env.WORDS));
const server = createServer((request, response) => {
  const id = request.url.split("/").at(-1);
  const body = `{"id":${id},"name":"user ${id}","about":"${about}"}`;
  response.writeHead(200, {
    "content-type": "application/json",
    "cache-control": "public, max-age=3600",
    "content-length": body.length,
  });
  response.end(body);
});
const stop = () => {
  server.close();
  server.closeAllConnections();
};
process.once("SIGTERM", stop);
process.once("SIGINT", stop);
server.listen(Number(process.env.PORT), "127.0.0.1");
