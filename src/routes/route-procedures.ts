import type { Procedure, ProcedureFile, ProcedureRequest, Procedures } from "../api/procedures.ts";
import { invalidMessage, wireFields } from "../content/protobuf/fields.ts";
import { HotpathError } from "../errors.ts";
import { textsOf, toMessage } from "./message-value.ts";
import { maskedFields } from "./route-mask.ts";
import type { Route } from "./route.ts";
import { messagesOf, REQUEST, type RouteMessages, ROUTES_PACKAGE, ROUTES_SERVICE } from "./route-messages.ts";
import { describedRoutes } from "./route-names.ts";

/**
 * Routes with schemas as the methods of one service.
 *
 * @param path where they are described; undefined: nowhere
 */
export async function routeProcedures(routes: readonly Route[], path: string | undefined): Promise<Procedures> {
  const service = `${ROUTES_PACKAGE}.${ROUTES_SERVICE}`;
  const procedures = new Map<string, Procedure>();
  for (const route of describedRoutes(routes)) {
    const messages = await messagesOf(route, routes);
    procedures.set(`${service}/${messages.name}`, {
      service,
      method: messages.name,
      input: `${ROUTES_PACKAGE}.${messages.request.name}`,
      output: `${ROUTES_PACKAGE}.${messages.reply.type.name}`,
      isRead: route.method === "GET",
      answers: "message",
      toRequest: (message) => requestOf(route, messages, message),
    });
  }
  const file: ProcedureFile | undefined =
    path === undefined ? undefined : { package: ROUTES_PACKAGE, path, headers: {} };
  return {
    find: (called, method) => procedures.get(`${called}/${method}`),
    services: new Map(file === undefined ? [] : [[service, file]]),
  };
}

type Texts = ReadonlyMap<string, readonly string[]>;

function requestOf(route: Route, messages: RouteMessages, message: Buffer): ProcedureRequest {
  const parts = partsOf(messages, message);
  const texts = (part: "params" | "query"): Texts => {
    const type = messages[part];
    return type === undefined ? NO_TEXTS : textsOf(type, parts.get(REQUEST[part]) ?? NOTHING);
  };
  const query = [...texts("query")].flatMap(([name, values]) => values.map((value) => parameter(name, value)));
  const mask = parts.get(REQUEST.fields);
  const fields = mask === undefined ? "" : maskedFields(messages.reply, mask);
  if (fields !== "") query.push(parameter("fields", fields));
  const content = messages.body === undefined ? undefined : (parts.get(REQUEST.body) ?? NOTHING);
  return {
    method: route.method,
    path: pathOf(route, texts("params")),
    query: query.join("&"),
    headers: { accept: MEDIA_TYPE, ...(content === undefined ? {} : { "content-type": MEDIA_TYPE }) },
    content,
    ofReply: (bytes, type) => replyOf(messages, bytes, type),
  };
}

/** A request's fields by number: of a message that comes in parts all count. */
function partsOf({ request }: RouteMessages, message: Buffer): ReadonlyMap<number, Buffer> {
  const parts = new Map<number, Buffer>();
  for (const { number, wireType, bytes } of wireFields(message)) {
    if (!request.fields.some((field) => field.number === number)) {
      throw invalidMessage(`${request.name} has no field ${number}`);
    }
    if (wireType !== 2) throw invalidMessage(`field ${number} has the wire type ${wireType} and not 2`);
    const before = parts.get(number);
    parts.set(number, before === undefined ? bytes : Buffer.concat([before, bytes]));
  }
  return parts;
}

function pathOf({ segments }: Route, params: Texts): string {
  const path = segments.map((segment) => {
    if (segment.kind === "literal") return segment.text;
    const value = params.get(segment.name)?.at(-1) ?? "";
    const words = segment.kind === "rest" ? value.split("/") : [value];
    if (words.includes("")) throw invalidMessage(`params.${segment.name} is not set, or nothing that a path can have`);
    return words.map(escaped).join("/");
  });
  return `/${path.join("/")}`;
}

/** Dots alone would mean another path. */
function escaped(segment: string): string {
  return /^\.\.?$/.test(segment) ? segment.replaceAll(".", "%2E") : encodeURIComponent(segment);
}

function parameter(name: string, value: string): string {
  return `${encodeURIComponent(name)}=${encodeURIComponent(value)}`;
}

/** A reply as its message: it is one already where the route has a schema for it. */
function replyOf({ reply }: RouteMessages, bytes: Buffer, type: string): Buffer {
  if (bytes.length === 0 || type.includes("protobuf")) return bytes;
  if (type === "application/json") return toMessage(reply, bytes.toString("utf8"));
  throw new HotpathError(
    "HP_NOT_ACCEPTABLE",
    `The route answered ${type || "content of no type"}, which no message holds.`,
    {
      todo: "Ask for it by its own URL.",
    },
  );
}

const MEDIA_TYPE = "application/x-protobuf";
const NOTHING = Buffer.alloc(0);
const NO_TEXTS: Texts = new Map();
