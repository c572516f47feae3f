import { randomUUID } from 'node:crypto'
import type { Clock } from '../../core/time.js'
import type { Logger } from '../../observe/logger.js'
import type { Switchboard } from '../behaviours/switchboard.js'
import type { Engine } from '../engine/port.js'
import type { InitParams } from './init-request.js'
import { ENDED_SESSION_MS, MAX_ENDED_CHARS, MAX_ENDED_SESSIONS, MAX_RECORDINGS_BYTES } from './limits.js'
import { LiveSession } from './live-session.js'
import type { RecordingBudget } from './recording.js'

/** What the registry hands to every session. */
export interface RegistryOptions {
  readonly engine: Engine
  readonly switches: Switchboard
  readonly clock: Clock
  readonly logger: Logger
  readonly random: () => number
  readonly run: (name: string, work: () => Promise<void>) => void
  /** of all recordings together; MAX_RECORDINGS_BYTES unless a test says otherwise */
  readonly maxRecordingsBytes?: number
}

/** All sessions, those that run and a bounded number of those that ended. */
export class Registry {
  readonly #options: RegistryOptions
  /** in the order of their creation */
  readonly #byId = new Map<string, LiveSession>()
  readonly #byToken = new Map<string, LiveSession>()
  readonly #overAtMs = new Map<LiveSession, number>()
  /** when slots of sessions that ended without a stop become free, monotonic ms */
  #keptSlots: number[] = []
  #recordedBytes = 0

  constructor(options: RegistryOptions) {
    this.#options = options
  }

  /** A new session and the token of its socket, or null when all slots are taken. */
  create(params: InitParams, requestId: string): { session: LiveSession; token: string } | null {
    this.sweep()
    const { clock, switches, logger } = this.#options
    const running = this.#byId.size - this.#overAtMs.size
    if (running + this.#keptSlots.length >= switches.peek('concurrency')) return null
    const token = randomUUID()
    const slotUntilMs = clock.monotonicMs() + switches.peek('sessionLimitMs')
    const session: LiveSession = new LiveSession({
      ...this.#options,
      recordings: this.#recordings,
      id: randomUUID(),
      requestId,
      params,
      onOver: (keepsSlot) => {
        if (keepsSlot) this.#keptSlots.push(slotUntilMs)
        this.#overAtMs.set(session, clock.monotonicMs())
        logger.info({ ...session.stats() }, 'session over')
        this.sweep()
      },
    })
    this.#byId.set(session.id, session)
    this.#byToken.set(token, session)
    logger.info({ session: session.id, channels: params.channels, sampleRate: params.sample_rate }, 'session created')
    return { session, token }
  }

  byId(id: string): LiveSession | undefined {
    this.sweep()
    return this.#byId.get(id)
  }

  byToken(token: string): LiveSession | undefined {
    this.sweep()
    return this.#byToken.get(token)
  }

  /** newest first */
  all(): LiveSession[] {
    this.sweep()
    return [...this.#byId.values()].toReversed()
  }

  remove(session: LiveSession): void {
    session.close()
    session.dropRecording()
    this.#byId.delete(session.id)
    this.#overAtMs.delete(session)
    for (const [token, one] of this.#byToken) if (one === session) this.#byToken.delete(token)
  }

  /** Forgets ended sessions by age, number and size, oldest first. */
  sweep(): void {
    const nowMs = this.#options.clock.monotonicMs()
    this.#keptSlots = this.#keptSlots.filter((untilMs) => untilMs > nowMs)
    let chars = 0
    for (const session of this.#overAtMs.keys()) chars += session.historyChars
    for (const [session, overAtMs] of this.#overAtMs) {
      const tooMuch = this.#overAtMs.size > MAX_ENDED_SESSIONS || chars > MAX_ENDED_CHARS
      if (!tooMuch && nowMs - overAtMs <= ENDED_SESSION_MS) break
      chars -= session.historyChars
      this.remove(session)
    }
  }

  /** Makes room for recordings by dropping those of ended sessions, oldest first. */
  readonly #recordings: RecordingBudget = {
    reserve: (bytes) => {
      const maxBytes = this.#options.maxRecordingsBytes ?? MAX_RECORDINGS_BYTES
      for (const session of this.#overAtMs.keys()) {
        if (this.#recordedBytes + bytes <= maxBytes) break
        session.dropRecording()
      }
      if (this.#recordedBytes + bytes > maxBytes) return false
      this.#recordedBytes += bytes
      return true
    },
    release: (bytes) => {
      this.#recordedBytes -= bytes
    },
  }

  close(): void {
    for (const session of this.#byId.values()) session.close()
  }
}
