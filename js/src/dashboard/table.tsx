// A table of numbers that its heads sort.
import { useState } from "preact/hooks";

export interface Column<T> {
  title: string;
  unit?: string;
  value: (row: T) => number | string | undefined;
  text: (row: T) => string;
}

interface Props<T> {
  rows: T[];
  columns: Column<T>[];
  label: string;
  marked?: (row: T) => boolean;
  choose?: (row: T) => void;
}

type Order = { column: number; down: boolean };

export function SortedTable<T>({ rows, columns, label, marked, choose }: Props<T>) {
  const [order, setOrder] = useState<Order>({ column: 0, down: false });
  const sort = (column: number) => setOrder({ column, down: order.column === column && !order.down });
  const sorted = inOrder(rows, columns[order.column] ?? columns[0]!, order.down);
  return (
    <div class="qx-scroll qx-tall" tabIndex={0} role="region" aria-label={label}>
      <table class="qx-table qx-sorted">
        <thead>
          <tr>
            {columns.map((column, i) => (
              <th key={column.title} scope="col" class="qx-right" aria-sort={order.column === i ? (order.down ? "descending" : "ascending") : "none"}>
                <button type="button" onClick={() => sort(i)}>
                  {column.title}
                  {column.unit && <span class="qx-quiet">{`, ${column.unit}`}</span>}
                  <span aria-hidden="true" class="qx-arrow">{order.column === i ? (order.down ? "▼" : "▲") : ""}</span>
                </button>
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {sorted.map((row, i) => (
            <tr key={i} class={marked?.(row) ? "qx-open" : ""} onMouseEnter={choose && (() => choose(row))}>
              {columns.map((column) => (
                <td key={column.title} class="qx-right">{column.text(row)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

/** What is not known comes last, whichever way round. */
export function inOrder<T>(rows: T[], { value }: Column<T>, down: boolean): T[] {
  const known = rows.filter((row) => value(row) !== undefined);
  const unknown = rows.filter((row) => value(row) === undefined);
  known.sort((p, q) => {
    const [a, b] = [value(p)!, value(q)!];
    return (a < b ? -1 : a > b ? 1 : 0) * (down ? -1 : 1);
  });
  return [...known, ...unknown];
}
