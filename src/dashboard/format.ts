/** A duration in milliseconds, in the unit that keeps it short. */
export function duration(ms: number | null | undefined): string {
  if (ms === null || ms === undefined) return "–";
  if (ms === 0) return "0";
  if (ms < 0.1) return `${round(ms * 1000, 0)} µs`;
  if (ms < 1000) return `${round(ms, ms < 10 ? 2 : ms < 100 ? 1 : 0)} ms`;
  if (ms < 60_000) return `${round(ms / 1000, 1)} s`;
  if (ms < 3_600_000) return `${round(ms / 60_000, 1)} min`;
  return `${round(ms / 3_600_000, 1)} h`;
}

export function count(value: number): string {
  if (value < 10_000) return value.toLocaleString("en");
  if (value < 1e6) return `${round(value / 1000, 1)}k`;
  if (value < 1e9) return `${round(value / 1e6, 1)}M`;
  return `${round(value / 1e9, 1)}G`;
}

export function percent(share: number): string {
  if (!Number.isFinite(share)) return "–";
  const value = share * 100;
  return `${round(value, value > 0 && value < 1 ? 2 : value < 10 ? 1 : 0)}%`;
}

export function bytes(value: number): string {
  if (value < 1024) return `${Math.round(value)} B`;
  if (value < 1024 ** 2) return `${round(value / 1024, 1)} KiB`;
  if (value < 1024 ** 3) return `${round(value / 1024 ** 2, 1)} MiB`;
  return `${round(value / 1024 ** 3, 2)} GiB`;
}

/** Says of figures that they are estimates, where not every request is followed. */
export function sampled(stride: number): string {
  return stride === 1 ? "" : `, estimated from one of ${count(stride)}`;
}

function round(value: number, digits: number): string {
  return value.toLocaleString("en", { maximumFractionDigits: digits, minimumFractionDigits: 0 });
}
