import { createHash } from 'node:crypto'
import type { Switchboard } from '../behaviours/switchboard.js'
import type { Engine, EngineEvents, EngineSession } from '../engine/port.js'
import { AckLedger, type AckMode, type ByteRange, type LedgerOutcome } from './ack-ledger.js'
import { AudioDecoder, type AudioFormat, byteRate, frameBytes } from './audio-format.js'
import { audioFormat, type InitParams, vocabularyOf } from './init-request.js'
import { ENGINE_RATE, MAX_RECORDING_BYTES, MAX_UNACKED_BYTES } from './limits.js'
import { Recording, type RecordingBudget } from './recording.js'

/** What an intake needs. */
export interface IntakeOptions {
  readonly params: InitParams
  readonly engine: Engine
  readonly engineEvents: EngineEvents
  readonly switches: Switchboard
  readonly recordings: RecordingBudget
  /** sends one acknowledgement */
  acknowledge(range: ByteRange): void
  /** calls back after ms; the intake never cancels, a late call does nothing */
  after(ms: number, run: () => void): void
}

/** What became of a chunk. */
export type ChunkVerdict = 'taken' | 'silent' | { readonly rejected: string } | 'close_4400'

/** The audio of one session: checks chunks, accepts and acknowledges them, and hands what is accepted to recording, digest and engine. */
export class AudioIntake {
  readonly format: AudioFormat
  readonly recording: Recording
  readonly #options: IntakeOptions
  readonly #ledger = new AckLedger(MAX_UNACKED_BYTES)
  readonly #decoder: AudioDecoder
  readonly #digest = createHash('sha256')
  #session: EngineSession | null = null

  constructor(options: IntakeOptions) {
    this.#options = options
    this.format = audioFormat(options.params)
    this.recording = new Recording(this.format, MAX_RECORDING_BYTES, options.recordings)
    this.#decoder = new AudioDecoder(this.format, ENGINE_RATE)
  }

  get acceptedBytes(): number {
    return this.#ledger.acceptedBytes
  }

  /** where the next chunk begins, bytes */
  get position(): number {
    return this.#ledger.position
  }

  /** seconds of audio accepted */
  get audioSec(): number {
    return this.acceptedBytes / byteRate(this.format)
  }

  /** hex SHA-256 of all bytes accepted so far */
  get sha256(): string {
    return this.#digest.copy().digest('hex')
  }

  /**
   * Takes one chunk of the client.
   * @param bytes the intake's from now on
   * @throws what the engine throws when it cannot open or take audio
   */
  take(bytes: Buffer): ChunkVerdict {
    const { switches } = this.#options
    if (bytes.length === 0 && switches.use('emptyChunk') === 'none') return 'silent'
    if (bytes.length % frameBytes(this.format) !== 0) {
      const verdict = switches.use('incompleteFrame')
      if (verdict === 'close_4400') return verdict
      if (verdict === 'reject') {
        return { rejected: `the chunk has ${bytes.length} bytes, which is not a multiple of a frame's ${frameBytes(this.format)}` }
      }
    }
    const mode = switches.use('acks')
    if (mode === 'reject') return { rejected: 'the chunk was refused' }
    this.#apply(this.#ledger.take(bytes, mode satisfies AckMode))
    return 'taken'
  }

  /** The socket is gone: unacknowledged bytes are kept or discarded, as the switch says. */
  disconnect(): void {
    if (this.position === this.acceptedBytes) return
    this.#apply(this.#ledger.disconnect(this.#options.switches.use('unackedBytes') === 'kept'))
  }

  /** The recording stops: what waits is accepted and acknowledged. */
  flush(): void {
    this.#apply(this.#ledger.flush())
  }

  /** Resolves when the engine has reported every final. */
  async finish(): Promise<void> {
    await this.#session?.finish()
  }

  /** No engine event after it. */
  close(): void {
    this.#session?.close()
    this.#session = null
  }

  #apply(outcome: LedgerOutcome): void {
    for (const piece of outcome.accepted) this.#accept(piece)
    for (const range of outcome.acks) this.#options.acknowledge(range)
    if (outcome.timer) {
      const { ticket, ms } = outcome.timer
      this.#options.after(ms, () => this.#apply(this.#ledger.due(ticket)))
    }
  }

  #accept(piece: Buffer): void {
    if (piece.length === 0) return
    this.#digest.update(piece)
    this.recording.append(piece)
    const block = this.#decoder.decode(piece)
    if (block.length === 0) return
    this.#session ??= this.#open()
    this.#session.push(block)
  }

  #open(): EngineSession {
    const { engine, engineEvents, params } = this.#options
    return engine.open(
      {
        channels: params.channels,
        sampleRate: ENGINE_RATE,
        endpointingSec: params.endpointing,
        maxUtteranceSec: params.maximum_duration_without_endpointing,
        partials: params.messages_config.receive_partial_transcripts,
        vocabulary: vocabularyOf(params),
      },
      engineEvents,
    )
  }
}
