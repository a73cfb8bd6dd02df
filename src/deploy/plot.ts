const BARS = "▁▂▃▄▅▆▇█";

/** One line for a course of values: as many columns as asked for, each the greatest value of its part. */
export function plotLine(name: string, values: readonly number[], columns: number, unit: string): string {
  const parts = Array.from({ length: Math.min(columns, values.length) }, (_, column) => {
    const from = Math.floor((column * values.length) / columns);
    const until = Math.max(from + 1, Math.floor(((column + 1) * values.length) / columns));
    return values.slice(from, until).reduce((most, value) => Math.max(most, value), 0);
  });
  const most = Math.max(...parts, 0);
  const line = parts.map((value) => (value <= 0 ? " " : barOf(value / most))).join("");
  return `${name.padEnd(NAME_COLUMNS)}${line}  up to ${rounded(most)}${unit}`;
}

const NAME_COLUMNS = 13;

function barOf(share: number): string {
  return BARS[Math.min(BARS.length - 1, Math.floor(share * BARS.length))] ?? " ";
}

/** Three figures are enough to look at. */
export function rounded(value: number): string {
  return value >= 100 ? String(Math.round(value)) : String(Number(value.toPrecision(3)));
}
