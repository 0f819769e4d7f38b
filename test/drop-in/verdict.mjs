// What a run amounts to: its numbers, and whatever must not be.
import { basename } from 'node:path'

/** Less than this part of the files that can pass here fails the run, whatever is known. */
const enough = 0.9

/**
 * @param {import('./run-files.mjs').Report[]} reports
 * @param {Record<string, string>} known the files that are known to fail, by name, and why they do
 * @param {{ complete: boolean }} options whether all files were run, not a choice of them
 * @returns {{ summary: string, complaints: string[] }}
 */
export function verdictOf(reports, known, { complete }) {
  const having = (/** @type {import('./run-files.mjs').Standing} */ standing) =>
    reports.filter((report) => report.standing === standing).map(({ file }) => basename(file))
  const [passed, failed, skipped] = [having('passed'), having('failed'), having('skipped')]
  const elsewhere = having('fails with Node too')
  const share = passed.length / Math.max(1, passed.length + failed.length)

  const complaints = [
    ...failed.filter((file) => !(file in known)).map((file) => `fails, and is not known to: ${file}`),
    ...passed.filter((file) => file in known).map((file) => `passes, but is known to fail: ${file}`),
  ]
  if (complete) {
    const present = new Set(reports.map(({ file }) => basename(file)))
    complaints.push(
      ...Object.keys(known)
        .filter((file) => !present.has(file))
        .map((file) => `known, but no test: ${file}`),
    )
    if (share < enough) complaints.push(`less than ${enough * 100} % pass`)
  }
  const percent = (share * 100).toFixed(1)
  const summary =
    `${passed.length} of ${passed.length + failed.length} files pass (${percent} %), ${failed.length} fail; ` +
    `besides, ${skipped.length} skip themselves and ${elsewhere.length} fail with Node's own module on this machine too`
  return { summary, complaints }
}
