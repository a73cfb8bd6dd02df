import type { Procedures } from "../api/procedures.ts";
import type { Source } from "../api/source.ts";
import { prefersMessages } from "./message-media.ts";
import { content } from "./reply.ts";
import { get, type Route } from "./route.ts";
import { describedRoutes } from "./route-names.ts";

const PATH = "/routes.proto";
/** Where tables are described, which may not be there. */
const SCHEMA_PATH = "/schema.proto";

type Mounted = readonly { readonly path: string; readonly source: Pick<Source, "procedures"> }[];

/** What describes the messages of routes, where some have schemas and none is called so itself. */
export function protoRoutes(routes: readonly Route[], sources: Mounted): readonly Route[] {
  if (describedRoutes(routes).length === 0) return [];
  const isTaken = sources.some(({ path, source }) => path === "/" && source.procedures !== undefined);
  const paths = isTaken ? [PATH] : [PATH, SCHEMA_PATH];
  const free = paths.filter((path) => !routes.some((route) => route.path === path));
  return free.map((path) => get(path, { summary: "The messages of the routes as a .proto file", handle: describe }));

  async function describe({ request }: { readonly request: Parameters<typeof prefersMessages>[0] }) {
    const { routesDescriptor, routesProto } = await import("./routes-file.ts");
    const options = { headers: { vary: "Accept" } };
    return prefersMessages(request)
      ? content(await routesDescriptor(routes), DESCRIPTOR_SET, options)
      : content(await routesProto(routes), "text/plain; charset=utf-8", options);
  }
}

const DESCRIPTOR_SET = 'application/x-protobuf; messageType="google.protobuf.FileDescriptorSet"';

/** What gRPC and Connect can call of routes: nothing of it is made before somebody does. */
export interface CallableRoutes {
  readonly path: string;
  readonly source: { procedures(): Promise<Procedures> | Procedures };
}

/** Routes with schemas as procedures; undefined where there are none. */
export function callableRoutes(routes: readonly Route[]): CallableRoutes | undefined {
  if (describedRoutes(routes).length === 0) return undefined;
  const isDescribed = !routes.some(({ path }) => path === PATH);
  let known: Procedures | undefined;
  return {
    path: "/",
    source: {
      procedures: () =>
        known ??
        import("./route-procedures.ts").then(async ({ routeProcedures }) => {
          known ??= await routeProcedures(routes, isDescribed ? PATH : undefined);
          return known;
        }),
    },
  };
}
