// Real tables. Narrow screens show each row as a block of labelled lines, so nothing scrolls sideways.

import { memo, type ReactNode } from "react";

export interface Column<Row> {
  title: string;
  cell(row: Row): ReactNode;
  // The one that names the row for screen readers.
  isName?: boolean;
  hideTitle?: boolean;
  className?: string;
  wideOnly?: boolean;  // its content stands in another cell where columns have little room
}

export interface Selection<Row> {
  chosen: Set<string>;
  toggle(ids: string[], on: boolean): void;
  nameOf(row: Row): string;
}

interface RowProps<Row> {
  row: Row;
  columns: Column<Row>[];
  many: boolean;
  isChosen: boolean | null;  // null: nothing can be chosen here
  toggle?: Selection<Row>["toggle"];
  nameOf?: Selection<Row>["nameOf"];
}

function PlainRow<Row extends { id: string }>({ row, columns, many, isChosen, toggle, nameOf }: RowProps<Row>) {
  const chooses = isChosen !== null;
  return (
    <tr className="border-line not-last:border-b hover:bg-sunken/60 narrow:relative narrow:grid narrow:grid-cols-[repeat(auto-fill,minmax(15rem,1fr))] narrow:px-3 narrow:py-3">
      {chooses && (
        <td className="py-2.5 pl-4 align-top narrow:absolute narrow:top-3 narrow:left-0 narrow:py-0 narrow:pl-3">
          <input
            type="checkbox"
            aria-label={`Select ${nameOf?.(row)}`}
            className="size-5 accent-accent"
            checked={isChosen}
            onChange={(event) => toggle?.([row.id], event.target.checked)}
          />
        </td>
      )}
      {columns.map((column) => {
        const Cell = column.isName ? "th" : "td";
        const narrow = column.isName
          ? `narrow:order-first narrow:col-span-full narrow:block narrow:pt-0 ${chooses ? "narrow:pl-8!" : ""} narrow:pb-1`
          : "narrow:flex narrow:gap-3 narrow:py-0.5";
        return (
          <Cell
            key={column.title}
            scope={column.isName ? "row" : undefined}
            className={`${many ? "px-1.5 first:pl-4 last:pr-3" : "px-3"} py-2.5 align-top font-normal narrow:px-0 ${narrow} ${column.wideOnly ? "snug:hidden" : ""} ${column.className ?? ""}`}
          >
            {!column.isName && !column.hideTitle && (
              <span aria-hidden className="hidden w-24 shrink-0 text-sm text-quiet narrow:block">{column.title}</span>
            )}
            <div className="min-w-0">{column.cell(row)}</div>
          </Cell>
        );
      })}
    </tr>
  );
}

// A row is drawn anew only if it changed: tables grow long. Callers keep `columns` and `selection` stable.
const TableRow = memo(PlainRow) as typeof PlainRow;

export function Table<Row extends { id: string }>({ caption, columns, rows, many = false, selection }: {
  caption: string;
  columns: Column<Row>[];
  rows: Row[];
  many?: boolean;  // so many columns that they need a wide screen
  selection?: Selection<Row>;
}) {
  const all = selection !== undefined && rows.length > 0 && rows.every((row) => selection.chosen.has(row.id));
  return (
    <div data-many={many || undefined} className="@container relative overflow-x-auto">
      <table className={`w-full border-collapse text-left narrow:block ${many ? "text-sm" : ""}`}>
        <caption className="sr-only">{caption}</caption>
        <thead className="narrow:sr-only">
          <tr className="border-b border-line text-sm text-quiet">
            {selection && (
              <th scope="col" className="w-10 py-2 pl-4">
                <input
                  type="checkbox"
                  aria-label="Select all shown"
                  className="size-5 align-middle accent-accent"
                  checked={all}
                  onChange={(event) => selection.toggle(rows.map((row) => row.id), event.target.checked)}
                />
              </th>
            )}
            {columns.map((column) => (
              <th key={column.title} scope="col" className={`py-2.5 align-bottom font-medium ${many ? "px-1.5" : "px-3 whitespace-nowrap"} ${column.wideOnly ? "snug:hidden" : ""}`}>
                {column.hideTitle ? <span className="sr-only">{column.title}</span> : column.title}
              </th>
            ))}
          </tr>
        </thead>
        <tbody className="narrow:block">
          {rows.map((row) => (
            <TableRow
              key={row.id}
              row={row}
              columns={columns}
              many={many}
              isChosen={selection ? selection.chosen.has(row.id) : null}
              toggle={selection?.toggle}
              nameOf={selection?.nameOf}
            />
          ))}
        </tbody>
      </table>
    </div>
  );
}
