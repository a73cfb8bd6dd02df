import type { Source } from "../api/source.ts";
import { HotpathError } from "../errors.ts";
import { toProblemReply } from "../http/problem.ts";

/** What answers other methods of a path that only routes answer: which there are. */
export function createMethodSource(methods: readonly string[]): Source {
  const all = methods.includes("GET") ? ["HEAD", ...methods, "OPTIONS"] : [...methods, "OPTIONS"];
  const allow = all.join(", ");
  return {
    name: "routes",
    isCacheable: false,
    resolve({ method }) {
      if (method === "OPTIONS") return { status: 204, headers: { allow }, body: undefined };
      return toProblemReply(
        new HotpathError("HP_METHOD_NOT_ALLOWED", "This path has no such method.", { headers: { allow } }),
      );
    },
  };
}
