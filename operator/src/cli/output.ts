/** Data for people (tables) and for programs (JSON, YAML). Pure. */
import { stringify } from 'yaml'

export const FORMATS = ['table', 'json', 'yaml'] as const
export type Format = (typeof FORMATS)[number]

/** A table: a heading for each column, and the cells of each row. */
export interface Table {
  readonly columns: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** Prints `data`, or the table that shows it. Ends with a line break unless there is nothing to print. */
export function print(format: Format, data: unknown, table: () => string): string {
  switch (format) {
    case 'json':
      return `${JSON.stringify(data, null, 2)}\n`
    case 'yaml':
      return stringify(data, { lineWidth: 0, aliasDuplicateObjects: false })
    case 'table':
      return table()
  }
}

/** Columns as wide as their widest cell; numbers of a column stand right where its heading begins with `>`. */
export function renderTable({ columns, rows }: Table): string {
  if (rows.length === 0) return ''
  const headings = columns.map(column => column.replace(/^>/, ''))
  const widths = headings.map((heading, index) => Math.max(heading.length, ...rows.map(row => row[index]?.length ?? 0)))
  const line = (cells: readonly string[]) =>
    cells
      .map((cell, index) =>
        columns[index]?.startsWith('>') ? cell.padStart(widths[index] ?? 0) : cell.padEnd(widths[index] ?? 0),
      )
      .join('  ')
      .trimEnd()
  return `${[headings, ...rows].map(line).join('\n')}\n`
}

/** `1 object`, `2 objects`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}
