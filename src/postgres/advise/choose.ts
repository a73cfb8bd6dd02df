import { type Candidate, signature } from "./candidates.ts";
import type { Examined } from "./estimate.ts";
import type { Outcome, Probe } from "./probe.ts";
import { tableName } from "./tables.ts";

/** An index that is worth its keep, so far as can be told. */
export interface Choice {
  readonly candidate: Candidate;
  readonly bytes: number;
}

/** What the chosen ones do together. */
export interface Chosen {
  readonly choices: readonly Choice[];
  /** Cost of each examined statement with all of them, in the order of `examined`. */
  readonly after: readonly number[];
  /** For each choice, the statements whose plans use it: places in `examined`. */
  readonly users: readonly (readonly number[])[];
}

export interface ChooseInput {
  readonly examined: readonly Examined[];
  /** How much of the whole each statement is: milliseconds, or calls times cost. */
  readonly loads: readonly number[];
  readonly candidates: readonly Candidate[];
  readonly probe: Probe;
  /** What keeping an index of the candidate's kind up to date would take, in the unit of `loads`. */
  readonly upkeep: (candidate: Candidate) => number;
}

/** An index that takes less than this off the whole is not worth a name. */
const LEAST_OF_ALL = 0.005;
/** Nor is one that hardly helps those whom it helps. */
const LEAST_OF_SERVED = 0.2;
/** What a further column must be worth, a column that is only carried along, and a condition: simple indexes serve more than we know of. */
const PER_COLUMN = 0.03;
const FOR_INCLUDE = 0.12;
const FOR_CONDITION = 0.02;
/** What it may be worth that an index is small beside its table. */
const FOR_SMALLNESS = 0.05;
const MAX_CHOICES = 30;

interface Tried {
  readonly candidate: Candidate;
  readonly bytes: number;
  /** Cost by place of statement. */
  readonly costs: ReadonlyMap<number, number>;
}

/**
 * Tries each candidate alone, takes the best, then the best of what is left to gain, and so on; then has the planner look at those that were
 * taken all at once, and lets go of each that no plan uses or that the others make up for. So overlapping ones become one.
 */
export async function chooseIndexes(input: ChooseInput): Promise<Chosen> {
  const tried: Tried[] = [];
  for (const candidate of input.candidates) {
    const one = await tryAlone(candidate, input);
    if (one !== undefined) tried.push(one);
  }
  let taken = takeBest(tried, input);
  for (;;) {
    const together = await planTogether(
      taken.map(({ candidate }) => candidate),
      input,
    );
    const used = taken.filter((_, at) => (together.users[at]?.length ?? 0) > 0);
    if (used.length === taken.length)
      return { choices: taken.map(({ candidate, bytes }) => ({ candidate, bytes })), ...together };
    taken = used;
  }
}

function placesOn({ table }: Candidate, examined: readonly Examined[]): number[] {
  const name = tableName(table.schema, table.name);
  return [...examined.keys()].filter((at) => examined[at]!.tables.has(name));
}

async function tryAlone(candidate: Candidate, { examined, probe }: ChooseInput): Promise<Tried | undefined> {
  const places = placesOn(candidate, examined);
  const statements = places.map((at) => examined[at]!.statement);
  const outcome = await probe.outcome([candidate], statements);
  if (outcome === undefined) return undefined;
  const costs = new Map<number, number>();
  for (const at of outcome.users[0] ?? []) costs.set(places[at]!, outcome.planned[at]!.cost);
  return costs.size === 0 ? undefined : { candidate, bytes: outcome.bytes[0] ?? 0, costs };
}

/** Greedy: each is worth what it takes off the best that those before it leave. */
function takeBest(tried: readonly Tried[], { examined, loads, upkeep }: ChooseInput): readonly Tried[] {
  const total = loads.reduce((sum, load) => sum + load, 0);
  const loadAt = (at: number, cost: number): number => (loads[at]! * cost) / Math.max(examined[at]!.before.cost, 1e-9);
  const current = examined.map(({ before }) => before.cost);
  const gainOf = ({ costs }: Tried, from: readonly number[]): { gain: number; served: number } => {
    let gain = 0;
    let served = 0;
    for (const [at, cost] of costs) {
      if (cost >= from[at]!) continue;
      gain += loadAt(at, from[at]!) - loadAt(at, cost);
      served += loadAt(at, from[at]!);
    }
    return { gain, served };
  };
  const isWorth = (one: Tried, from: readonly number[]): boolean => {
    const { gain, served } = gainOf(one, from);
    return gain - upkeep(one.candidate) >= LEAST_OF_ALL * total && gain >= LEAST_OF_SERVED * served;
  };
  const taken: Tried[] = [];
  while (taken.length < MAX_CHOICES) {
    let best: Tried | undefined;
    let most = 0;
    for (const one of tried) {
      if (taken.includes(one) || !isWorth(one, current)) continue;
      const score = (gainOf(one, current).gain - upkeep(one.candidate)) * simplicity(one);
      if (
        score > most ||
        (score === most && best !== undefined && signature(one.candidate) < signature(best.candidate))
      ) {
        best = one;
        most = score;
      }
    }
    if (best === undefined) break;
    taken.push(best);
    for (const [at, cost] of best.costs) current[at] = Math.min(current[at]!, cost);
  }
  // One that came early may be made up for by those that came later.
  return taken.reduce<readonly Tried[]>((kept, one) => {
    const others = kept.filter((each) => each !== one);
    const without = examined.map(({ before }, at) =>
      Math.min(before.cost, ...others.map(({ costs }) => costs.get(at) ?? Infinity)),
    );
    return isWorth(one, without) ? kept : others;
  }, taken);
}

function simplicity({ candidate: { keys, include, where, table }, bytes }: Tried): number {
  const tableBytes = Math.max(1, table.pages) * 8192;
  const smallness = FOR_SMALLNESS * (1 - Math.min(1, bytes / tableBytes));
  return (
    1 -
    PER_COLUMN * (keys.length - 1) -
    (include.length > 0 ? FOR_INCLUDE : 0) -
    (where === undefined ? 0 : FOR_CONDITION) +
    smallness
  );
}

async function planTogether(
  candidates: readonly Candidate[],
  { examined, probe }: ChooseInput,
): Promise<Pick<Chosen, "after" | "users">> {
  const places = [...new Set(candidates.flatMap((candidate) => placesOn(candidate, examined)))].sort(
    (one, other) => one - other,
  );
  const outcome: Outcome | undefined =
    candidates.length === 0
      ? undefined
      : await probe.outcome(
          candidates,
          places.map((at) => examined[at]!.statement),
        );
  const after = examined.map(({ before }) => before.cost);
  for (const [at, place] of places.entries()) after[place] = outcome?.planned[at]?.cost ?? after[place]!;
  const users = candidates.map((_, at) => (outcome?.users[at] ?? []).map((user) => places[user]!));
  return { after, users };
}
