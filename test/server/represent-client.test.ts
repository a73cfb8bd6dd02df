import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { after, before, describe, it } from "node:test";
import type { HttpReply, HttpRequest } from "../../src/http/message.ts";
import { get, json, represent, ROWS } from "./represent-fixture.ts";

describe("a real client", () => {
  let server: Server;
  let origin: string;
  before(async () => {
    server = createServer((request, response) => {
      const reply =
        request.url?.startsWith("/stream") === true ? { ...json(""), body: Readable.from([ROWS]) } : json(ROWS);
      void respond(get(request.headers as Record<string, string>, request.method), reply, response);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, "close");
  });

  it("decodes whatever it asked for", async () => {
    for (const path of ["/", "/stream"]) {
      for (const encoding of ["identity", "gzip", "br"]) {
        const response = await fetch(origin + path, { headers: { "accept-encoding": encoding } });
        assert.equal(response.headers.get("content-encoding") ?? "identity", encoding);
        assert.equal(await response.text(), ROWS);
      }
    }
  });

  it("gets a 304 for the tag it was given, and can tell a HEAD", async () => {
    const first = await fetch(origin, { headers: { "accept-encoding": "br" } });
    await first.text();
    const etag = first.headers.get("etag") ?? "";
    const again = await fetch(origin, { headers: { "accept-encoding": "br", "if-none-match": etag } });
    assert.equal(again.status, 304);
    assert.equal(await again.text(), "");
    const head = await fetch(origin, { method: "HEAD", headers: { "accept-encoding": "br" } });
    assert.equal(head.headers.get("etag"), etag);
    assert.equal(head.headers.get("content-encoding"), "br");
  });
});

async function respond(request: HttpRequest, reply: HttpReply, response: ServerResponse): Promise<void> {
  const sent = await represent(request, reply);
  response.writeHead(sent.status, sent.headers);
  if (sent.body instanceof Readable) await pipeline(sent.body, response);
  else response.end(sent.body);
}
