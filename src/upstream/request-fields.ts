import { isIP } from "node:net";
import type { UpstreamSettings } from "../api/settings.ts";
import type { SourceRequest } from "../api/source-request.ts";
import { HotpathError } from "../errors.ts";
import { createNetworks, plainAddress } from "../http/address.ts";
import { isHopByHop } from "../http/hop-by-hop.ts";
import { addVia } from "../http/via.ts";

/** The header fields that a request is forwarded with, as undici takes them: name, value, name, value. */
export type ForwardedHeaders = (string | string[])[];

/** Fields that the forwarded request has values of its own for, or none. */
const OURS = new Set(["host", "content-length", "expect", "via", "http2-settings"]);

/** What clients like to claim about themselves; an upstream that believes such fields must only get ours. */
function isClaim(name: string): boolean {
  return name.startsWith("x-forwarded-") || CLAIMS.has(name);
}

/** Beside `X-Forwarded-*`: who the client is, and which URL it asks for, in the words of other proxies and frameworks. */
const CLAIMS = new Set([
  "forwarded",
  "x-real-ip",
  "x-client-ip",
  "x-cluster-client-ip",
  "x-original-forwarded-for",
  "true-client-ip",
  "cf-connecting-ip",
  "fastly-client-ip",
  "x-host",
  "x-original-host",
  "x-original-url",
  "x-rewrite-url",
]);

/**
 * Builds the fields of forwarded requests: end-to-end fields as they came, those for our own connection left out, and our
 * own: `Host`, `Via`, and who the client is.
 *
 * @param origin the upstream's own, for `Host`
 */
export function createRequestFields(
  settings: UpstreamSettings,
  origin: string,
): (request: SourceRequest, contentLength: number | undefined, traceparent?: string) => ForwardedHeaders {
  const isTrusted = createNetworks(settings.trustedProxies);
  const { via, forwarded } = settings;
  const given = settings.headers.setRequest.map(toField);
  const set = given.filter(([name]) => name !== "host");
  const ownHost = given.find(([name]) => name === "host")?.[1];
  const upstreamHost = ownHost ?? new URL(origin).host;
  const isPreserving = settings.host === "preserve" || (settings.host === "auto" && origin.startsWith("http:"));
  const keepsHost = isPreserving && ownHost === undefined;
  const removed = new Set([...settings.headers.removeRequest, ...set.map(([name]) => name)].map(toLowerCase));
  const isPlain = removed.size === 0;
  const [writesX, writesStandard] = [
    forwarded === "x-forwarded" || forwarded === "both",
    forwarded === "forwarded" || forwarded === "both",
  ];

  return (request, contentLength, traceparent) => {
    const { headers } = request;
    if (via !== null && headers.via !== undefined) refuseLoop(headers.via, via);
    const fields: ForwardedHeaders = ["host", keepsHost && request.authority !== "" ? request.authority : upstreamHost];
    const connection = headers.connection === undefined ? NONE : namedByConnection(headers.connection);
    const trusted = isTrusted(request.remoteAddress);
    for (const name in headers) {
      if (isHopByHop(name) || OURS.has(name) || (isClaim(name) && !(trusted && isPassedOn(name)))) continue;
      if (!isPlain && removed.has(name)) continue;
      if (traceparent !== undefined && name === "traceparent") continue;
      if (connection !== NONE && connection.includes(name)) continue;
      const value = headers[name];
      if (value !== undefined) fields.push(name, value);
    }
    if (traceparent !== undefined && !removed.has("traceparent")) fields.push("traceparent", traceparent);
    if (contentLength !== undefined) fields.push("content-length", String(contentLength));
    if (via !== null) fields.push("via", addVia(headers.via, request.httpVersion, via));
    if (writesX) addXForwarded(fields, request, trusted, settings.stripBasePath);
    if (writesStandard) fields.push("forwarded", toForwarded(request, trusted));
    else if (trusted && headers.forwarded !== undefined) fields.push("forwarded", headers.forwarded);
    for (const [name, value] of set) fields.push(name, value);
    return fields;
  };

  /** Fields of a trusted proxy that we do not continue ourselves. */
  function isPassedOn(name: string): boolean {
    if (name === "forwarded") return false;
    return !(writesX && X_FORWARDED.has(name));
  }
}

/** Servers of one name may well follow each other, but not so many. */
const MAX_PASSES = 8;

/** A request that has come by again and again would go round until every connection is taken. */
function refuseLoop(via: string, name: string): void {
  const passes = via.split(",").filter((entry) => entry.trim().split(/[ \t]+/)[1] === name).length;
  if (passes >= MAX_PASSES) throw new HotpathError("HP_UPSTREAM_LOOP", "The request goes round in circles.");
}

const NONE: readonly string[] = [];
const X_FORWARDED = new Set(["x-forwarded-for", "x-forwarded-proto", "x-forwarded-host", "x-forwarded-prefix"]);

/** Names that `Connection` declares to be for this connection only; never those that frame or route the message. */
function namedByConnection(connection: string): readonly string[] {
  if (connection === "keep-alive" || connection === "close") return NONE;
  return connection.split(",").map((name) => name.trim().toLowerCase());
}

function addXForwarded(fields: ForwardedHeaders, request: SourceRequest, trusted: boolean, strips: boolean): void {
  const { headers, basePath } = request;
  const address = plainAddress(request.remoteAddress);
  const before = trusted ? headers["x-forwarded-for"] : undefined;
  if (address !== "") fields.push("x-forwarded-for", before === undefined ? address : `${String(before)}, ${address}`);
  fields.push("x-forwarded-proto", String((trusted ? headers["x-forwarded-proto"] : undefined) ?? request.scheme));
  fields.push("x-forwarded-host", String((trusted ? headers["x-forwarded-host"] : undefined) ?? request.authority));
  const prefix = trusted ? String(headers["x-forwarded-prefix"] ?? "") : "";
  if (strips && prefix + basePath !== "") fields.push("x-forwarded-prefix", prefix + basePath);
}

/** An element of `Forwarded` (RFC 7239), after those of a trusted proxy. */
function toForwarded({ remoteAddress, authority, scheme, headers }: SourceRequest, trusted: boolean): string {
  const address = plainAddress(remoteAddress);
  const node = address === "" ? "unknown" : isIP(address) === 6 ? `"[${address}]"` : address;
  const element = `for=${node};host="${authority}";proto=${scheme}`;
  const before = trusted ? headers.forwarded : undefined;
  return before === undefined ? element : `${before}, ${element}`;
}

/** `Name: value` apart. */
export function toField(line: string): readonly [name: string, value: string] {
  const colon = line.indexOf(":");
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}

function toLowerCase(name: string): string {
  return name.toLowerCase();
}
