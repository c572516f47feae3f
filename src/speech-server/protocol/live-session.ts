import { deferred } from '../../core/deferred.js'
import { assertNever, toError } from '../../core/errors.js'
import type { EngineTranscript } from '../engine/port.js'
import { ackData, type ByteRange } from './ack-ledger.js'
import { AudioIntake } from './audio-intake.js'
import { byteRate } from './audio-format.js'
import { stepsAfterStop, type StopStep } from './after-stop.js'
import { readClientMessage } from './client-message.js'
import { closingMessage } from './closing-message.js'
import { addonsOf, type Job, jobOf, NOT_AVAILABLE } from './job.js'
import { FINISH_MS, MAX_OVERSIZE_FRAMES } from './limits.js'
import { type ClientSocket, closeWith, Outbox } from './outbox.js'
import { transcriptData, wireSec } from './server-message.js'
import { SessionResult } from './session-result.js'
import { jobStatus, nextState, type SessionEvent, type SessionState } from './session-state.js'
import type { LiveSessionOptions, SessionStats } from './session-types.js'
import { SessionTimers } from './session-timers.js'

/** One live session: socket, audio, engine, timers and what is sent, tied together by `session-state.ts`. Nothing that a client sends throws. */
export class LiveSession {
  readonly id: string
  readonly createdAtMs: number
  readonly #options: LiveSessionOptions
  readonly #intake: AudioIntake
  readonly #outbox: Outbox
  readonly #timers: SessionTimers
  readonly #result: SessionResult
  readonly #gone = deferred()
  #state: SessionState = { kind: 'created' }
  #socket: ClientSocket | null = null
  #socketStart = 0
  #socketChunks = 0
  #rangeBase: 'session' | 'connection' = 'session'
  #connections = 0
  #malformed = 0
  #oversizeInARow = 0
  #recordingStarted = false
  #over = false
  #postSessionMetadata: object = {}
  #completedAtMs: number | null = null

  constructor(options: LiveSessionOptions) {
    this.#options = options
    const { id, params, clock, switches, random } = options
    this.id = id
    this.createdAtMs = clock.nowMs()
    this.#outbox = new Outbox({
      sessionId: id,
      config: params.messages_config,
      switches,
      nowMs: () => clock.nowMs(),
      random,
      audioSec: () => this.#intake.audioSec,
    })
    this.#result = new SessionResult(params, clock)
    this.#timers = new SessionTimers(clock, switches, {
      idle: () => this.#idle(),
      expired: () => this.#stop('expired', false),
      limit: () => this.#stop('limit', false),
    })
    this.#intake = new AudioIntake({
      params,
      engine: options.engine,
      recordings: options.recordings,
      switches,
      engineEvents: {
        speechStart: (channel, timeSec) => this.#outbox.publish('speech', 'speech_start', { data: { time: wireSec(timeSec), channel } }),
        speechEnd: (channel, timeSec) => this.#outbox.publish('speech', 'speech_end', { data: { time: wireSec(timeSec), channel } }),
        transcript: (transcript) => this.#transcript(transcript),
        failed: (error) => this.#fail(error),
      },
      acknowledge: (range) => this.#acknowledge(range),
      after: (ms, run) => void this.#timers.after(ms, () => this.#guarded(run)),
    })
    this.#timers.created()
  }

  get status(): SessionStats['status'] {
    return jobStatus(this.#state)
  }

  /** nothing more will happen */
  get isOver(): boolean {
    return this.#over
  }

  /** a socket that comes now is told that it is too late */
  get hasEnded(): boolean {
    return this.#over || this.#state.kind === 'ended'
  }

  /** characters of messages held for the result */
  get historyChars(): number {
    return this.#outbox.historyChars
  }

  /** Too many oversize frames in a row: the handshake is refused. */
  get isBarred(): boolean {
    return this.#oversizeInARow >= MAX_OVERSIZE_FRAMES && this.#options.switches.peek('oversizeFrame') === 'close_then_403'
  }

  /** A socket has come; the one before it, if any, is closed with 4409 (one at a time, the newest wins). */
  attach(socket: ClientSocket): void {
    const { switches } = this.#options
    if (this.hasEnded) {
      socket.close(4403, 'the session has ended')
      return
    }
    const atOnce = switches.use('acceptThenClose')
    if (atOnce !== 'never') {
      closeWith(socket, atOnce.code)
      return
    }
    this.#release((old) => old.close(4409, 'another socket took over'))
    this.#enter('connect')
    this.#socket = socket
    this.#connections++
    this.#socketStart = this.#intake.position
    this.#socketChunks = 0
    this.#rangeBase = switches.use('byteRangeBase')
    this.#timers.attached(this.#state.kind === 'attached')
    this.#outbox.attach(socket)
    if (this.#connections === 1 && switches.use('startSession') === 'on_socket') this.#outbox.publish('lifecycle', 'start_session')
    const pings = switches.use('pingFlood')
    for (let ping = 0; ping < pings; ping++) socket.ping()
    this.#faultAfterChunk()
  }

  /** A message of a socket; of one that was replaced it is ignored. @param bytes the session's from now on */
  receive(socket: ClientSocket, bytes: Buffer, isBinary: boolean): void {
    if (socket !== this.#socket) return
    this.#timers.heard()
    const message = readClientMessage(bytes, isBinary)
    if (message.kind === 'audio') this.#guarded(() => this.#audio(message.bytes))
    else if (message.kind === 'stop') this.#stopAsked()
    else {
      this.#malformed++
      this.#outbox.publish('error', 'error', { data: { code: 'invalid_message', message: message.why } })
    }
  }

  /** A frame over the bound came; the socket is closing with 1009 by itself. */
  oversize(socket: ClientSocket): void {
    if (socket !== this.#socket) return
    this.#oversizeInARow++
    this.#release()
  }

  /** The socket has closed. */
  socketClosed(socket: ClientSocket, code: number): void {
    if (socket !== this.#socket) return
    this.#oversizeInARow = 0
    this.#release()
    if (code === 1000 && this.#state.kind !== 'finishing') this.#stop('stop', false)
  }

  /** Closes the socket from the server's side; the session goes on without it. */
  dropSocket(code: number | 'terminate'): void {
    this.#release((socket) => closeWith(socket, code))
  }

  /** Attaches debugging metadata to the job. */
  patch(metadata: object): void {
    this.#postSessionMetadata = metadata
  }

  wav(): Buffer | null {
    return this.#intake.recording.toWav()
  }

  /** Forgets the recorded audio. */
  dropRecording(): void {
    this.#intake.recording.drop()
  }

  job(): Job {
    const iso = (ms: number) => new Date(ms).toISOString()
    return jobOf({
      id: this.id,
      requestId: this.#options.requestId,
      status: this.status,
      createdAt: iso(this.createdAtMs),
      completedAt: this.#completedAtMs === null ? null : iso(this.#completedAtMs),
      errorCode: this.status === 'error' ? 500 : null,
      params: this.#options.params,
      postSessionMetadata: this.#postSessionMetadata,
      audioSec: this.#intake.audioSec,
      result: this.#state.kind === 'ended' ? { ...this.#result.build(this.#intake.audioSec), messages: this.#outbox.history } : null,
    })
  }

  stats(): SessionStats {
    return {
      id: this.id,
      bytes: this.#intake.acceptedBytes,
      sha256: this.#intake.sha256,
      channels: this.#options.params.channels,
      connections: this.#connections,
      status: this.status,
      attached: this.#socket !== null,
      malformedMessages: this.#malformed,
    }
  }

  /** Ends everything at once: socket, timers, engine session. */
  close(): void {
    this.#release((socket) => socket.terminate())
    this.#end()
  }

  #enter(event: SessionEvent): boolean {
    const next = nextState(this.#state, event)
    if (next === this.#state) return false
    this.#options.logger.debug({ session: this.id, from: this.#state.kind, to: next.kind, event }, 'session state')
    this.#state = next
    if (next.kind === 'ended') this.#completedAtMs = this.#options.clock.nowMs()
    return true
  }

  /** Lets go of the socket, if there is one. */
  #release(close?: (socket: ClientSocket) => void): void {
    const socket = this.#socket
    if (!socket) return
    this.#socket = null
    this.#outbox.detach()
    this.#guarded(() => this.#intake.disconnect())
    if (this.#enter('lost')) this.#timers.detached()
    else this.#timers.attached(false)
    close?.(socket)
  }

  #audio(bytes: Buffer): void {
    if (this.#state.kind !== 'attached') {
      this.#refuse('the recording is stopped')
      return
    }
    if (bytes.length > 0 && !this.#recordingStarted) {
      this.#recordingStarted = true
      this.#outbox.publish('lifecycle', 'start_recording')
    }
    const verdict = this.#intake.take(bytes)
    if (verdict === 'close_4400') {
      this.dropSocket(4400)
      return
    }
    if (typeof verdict === 'object') this.#refuse(verdict.rejected)
    this.#socketChunks++
    this.#faultAfterChunk()
    this.#timers.audio(this.#intake.audioSec)
  }

  #faultAfterChunk(): void {
    const { switches } = this.#options
    const half = switches.peek('halfOpen')
    if (half !== 'never' && this.#socketChunks === half.afterChunks) {
      switches.use('halfOpen')
      this.#socket?.freeze()
    }
    const closing = switches.peek('closeSocket')
    if (closing !== 'never' && this.#socketChunks === closing.afterChunks) {
      switches.use('closeSocket')
      this.dropSocket(closing.code)
    }
  }

  #acknowledge(range: ByteRange): void {
    const style = {
      base: this.#rangeBase,
      end: this.#options.switches.use('byteRangeEnd'),
      connectionStart: this.#socketStart,
      byteRate: byteRate(this.#intake.format),
    }
    this.#outbox.publish('ack', 'audio_chunk', { acknowledged: true, error: null, data: ackData(range, style) })
  }

  #refuse(message: string): void {
    this.#outbox.publish('ack', 'audio_chunk', { acknowledged: false, error: { message }, data: null })
  }

  #transcript(transcript: EngineTranscript): void {
    const data = transcriptData(transcript)
    if (!transcript.isFinal) {
      this.#outbox.partial(data)
      return
    }
    this.#result.add(transcript)
    this.#outbox.final(data)
    for (const type of addonsOf(this.#options.params))
      this.#outbox.publish('addon', type, { error: { message: NOT_AVAILABLE }, data: null })
  }

  #stopAsked(): void {
    if (this.#state.kind === 'finishing') {
      const error = { message: 'the recording is already stopped', status_code: 409 }
      this.#outbox.publish('ack', 'stop_recording', { acknowledged: false, error, data: null })
      return
    }
    this.#stop('stop', true)
  }

  #stop(event: 'stop' | 'expired' | 'limit', acknowledge: boolean): void {
    if (!this.#enter(event)) return
    this.#timers.stopped()
    const { params, switches } = this.#options
    this.#guarded(() => this.#intake.flush())
    this.#result.stopped()
    const steps = stepsAfterStop({
      afterStop: switches.use('afterStop'),
      acknowledge,
      limit: event === 'limit',
      summarization: params.post_processing.summarization,
      chapterization: params.post_processing.chapterization,
    })
    this.#options.run('finish session', () => this.#takeSteps(steps))
  }

  async #takeSteps(steps: readonly StopStep[]): Promise<void> {
    for (const step of steps) {
      if (step === 'finals') await this.#finish()
      if (this.#over) return
      this.#step(step)
    }
    this.#end()
  }

  #step(step: StopStep): void {
    const { audioSec } = this.#intake
    switch (step) {
      case 'finals':
        this.#outbox.flushFinals()
        return
      case 'mark_done':
        this.#enter('finished')
        return
      case 'close_1000':
        this.dropSocket(1000)
        return
      case 'close_1011':
        this.dropSocket(1011)
        return
      case 'close_limit':
        this.dropSocket(this.#options.switches.use('sessionLimitClose'))
        return
      case 'stop_ack':
      case 'end_recording':
      case 'post_transcript':
      case 'post_summarization':
      case 'post_chapterization':
      case 'post_final_transcript':
      case 'end_session':
        this.#outbox.publish(...closingMessage(step, this.#result, audioSec))
        return
      default:
        assertNever(step)
    }
  }

  /** Waits for the engine, but no longer than the bound or the session itself. */
  async #finish(): Promise<void> {
    const cancel = this.#timers.after(FINISH_MS, () => this.#fail(new Error('the engine did not finish in time')))
    try {
      await Promise.race([this.#intake.finish(), this.#gone.promise])
    } catch (thrown) {
      this.#fail(toError(thrown))
    } finally {
      cancel()
    }
  }

  #idle(): void {
    this.dropSocket(this.#options.switches.use('idleClose'))
  }

  #guarded(run: () => void): void {
    try {
      run()
    } catch (thrown) {
      this.#fail(toError(thrown))
    }
  }

  #fail(error: Error): void {
    if (this.#over || !this.#enter('failed')) return
    this.#options.logger.error({ session: this.id, err: error }, 'session failed')
    this.#outbox.publish('error', 'error', { data: { code: 'internal_error', message: 'the session failed' } })
    this.dropSocket(4500)
    this.#end()
  }

  #end(): void {
    if (this.#over) return
    this.#over = true
    this.#gone.resolve()
    this.#timers.close()
    this.#intake.close()
    const asked = 'asked' in this.#state && this.#state.asked
    this.#options.onOver(!asked && this.#options.switches.use('slot') === 'kept_without_stop')
  }
}
