/** Where the media of a call go: addresses that the one who answers sends along with `accept`. */
export interface Media {
  /** Of a scheme of datagrams. */
  readonly voice: string
  /** Of a scheme of streams. */
  readonly video: string
}
