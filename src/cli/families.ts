import { families } from '../index.ts'
import { Footnotes, table } from './table.ts'

/** What `polysocket families` prints: every scheme, what it promises, and whether it works on this machine. */
export function describeFamilies(): string {
  const notes = new Footnotes()
  const yes = (fact: boolean): string => (fact ? 'yes' : '-')
  const rows = families().flatMap(({ schemes }) =>
    schemes.map(({ scheme, facts, availability }) => {
      const here = availability.available
        ? availability.engine
        : `no ${notes.mark(`${availability.reason}; remedy: ${availability.remedy}`)}`
      return [
        scheme,
        facts.socket,
        facts.kind,
        yes(facts.connected),
        yes(facts.reliable),
        yes(facts.ordered),
        yes(facts.boundaries),
        yes(facts.halfClose),
        facts.maxMessage === undefined ? '-' : String(facts.maxMessage),
        here,
      ]
    }),
  )
  const head = [
    'scheme',
    'socket',
    'kind',
    'connection',
    'reliable',
    'ordered',
    'boundaries',
    'half close',
    'largest message',
    'works here',
  ]
  return `${table(head, rows, new Set(['largest message']))}\n${notes}`
}

/** The same for programs: what `families()` of the library returns. */
export function familiesAsJson(): string {
  return `${JSON.stringify(families(), null, 2)}\n`
}
