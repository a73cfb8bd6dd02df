import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

/** A column of a table. */
export interface Column<Row> {
  readonly name: string;
  /** What rows are sorted by; absent: they are not by this one. */
  readonly sort?: (row: Row) => number | string;
  readonly show: (row: Row) => ComponentChildren;
  readonly isText?: boolean;
}

interface TableProps<Row> {
  readonly rows: readonly Row[];
  readonly columns: readonly Column<Row>[];
  readonly keyOf: (row: Row) => string;
  /** Column that is sorted by at first, the greatest above. */
  readonly by: string;
  /** More of a row, shown below it when it is chosen. */
  readonly more?: (row: Row) => ComponentChildren;
  readonly empty: string;
}

const SHOWN = 12;

/** A table that is sorted by its headings and opened by its rows, with mouse and keyboard. */
export function Table<Row>({ rows, columns, keyOf, by, more, empty }: TableProps<Row>) {
  const [sorting, setSorting] = useState({ by, isRising: false });
  const [opened, setOpened] = useState<string | undefined>();
  const [isWhole, setWhole] = useState(false);
  if (rows.length === 0) return <p class="empty">{empty}</p>;
  const sort = columns.find(({ name }) => name === sorting.by)?.sort;
  const sorted = sort === undefined ? rows : [...rows].sort((one, other) => compare(sort(one), sort(other)));
  const shown = (sorting.isRising ? sorted : [...sorted].reverse()).slice(0, isWhole ? undefined : SHOWN);
  const choose = (name: string): void =>
    setSorting((now) => ({ by: name, isRising: now.by === name ? !now.isRising : false }));
  return (
    <div class="scroll">
      <table>
        <thead>
          <tr>
            {columns.map(({ name, sort: key, isText }) => (
              <th
                key={name}
                class={isText ? "text" : ""}
                aria-sort={sorting.by !== name ? "none" : sorting.isRising ? "ascending" : "descending"}
              >
                {key === undefined ? name : <button onClick={() => choose(name)}>{name}</button>}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {shown.map((row) => {
            const key = keyOf(row);
            const isOpen = opened === key;
            const toggle = (): void => setOpened(isOpen ? undefined : key);
            return [
              <tr
                key={key}
                class={more && "opens"}
                tabIndex={more && 0}
                aria-expanded={more && isOpen}
                onClick={more && toggle}
                onKeyDown={(event) => {
                  if (more !== undefined && event.key === "Enter") toggle();
                }}
              >
                {columns.map(({ name, show, isText }) => (
                  <td key={name} class={isText ? "text" : ""}>
                    {show(row)}
                  </td>
                ))}
              </tr>,
              more !== undefined && isOpen && (
                <tr key={`${key} more`} class="more">
                  <td colSpan={columns.length}>{more(row)}</td>
                </tr>
              ),
            ];
          })}
        </tbody>
      </table>
      {rows.length > SHOWN && (
        <button class="all" onClick={() => setWhole(!isWhole)}>
          {isWhole ? "Show fewer" : `Show all ${rows.length}`}
        </button>
      )}
    </div>
  );
}

function compare(one: number | string, other: number | string): number {
  if (typeof one === "number" && typeof other === "number") return one - other;
  return String(other).localeCompare(String(one));
}
