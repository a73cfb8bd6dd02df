import { findCommand } from "../../test/support/commands.ts";
import { loadWithAutocannon } from "./autocannon.ts";
import { loadWithH2load } from "./h2load.ts";
import { loadWithWrk } from "./wrk.ts";

/** One stretch of load on one server: keep-alive connections that each send a request as soon as they have a reply. */
export interface LoadRequest {
  readonly port: number;
  /** Cycled through in this order; the same for every contestant. */
  readonly paths: readonly string[];
  /** Header fields of each, in the same order. Absent: none. */
  readonly headers?: readonly Readonly<Record<string, string>>[] | undefined;
  /** The method of all that write, and the content of each, in the same order; a line each. What has none reads. */
  readonly write?: { readonly method: string; readonly contents: readonly string[] } | undefined;
  readonly connections: number;
  /** Each request has a field of its own. */
  readonly isDistinct: boolean;
  readonly seconds: number;
  /** The core it runs on. Absent: as the whole run. */
  readonly core?: number | undefined;
  /** For files the load generator reads. */
  readonly folder: string;
  readonly signal: AbortSignal;
}

export interface LoadResult {
  readonly requests: number;
  readonly seconds: number;
  /** Replies of status 400 and above, broken connections and timeouts. */
  readonly failures: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly bytes: number;
}

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
