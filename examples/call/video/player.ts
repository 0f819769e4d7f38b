import { type Film, FilmReader } from './film.ts'

export interface PlayerOptions {
  /** Seconds of film that must be there before it starts. Default 0.5. */
  readonly startAfter?: number
  /** Seconds of film that must be there before it goes on after a stall. Default: as `startAfter`. */
  readonly resumeAfter?: number
}

/** How a film was seen. */
export interface PlaybackReport {
  /** Milliseconds from when the player was made to the first picture; `undefined` where there never was one. */
  readonly startUp: number | undefined
  /** How often the next picture was not there when it was due. */
  readonly stalls: number
  /** How long the picture stood still for it, altogether, in milliseconds. */
  readonly stalledFor: number
  /** Of the film, in seconds. */
  readonly duration: number
  /** Pictures that came, of those in the film. */
  readonly frames: number
  readonly framesInFilm: number
  /** Why there was no film; absent where there was one. */
  readonly problem?: string
}

/** Where it is: `at` is the moment by the clock at which the film's beginning was, or would have been, shown. */
type State =
  | { readonly name: 'waiting' }
  | { readonly name: 'playing'; readonly at: number }
  | { readonly name: 'stalled'; readonly since: number; readonly position: number }

/**
 * A player that shows nothing but knows what a viewer would see: it plays a film by the film's own timeline while its bytes
 * come, and stands still where they come too late. It has no clock: every call says what time it is, in milliseconds.
 *
 * Once the last byte is there nothing can stall any more, so the report need not wait for the end of the film.
 */
export class Player {
  readonly #reader = new FilmReader()
  readonly #startAfter: number
  readonly #resumeAfter: number
  readonly #made: number
  #state: State = { name: 'waiting' }
  #startUp: number | undefined
  #stalls = 0
  #stalledFor = 0
  /** Pictures at the front of the film that could be shown. */
  #ready = 0

  constructor(now: number, { startAfter = 0.5, resumeAfter = startAfter }: PlayerOptions = {}) {
    this.#made = now
    this.#startAfter = startAfter
    this.#resumeAfter = resumeAfter
  }

  /** The next bytes of the file, as they come. What comes just when it is due is in time. */
  feed(chunk: Uint8Array, now: number): void {
    this.#advance(now)
    this.#reader.feed(chunk)
    const { film, received } = this.#reader
    if (film === undefined) return
    while ((film.frames[this.#ready]?.needs ?? Number.POSITIVE_INFINITY) <= received) this.#ready++
    this.#continue(film, now, false)
  }

  /** No more bytes will come: what is there is played to its end. */
  finish(now: number): PlaybackReport {
    this.#advance(now)
    const { film, problem } = this.#reader
    if (film !== undefined) this.#continue(film, now, true)
    const none =
      film === undefined ? (problem ?? 'this is no film that can be played: its index (moov) did not come') : undefined
    return {
      startUp: this.#startUp,
      stalls: this.#stalls,
      stalledFor: this.#stalledFor,
      duration: film?.duration ?? 0,
      frames: this.#ready,
      framesInFilm: film?.frames.length ?? 0,
      ...(none !== undefined && { problem: none }),
    }
  }

  /** Plays up to now with what is there: the picture stands still from the moment at which the missing one is due. */
  #advance(now: number): void {
    const missing = this.#reader.film?.frames[this.#ready]
    if (this.#state.name !== 'playing' || missing === undefined) return
    const due = this.#state.at + missing.at * 1000
    if (due >= now) return
    this.#stalls++
    this.#state = { name: 'stalled', since: due, position: missing.at }
  }

  /** Starts, or goes on after a stall, where enough is there or nothing more will come. */
  #continue(film: Film, now: number, isAll: boolean): void {
    const state = this.#state
    if (state.name === 'playing' || this.#ready === 0) return
    const position = state.name === 'waiting' ? 0 : state.position
    const until = film.frames[this.#ready]?.at ?? Number.POSITIVE_INFINITY
    const enough = state.name === 'waiting' ? this.#startAfter : this.#resumeAfter
    // What a picture takes must be there even where nothing is asked for in advance.
    if (!isAll && (until <= position || until - position < enough)) return
    if (state.name === 'waiting') this.#startUp = now - this.#made
    else this.#stalledFor += now - state.since
    this.#state = { name: 'playing', at: now - position * 1000 }
  }
}
