/**
 * A log line (JSON text) for people: the time of day, the level, the message, then what it is about, one `name=value` each; errors with
 * their stack below. What is no JSON stays as it is.
 */
export function toPretty(line: string, hasColours: boolean): string {
  let entry: Record<string, unknown>;
  try {
    entry = JSON.parse(line) as Record<string, unknown>;
  } catch {
    return line;
  }
  const { level, time, msg, err, ...rest } = entry;
  const paint = (code: number, text: string): string => (hasColours ? `\u001B[${code}m${text}\u001B[0m` : text);
  const name = String(level);
  const parts = [
    paint(DIM, clock(time)),
    paint(COLOURS[name] ?? DIM, name.padEnd(5)),
    typeof msg === "string" ? msg : "",
    ...Object.entries(rest).map(([key, value]) => `${paint(DIM, `${key}=`)}${toText(value)}`),
  ];
  return `${parts.join(" ")}${toStack(err)}\n`;
}

const DIM = 2;
const COLOURS: Readonly<Record<string, number>> = { debug: 36, info: 32, warn: 33, error: 31 };

function clock(time: unknown): string {
  const date = new Date(String(time));
  return Number.isNaN(date.getTime()) ? "" : date.toTimeString().slice(0, 8);
}

function toText(value: unknown): string {
  if (typeof value !== "string") return JSON.stringify(value);
  return /^[^\s"]+$/.test(value) ? value : JSON.stringify(value);
}

function toStack(error: unknown): string {
  if (typeof error !== "object" || error === null) return "";
  const { stack, message } = error as { stack?: unknown; message?: unknown };
  const text = [stack, message].find((each) => typeof each === "string") ?? "";
  return text === "" ? "" : `\n    ${text.replaceAll("\n", "\n    ")}`;
}
