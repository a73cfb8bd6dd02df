import type { SourceRequest } from "../../api/source-request.ts";
import { HotpathError } from "../../errors.ts";
import { parsePreferences, type Preferences } from "../preferences.ts";
import type { Position } from "./position.ts";
import { parseToken } from "./token.ts";

/**
 * What a read demands of the state it sees. Undefined: nothing beyond the lag limit.
 *
 * `asked`: the client wants the primary; `foreign`: its token cannot be compared with what replicas have; `isolation`: only a primary can.
 */
export type Need = Position | "asked" | "foreign" | "isolation" | undefined;

/** Clients that merged replies may send several tokens; all of them hold. */
const MAX_TOKENS = 8;

/**
 * What `Prefer: consistency=primary` and `Consistency-Token` say.
 *
 * @throws HotpathError HP_TOKEN_INVALID for a token that is none
 */
export function needOf({ headers }: Pick<SourceRequest, "headers">): Need {
  if (consistencyOf(headers) === "primary") return "asked";
  const given = headers["consistency-token"];
  if (given === undefined) return undefined;
  const tokens = String(given).split(",");
  if (tokens.length > MAX_TOKENS) throw invalid();
  let highest: Position | undefined;
  for (const token of tokens) {
    const position = parseToken(token.trim());
    if (position === undefined) throw invalid();
    if (position === "foreign") return "foreign";
    if (highest === undefined) highest = position;
    else if (highest.cluster !== position.cluster || highest.timeline !== position.timeline) return "foreign";
    else if (highest.lsn < position.lsn) highest = position;
  }
  return highest;
}

/** What the client prefers, if it says so. */
export function consistencyOf({ prefer }: SourceRequest["headers"]): Preferences["consistency"] {
  return prefer === undefined ? undefined : parsePreferences(String(prefer)).consistency;
}

function invalid(): HotpathError {
  return new HotpathError("HP_TOKEN_INVALID", "Consistency-Token is not one that this API has given.");
}
