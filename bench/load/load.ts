import type { LoadRequest, LoadResult } from "./load-request.ts";
import { findCommand } from "../../test/support/commands.ts";
import { loadWithAutocannon } from "./autocannon.ts";
import { loadWithH2load } from "./h2load.ts";
import { loadWithWrk } from "./wrk.ts";

export type LoadGenerator = (request: LoadRequest) => Promise<LoadResult>;

const GENERATORS = { wrk: loadWithWrk, h2load: loadWithH2load, autocannon: loadWithAutocannon };

/** The names `--load` takes, the best first. */
export const LOAD_NAMES = Object.keys(GENERATORS) as readonly (keyof typeof GENERATORS)[];

/** The load generator of a name, or the best that is installed. */
export function chooseLoad(name: string | undefined): { name: string; generate: LoadGenerator } {
  const chosen =
    name === undefined
      ? LOAD_NAMES.find((each) => each === "autocannon" || findCommand(each) !== undefined)
      : LOAD_NAMES.find((each) => each === name);
  if (chosen === undefined) throw new Error(`--load takes one of ${LOAD_NAMES.join(", ")}, not ${name}`);
  return { name: chosen, generate: GENERATORS[chosen] };
}
