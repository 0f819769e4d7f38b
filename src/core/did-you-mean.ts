/**
 * The end of a message about an unknown name: the known name nearest to it, if one is near, and the list.
 * `; did you mean noDelay? Known: receiveBuffer, sendBuffer, noDelay`
 */
export function didYouMean(name: string, known: readonly string[]): string {
  const nearest = nearestOf(name, known)
  const guess = nearest === undefined ? ';' : `; did you mean ${nearest}?`
  const list = known.length === 0 ? 'none' : known.join(', ')
  return `${guess} ${nearest === undefined ? 'known' : 'Known'}: ${list}`
}

/** One letter in four may be wrong; in a name of up to seven letters, one. */
const LETTERS_PER_ERROR = 4

function nearestOf(name: string, known: readonly string[]): string | undefined {
  const wanted = plain(name)
  let nearest: string | undefined
  let limit = Math.max(2, Math.floor(wanted.length / LETTERS_PER_ERROR) + 1)
  for (const each of known) {
    const distance = distanceOf(wanted, plain(each))
    if (distance >= limit) continue
    nearest = each
    limit = distance
  }
  return nearest
}

/** Drops case and punctuation, which are misspelt most: `no-delay`. */
function plain(name: string): string {
  return name
    .slice(0, LONGEST)
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '')
}

/** Longer names are cut: comparing them takes long, and none is a misspelt one. */
const LONGEST = 64

/** Damerau-Levenshtein distance: letters inserted, deleted, substituted, or swapped with the next. */
function distanceOf(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, index) => index)]
  const at = (i: number, j: number): number => rows[i]?.[j] ?? Number.POSITIVE_INFINITY
  for (let i = 1; i <= a.length; i++) {
    const row = [i]
    rows.push(row)
    for (let j = 1; j <= b.length; j++) {
      const exchanged = at(i - 1, j - 1) + (a[i - 1] === b[j - 1] ? 0 : 1)
      const isSwapped = a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1]
      const swapped = isSwapped ? at(i - 2, j - 2) + 1 : Number.POSITIVE_INFINITY
      row.push(Math.min(exchanged, swapped, at(i - 1, j) + 1, at(i, j - 1) + 1))
    }
  }
  return at(a.length, b.length)
}
