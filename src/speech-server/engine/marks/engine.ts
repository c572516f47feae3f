import { StateError } from '../../../core/errors.js'
import type { Engine, EngineEvents, EngineSession, EngineSessionOptions } from '../port.js'
import { ChannelSplitter, checkSessionOptions } from '../voice/channels.js'
import { MarkDecoder } from './decoder.js'
import { MarkUtterances } from './utterance.js'
import type { MarkUtteranceEvent } from './utterance.js'

/**
 * The engine that hears coded tones (marks) instead of words: who spoke and in which slot, as text `w<who>n<n>` with the heard
 * start and end of each. Works in the caller's thread: 3-4 ms per second of sound of a channel, next to nothing in silence.
 * `open` throws InputError for options it cannot work with.
 */
export function createMarksEngine(): Engine {
  let closed = false
  return {
    name: 'marks',
    open: (options, events) => {
      if (closed) throw new StateError('marks engine: open after close')
      return new MarksSession(options, events)
    },
    close: async () => {
      closed = true
    },
  }
}

interface Channel {
  readonly decoder: MarkDecoder
  readonly utterances: MarkUtterances
}

class MarksSession implements EngineSession {
  readonly #events: EngineEvents
  readonly #splitter: ChannelSplitter
  readonly #channels: readonly Channel[]
  #state: 'open' | 'finished' | 'closed' = 'open'

  constructor(options: EngineSessionOptions, events: EngineEvents) {
    checkSessionOptions(options)
    const { endpointingSec, maxUtteranceSec, partials } = options
    this.#events = events
    this.#splitter = new ChannelSplitter(options.channels)
    this.#channels = Array.from({ length: options.channels }, (_, channel) => ({
      decoder: new MarkDecoder(),
      utterances: new MarkUtterances({ channel, endpointingSec, maxUtteranceSec, partials }),
    }))
  }

  push(block: Int16Array): void {
    if (this.#state !== 'open') throw new StateError(`marks session: push when ${this.#state}`)
    for (const [channel, { decoder, utterances }] of this.#channels.entries()) {
      const marks = decoder.push(this.#splitter.channel(block, channel))
      this.#tell(channel, utterances.hear(marks, decoder.settledSec))
    }
  }

  async finish(): Promise<void> {
    if (this.#state !== 'open') return
    this.#state = 'finished'
    for (const [channel, { decoder, utterances }] of this.#channels.entries()) {
      this.#tell(channel, utterances.hear(decoder.flush(), 0))
      this.#tell(channel, utterances.finish())
    }
  }

  close(): void {
    this.#state = 'closed'
  }

  #tell(channel: number, events: readonly MarkUtteranceEvent[]): void {
    for (const event of events) {
      // a listener may close the session in mid-report
      if (this.#state === 'closed') return
      if (event.kind === 'start') this.#events.speechStart(channel, event.timeSec)
      else if (event.kind === 'end') this.#events.speechEnd(channel, event.timeSec)
      else this.#events.transcript(event.transcript)
    }
  }
}
