import { families } from '../index.ts'
import { table } from './table.ts'

/** What `polysocket families` prints: every scheme, what it promises, and whether it works on this machine. */
export function describeFamilies(): string {
  const notes: string[] = []
  const yes = (fact: boolean): string => (fact ? 'yes' : '-')
  const rows = families().flatMap(({ schemes }) =>
    schemes.map(({ scheme, facts, availability }) => {
      let here: string
      if (availability.available) {
        here = availability.engine
      } else {
        // Schemes of one family mostly lack the same thing: say it once.
        const text = `${availability.reason}; remedy: ${availability.remedy}`
        if (!notes.includes(text)) notes.push(text)
        here = `no [${notes.indexOf(text) + 1}]`
      }
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
  const text = table(head, rows, new Set(['largest message']))
  return [text, ...(notes.length > 0 ? [''] : []), ...notes.map((line, index) => `[${index + 1}] ${line}`)].join('\n')
}

/** The same for programs: what `families()` of the library returns. */
export function familiesAsJson(): string {
  return JSON.stringify(families(), null, 2)
}
