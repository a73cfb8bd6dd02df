import { Agent, createServer } from "node:http";
import httpProxy from "http-proxy";

// Without an agent of its own it opens a connection a request.
const agent = new Agent({ keepAlive: true, maxSockets: 128 });
const proxy = httpProxy.createProxyServer({ target: process.env.ORIGIN, agent, xfwd: true });
proxy.on("error", (_error, _request, response) => response.writeHead(502).end());
const server = createServer((request, response) => proxy.web(request, response));
const stop = () => {
  server.close();
  server.closeAllConnections();
  agent.destroy();
};
process.once("SIGTERM", stop);
process.once("SIGINT", stop);
server.listen(Number(process.env.PORT), "127.0.0.1");
