import { HotpathError } from "../errors.ts";

/** Requests a second, by second. */
export type Load = readonly number[];

/** A day with its quiet night and busy noon, in whatever time it is to pass. */
export function diurnal({ base, peak, seconds }: LoadRange): Load {
  return Array.from({ length: seconds }, (_, second) => {
    const phase = (1 - Math.cos((2 * Math.PI * second) / seconds)) / 2;
    return base + (peak - base) * phase;
  });
}

/** Quiet, then everybody at once: within ten seconds up, for a third of the time, then away slowly. */
export function flashCrowd({ base, peak, seconds }: LoadRange): Load {
  const from = Math.floor(seconds / 6);
  const until = Math.floor(seconds / 2);
  return Array.from({ length: seconds }, (_, second) => {
    if (second < from) return base;
    if (second < until) return base + (peak - base) * Math.min(1, (second - from) / RISE_SECONDS);
    return base + (peak - base) * Math.exp(-(second - until) / (seconds / 12));
  });
}

export interface LoadRange {
  readonly base: number;
  readonly peak: number;
  readonly seconds: number;
}

const RISE_SECONDS = 10;
const MAX_SECONDS = 7 * 24 * 3600;

/**
 * A load that was recorded: a line a sample, `seconds,requests a second`, with or without a line of names. Between samples it is taken to
 * change evenly.
 *
 * @throws HotpathError HP_ARGUMENT_INVALID
 */
export function parseTrace(text: string): Load {
  const samples = text
    .split(/\r?\n/)
    .filter((line) => line.trim() !== "" && /^[\s\d.]/.test(line))
    .map((line) => line.split(/[,;\t]/, 2).map(Number))
    .map(([at = Number.NaN, rate = Number.NaN]) => ({ at, rate }));
  const isRising = samples.every(({ at }, index) => index === 0 || at > (samples[index - 1]?.at ?? 0));
  const isSound = samples.every(({ at, rate }) => Number.isFinite(at) && rate >= 0 && Number.isFinite(rate));
  const [first] = samples;
  const last = samples.at(-1);
  if (!isRising || !isSound || first === undefined || last === undefined || last.at - first.at > MAX_SECONDS) {
    throw new HotpathError(
      "HP_ARGUMENT_INVALID",
      "The trace is a line a sample, `seconds,requests a second`, with rising seconds and a week at most.",
    );
  }
  const load: number[] = [];
  for (let index = 0; index + 1 < samples.length; index++) {
    const [one, other] = [samples[index]!, samples[index + 1]!];
    for (let second = Math.ceil(one.at); second < other.at; second++) {
      load.push(one.rate + ((other.rate - one.rate) * (second - one.at)) / (other.at - one.at));
    }
  }
  load.push(last.rate);
  return load;
}
