// The floor: what node:http itself costs. Answers every request with the same bytes, which it is given as a file.
import { readFileSync } from "node:fs";
import { createServer } from "node:http";

const body = readFileSync(process.env.FLOOR_BODY);
const fields = ["content-type", "application/json; charset=utf-8", "content-length", String(body.length)];
const server = createServer((_request, response) => {
  response.writeHead(200, fields);
  response.end(body);
});
const stop = () => {
  server.close();
  server.closeAllConnections();
};
process.once("SIGTERM", stop);
process.once("SIGINT", stop);
server.listen(Number(process.env.PORT), "127.0.0.1");
