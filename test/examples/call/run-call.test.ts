import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type CallSetting, runCall } from '../../../examples/call/run-call.ts'
import { checksOf } from '../../../examples/call/verdict.ts'
import { root } from '../../support/build.ts'
import { type TemporaryDirectory, temporaryDirectory } from '../../support/temporary.ts'

/** A call inside this process, with these media and a folder for what comes of it. */
function setting(media: string, folder: string): CallSetting {
  const pair = { streams: 'memory', datagrams: 'memorygram' }
  return { pair, faults: {}, outage: 0, media, folder, signal: new AbortController().signal }
}

const speech = join(root, 'examples/call/media/speech.wav')

describe.concurrent('a call', () => {
  test('without its film is had all the same, and says what became of it', async () => {
    await using folder: TemporaryDirectory = await temporaryDirectory()
    await copyFile(speech, join(folder.path, 'speech.wav'))
    const report = await runCall(setting(folder.path, folder.path))
    expect(report.caller).toMatchObject({ ended: { kind: 'hung up' }, videoProblem: expect.stringContaining('ENOENT') })
    expect(report.caller.textsReceived).toHaveLength(3)
    const failed = checksOf(report, report, 0, 0).flatMap(({ holds, text }) => (holds ? [] : [text]))
    expect(failed).toEqual(['undisturbed: the film arrived whole', 'disturbed: the film arrived whole'])
  }, 60_000)

  test('whose recordings have no place ends with an error that names it', async () => {
    await using folder: TemporaryDirectory = await temporaryDirectory()
    await copyFile(speech, join(folder.path, 'speech.wav'))
    await expect(runCall(setting(folder.path, join(folder.path, 'missing')))).rejects.toThrow(/ENOENT.*heard-by/)
  }, 60_000)

  test('without speech is not begun', async () => {
    await expect(runCall(setting('/missing', '/missing'))).rejects.toThrow(/ENOENT.*speech\.wav/)
  })
})
