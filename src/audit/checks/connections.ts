import { connect, type TLSSocket } from "node:tls";
import { median } from "../sample.ts";
import type { Check, CheckContext } from "./check.ts";

const TIMEOUT_MS = 10_000;
const ROUNDS = 5;

/** T5 and T12: connections. Seen once, whatever resource is asked for. */
export const CONNECTION_CHECKS: readonly Check[] = [
  {
    name: "http2-missing",
    title: "No HTTP/2",
    technique: "T12",
    severity: "medium",
    source: "RFC 9113 section 3.2, RFC 7301",
    async run({ prober: { origin } }) {
      if (origin.protocol !== "https:") return "without TLS browsers speak no HTTP/2";
      const socket = await handshake(origin);
      const protocol = socket.alpnProtocol;
      socket.destroy();
      if (protocol === "h2") return [];
      const chosen = typeof protocol === "string" ? protocol : "nothing";
      return [
        {
          seen: `Of h2 and http/1.1 offered by ALPN the server chose ${chosen}.`,
          gain: "one connection for all requests of a page instead of six",
          evidence: [],
        },
      ];
    },
  },
  {
    name: "tls-resumption-missing",
    title: "TLS sessions are not resumed",
    technique: "T12",
    severity: "low",
    source: "RFC 8446 section 2.2",
    async run({ prober: { origin } }) {
      if (origin.protocol !== "https:") return "there is no TLS";
      const session = await sessionOf(origin);
      if (session === undefined)
        return [
          {
            seen: "The server gave no session ticket within a second.",
            gain: "a round trip and the certificate for each further connection",
            evidence: [],
          },
        ];
      const second = await handshake(origin, session);
      const isResumed = second.isSessionReused();
      second.destroy();
      if (isResumed) return [];
      return [
        {
          seen: "A second connection that showed the first one's ticket made a full handshake.",
          gain: "the certificate and its signature for each further connection",
          evidence: [],
        },
      ];
    },
  },
  {
    name: "keep-alive-missing",
    title: "Connections are closed after each reply",
    technique: "T12",
    severity: "high",
    source: "RFC 9112 section 9.3",
    async run({ prober, sample: { target, again, coded } }: CheckContext) {
      const closes = [coded, again].filter(({ headers }) => headers.connection?.toLowerCase() === "close");
      if (again.isReused || coded.isReused) return [];
      if (closes.length === 0) return "whether connections are kept could not be seen";
      const fresh: number[] = [];
      for (let round = 0; round < ROUNDS; round++)
        fresh.push((await prober.send(target, {}, { isFresh: true, method: "HEAD" })).firstByteMs);
      return [
        {
          seen: "Each reply came with Connection: close, and no connection was used twice.",
          gain: `a handshake for each request, of the ${median(fresh).toFixed(1)} ms that one takes here`,
          evidence: closes,
        },
      ];
    },
  },
];

function handshake(origin: URL, session?: Buffer): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({
      host: origin.hostname.replace(/^\[|\]$/g, ""),
      port: Number(origin.port || 443),
      servername: /^[\d.]+$|:/.test(origin.hostname) ? "" : origin.hostname,
      ALPNProtocols: ["h2", "http/1.1"],
      // Whether the certificate is any good was seen, or not asked, with the requests themselves.
      rejectUnauthorized: false,
      ...(session !== undefined && { session }),
    });
    socket.setTimeout(TIMEOUT_MS, () => socket.destroy(new Error("no TLS handshake in time")));
    socket.once("secureConnect", () => resolve(socket));
    socket.once("error", reject);
  });
}

/** With TLS 1.3 the ticket comes after the handshake. */
async function sessionOf(origin: URL): Promise<Buffer | undefined> {
  const socket = await handshake(origin);
  const session = await new Promise<Buffer | undefined>((resolve) => {
    const timer = setTimeout(() => resolve(undefined), TICKET_PATIENCE_MS);
    const known = socket.getProtocol() === "TLSv1.3" ? undefined : socket.getSession();
    if (known !== undefined) {
      clearTimeout(timer);
      resolve(known);
    }
    socket.once("session", (ticket: Buffer) => {
      clearTimeout(timer);
      resolve(ticket);
    });
    socket.resume();
  });
  socket.destroy();
  return session;
}

const TICKET_PATIENCE_MS = 1000;
