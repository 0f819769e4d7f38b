import { execFileSync } from 'node:child_process'
import { type Need, program } from '../../support/need.ts'

export const ffmpeg: Need = program('ffmpeg', ['-version'], 'apt-get install ffmpeg')
export const pythonAudio: Need = program(
  'python3',
  ['-W', 'ignore', '-c', 'import audioop, wave'],
  'install a Python before 3.13, which still has the module audioop',
)

/** Runs ffmpeg from standard input to standard output. */
export function runFfmpeg(input: Buffer, ...args: string[]): Buffer {
  return execFileSync('ffmpeg', ['-v', 'error', ...args], { input, maxBuffer: 1 << 26 })
}

/** Runs a line of Python from standard input to standard output, as `i` and `o`. */
export function runPython(input: Buffer, line: string): Buffer {
  const script = `import sys, struct\ni = sys.stdin.buffer\no = sys.stdout.buffer\n${line}`
  return execFileSync('python3', ['-W', 'ignore', '-c', script], { input, maxBuffer: 1 << 26 })
}

/** Samples of 16 bits, little-endian, as both take and give them. */
export function bytesOf(samples: Int16Array): Buffer {
  return Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength)
}

export function samplesOf(bytes: Buffer): Int16Array {
  return new Int16Array(Uint8Array.from(bytes).buffer)
}
