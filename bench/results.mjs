import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { machine } from './machine.mjs'

const folder = fileURLToPath(new URL('./results/', import.meta.url))

/** Writes what was measured, as JSON and as a chart: into bench/results where all of it was, else only where we are told to. */
export async function writeResults({ isWhole, json, svg, rounds, milliseconds }, names, measured, draw) {
  const paths = {
    json: json ?? (isWhole ? `${folder}${names.json}` : undefined),
    svg: svg ?? (isWhole ? `${folder}${names.svg}` : undefined),
  }
  const all = { ...machine(), rounds, milliseconds, ...measured }
  if (paths.json !== undefined) write(paths.json, `${JSON.stringify(all, rounded, 2)}\n`)
  if (paths.svg !== undefined) write(paths.svg, await draw(all))
}

/** Six digits are more than is known. */
const rounded = (_, value) =>
  typeof value === 'number' && !Number.isInteger(value) ? Number(value.toPrecision(6)) : value

function write(path, text) {
  mkdirSync(dirname(path), { recursive: true })
  writeFileSync(path, text)
  console.log(`wrote ${path}`)
}
