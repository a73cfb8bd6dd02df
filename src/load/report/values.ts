/** A number of milliseconds as k6 writes it: `12.35ms`, `1.2s`, `2m3s`. */
export function formatMs(ms: number, unit = ""): string {
  if (unit === "s") return `${trim(ms / 1000, 2)}s`;
  if (unit === "ms") return `${trim(ms, 2)}ms`;
  if (unit === "us") return `${trim(ms * 1000, 2)}µs`;
  if (ms === 0) return "0s";
  const absolute = Math.abs(ms);
  if (absolute < 1) return `${trim(ms * 1000, 2)}µs`;
  if (absolute < 1000) return `${trim(ms, 2)}ms`;
  if (absolute < 60_000) return `${trim(ms / 1000, 2)}s`;
  const minutes = Math.floor(ms / 60_000);
  return minutes < 60
    ? `${minutes}m${Math.floor((ms % 60_000) / 1000)}s`
    : `${Math.floor(minutes / 60)}h${minutes % 60}m${Math.floor((ms % 60_000) / 1000)}s`;
}

const BYTE_UNITS = ["B", "kB", "MB", "GB", "TB"];

/** Bytes in powers of 1000, as k6 writes them. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < BYTE_UNITS.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${value >= 100 || unit === 0 ? value.toFixed(0) : value.toFixed(1)} ${BYTE_UNITS[unit]}`;
}

/** A number without a unit: at most six digits that mean something. */
export function formatNumber(value: number): string {
  if (Number.isInteger(value)) return String(value);
  return trim(value, Math.abs(value) >= 1000 ? 2 : 6);
}

export function formatPercent(share: number): string {
  return `${(share * 100).toFixed(2)}%`;
}

function trim(value: number, digits: number): string {
  return value.toFixed(digits).replace(/\.?0+$/, "");
}
