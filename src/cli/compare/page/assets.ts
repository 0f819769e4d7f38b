import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'

/** What a page is made of beside its text; all of it goes into the page, which asks for nothing else. */
export interface Assets {
  /** uPlot, as a script that leaves the global `uPlot`. */
  readonly uPlot: string
  readonly uPlotStyle: string
  /** Our own script, as a module. */
  readonly draw: string
}

export async function readAssets(): Promise<Assets> {
  const { resolve } = createRequire(import.meta.url)
  const [uPlot, uPlotStyle, draw] = await Promise.all([
    readFile(resolve('uplot/dist/uPlot.iife.min.js'), 'utf8'),
    readFile(resolve('uplot/dist/uPlot.min.css'), 'utf8'),
    browserModule(new URL('browser/draw.js', import.meta.url)),
  ])
  return { uPlot, uPlotStyle, draw }
}

/**
 * The compiled file, which lies beside this one, with what it imports put into it as `data:` addresses: a page that is a
 * single file has nothing beside it. Its source map, which would be looked for there, is left away.
 */
async function browserModule(file: URL): Promise<string> {
  const text = (await readFile(file, 'utf8')).replace(/^\/\/# sourceMappingURL=.*$/m, '')
  const imports = [...text.matchAll(/ from ["'](\.\/[\w-]+\.js)["']/g)].map(([clause, name]) => ({
    clause,
    name: name ?? '',
  }))
  const addresses = await Promise.all(
    imports.map(async ({ name }) => {
      const imported = Buffer.from(await browserModule(new URL(name, file)))
      return `data:text/javascript;base64,${imported.toString('base64')}`
    }),
  )
  return imports.reduce((whole, { clause }, index) => whole.replace(clause, ` from '${addresses[index]}'`), text)
}
