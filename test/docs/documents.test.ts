import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { families, type SchemeFacts } from '../../src/index.ts'
import { buildOnce, root } from '../support/build.ts'
import { given, scheme } from '../support/need.ts'
import { temporaryDirectory } from '../support/temporary.ts'

const document = (name: string): string => readFileSync(new URL(`../../${name}`, import.meta.url), 'utf8')

/** The rows of the first table below a heading, each as its cells. */
function tableBelow(text: string, heading: string): string[][] {
  const section = text.split(`\n## ${heading}\n`)[1]?.split('\n## ')[0] ?? ''
  const rows = section.split('\n').filter((line) => line.startsWith('| '))
  return rows
    .filter((row) => !/^[|\s-]+$/.test(row))
    .slice(1)
    .map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    )
}

const yes = (value: boolean): string => (value ? 'yes' : 'no')

function cells(facts: SchemeFacts): string[] {
  return [
    yes(facts.connected),
    yes(facts.reliable),
    yes(facts.ordered),
    yes(facts.boundaries),
    yes(facts.halfClose),
    facts.maxMessage?.toLocaleString('en') ?? '',
  ]
}

test("the README's table of schemes says what the families say", () => {
  const rows = tableBelow(document('README.md'), 'Schemes')
  const stated = Object.fromEntries(
    rows.map(([scheme = '', , , ...facts]) => [scheme.replaceAll('`', ''), facts.slice(0, 6)]),
  )
  const known = families().flatMap(({ schemes }) => schemes)
  expect(Object.keys(stated).sort()).toEqual(known.map(({ scheme }) => scheme).sort())
  for (const { scheme, facts } of known) if (scheme !== 'raw') expect(stated[scheme], scheme).toEqual(cells(facts))
})

test("every code of ours stands in the README's table, and no other", () => {
  const source = document('src/core/errors.ts').split('export type SocketErrorCode =')[1]?.split('export')[0] ?? ''
  const ours = [...source.matchAll(/'(ERR_\w+)'/g)].map(([, code]) => code)
  expect(ours.length).toBeGreaterThan(5)
  const told = tableBelow(document('README.md'), 'Errors').flatMap(([code = '']) =>
    [...code.matchAll(/`(ERR_\w+)`/g)].map(([, one]) => one),
  )
  expect(told.sort()).toEqual(ours.sort())
})

test('ARCHITECTURE names the files that are there', () => {
  const map = document('ARCHITECTURE.md').split('```')[1] ?? ''
  for (const [, name = ''] of map.matchAll(/^ {2}([\w-]+\.ts) /gm)) {
    const folders = ['core', 'engine'].filter((folder) =>
      readdirSync(new URL(`../../src/${folder}`, import.meta.url)).includes(name),
    )
    expect(folders, name).toHaveLength(1)
  }
})

given(scheme('unixgram'))(
  "the README's example does what it shows",
  async () => {
    await buildOnce()
    await using directory = await temporaryDirectory()
    const example = document('README.md').split('```ts\n')[1]?.split('```')[0] ?? ''
    expect(example).toContain("from 'polysocket'")
    const program = example.replaceAll('/tmp/', `${directory.path}/`)
    // From the package's own directory its name leads to its own exports.
    const printed = execFileSync(process.execPath, ['--input-type=module', '-e', program], {
      cwd: root,
      encoding: 'utf8',
    })
    expect(printed).toBe('hello\n<13>it works\n')
  },
  120_000,
)
