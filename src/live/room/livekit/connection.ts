import type { RemoteAudioTrack, RemoteTrackPublication, Room } from '@livekit/rtc-node'
import { toError } from '../../../core/errors.js'
import { isMicrophone, type Identity, type TrackKey } from '../../../core/ids.js'
import type { Clock } from '../../../core/time.js'
import { within } from '../../../core/within.js'
import type { Logger } from '../../../observe/logger.js'
import type { Caption, RoomConnection, RoomEndReason, RoomEvents } from '../port.js'
import { AudioReader } from './audio-reader.js'
import { CaptionQueue } from './caption-queue.js'
import { CaptionSender } from './caption-sender.js'
import { EventMonitor } from './event-monitor.js'
import type { ServerView, Untold } from './event-watch.js'
import { detachRoom, noAnswer, statsIdOf } from './library.js'
import { asRoomParticipant, Roster, type RosterAction, type RosterEvent } from './roster.js'
import { StallMonitor } from './stall-monitor.js'
import { TrackBook } from './track-book.js'
import type { TrackAction, TrackEvent } from './track-events.js'
import type { PlaceHolder, TrackPlaces } from './track-places.js'
import type { RoomTunables } from './tunables.js'

/** Behind the bot's name while nobody is heard. */
const PAUSED = ' (paused)'

/** What a connection needs from outside. */
export interface ConnectionParts {
  readonly room: Room
  readonly events: RoomEvents
  readonly clock: Clock
  readonly logger: Logger
  readonly tunables: RoomTunables
  readonly places: TrackPlaces
  /** whether a connection on which nothing arrives may be ended for another one */
  readonly mayRejoin: () => boolean
  /** what the server says of the room; null: this bot is not in it */
  readonly serverView: () => Promise<ServerView | null>
}

/** Holds, or waits for, the place of a track that was asked for. */
interface Media extends PlaceHolder {
  readonly identity: Identity
  readonly publication: RemoteTrackPublication
  track: RemoteAudioTrack | undefined
}

/**
 * One joined room: performs what the pure books decide. Everything that comes from the library enters through
 * `guard`, everything that goes to the consumer leaves through `#emit`: an exception on either way ends this
 * connection with `fault` and touches no other.
 */
export class LivekitConnection implements RoomConnection {
  readonly #parts: ConnectionParts
  readonly #roster: Roster
  readonly #book: TrackBook
  readonly #stalls: StallMonitor
  readonly #events: EventMonitor
  readonly #captions: CaptionQueue
  readonly #media = new Map<string, Media>()
  readonly #readers = new Map<TrackKey, AudioReader>()
  readonly #trackEvents: TrackEvent[] = []
  #isApplying = false
  #hasWarned = false
  #cancelTick: (() => void) | undefined
  #tickAtMs = Infinity
  #ended = false
  #closing: Promise<void> | undefined

  constructor(parts: ConnectionParts) {
    const { room, clock, logger, tunables } = parts
    this.#parts = parts
    this.#roster = new Roster({ holdMs: tunables.holdMs, graceMs: tunables.graceMs })
    this.#book = new TrackBook({ ...tunables, tailMs: tunables.muteTailMs, maxPerKey: tunables.maxTracksPerKey })
    this.#stalls = new StallMonitor({
      room,
      statsIdOf,
      clock,
      logger,
      tunables,
      report: ({ key, stalled, sinceMs }) =>
        this.#emit((events) => (stalled ? events.trackStalled(key, stalled, sinceMs) : events.trackResumed(key))),
    })
    this.#events = new EventMonitor({
      clock,
      logger,
      tunables,
      ask: parts.serverView,
      told: () => ({ people: this.#roster.present, isOpen: (sid) => this.#media.has(sid) && !this.#book.isMuted(sid) }),
      report: (untold) => this.guard(() => this.#untold(untold)),
    })
    const sender = new CaptionSender(room, logger)
    this.#captions = new CaptionQueue(
      tunables.maxCaptions,
      (caption) => sender.send(caption),
      (error) => logger.debug({ err: error }, 'caption not sent'),
    )
  }

  /** whether `ended` was reported, or nobody wants to know any more */
  get isEnded(): boolean {
    return this.#ended
  }

  get heldBackMs(): number {
    return this.#stalls.heldBackMs
  }

  /** Runs a handler of a library event; after the end nothing runs. */
  guard(run: () => void): void {
    if (this.#ended) return
    try {
      run()
      this.#schedule()
    } catch (thrown) {
      this.#fault(toError(thrown))
    }
  }

  people(event: RosterEvent): void {
    if (event.kind === 'joined' && this.#roster.isAbsent(event.participant.identity)) {
      this.tracks({ kind: 'back', identity: event.participant.identity })
    }
    for (const action of this.#roster.apply(event, this.#now())) this.#performPeople(action)
  }

  /** An event that comes of performing another one is applied after it. */
  tracks(event: TrackEvent): void {
    this.#trackEvents.push(event)
    if (this.#isApplying) return
    this.#isApplying = true
    try {
      for (let next = this.#trackEvents.shift(); next; next = this.#trackEvents.shift()) {
        for (const action of this.#book.apply(next, this.#now())) {
          if (this.#ended) return
          this.#performTracks(action)
        }
      }
    } finally {
      this.#isApplying = false
    }
  }

  /** Keeps what is needed to subscribe to and read a publication. */
  addMedia(identity: Identity, publication: RemoteTrackPublication): void {
    const { sid } = publication
    if (sid === undefined || this.#media.has(sid)) return
    const granted = () => this.guard(() => this.#setSubscribed(publication))
    this.#media.set(sid, { identity, publication, track: undefined, granted })
  }

  setMediaTrack(sid: string, track: RemoteAudioTrack | undefined): void {
    const media = this.#media.get(sid)
    if (media) media.track = track
  }

  dropMedia(sid: string): void {
    this.#media.delete(sid)
  }

  left(participant: { readonly identity: Identity }, certain: boolean): void {
    const { identity } = participant
    this.tracks({ kind: 'gone', identity, certain })
    for (const [sid, media] of this.#media) if (media.identity === identity) this.#media.delete(sid)
    this.people({ kind: 'left', identity, certain })
  }

  reconnecting(): void {
    this.#stalls.pause()
    this.#events.pause()
    this.#emit((events) => events.reconnecting())
    this.tracks({ kind: 'reconnecting' })
    this.people({ kind: 'reconnecting' })
  }

  reconnected(): void {
    this.#stalls.resume()
    this.#events.resume()
    this.tracks({ kind: 'reconnected' })
    this.people({ kind: 'reconnected' })
    this.#emit((events) => events.reconnected())
  }

  /** Starts the watchdogs: the room is joined. */
  begin(): void {
    if (this.#ended) return
    this.#stalls.start()
    this.#events.start()
  }

  caption(caption: Caption): Promise<void> {
    return this.#captions.push(caption)
  }

  async showPaused(isPaused: boolean): Promise<void> {
    const { localParticipant } = this.#parts.room
    if (!localParticipant || this.#ended) return
    const name = (localParticipant.name ?? '').replace(PAUSED, '')
    await localParticipant.updateName(isPaused ? `${name}${PAUSED}` : name)
    await localParticipant.setAttributes({ 'roomscribe.paused': String(isPaused) })
  }

  /** Ends the connection for the given reason: reports it once and frees everything. */
  end(reason: RoomEndReason, error?: Error): void {
    if (this.#ended) return
    this.#ended = true
    this.#closing = this.#free()
    try {
      this.#parts.events.ended(reason, ...(error ? [error] : []))
    } catch (thrown) {
      this.#parts.logger.error({ err: thrown }, 'handler of the end of a room failed')
    }
  }

  /** No more events, also no `ended`: the join was given up. */
  silence(): void {
    this.#ended = true
  }

  /** Resolves when nothing is left; never rejects. */
  close(): Promise<void> {
    this.end('left')
    this.#closing ??= this.#free()
    return this.#closing
  }

  #now(): number {
    return this.#parts.clock.monotonicMs()
  }

  #fault(error: Error): void {
    this.#parts.logger.error({ err: error }, 'room ended by a fault in handling its events')
    this.end('fault', error)
  }

  #emit(call: (events: RoomEvents) => void): void {
    if (this.#ended) return
    try {
      call(this.#parts.events)
    } catch (thrown) {
      this.#fault(toError(thrown))
    }
  }

  #performPeople(action: RosterAction): void {
    switch (action.kind) {
      case 'joined':
        return this.#emit((events) => events.participantJoined(action.participant))
      case 'renamed':
        return this.#emit((events) => events.participantRenamed(action.participant))
      case 'left':
        this.tracks({ kind: 'gone', identity: action.identity, certain: true })
        return this.#emit((events) => events.participantLeft(action.identity))
    }
  }

  #performTracks(action: TrackAction): void {
    switch (action.kind) {
      case 'subscribe':
        return this.#subscribe(action.sid)
      case 'forget':
        return this.#forget(action.sid)
      case 'open':
        return this.#open(action.sid, action.key)
      case 'close':
        return this.#closeReader(action.key)
      case 'started':
        return this.#emit((events) => events.trackStarted(action.track, action.sinceMs))
      case 'ended':
        return this.#emit((events) => events.trackEnded(action.key, action.why))
      case 'refused':
        if (action.why === 'not_received') this.#parts.logger.warn({ forMs: action.forMs }, 'an open microphone does not arrive')
        return this.#emit((events) => events.trackRefused(action.track, action.why, action.forMs))
      case 'again':
        return this.#askAgain(action.sid)
      case 'rejoin':
        return this.#rejoin('no microphone arrives')
      case 'unrefused':
        return this.#emit((events) => events.trackRefusalEnded(action.key))
    }
  }

  #subscribe(sid: string): void {
    const media = this.#media.get(sid)
    if (!media) return
    if (this.#parts.places.ask(media)) return this.#setSubscribed(media.publication)
    if (!this.#hasWarned) {
      this.#hasWarned = true
      const { taken, waiting } = this.#parts.places
      this.#parts.logger.warn({ heard: taken, waiting }, 'more tracks than this process may hear: some people are not transcribed')
    }
    this.tracks({ kind: 'refused', sid })
  }

  /** The library does nothing when it takes itself to be subscribed. */
  #askAgain(sid: string): void {
    const publication = this.#media.get(sid)?.publication
    if (!publication) return
    try {
      publication.setSubscribed(false)
    } catch (thrown) {
      this.#parts.logger.debug({ err: thrown }, 'unsubscribing from a track failed')
    }
    this.#setSubscribed(publication)
  }

  /** Nothing arrives of what was asked for again and again, or was never told: another connection may do better. */
  #rejoin(why: string): void {
    if (!this.#parts.mayRejoin()) return
    this.#parts.logger.error({}, `${why}: the room is joined anew`)
    this.end('connection_lost')
  }

  /** No event of the room comes any more: the microphones that it kept from us are told as missing. */
  #untold({ open, gone }: Untold): void {
    this.#parts.logger.warn({ unheard: open.length, gone: gone.length }, 'people came or went, and no event told')
    for (const { sid, identity, name, source, sinceMs } of open) {
      this.people({ kind: 'joined', participant: asRoomParticipant(identity, name) })
      this.tracks({ kind: 'published', sid, identity, source, muted: false, sinceMs })
    }
    this.#rejoin('no changes are told')
  }

  #forget(sid: string): void {
    const media = this.#media.get(sid)
    if (media) this.#parts.places.release(media)
  }

  #setSubscribed(publication: RemoteTrackPublication): void {
    try {
      publication.setSubscribed(true)
    } catch (thrown) {
      // the publication went in this very moment: its end is on the way
      this.#parts.logger.warn({ err: thrown }, 'subscribing to a track failed')
    }
  }

  #open(sid: string, key: TrackKey): void {
    const track = this.#media.get(sid)?.track
    // a shared screen may send nothing while it makes no sound
    this.#stalls.opened(key, isMicrophone(key) ? track : undefined)
    if (!track) return
    try {
      const reader = new AudioReader(track, (samples) => this.#frame(key, samples))
      this.#readers.set(key, reader)
      reader.ended.catch((thrown: unknown) => this.#fault(toError(thrown)))
    } catch (thrown) {
      // as above; when the track stays, the watchdog reports that it yields nothing
      this.#parts.logger.warn({ err: thrown }, 'opening an audio stream failed')
    }
  }

  #frame(key: TrackKey, samples: Int16Array): void {
    const arrivedMs = this.#now()
    this.#stalls.frame(key, arrivedMs)
    this.#emit((events) => events.frame(key, samples, arrivedMs))
  }

  #closeReader(key: TrackKey): void {
    this.#stalls.closed(key)
    const reader = this.#readers.get(key)
    this.#readers.delete(key)
    reader?.cancel().catch((thrown: unknown) => this.#parts.logger.debug({ err: thrown }, 'audio stream ended badly'))
  }

  #schedule(): void {
    const atMs = this.#ended ? Infinity : Math.min(this.#book.deadlineMs, this.#roster.deadlineMs)
    if (atMs === this.#tickAtMs) return
    this.#cancelTick?.()
    this.#tickAtMs = atMs
    this.#cancelTick = undefined
    if (atMs === Infinity) return
    this.#cancelTick = this.#parts.clock.after(Math.max(0, atMs - this.#now()), () => {
      this.#tickAtMs = Infinity
      this.#cancelTick = undefined
      this.guard(() => {
        this.tracks({ kind: 'tick' })
        this.people({ kind: 'tick' })
      })
    })
  }

  async #free(): Promise<void> {
    const { room, clock, logger, tunables } = this.#parts
    this.#cancelTick?.()
    for (const media of this.#media.values()) this.#parts.places.release(media)
    this.#stalls.stop()
    this.#events.stop()
    this.#captions.close()
    const readers = [...this.#readers.values()]
    this.#readers.clear()
    const outcomes = await Promise.allSettled(readers.map((reader) => reader.cancel()))
    for (const outcome of outcomes) {
      if (outcome.status === 'rejected') logger.debug({ err: outcome.reason }, 'audio stream ended badly')
    }
    await within(clock, tunables.closeTimeoutMs, room.disconnect(), noAnswer).catch((thrown: unknown) =>
      logger.warn({ err: thrown, afterMs: tunables.closeTimeoutMs }, 'leaving the room was not confirmed'),
    )
    detachRoom(room)
    this.#media.clear()
  }
}
