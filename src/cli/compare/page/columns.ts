import type { Comparison, Failed, Missing, SchemeResult } from '../result.ts'

/** A scheme that was measured, with its place among the colours: the same in the table, the bars and the charts. */
export interface Column {
  readonly result: SchemeResult
  /** Its index in the comparison, by which the browser's part finds it. */
  readonly index: number
  readonly colour: number
}

export interface Columns {
  readonly streams: readonly Column[]
  readonly datagrams: readonly Column[]
  /** The streams, then the datagrams. */
  readonly all: readonly Column[]
  /** Those that broke down, and those that could not be tried here. */
  readonly failed: readonly Failed[]
  readonly missing: readonly Missing[]
}

/** As many as `style.ts` has. With more schemes than that they start again. */
export const COLOURS = 8

export function columnsOf({ schemes }: Comparison): Columns {
  const results = schemes.flatMap((scheme, index) => ('facts' in scheme ? [{ result: scheme, index }] : []))
  const streams = results.filter(({ result }) => result.facts.kind === 'stream')
  const datagrams = results.filter(({ result }) => result.facts.kind === 'datagram')
  const all = [...streams, ...datagrams].map((column, place) => ({ ...column, colour: place % COLOURS }))
  return {
    streams: all.slice(0, streams.length),
    datagrams: all.slice(streams.length),
    all,
    failed: schemes.filter((scheme) => 'failed' in scheme),
    missing: schemes.filter((scheme) => 'reason' in scheme).filter((scheme) => !('failed' in scheme)),
  }
}
