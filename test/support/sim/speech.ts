import { EventEmitter } from 'node:events'
import type { Transport, TransportSocket } from '../../../src/live/stt/gladia/transport.js'
import type { SimProcess, SimTime } from './clock.js'
import { BLOCK_MS, StampReader, type FoundStamp } from './stamps.js'

const RATE = 16_000
/** an utterance ends after so much silence, or when it is so long: endpointing 0.3, maximum_duration_without_endpointing 15 */
const PAUSE_FRAMES = 0.3 * RATE
const LONGEST_FRAMES = 15 * RATE
const BLOCK_FRAMES = (BLOCK_MS * RATE) / 1000
/** a session without a connection is over after so long */
const ORPHAN_MS = 30_000

/** How the service answers: the switches of the protocol's unknowns. */
export interface SpeechHabits {
  readonly latencyMs: number
  /** from the end of an utterance to its final */
  readonly finalMs: number
  /** ends of ranges are the last byte instead of the one after */
  readonly inclusiveEnds: boolean
  /** one acknowledgement for so many chunks */
  readonly acksOf: number
  readonly answersEmpty: boolean
  /** finals are told twice, and those of one moment in any order */
  readonly repeatsFinals: boolean
  /** the result names utterances by id */
  readonly idsInResult: boolean
  /** 404 for every result */
  readonly keepsResults: boolean
}

interface Word {
  readonly word: string
  readonly start: number
  readonly end: number
  readonly confidence: number
}

interface ToldUtterance {
  readonly id: string
  readonly text: string
  readonly start: number
  readonly end: number
  readonly channel: number
  readonly language: string
  readonly confidence: number
  readonly words: readonly Word[]
}

interface Open {
  readonly id: string
  readonly stamps: FoundStamp[]
  lastFrame: number
}

/** One session as the service has it. */
class ServiceSession {
  readonly id: string
  readonly channels: number
  bytes = 0
  unanswered = 0
  answerFrom = 0
  readonly reader: StampReader
  readonly open: (Open | null)[]
  readonly utterances: ToldUtterance[] = []
  socket: SimSocket | null = null
  /** that it has had, one after the other */
  connections = 0
  isOver = false
  stopped = false
  count = 0
  /** finals that are being recognised */
  pending = 0
  /** when the last final of each channel is told: those of one channel come in order */
  readonly finalMs: number[]

  constructor(id: string, channels: number) {
    this.id = id
    this.channels = channels
    this.reader = new StampReader(channels)
    this.open = Array.from({ length: channels }, () => null)
    this.finalMs = Array.from({ length: channels }, () => 0)
  }
}

/** A connection of a process to the service. */
class SimSocket extends EventEmitter {
  readyState = 0
  bufferedAmount = 0
  readonly up = { arrivesMs: 0 }
  readonly down = { arrivesMs: 0 }
  readonly process: SimProcess
  session: ServiceSession | null = null
  readonly #service: SimSpeech

  constructor(service: SimSpeech, process: SimProcess) {
    super()
    this.#service = service
    this.process = process
  }

  send(message: Buffer | string): void {
    if (this.readyState !== 1) return
    // the caller may reuse nothing of it; what is on the way is a copy all the same
    const copy = typeof message === 'string' ? message : Buffer.from(message)
    this.bufferedAmount += copy.length
    this.#service.carry(this, copy)
  }

  close(): void {
    this.#service.hangUp(this, 1000)
  }
  terminate(): void {
    this.#service.hangUp(this, 1006)
  }

  /** The process learns that it is closed. */
  closed(code: number, reason = ''): void {
    if (this.readyState === 3) return
    this.readyState = 3
    this.process.receive(() => this.emit('close', code, Buffer.from(reason)))
  }
}

/** Gladia's live API in simulated time, with everything that can go wrong on the way to it. */
export class SimSpeech {
  readonly habits: SpeechHabits
  /** until then: no answer to anything new, connections are refused */
  downUntilMs = 0
  /** until then POST answers with this status */
  postFailure: { readonly status: number; readonly untilMs: number } | null = null
  /** until then nothing gets through in either direction, and nobody is told */
  blackholeUntilMs = 0
  readonly sessions: ServiceSession[] = []
  /** connections that took audio */
  connections = 0
  readonly #time: SimTime
  readonly #random: () => number
  readonly #inFlight = new Map<SimSocket, { cancel: () => void; message: Buffer | string }[]>()

  constructor(time: SimTime, random: () => number, habits: SpeechHabits) {
    this.#time = time
    this.#random = random
    this.habits = habits
  }

  /** The way of one process to the service. */
  transport(process: SimProcess): Transport {
    return {
      fetch: (url, init) => process.answer(this.#answer(url as string, init)),
      connect: (url) => this.#connect(url, process) as unknown as TransportSocket,
    }
  }

  /** Every connection is lost. @param keepsInFlight what was on the way still arrives, without an answer */
  cut(keepsInFlight: boolean): void {
    for (const session of this.sessions) if (session.socket) this.#cut(session.socket, keepsInFlight, 1006)
  }

  /** The sessions are over before anybody asked: texts so far are in the result, what follows is refused with 4403. */
  killSessions(): void {
    for (const session of this.sessions) {
      if (session.isOver) continue
      if (session.socket) this.#cut(session.socket, true, 4403)
      this.#end(session)
    }
  }

  /** Rubbish on every connection. */
  babble(): void {
    const rubbish = [
      '',
      '{',
      '[]',
      '{"type":7}',
      '{"type":"transcript"}',
      '{"type":"audio_chunk","acknowledged":true}',
      'null',
      '{"type":"x"}',
    ]
    for (const { socket } of this.sessions) {
      if (!socket) continue
      for (const text of rubbish) this.#tell(socket, text)
    }
  }

  /** A process died: its connections are gone. */
  lost(process: SimProcess): void {
    for (const { socket } of this.sessions) if (socket?.process === process) this.#cut(socket, this.#random() < 0.5, 1006)
  }

  /** Bytes leave a process. */
  carry(socket: SimSocket, message: Buffer | string): void {
    const delayMs = this.#inOrder(socket.up)
    const item = { cancel: () => {}, message }
    const queue = this.#inFlight.get(socket) ?? []
    this.#inFlight.set(socket, queue)
    queue.push(item)
    item.cancel = this.#time.after(delayMs, () => {
      queue.splice(queue.indexOf(item), 1)
      socket.bufferedAmount -= message.length
      this.#arrived(socket, message)
    })
  }

  hangUp(socket: SimSocket, code: number): void {
    if (socket.readyState === 3) return
    const wasOpen = socket.readyState === 1
    socket.readyState = 2
    this.#time.after(this.habits.latencyMs, () => {
      this.#detach(socket, wasOpen && code === 1000)
      socket.closed(code === 1000 ? 1000 : 1006)
    })
  }

  #cut(socket: SimSocket, keepsInFlight: boolean, code: number): void {
    for (const { cancel, message } of this.#inFlight.get(socket) ?? []) {
      cancel()
      if (keepsInFlight && typeof message !== 'string' && socket.session) this.#take(socket.session, message)
    }
    this.#inFlight.delete(socket)
    this.#detach(socket, false)
    socket.closed(code)
  }

  #detach(socket: SimSocket, isEnd: boolean): void {
    const { session } = socket
    if (!session || session.socket !== socket) return
    session.socket = null
    if (isEnd) this.#end(session)
    else {
      const since = this.#time.nowMs
      this.#time.after(ORPHAN_MS, () => {
        if (session.socket === null && this.#time.nowMs - since >= ORPHAN_MS) this.#end(session)
      })
    }
  }

  #end(session: ServiceSession): void {
    if (session.isOver) return
    this.#finishAll(session)
    session.isOver = true
  }

  #finishAll(session: ServiceSession): void {
    for (let channel = 0; channel < session.channels; channel++) this.#close(session, channel)
  }

  async #answer(url: string, init: RequestInit | undefined): Promise<Response> {
    const isDown = () => this.#time.nowMs < this.downUntilMs || this.#time.nowMs < this.blackholeUntilMs
    const wait = this.habits.latencyMs + 50 * this.#random()
    await new Promise<void>((resolve, reject) => {
      const cancel = this.#time.after(wait, () => (isDown() ? undefined : resolve()))
      init?.signal?.addEventListener(
        'abort',
        () => {
          cancel()
          reject(new Error('aborted'))
        },
        { once: true },
      )
      if (isDown()) this.#time.after(wait, () => reject(new Error('refused')))
    })
    if (init?.method === 'POST') {
      const failure = this.postFailure
      if (failure && this.#time.nowMs < failure.untilMs) return answerOf(failure.status, { message: 'not now' })
      const { channels } = JSON.parse(init.body as string) as { channels: number }
      const session = new ServiceSession(`v${this.sessions.length}`, channels)
      this.sessions.push(session)
      return answerOf(201, { id: session.id, url: `ws://sim/v2/live?token=${session.id}` })
    }
    const session = this.sessions.find(({ id }) => url.endsWith(`/v2/live/${id}`))
    if (!session || !this.habits.keepsResults) return answerOf(404, { message: 'not found' })
    if (!session.isOver || session.pending > 0) return answerOf(200, { id: session.id, status: 'processing', result: null })
    const utterances = session.utterances.map(({ id, ...rest }) => (this.habits.idsInResult ? { id, ...rest } : rest))
    const result = {
      metadata: { audio_duration: session.bytes / (2 * session.channels) / RATE },
      transcription: { utterances },
    }
    return answerOf(200, { id: session.id, status: 'done', result })
  }

  #connect(url: string, process: SimProcess): SimSocket {
    const socket = new SimSocket(this, process)
    this.#time.after(this.habits.latencyMs, () => {
      if (socket.readyState !== 0) return
      if (this.#time.nowMs < Math.max(this.downUntilMs, this.blackholeUntilMs)) {
        process.receive(() => socket.emit('error', new Error('refused')))
        return socket.closed(1006)
      }
      const session = this.sessions.find(({ id }) => url.endsWith(`token=${id}`))
      socket.readyState = 1
      process.receive(() => socket.emit('open'))
      if (!session || session.isOver) {
        // an ended session accepts the handshake
        this.#time.after(this.habits.latencyMs, () => socket.closed(4403))
        return
      }
      if (session.socket) this.#cut(session.socket, true, 1006)
      session.socket = socket
      session.unanswered = 0
      socket.session = session
      session.connections++
      this.connections++
    })
    return socket
  }

  #arrived(socket: SimSocket, message: Buffer | string): void {
    const { session } = socket
    if (!session || session.socket !== socket || session.isOver) return
    if (typeof message === 'string') {
      const { type } = JSON.parse(message) as { type: string }
      if (type === 'stop_recording') return this.#stop(session)
      if (this.habits.answersEmpty) this.#acknowledge(session, session.bytes, session.bytes)
      return
    }
    if (session.unanswered === 0) session.answerFrom = session.bytes
    this.#take(session, message)
    session.unanswered++
    if (session.unanswered >= this.habits.acksOf) {
      session.unanswered = 0
      this.#acknowledge(session, session.answerFrom, session.bytes)
    }
  }

  #acknowledge(session: ServiceSession, from: number, to: number): void {
    const end = this.habits.inclusiveEnds && to > from ? to - 1 : to
    const text = JSON.stringify({
      type: 'audio_chunk',
      session_id: session.id,
      acknowledged: true,
      error: null,
      data: { byte_range: [from, end], time_range: [0, 0] },
    })
    if (session.socket) this.#tell(session.socket, text)
  }

  #take(session: ServiceSession, bytes: Buffer): void {
    session.bytes += bytes.length
    for (const stamp of session.reader.read(bytes)) {
      const { channel } = stamp
      const before = session.open[channel]
      if (before && stamp.frame - before.lastFrame > PAUSE_FRAMES) this.#close(session, channel)
      const open = (session.open[channel] ??= { id: `${session.id}-${channel}-${session.count++}`, stamps: [], lastFrame: 0 })
      // what repeats what was just heard is no word: the probe of a connection
      if (!open.stamps.slice(-4).some(({ id }) => id === stamp.id)) open.stamps.push(stamp)
      open.lastFrame = stamp.frame + BLOCK_FRAMES
      if (open.lastFrame - open.stamps[0]!.frame >= LONGEST_FRAMES) this.#close(session, channel)
      else if (open.stamps.length % 10 === 0) this.#say(session, this.#utterance(open, channel), false)
    }
    for (const [channel, open] of session.open.entries()) {
      if (open && session.reader.frames - open.lastFrame > PAUSE_FRAMES) this.#close(session, channel)
    }
  }

  /** The utterance of a channel is over: its final follows. */
  #close(session: ServiceSession, channel: number): void {
    const open = session.open[channel]
    session.open[channel] = null
    if (!open) return
    const told = this.#utterance(open, channel)
    session.pending++
    const dueMs = Math.max(session.finalMs[channel]!, this.#time.nowMs + this.habits.finalMs * (0.5 + this.#random()))
    session.finalMs[channel] = dueMs
    this.#time.after(dueMs - this.#time.nowMs, () => {
      session.pending--
      session.utterances.push(told)
      this.#say(session, told, true)
      if (this.habits.repeatsFinals) this.#time.after(200 * this.#random(), () => this.#say(session, told, true))
      if (session.stopped) this.#conclude(session)
    })
  }

  #utterance({ id, stamps }: Open, channel: number): ToldUtterance {
    const words = stamps.map(({ id: block, frame }) => ({
      word: ` b${block}`,
      start: frame / RATE,
      end: (frame + BLOCK_FRAMES) / RATE,
      confidence: 0.9,
    }))
    return {
      id,
      text: words.map(({ word }) => word).join(''),
      start: words[0]!.start,
      end: words.at(-1)!.end,
      channel,
      language: 'en',
      confidence: 0.9,
      words,
    }
  }

  #say(session: ServiceSession, { id, ...utterance }: ToldUtterance, isFinal: boolean): void {
    if (!session.socket) return
    this.#tell(session.socket, JSON.stringify({ type: 'transcript', session_id: session.id, data: { id, is_final: isFinal, utterance } }))
  }

  #stop(session: ServiceSession): void {
    if (session.socket)
      this.#tell(
        session.socket,
        JSON.stringify({
          type: 'stop_recording',
          session_id: session.id,
          acknowledged: true,
          error: null,
          data: { recording_duration: session.bytes / (2 * session.channels) / RATE, recording_left_to_process: 0 },
        }),
      )
    session.stopped = true
    this.#finishAll(session)
    this.#conclude(session)
  }

  #conclude(session: ServiceSession): void {
    if (session.pending > 0 || session.isOver) return
    session.isOver = true
    const { socket } = session
    if (!socket) return
    this.#tell(socket, JSON.stringify({ type: 'end_session', session_id: session.id }))
    // nor does the end of a connection overtake what was sent on it
    this.#time.after(this.#inOrder(socket.down) + 5, () => {
      this.#detach(socket, true)
      socket.closed(1000)
    })
  }

  /** @param way when the last message of it arrives: none overtakes another @returns ms from now */
  #inOrder(way: { arrivesMs: number }): number {
    const nowMs = this.#time.nowMs
    way.arrivesMs = Math.max(way.arrivesMs, nowMs + this.habits.latencyMs, this.blackholeUntilMs)
    return way.arrivesMs - nowMs
  }

  #tell(socket: SimSocket, text: string): void {
    this.#time.after(this.#inOrder(socket.down), () => {
      if (socket.readyState !== 1) return
      socket.process.receive(() => socket.emit('message', Buffer.from(text), false))
    })
  }
}

/** What the adapter uses of a Response, without the network's streams: these settle within one turn of the event loop. */
function answerOf(status: number, body: unknown): Response {
  const text = Buffer.from(JSON.stringify(body))
  const stream = {
    async *[Symbol.asyncIterator]() {
      yield text
    },
  }
  return { status, headers: new Headers(), body: stream } as unknown as Response
}
