import { createHash, randomBytes } from "node:crypto";

/** Answers a challenge of HTTP Digest (RFC 7616) with the user of a URL; undefined: it cannot be answered. */
export function digestAnswer(challenge: string, method: string, url: URL): string | undefined {
  if (!/^digest\s/i.test(challenge)) return undefined;
  const parts = Object.fromEntries(
    [...challenge.matchAll(/(\w+)=(?:"([^"]*)"|([^\s,]+))/g)].map(([, name = "", quoted, plain]) => [
      name.toLowerCase(),
      quoted ?? plain ?? "",
    ]),
  );
  const { realm = "", nonce = "", opaque, qop, algorithm = "MD5" } = parts;
  const hash = /^sha-256/i.test(algorithm) ? "sha256" : /^md5/i.test(algorithm) ? "md5" : undefined;
  if (hash === undefined) return undefined;
  const digest = (text: string): string => createHash(hash).update(text).digest("hex");
  const user = decodeURIComponent(url.username);
  const uri = url.pathname + url.search;
  const client = randomBytes(8).toString("hex");
  const count = "00000001";
  const secret = digest(`${user}:${realm}:${decodeURIComponent(url.password)}`);
  const first = /-sess$/i.test(algorithm) ? digest(`${secret}:${nonce}:${client}`) : secret;
  const second = digest(`${method}:${uri}`);
  const isAuth = qop?.split(",").some((word) => word.trim() === "auth") === true;
  const response = digest(
    isAuth ? `${first}:${nonce}:${count}:${client}:auth:${second}` : `${first}:${nonce}:${second}`,
  );
  const quoted = {
    username: user,
    realm,
    nonce,
    uri,
    response,
    ...(opaque !== undefined && { opaque }),
    ...(isAuth && { cnonce: client }),
  };
  const words = Object.entries(quoted).map(([name, value]) => `${name}="${value.replaceAll('"', "")}"`);
  return `Digest ${[...words, `algorithm=${algorithm}`, ...(isAuth ? ["qop=auth", `nc=${count}`] : [])].join(", ")}`;
}
