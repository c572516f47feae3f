import { toError } from '../../../core/errors.js'
import { trackKey, type Identity } from '../../../core/ids.js'
import type { Clock } from '../../../core/time.js'
import type { JoinOptions, RoomConnection, RoomEndReason, RoomEvents, RoomParticipant, RoomPort } from '../port.js'
import type { RecordingClock } from './recording-clock.js'
import { FRAME_MS, type Recording } from './wav-file.js'

/** One file, and who speaks on its channels, in their order. */
export interface RecordedSource {
  readonly recording: Recording
  readonly people: readonly RoomParticipant[]
}

/** What a recorded room works with. */
export interface RecordedRoomParts {
  readonly sources: readonly RecordedSource[]
  /** the meeting's: moved on by what is played, released at the end */
  readonly clock: RecordingClock
  readonly real: Clock
  /** multiple of real time */
  readonly speed: number
  /** how much audio waits for the speech service, ms */
  readonly lagMs: () => number
  /** so much has been played, ms; `isHeld`: and nothing more for now, since the speech service does not keep up */
  readonly progress: (playedMs: number, isHeld: boolean) => void
  /** a file cannot be read on, or the speech service is not waited for any longer */
  readonly failed: (error: Error) => void
}

/** What was recorded of a person and not played. */
export interface Unplayed {
  readonly identity: Identity
  readonly fromMs: number
  readonly toMs: number
}

/** After a stall so much is made up for at once; what is more makes the whole take longer. */
const CATCH_UP_MS = 250
/** Audio that the speech service may be behind by: a session takes a second or two to open, at any speed. */
const MAX_LAG_MS = 10_000
const LAG_LOOK_MS = 50
/** A service that has not taken anything for so long is not waited for any longer. */
const GIVE_UP_MS = 120_000

/**
 * A recording as a room, joined once: everybody is there from the start, each with a microphone, and leaves where their file ends.
 * R1 The clock moves by what is played, so that frames are neither late nor early, however slow the disk or the speech service is.
 * R2 A service that lags by `MAX_LAG_MS` is waited for; one that takes nothing for `GIVE_UP_MS` ends the room.
 * R3 What was not played is told by `unplayed`: the rest of a file that could not be read on, of all after a stop.
 */
export class RecordedRoom implements RoomPort {
  readonly #parts: RecordedRoomParts
  readonly #playedMs = new Map<RecordedSource, number>()
  readonly #closing = new AbortController()
  #playing: Promise<void> = Promise.resolve()
  #events: RoomEvents | null = null

  constructor(parts: RecordedRoomParts) {
    this.#parts = parts
  }

  async join(_options: JoinOptions, events: RoomEvents): Promise<RoomConnection> {
    this.#events = events
    for (const { people } of this.#parts.sources) {
      for (const person of people) {
        const { identity } = person
        events.participantJoined(person)
        events.trackStarted({ key: trackKey(identity, 'microphone'), identity, source: 'microphone' })
      }
    }
    this.#playing = this.#play(events)
    return {
      heldBackMs: 0,
      caption: () => Promise.resolve(),
      showPaused: () => Promise.resolve(),
      close: () => this.#close(),
    }
  }

  /** Everybody of whom something was not played, from where on. */
  unplayed(): readonly Unplayed[] {
    return this.#parts.sources.flatMap((source) => {
      const fromMs = this.#playedMs.get(source) ?? 0
      const toMs = source.recording.lengthMs
      return fromMs >= toMs ? [] : source.people.map(({ identity }) => ({ identity, fromMs, toMs }))
    })
  }

  async #close(): Promise<void> {
    this.#closing.abort(new Error('the room was left'))
    await this.#playing
    this.#end('left')
  }

  #end(reason: RoomEndReason, error?: Error): void {
    const events = this.#events
    this.#events = null
    this.#parts.clock.release()
    events?.ended(reason, error)
  }

  async #play(events: RoomEvents): Promise<void> {
    const { sources, clock, real, speed, failed, progress } = this.#parts
    const open = new Set(sources)
    let dueMs = real.monotonicMs()
    try {
      for (let playedMs = 0; ; playedMs += FRAME_MS) {
        const frames = await Promise.all([...open].map((source) => this.#read(source)))
        // the bot that has just joined is in the room, and what the last frames have caused is done
        await new Promise((resolve) => setImmediate(resolve))
        if (this.#closing.signal.aborted) return
        const heard = [...open].map((source, at) => ({ source, frame: frames[at] ?? null }))
        for (const { source, frame } of heard) {
          if (frame !== null) continue
          open.delete(source)
          leave(source, events)
        }
        if (open.size === 0) break
        dueMs = Math.max(dueMs + FRAME_MS / speed, real.monotonicMs() - CATCH_UP_MS)
        if (!(await this.#isDue(dueMs, playedMs))) return
        clock.advance(FRAME_MS)
        for (const { source, frame } of heard) if (frame !== null) this.#hear(source, frame, events)
        progress(playedMs + FRAME_MS, false)
      }
      clock.release()
    } catch (thrown) {
      if (this.#closing.signal.aborted) return
      failed(toError(thrown))
      this.#end('fault', toError(thrown))
    }
  }

  /** The next frames of a file; null: it is over. */
  async #read({ recording }: RecordedSource): Promise<readonly Int16Array[] | null> {
    try {
      return await recording.next()
    } catch (thrown) {
      this.#parts.failed(toError(thrown))
      return null
    }
  }

  #hear(source: RecordedSource, frame: readonly Int16Array[], events: RoomEvents): void {
    const nowMs = this.#parts.clock.monotonicMs()
    this.#playedMs.set(source, (this.#playedMs.get(source) ?? 0) + FRAME_MS)
    for (const [channel, { identity }] of source.people.entries()) {
      const samples = frame[channel]
      if (samples) events.frame(trackKey(identity, 'microphone'), samples, nowMs)
    }
  }

  /** @returns false: the room is over */
  async #isDue(dueMs: number, playedMs: number): Promise<boolean> {
    const { real, lagMs, progress, failed } = this.#parts
    const { signal } = this.#closing
    const waitMs = dueMs - real.monotonicMs()
    if (waitMs > 0) await real.sleep(waitMs, signal)
    for (let [leastMs, sinceMs] = [Number.POSITIVE_INFINITY, real.monotonicMs()]; lagMs() > MAX_LAG_MS;) {
      if (lagMs() < leastMs) [leastMs, sinceMs] = [lagMs(), real.monotonicMs()]
      if (real.monotonicMs() - sinceMs > GIVE_UP_MS) {
        failed(new Error(`the speech service has taken nothing for ${GIVE_UP_MS / 1000} s: the rest is not sent`))
        this.#end('room_closed')
        return false
      }
      progress(playedMs, true)
      await real.sleep(LAG_LOOK_MS, signal)
    }
    return true
  }
}

function leave({ people }: RecordedSource, events: RoomEvents): void {
  for (const { identity } of people) {
    events.trackEnded(trackKey(identity, 'microphone'), 'left')
    events.participantLeft(identity)
  }
}
