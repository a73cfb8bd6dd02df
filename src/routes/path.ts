import { HotpathError } from "../errors.ts";

/** Names and types of a path's parameters: those of `/users/:id/files/*name` are `id` and `name`. */
export type PathParameters<Path extends string> = Readonly<Record<ParameterName<Path>, string>>;

type ParameterName<Path extends string> = Path extends `${infer Segment}/${infer Rest}`
  ? NameOf<Segment> | ParameterName<Rest>
  : NameOf<Path>;
type NameOf<Segment extends string> = Segment extends `:${infer Name}`
  ? Name
  : Segment extends `*${infer Name}`
    ? Name
    : never;

/** A segment of a path. A rest, which only the last one can be, takes one or more. */
export type Segment =
  | { readonly kind: "literal"; readonly text: string }
  | { readonly kind: "parameter" | "rest"; readonly name: string };

/**
 * Reads a path such as `/users/:id` or `/files/*name`.
 *
 * @throws HotpathError HP_ROUTE_INVALID
 */
export function parsePath(path: string): readonly Segment[] {
  if (path === "/") return [];
  if (!PATH.test(path)) {
    const received = JSON.stringify(path);
    throw new HotpathError(
      "HP_ROUTE_INVALID",
      `A route's path looks like /users/:id or /files/*name; not ${received}.`,
    );
  }
  const segments = path.slice(1).split("/").map(toSegment);
  const names = segments.flatMap((segment) => (segment.kind === "literal" ? [] : [segment.name]));
  const twice = names.find((name, place) => names.indexOf(name) !== place);
  if (twice !== undefined) throw new HotpathError("HP_ROUTE_INVALID", `The path ${path} names ${twice} twice.`);
  return segments;
}

/** The decoded texts of the parameters by name, from a path as received that matches the segments. */
export function parametersOf(segments: readonly Segment[], path: string): Record<string, string> {
  const values: Record<string, string> = {};
  let start = 1;
  for (const segment of segments) {
    const end = segment.kind === "rest" ? path.length : endOfSegment(path, start);
    if (segment.kind !== "literal") values[segment.name] = decode(path.slice(start, end));
    start = end + 1;
  }
  return values;
}

/** Where the segment of a path ends that begins there. */
export function endOfSegment(path: string, start: number): number {
  const slash = path.indexOf("/", start);
  return slash === -1 ? path.length : slash;
}

/** @throws HotpathError HP_BAD_REQUEST for a malformed escape */
function decode(text: string): string {
  if (!text.includes("%")) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    throw new HotpathError("HP_BAD_REQUEST", "An escape of the path is malformed.");
  }
}

function toSegment(text: string): Segment {
  if (text.startsWith(":")) return { kind: "parameter", name: text.slice(1) };
  if (text.startsWith("*")) return { kind: "rest", name: text.slice(1) };
  return { kind: "literal", text };
}

const PATH = /^(?:\/(?:[\w~.!$'()+,;=@-]+|:[A-Za-z_]\w*))*(?:\/\*[A-Za-z_]\w*)?$/;
