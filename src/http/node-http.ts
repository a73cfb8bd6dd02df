/**
 * Node's `http`. Importing it as an ES module reads every one of its exports, among them those that load a WebSocket client at first use:
 * 14 MB and 20 ms for what nobody uses (Node 22 to 24). This import reads only what is named here.
 */
export const { createServer, request, ServerResponse, STATUS_CODES, validateHeaderName, validateHeaderValue } =
  process.getBuiltinModule("node:http");
