import { content } from "./reply.ts";
import { get, type Route } from "./route.ts";

const PATH = "/routes.proto";

/** What describes the messages of routes, where some have schemas and none is called so itself. */
export function protoRoutes(routes: readonly Route[]): readonly Route[] {
  const hasSchemas = routes.some(({ options }) => options.reply !== undefined || options.body !== undefined);
  if (!hasSchemas || routes.some(({ path }) => path === PATH)) return [];
  const handle = async () => {
    const { routesProto } = await import("./route-messages.ts");
    return content(await routesProto(routes), "text/plain; charset=utf-8");
  };
  return [get(PATH, { summary: "The messages of the routes as a .proto file", handle })];
}
