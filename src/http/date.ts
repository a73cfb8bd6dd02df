/** Dates of HTTP fields (RFC 9110 section 5.6.7): three formats are read, one is written. */

const MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const MONTH = `(${MONTHS.join("|")})`;
const TIME = "(\\d{2}):(\\d{2}):(\\d{2})";
const SHORT_DAY = "(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun)";
const LONG_DAY = "(?:Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)";

/** `Sun, 06 Nov 1994 08:49:37 GMT` */
const IMF_FIXDATE = new RegExp(`^${SHORT_DAY}, (\\d{2}) ${MONTH} (\\d{4}) ${TIME} GMT$`);
/** `Sunday, 06-Nov-94 08:49:37 GMT` */
const RFC_850 = new RegExp(`^${LONG_DAY}, (\\d{2})-${MONTH}-(\\d{2}) ${TIME} GMT$`);
/** `Sun Nov  6 08:49:37 1994` */
const ASCTIME = new RegExp(`^${SHORT_DAY} ${MONTH} (\\d{2}| \\d) ${TIME} (\\d{4})$`);

/** The longest form is `Wednesday, 09-Nov-94 08:49:37 GMT`. */
const LONGEST_DATE = 33;

/** The first second of the year 0. */
const EARLIEST_MS = -62_167_219_200_000;
const LATEST_MS = Date.UTC(9999, 11, 31, 23, 59, 59);

/** Writes a time as IMF-fixdate; fractions of a second are cut off. Times that the format cannot hold become its first or last. */
export function formatHttpDate(timeMs: number): string {
  return new Date(Math.min(LATEST_MS, Math.max(EARLIEST_MS, timeMs || 0))).toUTCString();
}

/**
 * Reads an HTTP date in any of its three forms.
 *
 * @param nowMs decides the century of a two-digit year: one that would lie more than 50 years ahead is past.
 * @returns milliseconds since the epoch, or `undefined` when the value is not a date. Never throws.
 */
export function parseHttpDate(value: string, nowMs: number = Date.now()): number | undefined {
  if (value.length > LONGEST_DATE) return undefined;
  let match = IMF_FIXDATE.exec(value);
  if (match !== null) return toTime(match[3], match[2], match[1], match, 4);
  match = ASCTIME.exec(value);
  if (match !== null) return toTime(match[6], match[1], match[2], match, 3);
  match = RFC_850.exec(value);
  if (match === null) return undefined;
  const thisYear = new Date(nowMs).getUTCFullYear();
  let year = thisYear - (thisYear % 100) + Number(match[3]);
  if (year > thisYear + 50) year -= 100;
  return toTime(String(year), match[2], match[1], match, 4);
}

/** The value of a `Date` field for now. Rendered at most once a second. */
export function currentHttpDate(nowMs: number = Date.now()): string {
  const second = Math.floor(nowMs / 1000);
  if (second !== renderedSecond) {
    renderedSecond = second;
    rendered = formatHttpDate(nowMs);
  }
  return rendered;
}

let renderedSecond = Number.NaN;
let rendered = "";

function toTime(
  year: string | undefined,
  month: string | undefined,
  day: string | undefined,
  match: RegExpExecArray,
  timeAt: number,
): number | undefined {
  const monthIndex = MONTHS.indexOf(month ?? "");
  const hour = Number(match[timeAt]);
  const minute = Number(match[timeAt + 1]);
  const second = Number(match[timeAt + 2]);
  // 60 is a leap second, which the epoch does not count.
  if (hour > 23 || minute > 59 || second > 60) return undefined;
  const date = new Date(0);
  // Unlike Date.UTC this takes the years 0 to 99 as they are.
  date.setUTCFullYear(Number(year), monthIndex, Number(day));
  if (date.getUTCMonth() !== monthIndex || date.getUTCDate() !== Number(day)) return undefined;
  return date.setUTCHours(hour, minute, second);
}
