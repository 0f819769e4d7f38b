/**
 * A plain table for a terminal: two spaces between columns, a rule below the head. A cell may have several lines.
 * `right` names the columns that are aligned right.
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  right: ReadonlySet<string> = new Set(),
): string {
  const cells = [head, ...rows].map((row) => row.map((cell) => cell.split('\n')))
  const widths = head.map((_, column) =>
    Math.max(...cells.map((row) => Math.max(...(row[column] ?? ['']).map((line) => line.length)))),
  )
  const render = (row: readonly (readonly string[])[]): string[] => {
    const height = Math.max(...row.map((cell) => cell.length))
    return Array.from({ length: height }, (_, index) =>
      widths
        .map((width, column) => {
          const text = row[column]?.[index] ?? ''
          return right.has(head[column] ?? '') ? text.padStart(width) : text.padEnd(width)
        })
        .join('  ')
        .trimEnd(),
    )
  }
  const rule = widths.map((width) => '-'.repeat(width)).join('  ')
  const [first, ...rest] = cells.map(render)
  return [...(first ?? []), rule, ...rest.flat()].join('\n')
}

/** In lines of at most `width` characters, as far as there are spaces to break them at. */
export function wrapped(text: string, width: number): string {
  return text.replace(new RegExp(`(.{1,${width}})(?: +|$)`, 'g'), '$1\n').trimEnd()
}

/** Long texts below a table, each said once: families mostly lack the same thing for all of their schemes. */
export class Footnotes {
  readonly #texts: string[] = []

  /** `[1]` */
  mark(text: string): string {
    if (!this.#texts.includes(text)) this.#texts.push(text)
    return `[${this.#texts.indexOf(text) + 1}]`
  }

  /** What goes below the table: nothing, or an empty line and the notes. */
  toString(): string {
    return this.#texts.map((text, index) => `${index === 0 ? '\n' : ''}[${index + 1}] ${text}\n`).join('')
  }
}

/** `12.3 MiB`: three digits are enough for reading. */
export function humanBytes(bytes: number): string {
  const units = ['B', 'KiB', 'MiB', 'GiB', 'TiB']
  let value = bytes
  let unit = 0
  while (value >= 1024 && unit < units.length - 1) {
    value /= 1024
    unit++
  }
  const digits = unit === 0 || value >= 100 ? 0 : 1
  return `${value.toFixed(digits)} ${units[unit]}`
}
