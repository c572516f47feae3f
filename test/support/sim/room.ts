import { UpstreamError } from '../../../src/core/errors.js'
import { asIdentity, trackKey, type TrackKey } from '../../../src/core/ids.js'
import { LATE_START_MS, type RoomPort } from '../../../src/live/room/port.js'
import { FakeRoomConnection } from '../fake-room.js'
import type { SimProcess, SimTime } from './clock.js'
import { BLOCK, BLOCK_MS, stampedBlock } from './stamps.js'

/** A loud block that somebody spoke. */
export interface Spoken {
  readonly id: number
  readonly name: string
  /** simulated ms since the beginning, of its first sample */
  readonly startMs: number
  /** whether some bot was handed it */
  wasHeard: boolean
  /** on a track that began while no bot was connected: nobody can know since when */
  readonly isUnseen: boolean
  /** while no bot that runs was connected */
  readonly isUnattended: boolean
  /** a bot that runs has waited for this track for longer than is allowed without a gap */
  readonly isAwaited: boolean
}

/** the room's watchdog over frames */
const NO_FRAMES_MS = 2_000

interface Person {
  readonly name: string
  isThere: boolean
  isMuted: boolean
  /** talks until, is silent until: ms */
  talksUntilMs: number
  silentUntilMs: number
  readonly talkative: number
  /** counts tracks: frames of an old one never come out of a new one */
  track: number
  isUnseen: boolean
  /** of this track */
  openedMs: number
}

interface Link {
  readonly connection: FakeRoomConnection
  readonly process: SimProcess
  isTorn: boolean
  /** counts reconnects, each with new tracks: what an old one has not delivered is gone with it */
  torn: number
}

/** A room with people who talk, and the bots that are in it; frames of 50 ms to each. */
export class SimRoom {
  readonly spoken: Spoken[] = []
  readonly people: Person[]
  /** joins fail until then */
  downUntilMs = 0
  /** nothing arrives until then, and what was said meanwhile comes at once */
  burstUntilMs = 0
  /** whose bot was the last one to come in */
  lastIn: SimProcess | null = null
  readonly #time: SimTime
  readonly #random: () => number
  readonly #lateMs: () => number
  #links: Link[] = []
  #held: (() => void)[] = []
  #stop: (() => void) | null = null
  #isClosed = false
  #lossUntilMs = 0

  /** @param lateMs how long the next track that is opened takes to be subscribed to */
  constructor(time: SimTime, random: () => number, names: readonly string[], talkative: number, lateMs: () => number = () => 0) {
    this.#lateMs = lateMs
    this.#time = time
    this.#random = random
    this.people = names.map((name) => ({
      name,
      isThere: false,
      isMuted: false,
      talksUntilMs: 0,
      silentUntilMs: 500 + 3000 * random(),
      talkative,
      track: 0,
      isUnseen: false,
      openedMs: 0,
    }))
  }

  start(): void {
    this.#stop = this.#time.every(BLOCK_MS, () => this.#beat())
  }
  stop(): void {
    this.#stop?.()
    this.#isClosed = true
    for (const person of this.people) if (person.isThere) this.leave(person.name)
  }

  /** The room as one process reaches it. */
  port(process: SimProcess): RoomPort {
    return {
      join: async (options, events, signal) => {
        await process.sleep(100 + 300 * this.#random(), signal)
        if (this.#time.nowMs < this.downUntilMs)
          throw new UpstreamError('livekit_unreachable', 'down', { service: 'livekit', retryable: true })
        const connection = new FakeRoomConnection(options, events)
        const link: Link = { connection, process, isTorn: false, torn: 0 }
        // one identity, one connection
        for (const other of this.#links.splice(0)) {
          other.process.receive(() => {
            other.torn++
            other.connection.end('duplicate_identity')
          })
        }
        this.#links.push(link)
        this.lastIn = process
        if (this.#time.nowMs + NO_FRAMES_MS <= this.#lossUntilMs) this.#watch(link)
        for (const person of this.people) {
          if (!person.isThere) continue
          connection.participant(person.name)
          if (!person.isMuted) connection.start(person.name)
        }
        return connection
      },
    }
  }

  /** A process died: its connection is gone. */
  lost(process: SimProcess): void {
    this.#links = this.#links.filter((link) => link.process !== process)
  }

  join(name: string): void {
    const person = this.#person(name)
    if (person.isThere || this.#isClosed) return
    person.isThere = true
    person.isMuted = false
    this.#newTrack(person)
    this.#each(({ connection }) => connection.participant(name))
    this.#start(person)
    this.#watchStart(name)
  }

  leave(name: string): void {
    const person = this.#person(name)
    if (!person.isThere) return
    person.isThere = false
    this.#each(({ connection }) => connection.leave(name))
  }

  mute(name: string, isMuted: boolean): void {
    const person = this.#person(name)
    if (!person.isThere || person.isMuted === isMuted) return
    person.isMuted = isMuted
    if (isMuted) return this.#each(({ connection }) => this.#muted(connection, name))
    this.#newTrack(person)
    this.#start(person)
    this.#watchStart(name)
  }

  #muted(connection: FakeRoomConnection, name: string): void {
    const key = trackKey(asIdentity(name), 'microphone')
    connection.withdraw(key)
    if (connection.started.includes(key)) connection.stop(name, 'muted')
  }

  /** The person's track is heard, at once or after a while, in which it is told that it does not come. */
  #start(person: Person): void {
    const { name, track } = person
    const lateMs = this.#lateMs()
    this.#each((link) => {
      const { connection, process, torn } = link
      if (lateMs === 0) {
        connection.start(name)
        return
      }
      const openedMs = process.monotonicMs()
      const later = (ms: number, what: () => void) =>
        this.#time.after(ms, () =>
          process.receive(() => {
            if (person.track !== track || !person.isThere || person.isMuted || link.torn !== torn || connection.ended) return
            if (!connection.started.includes(trackKey(asIdentity(name), 'microphone'))) what()
          }),
        )
      if (lateMs > LATE_START_MS) later(LATE_START_MS, () => connection.refuse(name, 'not_received', process.monotonicMs() - openedMs))
      later(lateMs, () => connection.start(name, 'microphone', openedMs))
    })
  }

  /** The connection is torn for so long, and comes back with new tracks. */
  reconnect(ms: number): void {
    for (const link of this.#links) {
      if (link.isTorn) continue
      link.isTorn = true
      link.process.receive(() => {
        link.torn++
        for (const { name } of this.people) link.connection.withdraw(trackKey(asIdentity(name), 'microphone'))
        link.connection.reconnecting('full')
      })
      this.#time.after(ms, () =>
        link.process.receive(() => {
          link.isTorn = false
          if (!this.#links.includes(link)) return
          link.connection.reconnected()
          for (const person of this.people) if (person.isThere && !person.isMuted) link.connection.start(person.name)
        }),
      )
    }
  }

  /** The connection is lost for good; joining fails for so long. */
  drop(ms: number): void {
    this.downUntilMs = this.#time.nowMs + ms
    for (const link of this.#links.splice(0)) {
      link.process.receive(() => {
        link.torn++
        link.connection.end('connection_lost')
      })
    }
  }

  /** Frames of everybody stop for so long, and the bots' watchdogs see it. */
  loseFrames(ms: number): void {
    this.#lossUntilMs = Math.max(this.#lossUntilMs, this.#time.nowMs + ms)
    if (ms >= NO_FRAMES_MS) for (const link of this.#links) if (!link.isTorn) this.#watch(link)
  }

  /** A track that begins while frames are lost is watched from then on. */
  #watchStart(name: string): void {
    if (this.#time.nowMs + NO_FRAMES_MS > this.#lossUntilMs) return
    const key = trackKey(asIdentity(name), 'microphone')
    for (const link of this.#links) if (!link.isTorn) this.#watch(link, key)
  }

  /** What a bot's watchdog sees of a loss that goes on for so long. @param only of one track; else of all that there are then */
  #watch({ connection, process }: Link, only?: TrackKey): void {
    const tell = (what: 'stall' | 'resume') => {
      for (const key of connection.started) if (only === undefined || key === only) connection[what](key)
    }
    this.#time.after(NO_FRAMES_MS, () =>
      process.receive(() => {
        // while a bot stands still it sees nothing
        const restMs = this.#lossUntilMs - this.#time.nowMs
        if (restMs <= 0) return
        tell('stall')
        this.#time.after(restMs, () => process.receive(() => tell('resume')))
      }),
    )
  }

  #each(what: (link: Link) => void): void {
    for (const link of this.#links) if (!link.isTorn) link.process.receive(() => what(link))
  }

  #newTrack(person: Person): void {
    person.track++
    person.openedMs = this.#time.nowMs
    person.isUnseen = this.#isUnattended
  }

  get #isUnattended(): boolean {
    return !this.#links.some(({ isTorn, process, connection }) => !isTorn && !connection.ended && process.state === 'running')
  }

  #person(name: string): Person {
    const person = this.people.find((one) => one.name === name)
    if (!person) throw new Error(`nobody is called ${name}`)
    return person
  }

  /** Everybody in the room speaks or is silent for one more block. */
  #beat(): void {
    const nowMs = this.#time.nowMs
    const isUnattended = this.#isUnattended
    if (nowMs >= this.burstUntilMs) for (const deliver of this.#held.splice(0)) deliver()
    for (const person of this.people) {
      if (!person.isThere || person.isMuted) continue
      const isTalking = this.#talks(person, this.#time.elapsedMs)
      const startMs = this.#time.elapsedMs - BLOCK_MS
      const spoken = isTalking
        ? {
            id: this.spoken.length + 1,
            name: person.name,
            startMs,
            wasHeard: false,
            isUnseen: person.isUnseen,
            isUnattended,
            isAwaited: this.#isAwaited(person),
          }
        : null
      if (spoken) this.spoken.push(spoken)
      const samples = spoken ? stampedBlock(spoken.id) : new Int16Array(BLOCK)
      const key = trackKey(asIdentity(person.name), 'microphone')
      for (const link of this.#links) {
        if (link.isTorn || link.connection.ended || nowMs < this.#lossUntilMs) continue
        const { track } = person
        const { torn } = link
        const deliver = () =>
          link.process.receive(() => {
            const { connection } = link
            if (connection.ended || !connection.started.includes(key) || person.track !== track || link.torn !== torn) return
            if (spoken) spoken.wasHeard = true
            connection.frame(key, samples.slice(), this.#time.nowMs)
          })
        if (nowMs < this.burstUntilMs) this.#held.push(deliver)
        else deliver()
      }
    }
  }

  #isAwaited({ name, openedMs }: Person): boolean {
    const key = trackKey(asIdentity(name), 'microphone')
    const isWaiting = ({ isTorn, process, connection }: Link) =>
      !isTorn && !connection.ended && process.state === 'running' && !connection.started.includes(key)
    return this.#time.nowMs - openedMs > LATE_START_MS && this.#links.some(isWaiting)
  }

  #talks(person: Person, nowMs: number): boolean {
    if (nowMs < person.silentUntilMs) return false
    if (nowMs >= person.talksUntilMs) {
      if (person.talksUntilMs > person.silentUntilMs) {
        person.silentUntilMs = nowMs + (400 + 6000 * this.#random()) / person.talkative
        return false
      }
      person.talksUntilMs = nowMs + 200 + 3000 * this.#random() * this.#random()
    }
    return true
  }
}
