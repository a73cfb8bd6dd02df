/** Columns and rows of text. The first column is flush left, all others right. */
export interface Table {
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

/** For a terminal. */
export function formatTable({ columns, rows }: Table): string {
  const widths = widthsOf({ columns, rows });
  return [columns, ...rows].map((row) => pad(row, widths).join("  ").trimEnd()).join("\n");
}

/** For Markdown, padded as the formatter pads. */
export function formatMarkdownTable({ columns, rows }: Table): string {
  const widths = widthsOf({ columns, rows }).map((width) => Math.max(width, 4));
  const rule = widths.map((width, index) => (index === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`));
  return [pad(columns, widths), rule, ...rows.map((row) => pad(row, widths))]
    .map((cells) => `| ${cells.join(" | ")} |`)
    .join("\n");
}

function widthsOf({ columns, rows }: Table): number[] {
  return columns.map((name, index) => Math.max(name.length, ...rows.map((row) => row[index]?.length ?? 0)));
}

function pad(row: readonly string[], widths: readonly number[]): string[] {
  return widths.map((width, index) =>
    index === 0 ? (row[index] ?? "").padEnd(width) : (row[index] ?? "").padStart(width),
  );
}
