import type { CommandResult } from "../pool/index.ts";
import { endOfRecords, parseLsn, type Position } from "./position.ts";
import { toLayout } from "./probe.ts";
import { clusterOf } from "./token.ts";

/** A position that nothing reaches, so that reads go to the primary. */
export const BEYOND = 2n ** 64n - 1n;

/**
 * Where a commit ends, as found out otherwise or as `COMMITTED` answered. Without an answer, as when the server went away right after the commit, no replica and no stored reply can be
 * known to have it.
 *
 * @param last a position of the same database
 */
export function committedPosition(
  end: CommandResult | Position | undefined,
  last: Pick<Position, "cluster" | "timeline"> | undefined,
): Position | undefined {
  if (end !== undefined && "lsn" in end) return end;
  const [lsn, timeline, system, ...layout] = end?.rows[0] ?? [];
  if (lsn == null || system == null) return last === undefined ? undefined : { ...last, lsn: BEYOND };
  return {
    cluster: clusterNamed(system),
    timeline: Number(timeline),
    lsn: endOfRecords(parseLsn(lsn), toLayout(layout)),
  };
}

let known = { system: "", cluster: "" };

/** The same one nearly always. */
function clusterNamed(system: string): string {
  if (known.system !== system) known = { system, cluster: clusterOf(system) };
  return known.cluster;
}
