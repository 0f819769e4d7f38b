import { expect, test } from 'vitest'
import { race } from '../../src/engine/race.ts'

const after = <T>(milliseconds: number, result: () => T, signal?: AbortSignal): Promise<T> =>
  new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      try {
        resolve(result())
      } catch (error) {
        reject(error)
      }
    }, milliseconds)
    signal?.addEventListener('abort', () => {
      clearTimeout(timer)
      reject(signal.reason)
    })
  })

const refuse = (name: string) => (): never => {
  throw new Error(name)
}

test('the next address is tried at once when one fails', async () => {
  const started = Date.now()
  const winner = await race(
    ['dead', 'alive'],
    undefined,
    (candidate) => after(1, candidate === 'dead' ? refuse('dead') : () => candidate),
    () => undefined,
  )
  expect(winner).toBe('alive')
  expect(Date.now() - started).toBeLessThan(240)
})

test('the next address is tried beside one that stays silent, which is aborted when it wins', async () => {
  const aborted: string[] = []
  const winner = await race(
    ['silent', 'alive'],
    undefined,
    (candidate, signal) => {
      signal?.addEventListener('abort', () => aborted.push(candidate))
      return after(candidate === 'silent' ? 60_000 : 1, () => candidate, signal)
    },
    () => undefined,
  )
  expect(winner).toBe('alive')
  expect(aborted).toContain('silent')
})

test('a late winner is discarded', async () => {
  const discarded: string[] = []
  await race(
    ['slow', 'quick'],
    undefined,
    (candidate) => after(candidate === 'slow' ? 300 : 1, () => candidate),
    (late) => discarded.push(late),
  )
  await after(200, () => undefined)
  expect(discarded).toEqual(['slow'])
})

test('when all fail the preferred one tells why, with all as the cause', async () => {
  const failure = await race(
    ['first', 'second', 'third'],
    undefined,
    (candidate) => after(1, refuse(candidate)),
    () => undefined,
  ).catch((error: Error) => error)
  expect(failure).toMatchObject({ message: 'first' })
  expect(((failure as Error).cause as AggregateError).errors.map(String)).toEqual([
    'Error: first',
    'Error: second',
    'Error: third',
  ])
})

test('an abort ends it with the reason', async () => {
  const abort = new AbortController()
  const racing = race(
    ['a', 'b'],
    abort.signal,
    (_, signal) => after(60_000, () => 'never', signal),
    () => undefined,
  )
  abort.abort(new Error('enough'))
  await expect(racing).rejects.toThrow('enough')
})
