import { createServer, type Server } from 'node:http'
import { WebSocket, WebSocketServer } from 'ws'
import type { Transport } from '../../src/live/stt/gladia/transport.js'
import type { Behaviours } from '../../src/speech-server/behaviours/schema.js'
import { Switchboard } from '../../src/speech-server/behaviours/switchboard.js'
import type { Engine } from '../../src/speech-server/engine/port.js'
import { ackData } from '../../src/speech-server/protocol/ack-ledger.js'
import { AudioIntake } from '../../src/speech-server/protocol/audio-intake.js'
import { byteRate } from '../../src/speech-server/protocol/audio-format.js'
import { readClientMessage } from '../../src/speech-server/protocol/client-message.js'
import { parseInitRequest } from '../../src/speech-server/protocol/init-request.js'
import { ByteWire } from './byte-wire.js'
import type { SimTime } from './sim/clock.js'

/** Keeps what it is given, all of it, or nothing. */
class Ear {
  #room = new Int16Array(1 << 16)
  #length = 0
  readonly #isKeeping: boolean

  constructor(isKeeping: boolean) {
    this.#isKeeping = isKeeping
  }

  get samples(): Int16Array {
    return this.#room.subarray(0, this.#length)
  }

  push(block: Int16Array): void {
    if (!this.#isKeeping) return
    if (this.#length + block.length > this.#room.length) {
      const room = new Int16Array(2 * (this.#length + block.length))
      room.set(this.samples)
      this.#room = room
    }
    this.#room.set(block, this.#length)
    this.#length += block.length
  }
}

interface Heard {
  readonly id: string
  readonly ear: Ear
  readonly intake: AudioIntake
  socket: WebSocket | null
  connectionStart: number
  isOver: boolean
}

const HANDSHAKE_MS = 10_000

const answerOf = (status: number, body: unknown) => new Response(JSON.stringify(body), { status })

/**
 * The service's byte-true half in simulated time: the speech server's own ledger of bytes behind a real HTTP upgrade and real WebSocket
 * frames, on wires that are cut at any byte. No speech, no results but the duration.
 */
export class WireService {
  readonly sessions: Heard[] = []
  readonly switches: Switchboard
  /** no connection and no request is answered */
  isDown = false
  /** false: of the audio only the digest is known */
  isKeeping = true
  wire: ByteWire | null = null
  wires = 0
  /** called with each new connection, before anything is carried */
  onWire: ((wire: ByteWire) => void) | null = null
  readonly #time: SimTime
  readonly #latency: { readonly upMs: number; readonly downMs: number }
  readonly #http: Server
  readonly #sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false })

  constructor(time: SimTime, behaviours: Behaviours, latency: { readonly upMs: number; readonly downMs: number }) {
    this.#time = time
    this.switches = new Switchboard(behaviours)
    this.#latency = latency
    this.#http = createServer()
    this.#http.on('upgrade', (request, stream, head) => {
      this.#sockets.handleUpgrade(request, stream, head, (socket) => {
        const session = this.sessions.find(({ id }) => request.url?.endsWith(`=${id}`))
        if (session) this.#attach(session, socket)
        else socket.close(4403)
      })
    })
  }

  readonly transport: Transport = {
    fetch: async (url, init) => {
      await new Promise<void>((resolve) => this.#time.after(20, resolve))
      if (this.isDown) throw new Error('refused')
      if (init?.method === 'POST') return this.#create(JSON.parse(init.body as string))
      const session = this.sessions.find(({ id }) => (url as string).endsWith(`/${id}`))
      if (!session) return answerOf(404, {})
      const result = { metadata: { audio_duration: session.intake.audioSec }, transcription: { utterances: [] } }
      return answerOf(200, { id: session.id, status: session.isOver ? 'done' : 'processing', result })
    },
    connect: (url, options) => {
      const wires = this.wires
      const socket = new WebSocket(url, { ...options, createConnection: () => this.#connect() as never })
      // its own timeout runs by the real clock
      const wire = this.wires > wires ? this.wire : null
      this.#time.after(HANDSHAKE_MS, () => {
        if (socket.readyState === WebSocket.CONNECTING) wire?.cut()
      })
      return socket
    },
  }

  /** A close frame instead of a cut. */
  closeSocket(code: number): void {
    for (const { socket } of this.sessions) socket?.close(code)
  }

  close(): void {
    for (const { intake, socket } of this.sessions) {
      socket?.terminate()
      intake.close()
    }
    this.wire?.cut()
    this.#sockets.close()
    this.#http.close()
  }

  #connect() {
    const wire: ByteWire = new ByteWire(this.#time, this.#latency.upMs, this.#latency.downMs, () => {
      if (this.wire === wire) this.wire = null
    })
    this.wires++
    this.wire = wire
    if (this.isDown) setImmediate(() => wire.cut())
    else this.#http.emit('connection', wire.server)
    this.onWire?.(wire)
    return wire.client
  }

  #create(body: unknown): Response {
    const parsed = parseInitRequest(body)
    if (!parsed.ok) return answerOf(400, { message: parsed.problems.join('; ') })
    const ear = new Ear(this.isKeeping)
    const engine: Engine = {
      name: 'marks',
      open: () => ({ push: (block) => ear.push(block), finish: () => Promise.resolve(), close: () => undefined }),
      close: () => Promise.resolve(),
    }
    const silent = () => undefined
    const intake = new AudioIntake({
      params: parsed.params,
      engine,
      engineEvents: { speechStart: silent, speechEnd: silent, transcript: silent, failed: silent },
      switches: this.switches,
      recordings: { reserve: () => false, release: () => undefined },
      acknowledge: (range) => {
        const style = {
          base: this.switches.use('byteRangeBase'),
          end: this.switches.use('byteRangeEnd'),
          connectionStart: session.connectionStart,
          byteRate: byteRate(intake.format),
        }
        session.socket?.send(JSON.stringify({ type: 'audio_chunk', acknowledged: true, error: null, data: ackData(range, style) }))
      },
      after: (ms, run) => this.#time.after(ms, run),
    })
    const session: Heard = { id: `s${this.sessions.length}`, ear, intake, socket: null, connectionStart: 0, isOver: false }
    this.sessions.push(session)
    return answerOf(201, { id: session.id, url: `ws://service/v2/live?token=${session.id}` })
  }

  #attach(session: Heard, socket: WebSocket): void {
    if (session.isOver) return socket.close(4403)
    session.socket?.terminate()
    session.intake.disconnect()
    session.socket = socket
    session.connectionStart = session.intake.position
    socket.on('error', () => undefined)
    socket.on('message', (bytes: Buffer, isBinary) => {
      // what is taken after the close is not answered: a client can only know of it where ranges are the session's
      const isDeaf = socket.readyState !== WebSocket.OPEN && this.switches.peek('byteRangeBase') === 'connection'
      if (session.socket === socket && !isDeaf) this.#take(session, socket, Buffer.from(bytes), isBinary)
    })
    socket.on('close', (code) => {
      if (session.socket !== socket) return
      session.socket = null
      session.intake.disconnect()
      // an orderly close ends the recording
      if (code === 1000) session.isOver = true
    })
  }

  #take(session: Heard, socket: WebSocket, bytes: Buffer, isBinary: boolean): void {
    const message = readClientMessage(bytes, isBinary)
    if (message.kind === 'audio') {
      const verdict = session.intake.take(message.bytes)
      if (typeof verdict === 'object')
        socket.send(JSON.stringify({ type: 'audio_chunk', acknowledged: false, error: { message: verdict.rejected }, data: null }))
      return
    }
    if (message.kind !== 'stop') return
    session.intake.flush()
    session.isOver = true
    socket.send(JSON.stringify({ type: 'stop_recording', acknowledged: true, data: { recording_duration: session.intake.audioSec } }))
    socket.send(JSON.stringify({ type: 'end_session' }))
    socket.close(1000)
  }
}
