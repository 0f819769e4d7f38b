import { createFile, type ISOFile, Log, MP4BoxBuffer } from 'mp4box'

/** One picture of a film. */
export interface Frame {
  /** When it is shown, in seconds from the first. */
  readonly at: number
  /** It can be decoded once so many bytes of the file are there. */
  readonly needs: number
}

/** When each picture of a film is due, and which bytes it takes. */
export interface Film {
  /** In seconds. */
  readonly duration: number
  /** In the order in which they are shown. */
  readonly frames: readonly Frame[]
}

/** An index that has not come by then is not waited for: everything in front of it has to be kept. */
const LARGEST_WITHOUT_INDEX = 64 * 1024 * 1024
/** The size of a box and its type. */
const BOX_HEADER = 8

// By itself mp4box prints what is wrong with a film, with bytes of the film's own that a terminal may obey.
Log.error = (module, message, file) => file?.onError?.(module, message ?? '')

/**
 * Reads the index (`moov`) of an MP4 file while the file comes, by mp4box. An index at the file's end is read as well, but
 * then it is the last thing to come. The film is that of the first video track; sound does not change when a picture is
 * due. Edit lists are not followed: the first picture is shown at once.
 */
export class FilmReader {
  readonly #file: ISOFile = createFile()
  #start = ''
  #received = 0
  #film: Film | undefined
  #problem: string | undefined

  constructor() {
    this.#file.onReady = () => this.#ready()
    this.#file.onError = (module, message) => this.#fail(`${module}: ${message}`)
  }

  /** Bytes of the file that were fed. */
  get received(): number {
    return this.#received
  }

  /** Once the index is there. */
  get film(): Film | undefined {
    return this.#film
  }

  /** Why there will be no film; `undefined` as long as there may be one. */
  get problem(): string | undefined {
    return this.#problem
  }

  feed(chunk: Uint8Array): void {
    const start = this.#received
    this.#received += chunk.length
    if (this.#film !== undefined || this.#problem !== undefined || chunk.length === 0) return
    if (this.#received > LARGEST_WITHOUT_INDEX) {
      this.#fail(`no index (moov) in the first ${LARGEST_WITHOUT_INDEX} bytes`)
      return
    }
    if (!this.#isMp4(chunk)) return
    try {
      // A copy: mp4box keeps it until it has read the boxes that it belongs to.
      this.#file.appendBuffer(MP4BoxBuffer.fromArrayBuffer(Uint8Array.from(chunk).buffer, start))
    } catch (error) {
      this.#fail(error instanceof Error ? error.message : String(error))
    }
  }

  /** ISO/IEC 14496-12, 4.3: a file begins with a box that says what it is. Anything else need not be kept. */
  #isMp4(chunk: Uint8Array): boolean {
    const missing = BOX_HEADER - this.#start.length
    if (missing > 0) this.#start += Buffer.from(chunk.subarray(0, missing)).toString('latin1')
    if (this.#start.length < BOX_HEADER || this.#start.endsWith('ftyp')) return true
    this.#fail('it does not begin with ftyp, as an MP4 file does')
    return false
  }

  #ready(): void {
    const { videoTracks, isFragmented } = this.#file.getInfo()
    const [track] = videoTracks
    if (track === undefined) {
      this.#fail('it has no video track')
      return
    }
    const samples = this.#file.getTrackSamplesInfo(track.id)
    if (track.timescale === 0) {
      this.#fail('its clock stands still (timescale 0)')
      return
    }
    if (isFragmented || samples.length === 0) {
      this.#fail(isFragmented ? 'its index is in fragments (moof), which are not read' : 'its index is empty')
      return
    }
    const first = samples.reduce((earliest, { cts }) => Math.min(earliest, cts), Number.POSITIVE_INFINITY)
    // Samples come in the order of decoding: one needs all before it, and may be shown before some of them (B frames).
    let needs = 0
    let last = 0
    const frames = samples.map(({ cts, duration, offset, size, timescale }): Frame => {
      needs = Math.max(needs, offset + size)
      last = Math.max(last, (cts - first + duration) / timescale)
      return { at: (cts - first) / timescale, needs }
    })
    this.#film = { duration: last, frames: frames.sort((one, other) => one.at - other.at) }
  }

  #fail(reason: string): void {
    this.#problem ??= `this is no film that can be played: ${reason}`
  }
}
