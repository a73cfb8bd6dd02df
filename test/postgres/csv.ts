/** Reads CSV as RFC 4180 has it; a line break at the very end is no row. */
export function parseCsv(text: string): readonly (readonly string[])[] {
  const rows: string[][] = [];
  const cell = /(?:"((?:[^"]|"")*)"|([^,\n"]*))(,|\n|$)/gy;
  let row: string[] = [];
  const source = text.replaceAll("\r\n", "\n").replace(/\n$/, "");
  for (let match = cell.exec(source); match !== null; match = cell.exec(source)) {
    row.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? "");
    if (match[3] === ",") continue;
    rows.push(row);
    row = [];
    if (match[3] === "") break;
  }
  return rows;
}
