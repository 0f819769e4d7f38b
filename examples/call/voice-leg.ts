import { join } from 'node:path'
import type { VoiceChannel } from './network/voice-channel.ts'
import { Conversation } from './voice/conversation.ts'
import type { VoiceReport } from './voice/voice-report.ts'
import { writeSpeech } from './voice/wav.ts'

/** The voice of a call on its way: a conversation over a channel, kept as a WAV file when it is over. */
export class VoiceLeg implements AsyncDisposable {
  readonly #channel: VoiceChannel
  readonly #conversation: Conversation
  readonly #recording: string

  constructor(name: string, channel: VoiceChannel, speech: Int16Array, folder: string) {
    this.#channel = channel
    this.#recording = join(folder, `heard-by-${name}.wav`)
    this.#conversation = new Conversation({
      cname: name,
      speech,
      send: (datagram) => channel.send(datagram),
    })
    channel.onDatagram((datagram) => this.#conversation.received(datagram))
    this.#conversation.start()
  }

  /** Ends it, and says how it went. */
  async stop(): Promise<{ readonly voice: VoiceReport; readonly recording: string }> {
    const voice = this.#conversation.stop()
    await this.#channel.close()
    await writeSpeech(this.#recording, this.#conversation.heard)
    return { voice, recording: this.#recording }
  }

  /** Ends it, if it was not stopped: without a recording. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#conversation.stop()
    await this.#channel.close()
  }
}
