/**
 * Dates and times of PostgreSQL's binary format as the texts that its JSON has (ISO 8601). Days and microseconds count from 2000-01-01;
 * the least and the greatest number mean infinity.
 */

/** @param days from 2000-01-01 */
export function dateText(days: number): string {
  if (days === MOST) return "infinity";
  if (days === LEAST) return "-infinity";
  const { date, suffix } = civil(days);
  return date + suffix;
}

/** @param micros from midnight */
export function timeText(micros: number): string {
  const seconds = Math.floor(micros / 1e6);
  const fraction = micros - seconds * 1e6;
  const clock = `${two(Math.floor(seconds / 3600))}:${two(Math.floor(seconds / 60) % 60)}:${two(seconds % 60)}`;
  return fraction === 0 ? clock : `${clock}.${String(fraction).padStart(6, "0").replace(/0+$/, "")}`;
}

/** @param micros from 2000-01-01, in two halves */
export function timestampText(high: number, low: number, zone = ""): string {
  if (isInfinite(high, low)) return high > 0 ? "infinity" : "-infinity";
  const { days, micros } = splitDay(high, low);
  const { date, suffix } = civil(days);
  return `${date}T${timeText(micros)}${zone}${suffix}`;
}

export function isInfinite(high: number, low: number): boolean {
  return (high === MOST && low === 0xffff_ffff) || (high === LEAST && low === 0);
}

/** Microseconds in two halves as days and microseconds of the day, both exact. */
export function splitDay(high: number, low: number): { readonly days: number; readonly micros: number } {
  const total = (BigInt(high) << 32n) | BigInt(low);
  const micros = ((total % DAY) + DAY) % DAY;
  return { days: Number((total - micros) / DAY), micros: Number(micros) };
}

const MOST = 0x7fff_ffff;
const LEAST = -0x8000_0000;
const DAY = 86_400_000_000n;
/** From 1970-01-01. */
const EPOCH_DAYS = 10_957;

/** A day as the proleptic Gregorian calendar has it; years before 1 count down from 0. */
export interface CivilDay {
  readonly year: number;
  readonly month: number;
  readonly day: number;
}

/** @param days from 2000-01-01 */
export function civilDay(days: number): CivilDay {
  // Days since 0000-03-01 of the proleptic Gregorian calendar, in eras of 400 years.
  const shifted = days + EPOCH_DAYS + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day };
}

function civil(days: number): { readonly date: string; readonly suffix: string } {
  const { year, month, day } = civilDay(days);
  const shown = year > 0 ? year : 1 - year;
  return { date: `${String(shown).padStart(4, "0")}-${two(month)}-${two(day)}`, suffix: year > 0 ? "" : " BC" };
}

function two(number: number): string {
  return number < 10 ? `0${number}` : String(number);
}
