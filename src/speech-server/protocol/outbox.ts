import type { Switchboard } from '../behaviours/switchboard.js'
import type { InitParams } from './init-request.js'
import { MAX_MESSAGES_CHARS, MAX_REPLAYED } from './limits.js'
import { distortTranscript, type Frame, shuffled, withNoise } from './noise.js'
import { isWanted, type MessageKind, type ServerMessage, type TranscriptData } from './server-message.js'

/** One client socket as a session sees it. Nothing throws; calls after close do nothing. */
export interface ClientSocket {
  send(frame: Frame): void
  ping(): void
  close(code: number, reason: string): void
  /** no close frame: the client sees 1006 */
  terminate(): void
  /** half-open: nothing is read or answered from now on, the connection stays */
  freeze(): void
}

/** Closes with a code, or without a close frame. */
export function closeWith(socket: ClientSocket, code: number | 'terminate'): void {
  if (code === 'terminate') socket.terminate()
  else socket.close(code, '')
}

/** What an outbox needs. */
export interface OutboxOptions {
  readonly sessionId: string
  readonly config: InitParams['messages_config']
  readonly switches: Switchboard
  readonly nowMs: () => number
  readonly random: () => number
  /** seconds of audio accepted so far */
  readonly audioSec: () => number
}

/** What a session says: the client's choice of messages, the switches that falsify them, and what becomes of them without a socket. */
export class Outbox {
  readonly #options: OutboxOptions
  #socket: ClientSocket | null = null
  #held: TranscriptData[] = []
  #replay: { kind: MessageKind; message: ServerMessage }[] = []
  #history: string[] = []
  #historyChars = 0

  constructor(options: OutboxOptions) {
    this.#options = options
  }

  /** the messages sent so far except acknowledgements, as they were meant, each a JSON string; the oldest go beyond the bound */
  get history(): readonly string[] {
    return this.#history
  }

  get historyChars(): number {
    return this.#historyChars
  }

  /** Sends to this socket from now on, first what was kept for it. */
  attach(socket: ClientSocket): void {
    this.#socket = socket
    for (const { kind, message } of this.#replay.splice(0)) this.#transmit(kind, message)
  }

  detach(): void {
    this.#socket = null
  }

  publish(kind: MessageKind, type: string, fields: object = {}): void {
    const { sessionId, config, nowMs } = this.#options
    if (!isWanted(kind, config)) return
    const message = { type, session_id: sessionId, created_at: new Date(nowMs()).toISOString(), ...fields }
    if (kind !== 'ack') this.#remember(JSON.stringify(message))
    if (this.#socket) this.#transmit(kind, message)
    else if (kind !== 'ack' && this.#options.switches.use('detachedMessages') === 'replayed') {
      this.#replay.push({ kind, message })
      if (this.#replay.length > MAX_REPLAYED) this.#replay.shift()
    }
  }

  partial(data: TranscriptData): void {
    this.publish('partial', 'transcript', { data })
  }

  /** Sends a final, or holds it for shuffling. */
  final(data: TranscriptData): void {
    const shuffleOver = this.#options.switches.use('shuffleFinals')
    this.#held.push(data)
    if (this.#held.length >= shuffleOver) this.flushFinals()
  }

  /** Sends the finals that are held. */
  flushFinals(): void {
    const { switches, random } = this.#options
    for (const data of shuffled(this.#held.splice(0), random)) {
      const copies = 1 + switches.use('duplicateFinals')
      for (let copy = 0; copy < copies; copy++) this.publish('final', 'transcript', { data })
      if (switches.use('partialAfterFinal')) this.publish('partial', 'transcript', { data: { ...data, is_final: false } })
    }
  }

  #transmit(kind: MessageKind, message: ServerMessage): void {
    const { switches, audioSec } = this.#options
    let sent = message
    if (kind === 'partial' || kind === 'final') {
      const how = { timestamps: switches.use('timestamps'), channel: switches.use('channel') }
      sent = { ...message, data: distortTranscript(message['data'] as TranscriptData, how, audioSec()) }
    }
    const noise = {
      unknownMessage: switches.use('unknownMessage'),
      extraFields: switches.use('extraFields'),
      invalidJson: switches.use('invalidJson'),
      binaryMessage: switches.use('binaryMessage'),
    }
    for (const frame of withNoise(sent, noise)) this.#socket?.send(frame)
  }

  #remember(text: string): void {
    this.#history.push(text)
    this.#historyChars += text.length
    while (this.#historyChars > MAX_MESSAGES_CHARS) this.#historyChars -= this.#history.shift()?.length ?? 0
  }
}
