import { expect } from 'vitest'
import type { AudioCounters } from '../../src/live/audio/ledger.js'
import { channelOf } from '../../src/live/audio/interleave.js'
import { BLOCK, type RoomOfTracks, keyOf, who } from '../unit/live/audio/room-of-tracks.js'
import { turn } from './marks-audio.js'

const BLOCK_MS = 50
const SLOT_MS = 200
/** samples by which a block is known again: marks differ from each other everywhere; a slot ends with 40 ms of silence */
const contentOf = (block: Int16Array): string => block.subarray(20, 120).join()

interface SpokenBlock {
  readonly identity: string
  readonly spokenMs: number
}

/**
 * People who speak marks in turns, each block known again wherever the plane sends it: what was lost, doubled or put under a wrong
 * name, or at a wrong time, is read off the samples themselves.
 */
export class Party {
  readonly room: RoomOfTracks
  readonly #spoken = new Map<string, SpokenBlock>()
  readonly #held = new Map<string, Int16Array[]>()

  constructor(room: RoomOfTracks) {
    this.room = room
  }

  /**
   * Joins now and speaks in the stretches given, ms of the meeting, multiples of 200; silent else.
   * @param shape what becomes of each block before it is delivered
   */
  join(name: string, number: number, stretches: readonly (readonly [number, number])[], shape = (block: Int16Array) => block): void {
    const speech = stretches.map(([from, to]) => ({ from, samples: turn(number, from / SLOT_MS, (to - from) / SLOT_MS) }))
    this.room.join(name, (nowMs) => {
      const block = next(nowMs)
      this.#held.get(name)?.push(block)
      return this.#held.has(name) ? null : block
    })
    const next = (nowMs: number) => {
      const spokenMs = nowMs - BLOCK_MS
      const said = speech.find(({ from, samples }) => spokenMs >= from && spokenMs < from + samples.length / 16)
      if (!said) return shape(new Int16Array(BLOCK))
      const at = (spokenMs - said.from) * 16
      const block = shape(said.samples.slice(at, at + BLOCK))
      this.#spoken.set(contentOf(block), { identity: name, spokenMs })
      return block
    }
  }

  /** From now on the person's frames do not arrive. */
  hold(name: string): void {
    this.#held.set(name, [])
  }

  /** Those that were held back arrive, all at once, and the next ones as they come. */
  letGo(name: string): void {
    for (const block of this.#held.get(name) ?? []) this.room.plane.frame(keyOf(name), block, this.room.nowMs)
    this.#held.delete(name)
  }

  /** Ends the meeting. Every block that these people spoke was sent once, under their name, at its time. @param withinMs how far it may be moved */
  expectAllHeard(withinMs = 0): void {
    const { room } = this
    room.plane.finish(room.nowMs)
    const left = new Map(this.#spoken)
    const spans = [...room.sink.spans.values()]
    for (const { sessionId, channels, blocks } of room.sink.sessions) {
      for (const [number, interleaved] of blocks.entries()) {
        for (let channel = 0; channel < channels; channel++) {
          const key = contentOf(channelOf(interleaved, channel, channels))
          const spoken = this.#spoken.get(key)
          if (!spoken) continue
          expect(left.delete(key), `${spoken.identity} at ${spoken.spokenMs} ms was sent twice`).toBe(true)
          const frame = number * BLOCK
          const span = spans.find(
            (one) => one.sessionId === sessionId && one.channel === channel && one.fromFrame <= frame && frame < one.toFrame,
          )
          expect(span?.identity, `who spoke at ${spoken.spokenMs} ms`).toBe(spoken.identity)
          expect(Math.abs(span!.meetingMs + (frame - span!.fromFrame) / 16 - spoken.spokenMs)).toBeLessThanOrEqual(withinMs)
        }
      }
    }
    expect([...left.values()].map(({ identity, spokenMs }) => `${identity} at ${spokenMs} ms was lost`)).toEqual([])
    expect(this.#spoken.size).toBeGreaterThan(0)
    for (const name of new Set([...this.#spoken.values()].map(({ identity }) => identity))) {
      expect(this.row(name)).toMatchObject({ lostVoiceMs: 0, waitingVoiceMs: 0 })
    }
  }

  /** What coverage is made of. */
  row(name: string): AudioCounters {
    const row = this.room.plane.coverageInput().find(({ identity }) => identity === who(name))
    if (!row) throw new Error(`nobody heard of ${name}`)
    return row
  }
}
