/** Where a command writes, and how richly it may. */
export interface Terminal {
  /** Results, to standard output. */
  out(text: string): void;
  /** Errors, warnings and progress, to standard error. */
  err(text: string): void;
  /** Whether a line on standard error may be drawn over. */
  readonly isInteractive: boolean;
  bold(text: string): string;
  dim(text: string): string;
  red(text: string): string;
}

/** The process's own terminal. Colours are left off where nobody sees them, and when NO_COLOR is set (no-color.org). */
export function createTerminal(environment: Readonly<Record<string, string | undefined>>): Terminal {
  const isColoured = process.stdout.isTTY && process.stderr.isTTY && !environment["NO_COLOR"];
  const paint = (code: number) => (text: string) => (isColoured ? `\u001B[${code}m${text}\u001B[0m` : text);
  return {
    out: (text) => void process.stdout.write(text),
    err: (text) => void process.stderr.write(text),
    isInteractive: process.stderr.isTTY && environment["TERM"] !== "dumb",
    bold: paint(1),
    dim: paint(2),
    red: paint(31),
  };
}
