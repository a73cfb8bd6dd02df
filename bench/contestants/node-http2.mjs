// The floor over HTTP/2: what node:http2 itself costs. Answers every request with the same bytes, which it is given as a file.
import { readFileSync } from "node:fs";
import { createSecureServer } from "node:http2";

const body = readFileSync(process.env.FLOOR_BODY);
const fields = {
  ":status": 200,
  "content-type": "application/json; charset=utf-8",
  "content-length": String(body.length),
};
const server = createSecureServer({
  key: readFileSync(process.env.TLS_KEY),
  cert: readFileSync(process.env.TLS_CERT),
  allowHTTP1: true,
});
// Whoever asks whether it is up does so over HTTP/1.1.
server.on("request", (request, response) => {
  if (request.httpVersionMajor === 1) response.end("{}");
});
server.on("stream", (stream) => {
  stream.on("error", () => {});
  stream.respond(fields);
  stream.end(body);
});
process.once("SIGTERM", () => process.exit());
process.once("SIGINT", () => process.exit());
server.listen(Number(process.env.PORT), "127.0.0.1");
