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
  const seconds = Math.floor(Math.min(LATEST_MS, Math.max(EARLIEST_MS, timeMs || 0)) / 1000);
  const days = Math.floor(seconds / SECONDS_A_DAY);
  const ofDay = seconds - days * SECONDS_A_DAY;
  const hours = Math.floor(ofDay / 3600);
  const minutes = Math.floor(ofDay / 60) % 60;
  return `${dateOf(days)} ${TWO_DIGITS[hours]}:${TWO_DIGITS[minutes]}:${TWO_DIGITS[ofDay % 60]} GMT`;
}

/**
 * `Sun, 06 Nov 1994` from days since the epoch, in a fifth of what `toUTCString` takes. Counts eras of 400 years from the first
 * of March of the year 0, where leap days are last in their year (H. Hinnant, "chrono-Compatible Low-Level Date Algorithms").
 */
function dateOf(days: number): string {
  const sinceMarch = days + 719_468;
  const era = Math.floor(sinceMarch / 146_097);
  const dayOfEra = sinceMarch - era * 146_097;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) - Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const monthFromMarch = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * monthFromMarch + 2) / 5) + 1;
  const month = (monthFromMarch + 2) % 12;
  const year = yearOfEra + era * 400 + (month < 2 ? 1 : 0);
  const weekday = (((days + 4) % 7) + 7) % 7;
  return `${WEEKDAYS[weekday]}, ${TWO_DIGITS[day]} ${MONTHS[month]} ${String(year).padStart(4, "0")}`;
}

const WEEKDAYS = ["Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"];

const SECONDS_A_DAY = 86_400;
const TWO_DIGITS: readonly string[] = Array.from({ length: 60 }, (_, number) => String(number).padStart(2, "0"));

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
